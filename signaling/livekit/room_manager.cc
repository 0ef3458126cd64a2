#include "signaling/livekit/room_manager.h"

#include <algorithm>
#include <variant>

#include "sfu/core/overloaded.h"

namespace fovea::livekit {
namespace {

// Status and texts as LiveKit's.
std::optional<JoinRefusal> CheckSizes(const JoinParams& params, const ServerOptions& options) {
  if (MetadataAtJoin(params).size() > options.metadata_bytes_max)
    return JoinRefusal{400, "metadata size exceeds limits"};
  std::size_t bytes = 0;
  for (const auto& [key, value] : AttributesAtJoin(params)) bytes += key.size() + value.size();
  if (bytes > options.attributes_bytes_max)
    return JoinRefusal{400, "attribute size exceeds limits"};
  return std::nullopt;
}

}  // namespace

std::optional<JoinRefusal> RoomManager::CheckJoin(const JoinParams& params) const {
  const ServerOptions& options = context_.options;
  if (params.identity.empty()) return JoinRefusal{400, "identity cannot be empty"};
  if (params.owner() != params.identity && !options.allow_side_sessions) {
    return JoinRefusal{403, "publish-only side sessions are not offered here"};
  }
  if (params.identity.size() > options.identity_chars_max) {
    return JoinRefusal{400, "participant identity exceeds the length limit"};
  }
  if (params.name.size() > options.name_chars_max) {
    return JoinRefusal{400, "participant name exceeds the length limit"};
  }
  if (params.room.size() > options.room_name_chars_max) {
    return JoinRefusal{400, "room name exceeds the length limit"};
  }
  if (revocations_.IsRevoked(params.room, params.owner(), params.token_issued_unix)) {
    return JoinRefusal{401, "invalid authorization token: it was revoked"};
  }
  const bool wants_metadata =
      !params.request.metadata().empty() || params.request.participant_attributes_size() > 0;
  if (wants_metadata && !params.permission.can_update_metadata()) {
    return JoinRefusal{401, "permissions denied: cannot update own metadata"};
  }
  if (!rooms_.contains(params.room) && !options.room.auto_create && !params.may_create_room) {
    // Clients look for this text: any other 404 makes them fall back to the old path.
    return JoinRefusal{404, "requested room does not exist"};
  }
  if (!rooms_.contains(params.room) && !HasPreset(params.room_preset)) {
    return JoinRefusal{400, "unknown room configuration: no preset of that name"};
  }
  if (const auto refusal = CheckSizes(params, options)) return refusal;
  if (!HasSlots(params)) return JoinRefusal{503, "no capacity for another participant"};
  if (HasReachedLimit(params)) return JoinRefusal{503, "the server has reached its limits"};
  return std::nullopt;
}

bool RoomManager::IsThere(const JoinParams& params) const {
  const auto it = rooms_.find(params.room);
  return params.request.reconnect() ||
         (it != rooms_.end() && it->second->Find(params.identity) != nullptr);
}

bool RoomManager::HasReachedLimit(const JoinParams& params) const {
  const ServerOptions& options = context_.options;
  const std::size_t tracks =
      context_.index.publications.size() + context_.index.subscriptions.size();
  const bool has_many = options.tracks_max > 0 && tracks >= options.tracks_max;
  const bool moves_much =
      options.bytes_per_second_max > 0 && context_.bytes_per_second >= options.bytes_per_second_max;
  return (has_many || moves_much) && !IsThere(params);
}

bool RoomManager::HasSlots(const JoinParams& params) const {
  // Whoever resumes has slots, and who replaces somebody gets theirs.
  return IsThere(params) || context_.media.PickWorker(SessionsAtJoin(params)).has_value();
}

bool RoomManager::HasPreset(const std::string& name) const {
  return name.empty() || context_.options.room.configurations.contains(name);
}

void RoomManager::Configure(Room& room, const std::string& preset,
                            const pb::RoomConfiguration& own) const {
  const auto& configurations = context_.options.room.configurations;
  const auto it = configurations.find(preset);
  const auto apply = [&](const pb::RoomConfiguration& configuration) {
    room.SetTimeouts(configuration.empty_timeout(), configuration.departure_timeout(),
                     configuration.max_participants());
    if (!configuration.metadata().empty()) room.SetMetadata(configuration.metadata());
  };
  if (it != configurations.end()) apply(it->second);
  apply(own);  // what is said outright wins over the preset
}

std::optional<JoinRefusal> RoomManager::CheckCapacity(const JoinParams& params) const {
  const auto it = rooms_.find(params.room);
  if (it == rooms_.end() || params.request.reconnect()) return std::nullopt;
  const bool replaces = it->second->Find(params.identity) != nullptr;
  if (!replaces && it->second->IsFull()) return JoinRefusal{503, "room is full"};
  return std::nullopt;
}

Room* RoomManager::Find(const std::string& name) {
  const auto it = rooms_.find(name);
  if (it == rooms_.end()) return nullptr;
  schedule_.Touch(*it->second);
  return it->second.get();
}

Room& RoomManager::FindOrCreate(Instant now, const std::string& name) {
  if (Room* room = Find(name)) return *room;
  std::unique_ptr<Room>& room = rooms_[name];
  room = std::make_unique<Room>(context_, now, name);
  schedule_.Add(*room);
  return *room;
}

void RoomManager::Delete(Instant now, const std::string& name) {
  Room* room = Find(name);
  if (room == nullptr) return;
  room->Close(now, pb::DisconnectReason::ROOM_DELETED);
  Erase(name);
}

void RoomManager::Erase(const std::string& name) {
  const auto it = rooms_.find(name);
  schedule_.Remove(*it->second);
  rooms_.erase(it);
}

std::optional<std::uint64_t> RoomManager::Evict(Instant now, const std::string& room,
                                                const std::string& identity,
                                                std::int64_t tokens_before_unix) {
  revocations_.Revoke(room, identity, tokens_before_unix);
  Room* found = Find(room);
  if (found == nullptr) return std::nullopt;
  std::vector<Participant*> evicted;
  for (const auto& [own, participant] : found->participants()) {
    if (participant->owner == identity) evicted.push_back(participant.get());
  }
  if (evicted.empty()) return std::nullopt;
  for (Participant* participant : evicted) {
    found->Remove(now, *participant, pb::DisconnectReason::PARTICIPANT_REMOVED);
  }
  found->Flush(now);
  return context_.media.PostFence();
}

void RoomManager::StartSession(Instant now, ConnectionId connection, const JoinParams& params) {
  const auto refuse = [&](pb::DisconnectReason reason, pb::LeaveRequest::Action action) {
    pb::SignalResponse response;
    response.mutable_leave()->set_reason(reason);
    response.mutable_leave()->set_action(action);
    response.mutable_leave()->set_can_reconnect(action != pb::LeaveRequest::DISCONNECT);
    context_.signal.Send(connection, response);
    context_.signal.Close(connection, CloseCode::kNormal, "session refused");
  };
  if (params.request.reconnect()) {
    Room* room = Find(params.room);
    Participant* participant = room == nullptr ? nullptr : room->Resume(now, connection, params);
    if (participant == nullptr) {
      return refuse(pb::DisconnectReason::STATE_MISMATCH, pb::LeaveRequest::RECONNECT);
    }
    Remember(connection, ConnectionOwner{room, participant->sid});
    room->Flush(now);
    return;
  }
  const bool is_new = !rooms_.contains(params.room);
  Room& room = FindOrCreate(now, params.room);
  if (is_new) {
    Configure(room, params.room_preset,
              params.room_configuration.value_or(pb::RoomConfiguration{}));
  }
  const Participant* participant = room.Join(now, connection, params);
  if (participant == nullptr) {
    return refuse(pb::DisconnectReason::JOIN_FAILURE, pb::LeaveRequest::DISCONNECT);
  }
  Remember(connection, ConnectionOwner{&room, participant->sid});
  room.Flush(now);
}

void RoomManager::Remember(ConnectionId connection, ConnectionOwner owner) {
  connections_[connection] = std::move(owner);
  if (connections_.size() < sweep_at_) return;
  std::erase_if(connections_, [&](const auto& entry) {
    const Participant* participant = ParticipantOf(entry.second);
    return participant == nullptr || participant->connection != entry.first;
  });
  // Twice what is alive: a sweep costs the joins since the last one, no more.
  sweep_at_ = std::max<std::size_t>(64, 2 * connections_.size());
}

Participant* RoomManager::ParticipantOf(const ConnectionOwner& owner) {
  // Another room may live where a former one did; participants' sids are unique.
  return schedule_.Has(owner.room) ? owner.room->FindBySid(owner.participant_sid) : nullptr;
}

void RoomManager::HandleSignal(Instant now, ConnectionId connection,
                               const pb::SignalRequest& request) {
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return;
  Participant* participant = ParticipantOf(it->second);
  // A socket that was replaced by a newer one has nothing to say any more.
  if (participant == nullptr || participant->connection != connection) return;
  schedule_.Touch(*it->second.room);
  it->second.room->HandleSignal(now, *participant, request);
  it->second.room->Flush(now);
}

void RoomManager::HandleSignalClosed(Instant now, ConnectionId connection) {
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return;
  const ConnectionOwner owner = it->second;
  connections_.erase(it);
  Participant* participant = ParticipantOf(owner);
  if (participant == nullptr || participant->connection != connection) return;
  schedule_.Touch(*owner.room);
  owner.room->HandleSignalClosed(now, *participant);
  owner.room->Flush(now);
}

void RoomManager::HandleWorkerEvent(Instant now, const control::WorkerEvent& event) {
  const auto touched = [&](auto owner) {
    if (owner.room != nullptr) schedule_.Touch(*owner.room);
    return owner;
  };
  const auto session_owner = [&](control::SessionHandle session) {
    const auto it = context_.index.sessions.find(session);
    return it == context_.index.sessions.end() ? SessionOwner{} : touched(it->second);
  };
  const auto publication_owner = [&](control::PublicationHandle publication) {
    const auto it = context_.index.publications.find(publication);
    return it == context_.index.publications.end() ? TrackOwner{} : touched(it->second);
  };
  const auto subscription_owner = [&](control::SubscriptionHandle subscription) {
    const auto it = context_.index.subscriptions.find(subscription);
    return it == context_.index.subscriptions.end() ? TrackOwner{} : touched(it->second);
  };
  std::visit(Overloaded{
                 [&](const control::SessionConnected& e) {
                   const SessionOwner owner = session_owner(e.session);
                   if (owner.room == nullptr) return;
                   owner.room->HandleSessionConnected(now, *owner.participant,
                                                      *owner.participant->peer_for(e.session));
                   owner.room->Flush(now);
                 },
                 [&](const control::SessionDisconnected& e) {
                   const SessionOwner owner = session_owner(e.session);
                   if (owner.room == nullptr) return;
                   owner.room->HandleSessionDisconnected(now, *owner.participant, e.cause);
                   owner.room->Flush(now);
                 },
                 [](const control::SessionRemoved&) {},  // handle bookkeeping is the media port's
                 [](const control::FenceReached&) {},
                 [&](const control::SpeakerLevel& e) {
                   const TrackOwner owner = publication_owner(e.publication);
                   if (owner.room != nullptr) owner.room->HandleSpeakerLevel(*owner.participant, e);
                 },
                 [&](const control::UplinkQuality& e) {
                   const TrackOwner owner = publication_owner(e.publication);
                   if (owner.room != nullptr)
                     owner.room->HandleUplinkQuality(*owner.participant, e);
                 },
                 [&](const control::DownlinkQuality& e) {
                   const TrackOwner owner = subscription_owner(e.subscription);
                   if (owner.room != nullptr)
                     owner.room->HandleDownlinkQuality(*owner.participant, e);
                 },
                 [&](const control::SubscriptionStarted& e) {
                   const TrackOwner owner = subscription_owner(e.subscription);
                   if (owner.room == nullptr) return;
                   owner.room->HandleSubscriptionStarted(*owner.participant, owner.track_sid);
                 },
             },
             event);
}

void RoomManager::HandleData(Instant now, control::SessionHandle session, DataLane lane,
                             ByteSpan message) {
  const auto it = context_.index.sessions.find(session);
  if (it == context_.index.sessions.end()) return context_.Drop(DataDrop::kUnknownSender);
  schedule_.Touch(*it->second.room);
  it->second.room->HandleData(now, *it->second.participant, lane, message);
}

void RoomManager::HandleTimeout(Instant now) {
  for (Room* room : schedule_.TakeDue(now)) {
    if (!schedule_.Has(room)) continue;  // another's timeout deleted it
    room->HandleTimeout(now);
    if (!room->IsExpired(now)) continue;
    room->Close(now, pb::DisconnectReason::ROOM_CLOSED);
    Erase(std::string(room->name()));
  }
}

Deadline RoomManager::NextDeadline() { return Deadline{schedule_.Soonest()}; }

void RoomManager::Shutdown(Instant now) {
  for (const auto& [name, room] : rooms_) room->Close(now, pb::DisconnectReason::SERVER_SHUTDOWN);
  while (!rooms_.empty()) Erase(std::string(rooms_.begin()->first));
}

}  // namespace fovea::livekit
