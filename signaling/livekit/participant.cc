#include "signaling/livekit/participant.h"

#include <algorithm>

#include "sfu/core/limits.h"

namespace fovea::livekit {
namespace {

PeerConnection* Find(std::map<PeerConnection::Role, PeerConnection>& peers,
                     PeerConnection::Role role) {
  const auto it = peers.find(role);
  return it == peers.end() ? nullptr : &it->second;
}

}  // namespace

const std::string& MetadataAtJoin(const JoinParams& params) {
  return params.request.metadata().empty() ? params.metadata : params.request.metadata();
}

std::map<std::string, std::string> AttributesAtJoin(const JoinParams& params) {
  std::map<std::string, std::string> attributes = params.attributes;
  for (const auto& [key, value] : params.request.participant_attributes()) {
    if (!value.empty()) attributes[key] = value;
  }
  return attributes;
}

std::size_t SessionsAtJoin(const JoinParams& params) {
  return params.single_peer_connection || !params.permission.can_subscribe() ? 1 : 2;
}

PeerConnection* Participant::primary() {
  if (PeerConnection* single = Find(peers, PeerConnection::Role::kSingle)) return single;
  return Find(peers, subscriber_primary ? PeerConnection::Role::kSubscriber
                                        : PeerConnection::Role::kPublisher);
}

PeerConnection* Participant::uplink() {
  return Find(peers, single_peer_connection ? PeerConnection::Role::kSingle
                                            : PeerConnection::Role::kPublisher);
}

PeerConnection* Participant::downlink() {
  return Find(peers, single_peer_connection ? PeerConnection::Role::kSingle
                                            : PeerConnection::Role::kSubscriber);
}

Instant Participant::answer_due() const {
  const auto it = peers.find(PeerConnection::Role::kSubscriber);
  return it == peers.end() || connection == ConnectionId{} ? kNever : it->second.answer_due;
}

PeerConnection* Participant::peer_for(control::SessionHandle session) {
  for (auto& [role, peer] : peers) {
    if (peer.session == session) return &peer;
  }
  return nullptr;
}

Track* Participant::track(const std::string& track_sid) {
  const auto it = tracks.find(track_sid);
  return it == tracks.end() ? nullptr : it->second.get();
}

TrackSettings* Participant::EarlySettings(const std::string& track_sid) {
  const auto it = early_settings.find(track_sid);
  if (it != early_settings.end()) return &it->second;
  if (early_settings.size() >= limits::kEarlyWishesMax) return nullptr;
  return &early_settings[track_sid];
}

bool Participant::may_publish(pb::TrackSource source) const {
  if (!info.permission().can_publish()) return false;
  const auto& sources = info.permission().can_publish_sources();
  return sources.empty() || std::find(sources.begin(), sources.end(), source) != sources.end();
}

bool Participant::publishes(const std::string& cid) const {
  return std::any_of(tracks.begin(), tracks.end(), [&](const auto& entry) {
    const std::vector<Encoding>& encodings = entry.second->encodings;
    return std::any_of(encodings.begin(), encodings.end(), [&](const Encoding& encoding) {
      return encoding.live() && encoding.cid == cid;
    });
  });
}

pb::ParticipantInfo Participant::Snapshot() const {
  pb::ParticipantInfo snapshot = info;
  snapshot.clear_tracks();
  for (const auto& [track_sid, track] : tracks) *snapshot.add_tracks() = track->info;
  snapshot.clear_data_tracks();
  for (const auto& [handle, track] : data_tracks) *snapshot.add_data_tracks() = track.info;
  return snapshot;
}

}  // namespace fovea::livekit
