// Room: data packets and data tracks. livekit-protocol reference sections 3.8, 3.9.
#include <algorithm>

#include "sfu/core/limits.h"
#include "signaling/livekit/data_track_packet.h"
#include "signaling/livekit/room.h"

namespace fovea::livekit {
namespace {

template <class List>
bool Contains(const List& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// A receiver whose channel is not open, or full, is tried again this often while there is something
// to replay. Shorter costs wake-ups, longer delays a joiner's first packets.
constexpr Duration kReplayInterval = Millis(50);

// In a circle, so that a freed one rests as long as it can: packets of its former track may be
// under way. REQUIRES: one is free.
std::uint32_t NextDataHandle(Participant& subscriber) {
  std::uint32_t& last = subscriber.last_data_handle;
  do {
    last = last % kDataTrackHandleMax + 1;
  } while (subscriber.data_handles.contains(last));
  return last;
}

bool IsAddressed(const pb::DataPacket& packet, const Participant& receiver) {
  // How others fare is not for everybody, whomever the sender names.
  if (packet.has_metrics() && !receiver.info.permission().can_subscribe_metrics()) return false;
  const auto& identities = packet.destination_identities_size() > 0 || !packet.has_user()
                               ? packet.destination_identities()
                               : packet.user().destination_identities();
  const bool by_sid = packet.has_user() && packet.user().destination_sids_size() > 0;
  if (identities.empty() && !by_sid) return true;
  return Contains(identities, receiver.identity) ||
         (by_sid && Contains(packet.user().destination_sids(), receiver.sid));
}

}  // namespace

void Room::HandleData(Instant now, Participant& sender, DataLane lane, ByteSpan message) {
  if (!sender.info.permission().can_publish_data()) return context_.Drop(DataDrop::kNotPermitted);
  if (lane == DataLane::kDataTrack) {
    ForwardDataTrack(sender, message);
    return;
  }
  pb::DataPacket packet;  // keeps unknown fields: newer clients may add some
  if (!packet.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return context_.Drop(DataDrop::kUnreadable);
  }
  if (lane == DataLane::kReliable && packet.sequence() > 0) {
    // After a resume the client sends again what it is not sure of.
    if (packet.sequence() <= sender.last_reliable_seq) return context_.Drop(DataDrop::kRepeated);
    sender.last_reliable_seq = packet.sequence();
  }
  if (packet.has_transcription() && !sender.is_agent()) {
    return context_.Drop(DataDrop::kNotPermitted);  // it puts words into others' mouths
  }
  if (server_calls_.HandlePacket(sender.identity, packet)) return;
  packet.set_participant_sid(sender.hidden() ? "" : sender.sid);
  packet.set_participant_identity(sender.hidden() ? "" : sender.identity);
  if (packet.has_user()) {
    packet.mutable_user()->set_participant_sid(packet.participant_sid());
    packet.mutable_user()->set_participant_identity(packet.participant_identity());
  }
  DeliverData(now, &sender, lane, packet);
}

void Room::DeliverData(Instant now, const Participant* sender, DataLane lane,
                       const pb::DataPacket& packet) {
  const std::string bytes = packet.SerializeAsString();
  const bool replayable = sender != nullptr && lane == DataLane::kReliable && packet.sequence() > 0;
  if (replayable) reliable_cache_.Add({now, sender->sid, packet.sequence(), packet, bytes});
  for (const auto& [identity, receiver] : participants_) {
    if (receiver.get() == sender || !IsAddressed(packet, *receiver)) continue;
    if (!receiver->info.permission().can_subscribe()) continue;  // has no connection for it
    if (receiver->downlink() == nullptr) {
      context_.Drop(DataDrop::kNotConnected);
      continue;
    }
    if (replayable && !receiver->missed_reliable.empty()) {
      // What it misses comes first; this packet may be part of that.
      receiver->missed_reliable.emplace(sender->sid, packet.sequence());
      ReplayMissed(now, *receiver);
      continue;
    }
    if (SendBytes(*receiver, lane, bytes) || !replayable) continue;
    receiver->missed_reliable.emplace(sender->sid, packet.sequence());
    receiver->replay_at = now + kReplayInterval;
  }
}

bool Room::SendBytes(Participant& receiver, DataLane lane, const std::string& bytes) {
  const PeerConnection* peer = receiver.downlink();
  const ByteSpan span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return peer != nullptr && context_.media.SendData(peer->session, lane, span);
}

void Room::ReplayMissed(Instant now, Participant& receiver) {
  receiver.replay_at = kNever;
  for (auto& [sender_sid, first] : receiver.missed_reliable) {
    for (const ReliableCache::Message* message : reliable_cache_.From(now, sender_sid, first)) {
      if (IsAddressed(message->packet, receiver) &&
          !SendBytes(receiver, DataLane::kReliable, message->bytes)) {
        first = message->sequence;
        receiver.replay_at = now + kReplayInterval;
        return;
      }
      first = message->sequence + 1;
    }
  }
  receiver.missed_reliable.clear();
}

void Room::ReplayReliable(Instant now, Participant& receiver, const pb::SyncState& state) {
  // What it has got already and gets again is dropped by the client, which counts as we do.
  for (const pb::DataChannelReceiveState& got : state.datachannel_receive_states()) {
    if (receiver.missed_reliable.size() >= limits::kEarlyWishesMax) break;
    const auto [it, is_new] =
        receiver.missed_reliable.emplace(got.publisher_sid(), got.last_seq() + 1);
    if (!is_new) it->second = std::min(it->second, got.last_seq() + 1);
  }
  ReplayMissed(now, receiver);
}

void Room::SendServerData(Instant now, const pb::SendDataRequest& request) {
  if (!request.nonce().empty()) {
    if (Contains(recent_nonces_, request.nonce())) return;
    recent_nonces_.push_back(request.nonce());
    if (recent_nonces_.size() > limits::kDataNoncesMax) recent_nonces_.pop_front();
  }
  pb::DataPacket packet;
  packet.set_kind(request.kind());
  *packet.mutable_destination_identities() = request.destination_identities();
  pb::UserPacket& user = *packet.mutable_user();
  user.set_payload(request.data());
  user.set_nonce(request.nonce());
  if (request.has_topic()) user.set_topic(request.topic());
  *user.mutable_destination_sids() = request.destination_sids();
  *user.mutable_destination_identities() = request.destination_identities();
  const DataLane lane =
      request.kind() == pb::DataPacket::LOSSY ? DataLane::kLossy : DataLane::kReliable;
  DeliverData(now, nullptr, lane, packet);
}

void Room::PerformRpc(Instant now, Participant& destination, const pb::PerformRpcRequest& request,
                      ServerCalls::Reply reply) {
  if (request.payload().size() > limits::kRpcPayloadBytesMax) {
    constexpr std::uint32_t kRequestTooLarge = 1402;
    return reply(Failure{RpcFailure(kRequestTooLarge, "Request payload too large")});
  }
  if (server_calls_.IsFull()) {
    return reply(Failure{TwirpError{TwirpCode::kResourceExhausted, "too many calls are pending"}});
  }
  ServerCalls::Call call;
  call.id = NewUuid(context_.random_bytes);
  call.identity = destination.identity;
  if (request.response_timeout_ms() > 0)
    call.response_timeout = Millis(request.response_timeout_ms());
  call.reply = std::move(reply);

  pb::DataPacket packet;
  packet.set_kind(pb::DataPacket::RELIABLE);
  // The answer goes to the "participant" of this name; there is none, so it ends here.
  packet.set_participant_identity(call.id);
  pb::RpcRequest& rpc = *packet.mutable_rpc_request();
  rpc.set_id(call.id);
  rpc.set_method(request.method());
  rpc.set_payload(request.payload());
  rpc.set_response_timeout_ms(static_cast<std::uint32_t>(ToMillis(call.response_timeout)));
  rpc.set_version(1);
  server_calls_.Start(now, std::move(call));
  // A packet that cannot be sent is not acknowledged either: the call ends by that.
  (void)SendBytes(destination, DataLane::kReliable, packet.SerializeAsString());
}

// --- Data tracks ---

void Room::PublishDataTrack(Participant& participant, const pb::PublishDataTrackRequest& request) {
  const auto refuse = [&](pb::RequestResponse::Reason reason, const char* message) {
    pb::RequestResponse response;
    response.set_reason(reason);
    response.set_message(message);
    *response.mutable_publish_data_track() = request;
    RespondToRequest(participant, std::move(response));
  };
  if (!context_.options.enable_data_tracks || !participant.info.permission().can_publish_data()) {
    return refuse(pb::RequestResponse::NOT_ALLOWED,
                  "does not have permission to publish data tracks");
  }
  if (request.pub_handle() == 0 || request.pub_handle() > kDataTrackHandleMax) {
    return refuse(pb::RequestResponse::INVALID_HANDLE, "handle must be 1 to 65535");
  }
  if (request.name().empty() || request.name().size() > limits::kDataTrackNameBytesMax) {
    return refuse(pb::RequestResponse::INVALID_NAME, "name must have 1 to 256 characters");
  }
  if (participant.data_tracks.contains(request.pub_handle())) {
    return refuse(pb::RequestResponse::DUPLICATE_HANDLE, "handle is in use");
  }
  for (const auto& [handle, track] : participant.data_tracks) {
    if (track.info.name() == request.name()) {
      return refuse(pb::RequestResponse::DUPLICATE_NAME, "name is in use");
    }
  }
  if (participant.data_tracks.size() >= limits::kDataTracksPerParticipantMax) {
    return refuse(pb::RequestResponse::LIMIT_EXCEEDED, "too many data tracks");
  }
  DataTrack track;
  track.info.set_pub_handle(request.pub_handle());
  track.info.set_sid(NewId(context_.rng, kDataTrackPrefix));
  track.info.set_name(request.name());
  track.info.set_encryption(request.encryption());
  if (request.has_frame_encoding()) *track.info.mutable_frame_encoding() = request.frame_encoding();
  if (request.has_schema()) *track.info.mutable_schema() = request.schema();
  pb::SignalResponse response;
  *response.mutable_publish_data_track_response()->mutable_info() = track.info;
  participant.data_tracks[request.pub_handle()] = std::move(track);
  Send(participant, response);
  participant.BumpVersion();
  Broadcast(participant, &participant);
  for (const auto& [identity, other] : participants_) SubscribeDataTracks(*other);
}

void Room::UnpublishDataTrack(Participant& participant, std::uint32_t handle, bool tell_publisher) {
  const auto it = participant.data_tracks.find(handle);
  if (it == participant.data_tracks.end()) return;
  const DataTrack track = it->second;
  participant.data_tracks.erase(it);
  if (tell_publisher) {
    pb::SignalResponse response;
    *response.mutable_unpublish_data_track_response()->mutable_info() = track.info;
    Send(participant, response);
    participant.BumpVersion();
    Broadcast(participant, &participant);
  }
  for (const auto& [identity, other] : participants_) {
    other->data_subscribed.erase(track.info.sid());
    other->data_unsubscribed.erase(track.info.sid());
    const auto subscribed = track.handle_by_subscriber.find(other->sid);
    if (subscribed == track.handle_by_subscriber.end()) continue;
    other->data_handles.erase(subscribed->second);
    SendDataHandles(*other);
  }
}

void Room::UpdateDataSubscription(Participant& participant,
                                  const pb::UpdateDataSubscription& request) {
  for (const auto& update : request.updates()) {
    std::set<std::string>& add =
        update.subscribe() ? participant.data_subscribed : participant.data_unsubscribed;
    std::set<std::string>& remove =
        update.subscribe() ? participant.data_unsubscribed : participant.data_subscribed;
    remove.erase(update.track_sid());
    if (add.size() < limits::kEarlyWishesMax) add.insert(update.track_sid());
  }
  SubscribeDataTracks(participant);
}

void Room::SubscribeDataTracks(Participant& subscriber) {
  bool changed = false;
  for (const auto& [identity, publisher] : participants_) {
    if (publisher.get() == &subscriber) continue;
    for (auto& [handle, track] : publisher->data_tracks) {
      const bool wanted = !subscriber.data_unsubscribed.contains(track.info.sid()) &&
                          (subscriber.auto_subscribe_data_track ||
                           subscriber.data_subscribed.contains(track.info.sid()));
      const auto it = track.handle_by_subscriber.find(subscriber.sid);
      const bool has = it != track.handle_by_subscriber.end();
      if (wanted && !has && subscriber.data_handles.size() < kDataTrackHandleMax) {
        const std::uint32_t own_handle = NextDataHandle(subscriber);
        track.handle_by_subscriber[subscriber.sid] = own_handle;
        subscriber.data_handles[own_handle] = track.info.sid();
        changed = true;
      } else if (!wanted && has) {
        subscriber.data_handles.erase(it->second);
        track.handle_by_subscriber.erase(it);
        changed = true;
      }
    }
  }
  if (changed) SendDataHandles(subscriber);
}

void Room::SendDataHandles(Participant& subscriber) {
  pb::SignalResponse response;
  auto& handles = *response.mutable_data_track_subscriber_handles()->mutable_sub_handles();
  for (const auto& [identity, publisher] : participants_) {
    for (const auto& [handle, track] : publisher->data_tracks) {
      const auto it = track.handle_by_subscriber.find(subscriber.sid);
      if (it == track.handle_by_subscriber.end()) continue;
      auto& entry = handles[it->second];
      entry.set_publisher_identity(publisher->identity);
      entry.set_publisher_sid(publisher->sid);
      entry.set_track_sid(track.info.sid());
    }
  }
  response.mutable_data_track_subscriber_handles();  // present even when the map is empty
  Send(subscriber, response);
}

void Room::ForwardDataTrack(Participant& sender, ByteSpan packet) {
  const std::optional<std::uint16_t> handle = DataTrackHandle(packet);
  if (!handle.has_value()) return context_.Drop(DataDrop::kUnreadable);
  const auto it = sender.data_tracks.find(*handle);
  if (it == sender.data_tracks.end()) return context_.Drop(DataDrop::kUnknownTrack);
  std::vector<std::uint8_t> copy(packet.begin(), packet.end());
  for (const auto& [identity, receiver] : participants_) {
    const auto own = it->second.handle_by_subscriber.find(receiver->sid);
    const PeerConnection* peer = receiver->downlink();
    if (own == it->second.handle_by_subscriber.end()) continue;  // not wanted
    if (peer == nullptr) {
      context_.Drop(DataDrop::kNotConnected);
      continue;
    }
    SetDataTrackHandle(copy, static_cast<std::uint16_t>(own->second));
    (void)context_.media.SendData(peer->session, DataLane::kDataTrack, copy);
  }
}

}  // namespace fovea::livekit
