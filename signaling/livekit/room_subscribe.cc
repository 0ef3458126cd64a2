// Room: who receives which track, in which size. livekit-protocol reference sections 4.3, 4.5, 4.6.
#include <algorithm>

#include "signaling/livekit/quality.h"
#include "signaling/livekit/room.h"

namespace fovea::livekit {

Track* Room::FindTrack(const std::string& track_sid, Participant** publisher) {
  for (const auto& [identity, participant] : participants_) {
    if (Track* track = participant->track(track_sid)) {
      if (publisher != nullptr) *publisher = participant.get();
      return track;
    }
  }
  return nullptr;
}

bool Room::MaySubscribe(const Participant& publisher, const Participant& subscriber,
                        const std::string& track_sid) const {
  if (&publisher == &subscriber || !subscriber.info.permission().can_subscribe()) return false;
  const SubscriptionPermissions& permissions = publisher.subscription_permissions;
  if (permissions.all_participants) return true;
  const auto granted = [&](const auto& table, const std::string& key) {
    const auto it = table.find(key);
    return it != table.end() &&
           (it->second.all_tracks || it->second.track_sids.contains(track_sid));
  };
  return granted(permissions.by_sid, subscriber.sid) ||
         granted(permissions.by_identity, subscriber.identity);
}

bool Room::WantsTrack(const Participant& subscriber, const std::string& track_sid) const {
  if (subscriber.unsubscribed.contains(track_sid)) return false;
  return subscriber.auto_subscribe || subscriber.subscribed_by_hand.contains(track_sid);
}

void Room::ReconcileTrack(Instant now, Participant& publisher, const Track& track) {
  for (const auto& [identity, subscriber] : participants_) {
    if (subscriber.get() == &publisher) continue;
    const bool should = MaySubscribe(publisher, *subscriber, track.info.sid()) &&
                        WantsTrack(*subscriber, track.info.sid());
    const bool does = subscriber->downlinks.contains(track.info.sid());
    if (should && !does) Subscribe(now, publisher, track, *subscriber);
    if (!should && does) Unsubscribe(now, *subscriber, track.info.sid());
  }
}

void Room::ReconcileSubscriptions(Instant now, Participant& subscriber) {
  for (const auto& [identity, publisher] : participants_) {
    if (publisher.get() == &subscriber) continue;
    for (const auto& [track_sid, track] : publisher->tracks) {
      const bool should =
          MaySubscribe(*publisher, subscriber, track_sid) && WantsTrack(subscriber, track_sid);
      const bool does = subscriber.downlinks.contains(track_sid);
      if (should && !does) Subscribe(now, *publisher, *track, subscriber);
      if (!should && does) Unsubscribe(now, subscriber, track_sid);
    }
  }
}

bool Room::HasCapacity(const Participant& subscriber, const Track& track) const {
  const std::size_t most = SubscriptionsMax(track.is_video());
  if (most == 0) return true;
  const auto is_like_it = [&](const auto& downlink) {
    return (downlink.second.rtx_ssrc != 0) == track.is_video();
  };
  const auto& downlinks = subscriber.downlinks;
  return static_cast<std::size_t>(std::count_if(downlinks.begin(), downlinks.end(), is_like_it)) <
         most;
}

std::size_t Room::SubscriptionsMax(bool is_video) const {
  const ServerOptions& options = context_.options;
  return is_video ? options.video_subscriptions_max : options.audio_subscriptions_max;
}

void Room::Subscribe(Instant now, Participant& publisher, const Track& track,
                     Participant& subscriber) {
  if (subscriber.downlink() == nullptr || !HasCapacity(subscriber, track)) return;
  Downlink downlink;
  downlink.publisher_sid = publisher.sid;
  downlink.publisher_identity = publisher.identity;
  downlink.track_sid = track.info.sid();
  downlink.since = now;
  // 0 means "none" in SDP work; the chance of drawing it is not worth a branch elsewhere.
  downlink.encoding = FirstEncodingFor(subscriber, track);
  downlink.ssrc = context_.rng.Next32() | 1U;
  if (track.is_video()) downlink.rtx_ssrc = (context_.rng.Next32() | 1U) ^ 2U;
  const auto early = subscriber.early_settings.find(track.info.sid());
  if (early != subscriber.early_settings.end()) downlink.settings = early->second;
  subscriber.downlinks[track.info.sid()] = std::move(downlink);
  subscriber.needs_sections = true;
  subscriber.untold.insert(publisher.sid);
}

void Room::Unsubscribe(Instant now, Participant& subscriber, std::string track_sid) {
  const auto it = subscriber.downlinks.find(track_sid);
  if (it == subscriber.downlinks.end()) return;
  const Downlink downlink = it->second;
  subscriber.downlinks.erase(it);
  // With Flush, when it is known what else ends.
  if (SubscriptionsMax(downlink.rtx_ssrc != 0) > 0) subscriber.has_capacity_again = true;
  if (downlink.subscription.valid()) {
    context_.index.subscriptions.erase(downlink.subscription);
    context_.media.Post(control::RemoveSubscription{downlink.subscription});
  }
  // The m-line goes inactive with the next negotiation; until then it simply carries nothing.
  PeerConnection* peer = subscriber.downlink();
  if (peer != nullptr && peer->answerer != nullptr && downlink.state == Downlink::State::kBound) {
    peer->answerer->ReleaseDownlink(track_sid);
    subscriber.has_idle_section = true;
    subscriber.needs_sections = true;
  }
  if (peer != nullptr && peer->offerer != nullptr) {
    peer->offerer->RemoveTrack(track_sid);
    subscriber.needs_sections = true;
  }
  Participant* publisher = nullptr;
  Track* track = FindTrack(track_sid, &publisher);
  if (track == nullptr) return;
  if (track->is_video()) {
    UpdateDynacast(now, *publisher, *track);
  } else {
    ForgetSpeaker(subscriber, *publisher);
  }
}

void Room::HandleSubscriptionRequest(Instant now, Participant& participant,
                                     const pb::UpdateSubscription& request) {
  std::vector<std::string> track_sids(request.track_sids().begin(), request.track_sids().end());
  for (const pb::ParticipantTracks& tracks : request.participant_tracks()) {
    track_sids.insert(track_sids.end(), tracks.track_sids().begin(), tracks.track_sids().end());
  }
  UpdateSubscriptions(now, participant, track_sids, request.subscribe());
}

void Room::UpdateSubscriptions(Instant now, Participant& participant,
                               const std::vector<std::string>& track_sids, bool subscribe) {
  for (const std::string& track_sid : track_sids) {
    std::set<std::string>& add =
        subscribe ? participant.subscribed_by_hand : participant.unsubscribed;
    std::set<std::string>& remove =
        subscribe ? participant.unsubscribed : participant.subscribed_by_hand;
    remove.erase(track_sid);
    if (add.size() < limits::kEarlyWishesMax) add.insert(track_sid);
    if (!subscribe) {
      participant.awaited_tracks.erase(track_sid);
    } else if (FindTrack(track_sid, nullptr) == nullptr &&
               participant.awaited_tracks.size() < limits::kEarlyWishesMax) {
      participant.awaited_tracks[track_sid] = now + context_.options.unknown_track_timeout;
    }
  }
  ReconcileSubscriptions(now, participant);
}

void Room::GiveUpAwaitedTracks(Instant now, Participant& participant) {
  for (auto it = participant.awaited_tracks.begin(); it != participant.awaited_tracks.end();) {
    if (now < it->second) {
      ++it;
      continue;
    }
    if (FindTrack(it->first, nullptr) == nullptr) {
      pb::SignalResponse response;
      response.mutable_subscription_response()->set_track_sid(it->first);
      response.mutable_subscription_response()->set_err(pb::SubscriptionError::SE_TRACK_NOTFOUND);
      Send(participant, response);
    }
    it = participant.awaited_tracks.erase(it);
  }
}

void Room::HandleSubscriptionPermission(Instant now, Participant& participant,
                                        const pb::SubscriptionPermission& permission) {
  SubscriptionPermissions after;
  after.all_participants = permission.all_participants();
  for (const pb::TrackPermission& grant : permission.track_permissions()) {
    SubscriptionPermissions::Grant entry;
    entry.all_tracks = grant.all_tracks();
    entry.track_sids.insert(grant.track_sids().begin(), grant.track_sids().end());
    if (!grant.participant_sid().empty()) after.by_sid[grant.participant_sid()] = entry;
    if (!grant.participant_identity().empty())
      after.by_identity[grant.participant_identity()] = entry;
  }
  const SubscriptionPermissions before = participant.subscription_permissions;
  for (const auto& [identity, subscriber] : participants_) {
    if (subscriber.get() == &participant) continue;
    for (const auto& [track_sid, track] : participant.tracks) {
      participant.subscription_permissions = before;
      const bool could = MaySubscribe(participant, *subscriber, track_sid);
      participant.subscription_permissions = after;
      const bool can = MaySubscribe(participant, *subscriber, track_sid);
      if (could == can) continue;
      pb::SignalResponse response;
      pb::SubscriptionPermissionUpdate& update = *response.mutable_subscription_permission_update();
      update.set_participant_sid(participant.sid);
      update.set_track_sid(track_sid);
      update.set_allowed(can);
      Send(*subscriber, response);
    }
  }
  participant.subscription_permissions = after;
  for (const auto& [track_sid, track] : participant.tracks)
    ReconcileTrack(now, participant, *track);
}

void Room::HandleTrackSettings(Instant now, Participant& participant,
                               const pb::UpdateTrackSettings& request) {
  TrackSettings settings;
  settings.disabled = request.disabled();
  settings.width = request.width();
  settings.height = request.height();
  settings.fps = request.fps();
  if (request.width() == 0 && request.height() == 0) settings.quality = request.quality();
  for (const std::string& track_sid : request.track_sids()) {
    if (TrackSettings* early = participant.EarlySettings(track_sid)) *early = settings;
    const auto it = participant.downlinks.find(track_sid);
    if (it == participant.downlinks.end()) continue;
    it->second.settings = settings;
    Participant* publisher = nullptr;
    Track* track = FindTrack(track_sid, &publisher);
    if (track == nullptr) continue;
    ApplyTarget(participant, it->second, *track);
    if (track->is_video()) UpdateDynacast(now, *publisher, *track);
  }
  if (participant.bandwidth_limit_bps > 0) ShareBandwidth(participant);
}

pb::VideoQuality Room::WantedQuality(const Participant& subscriber, const Downlink& downlink,
                                     const Track& track) const {
  const TrackSettings& settings = downlink.settings;
  if (settings.disabled) return pb::VideoQuality::OFF;
  if (downlink.base_layer_only) return DeclaredQualities(track.info, downlink.encoding).front();
  if (settings.width > 0 || settings.height > 0) {
    return QualityForDimensions(track.info, settings.width, settings.height, downlink.encoding);
  }
  if (settings.quality.has_value()) return *settings.quality;
  if (!subscriber.adaptive_stream) return pb::VideoQuality::HIGH;
  return DeclaredQualities(track.info, downlink.encoding).front();
}

void Room::ApplyTarget(const Participant& subscriber, const Downlink& downlink,
                       const Track& track) {
  if (!downlink.subscription.valid()) return;
  const Layers layers = LayersFor(subscriber, downlink, track);
  context_.media.Post(control::SetSubscription{downlink.subscription, layers.spatial_max,
                                               layers.temporal_max, layers.paused});
}

Room::Layers Room::LayersFor(const Participant& subscriber, const Downlink& downlink,
                             const Track& track) const {
  pb::VideoQuality quality = WantedQuality(subscriber, downlink, track);
  const bool limited = downlink.quality_limit.has_value();
  if (limited && quality != pb::VideoQuality::OFF && *downlink.quality_limit < quality)
    quality = *downlink.quality_limit;
  Layers layers;
  layers.paused = downlink.settings.disabled || downlink.quality_limit == pb::VideoQuality::OFF;
  layers.temporal_max = TemporalForFps(downlink.settings.fps);
  if (track.is_video() && quality != pb::VideoQuality::OFF)
    layers.spatial_max = SpatialForQuality(track.info, quality, downlink.bound_encoding);
  return layers;
}

}  // namespace fovea::livekit
