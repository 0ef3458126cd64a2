// Room: what the server API asks of it. livekit-protocol reference sections 4.6, 5.1.
#include <algorithm>

#include "signaling/livekit/room.h"

namespace fovea::livekit {

pb::Room Room::Info() const {
  pb::Room info = info_;
  const auto visible = [](const auto& entry) { return !entry.second->hidden(); };
  const auto publishing = [](const auto& entry) { return entry.second->info.is_publisher(); };
  const auto recording = [](const auto& entry) { return entry.second->is_recorder(); };
  info.set_active_recording(std::any_of(participants_.begin(), participants_.end(), recording));
  info.set_num_participants(static_cast<std::uint32_t>(
      std::count_if(participants_.begin(), participants_.end(), visible)));
  info.set_num_publishers(static_cast<std::uint32_t>(
      std::count_if(participants_.begin(), participants_.end(), publishing)));
  return info;
}

Participant* Room::Find(const std::string& identity) {
  const auto it = participants_.find(identity);
  return it == participants_.end() ? nullptr : it->second.get();
}

Participant* Room::FindBySid(const std::string& sid) {
  for (const auto& [identity, participant] : participants_) {
    if (participant->sid == sid) return participant.get();
  }
  return nullptr;
}

void Room::SetMetadata(std::string metadata) {
  info_.set_metadata(std::move(metadata));
  SendRoomUpdate(nullptr);
}

void Room::SetTimeouts(std::uint32_t empty_s, std::uint32_t departure_s,
                       std::uint32_t max_participants) {
  if (empty_s > 0) info_.set_empty_timeout(empty_s);
  if (departure_s > 0) info_.set_departure_timeout(departure_s);
  if (max_participants > 0) info_.set_max_participants(max_participants);
}

void Room::UpdateParticipant(Instant now, Participant& participant,
                             const pb::UpdateParticipantRequest& request) {
  pb::ParticipantInfo& info = participant.info;
  if (!request.metadata().empty()) info.set_metadata(request.metadata());
  if (!request.name().empty()) info.set_name(request.name());
  for (const auto& [key, value] : request.attributes()) {
    if (value.empty()) {
      info.mutable_attributes()->erase(key);
    } else {
      (*info.mutable_attributes())[key] = value;
    }
  }
  const bool permission_changed = request.has_permission();
  if (permission_changed) *info.mutable_permission() = request.permission();
  participant.BumpVersion();
  Broadcast(participant, nullptr);
  if (!permission_changed) return;

  SendRefreshToken(now, participant);
  UnpublishForbidden(now, participant);
  if (info.permission().can_subscribe()) AllowDownlink(participant);
  ReconcileSubscriptions(now, participant);
}

void Room::UnpublishForbidden(Instant now, Participant& participant) {
  // Also what was allowed when it was asked for and has not come yet.
  std::erase_if(participant.pending_order, [&](const std::string& cid) {
    const auto it = participant.pending.find(cid);
    if (participant.may_publish(it->second.info.source())) return false;
    pb::SignalResponse response;
    response.mutable_track_unpublished()->set_track_sid(it->second.info.sid());
    Send(participant, response);
    participant.pending.erase(it);
    return true;
  });
  std::vector<std::string> forbidden;
  for (const auto& [track_sid, track] : participant.tracks) {
    if (!participant.may_publish(track->info.source())) forbidden.push_back(track_sid);
  }
  for (const std::string& track_sid : forbidden)
    Unpublish(now, participant, track_sid, /*tell_publisher=*/true);
}

Track* Room::MutePublishedTrack(Participant& participant, const std::string& track_sid,
                                bool muted) {
  Track* track = participant.track(track_sid);
  if (track == nullptr) return nullptr;
  track->info.set_muted(muted);
  PostMuted(*track, muted);
  pb::SignalResponse response;
  response.mutable_mute()->set_sid(track_sid);
  response.mutable_mute()->set_muted(muted);
  Send(participant, response);
  participant.BumpVersion();
  Broadcast(participant, nullptr);
  return track;
}

bool Room::IsConsistent() const {
  for (const auto& [session, owner] : context_.index.sessions) {
    if (owner.room != this) continue;
    const bool lives =
        std::any_of(participants_.begin(), participants_.end(), [&](const auto& entry) {
          return entry.second.get() == owner.participant &&
                 entry.second->peer_for(session) != nullptr;
        });
    if (!lives) return false;
  }
  for (const auto& [publication, owner] : context_.index.publications) {
    if (owner.room != this) continue;
    const auto it = participants_.find(owner.participant->identity);
    if (it == participants_.end() || it->second->track(owner.track_sid) == nullptr) return false;
  }
  for (const auto& [identity, participant] : participants_) {
    if (identity != participant->identity) return false;
    for (const auto& [track_sid, downlink] : participant->downlinks) {
      const bool bound = downlink.state == Downlink::State::kBound;
      if (bound != downlink.subscription.valid()) return false;
    }
  }
  return true;
}

}  // namespace fovea::livekit
