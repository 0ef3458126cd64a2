// Room: what participants are told about one another. livekit-protocol reference sections 4.7, 4.8.
#include <algorithm>

#include "sfu/core/limits.h"

#include "signaling/livekit/room.h"

namespace fovea::livekit {
namespace {

std::size_t AttributesBytes(const pb::ParticipantInfo& info) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : info.attributes()) bytes += key.size() + value.size();
  return bytes;
}

}  // namespace

void Room::Send(const Participant& to, const pb::SignalResponse& message) const {
  if (to.connection != ConnectionId{}) context_.signal.Send(to.connection, message);
}

void Room::SendUpdate(const Participant& to, const std::vector<pb::ParticipantInfo>& infos) {
  pb::SignalResponse response;
  std::size_t bytes = 0;
  for (const pb::ParticipantInfo& info : infos) {
    const std::size_t size = info.ByteSizeLong();
    if (bytes > 0 && bytes + size > limits::kUpdateChunkBytes) {
      Send(to, response);
      response.Clear();
      bytes = 0;
    }
    *response.mutable_update()->add_participants() = info;
    bytes += size;
  }
  if (response.has_update()) Send(to, response);
}

void Room::Broadcast(const Participant& about, const Participant* except) {
  const std::vector<pb::ParticipantInfo> infos = {about.Snapshot()};
  for (const auto& [identity, other] : participants_) {
    if (other.get() == except) continue;
    if (about.hidden() && other.get() != &about) continue;
    SendUpdate(*other, infos);
  }
}

void Room::BroadcastSoon(Participant& about) { about.update_due = true; }

void Room::SendRoomUpdate(Participant* to) {
  pb::SignalResponse response;
  *response.mutable_room_update()->mutable_room() = Info();
  if (to != nullptr) {
    Send(*to, response);
    return;
  }
  for (const auto& [identity, participant] : participants_) Send(*participant, response);
}

void Room::RespondToRequest(Participant& participant, pb::RequestResponse response) {
  constexpr std::int32_t kProtocolWithOk = 15;
  if (response.reason() == pb::RequestResponse::OK && participant.protocol < kProtocolWithOk)
    return;
  pb::SignalResponse message;
  *message.mutable_request_response() = std::move(response);
  Send(participant, message);
}

void Room::UpdateOwnMetadata(Instant now, Participant& participant,
                             const pb::UpdateParticipantMetadata& request) {
  pb::RequestResponse response;
  response.set_request_id(request.request_id());
  *response.mutable_update_metadata() = request;
  if (!participant.info.permission().can_update_metadata()) {
    response.set_reason(pb::RequestResponse::NOT_ALLOWED);
    response.set_message("does not have permission to update own metadata");
    RespondToRequest(participant, std::move(response));
    return;
  }
  pb::UpdateParticipantRequest update;
  update.set_metadata(request.metadata());
  update.set_name(request.name());
  *update.mutable_attributes() = request.attributes();
  pb::ParticipantInfo after = participant.info;
  for (const auto& [key, value] : request.attributes()) (*after.mutable_attributes())[key] = value;
  const ServerOptions& options = context_.options;
  if (request.metadata().size() > options.metadata_bytes_max ||
      request.name().size() > options.name_chars_max ||
      AttributesBytes(after) > options.attributes_bytes_max) {
    response.set_reason(pb::RequestResponse::LIMIT_EXCEEDED);
    response.set_message("metadata, name or attributes exceed the server's limits");
    RespondToRequest(participant, std::move(response));
    return;
  }
  UpdateParticipant(now, participant, update);
  response.set_reason(pb::RequestResponse::OK);
  RespondToRequest(participant, std::move(response));
}

pb::WebhookEvent Room::MakeEvent(Instant now, const char* event) const {
  pb::WebhookEvent message;
  message.set_event(event);
  message.set_id(NewId(context_.rng, kEventPrefix));
  message.set_created_at(context_.Wall(now).value / 1'000'000);
  *message.mutable_room() = Info();
  return message;
}

void Room::Notify(Instant now, const char* event, const Participant* participant,
                  const Track* track) {
  pb::WebhookEvent message = MakeEvent(now, event);
  if (participant != nullptr) *message.mutable_participant() = participant->Snapshot();
  if (track != nullptr) *message.mutable_track() = track->info;
  context_.webhooks.Notify(message);
}

void Room::NotifyFinished(Instant now, pb::DisconnectReason reason) {
  pb::RoomEndReason end = pb::ROOM_END_UNKNOWN;
  if (reason == pb::DisconnectReason::ROOM_DELETED) end = pb::ROOM_END_API_DELETE;
  if (reason == pb::DisconnectReason::ROOM_CLOSED) end = pb::ROOM_END_IDLE_TIMEOUT;
  if (reason == pb::DisconnectReason::SERVER_SHUTDOWN) end = pb::ROOM_END_SERVER_SHUTDOWN;
  pb::WebhookEvent message = MakeEvent(now, "room_finished");
  message.set_room_end_reason(end);
  context_.webhooks.Notify(message);
}

void Room::Flush(Instant now) {
  for (const auto& [identity, participant] : participants_) {
    if (std::exchange(participant->has_capacity_again, false)) {
      ReconcileSubscriptions(now, *participant);
    }
    if (participant->needs_sections) NegotiateDownlinks(now, *participant);
    // Until its media is up, a client may still be taking in whom it joined.
    if (!participant->untold.empty() && participant->active()) TellStates(*participant, false);
  }
  const bool any_due = std::any_of(participants_.begin(), participants_.end(),
                                   [](const auto& entry) { return entry.second->update_due; });
  if (any_due && flush_updates_at_ == kNever) {
    flush_updates_at_ = now + context_.options.update_batch_interval;
  }
}

void Room::HandleTimeout(Instant now) {
  const ServerOptions& options = context_.options;
  std::vector<Participant*> everyone;
  for (const auto& [identity, participant] : participants_) everyone.push_back(participant.get());
  for (Participant* participant : everyone) {
    if (now >= participant->refresh_token_at && participant->connection != ConnectionId{}) {
      SendRefreshToken(now, *participant);
    }
    if (!participant->active() && now >= participant->joined_at + options.join_timeout) {
      Remove(now, *participant, pb::DisconnectReason::JOIN_FAILURE);
      continue;
    }
    if (participant->signal_lost_at != kNever &&
        now >= participant->signal_lost_at + options.resume_timeout) {
      Remove(now, *participant, pb::DisconnectReason::SIGNAL_CLOSE);
      continue;
    }
    if (now >= participant->answer_due()) {
      Remove(now, *participant, pb::DisconnectReason::STATE_MISMATCH, pb::LeaveRequest::RECONNECT);
      continue;
    }
    GiveUpAwaitedTracks(now, *participant);
    if (now >= participant->fake_speech_ends_at) FakeSpeech(*participant, false);
    if (now >= participant->replay_at) ReplayMissed(now, *participant);
    for (const auto& [track_sid, track] : participant->tracks) {
      if (now >= track->dynacast_lower_at) UpdateDynacast(now, *participant, *track);
    }
  }
  server_calls_.HandleTimeout(now);
  if (now >= flush_updates_at_) {
    flush_updates_at_ = kNever;
    for (const auto& [identity, participant] : participants_) {
      if (!participant->update_due) continue;
      participant->update_due = false;
      Broadcast(*participant, participant.get());
    }
  }
  if (now >= room_update_at_) {
    room_update_at_ = kNever;
    SendRoomUpdate(nullptr);
  }
  if (now >= speakers_at_) SendSpeakers(now);
  if (now >= quality_at_) {
    quality_at_ = now + options.quality_interval;
    SendQuality();
  }
  Flush(now);
}

Deadline Room::NextDeadline() const {
  const ServerOptions& options = context_.options;
  Instant at = std::min({flush_updates_at_, room_update_at_, server_calls_.NextDeadline()});
  if (!participants_.empty()) at = std::min({at, speakers_at_, quality_at_});
  for (const auto& [identity, participant] : participants_) {
    if (participant->connection != ConnectionId{}) at = std::min(at, participant->refresh_token_at);
    if (!participant->active()) at = std::min(at, participant->joined_at + options.join_timeout);
    if (participant->signal_lost_at != kNever) {
      at = std::min(at, participant->signal_lost_at + options.resume_timeout);
    }
    at = std::min(
        {at, participant->fake_speech_ends_at, participant->replay_at, participant->answer_due()});
    for (const auto& [track_sid, track] : participant->tracks)
      at = std::min(at, track->dynacast_lower_at);
    for (const auto& [track_sid, give_up_at] : participant->awaited_tracks)
      at = std::min(at, give_up_at);
  }
  if (Residents() == 0) {
    const std::uint32_t timeout_s =
        anyone_ever_joined_ ? info_.departure_timeout() : info_.empty_timeout();
    at = std::min(at, empty_since_ + Seconds(timeout_s));
  }
  return Deadline{at, WakeReason::kNone};
}

}  // namespace fovea::livekit
