// Room: who is speaking, and how good the links are. livekit-protocol reference sections 4.1, 4.2.
#include <algorithm>
#include <cmath>
#include <utility>

#include "signaling/livekit/room.h"

namespace fovea::livekit {
namespace {

constexpr float kExcellentAbove = 80.0F;
constexpr float kGoodAbove = 40.0F;

pb::ConnectionQuality QualityForScore(float score) {
  if (score > kExcellentAbove) return pb::ConnectionQuality::EXCELLENT;
  if (score > kGoodAbove) return pb::ConnectionQuality::GOOD;
  return pb::ConnectionQuality::POOR;
}

// LiveKit's E-model-like scale (media-engine reference section 2.12) for one link over one
// interval.
float Score(std::uint32_t expected, std::uint32_t lost, std::uint32_t jitter_us,
            std::uint32_t rtt_us) {
  constexpr float kLossWeight = 8.0F;  // between upstream's video (10) with RTX and Opus (8)
  const float delay_ms =
      static_cast<float>(rtt_us) / 2000.0F + 2.0F * static_cast<float>(jitter_us) / 1000.0F;
  const float delay_effect = delay_ms <= 160.0F ? delay_ms / 40.0F : (delay_ms - 120.0F) / 10.0F;
  const float loss_percent =
      expected == 0 ? 0.0F : 100.0F * static_cast<float>(lost) / static_cast<float>(expected);
  return std::clamp(100.0F - delay_effect - kLossWeight * loss_percent, 0.0F, 100.0F);
}

// Whether `receiver` is told how good the link of `about` is.
bool Follows(const Participant& receiver, const Participant& about) {
  if (&receiver == &about) return true;
  return !about.hidden() &&
         std::any_of(receiver.downlinks.begin(), receiver.downlinks.end(),
                     [&](const auto& entry) { return entry.second.publisher_sid == about.sid; });
}

// Whether `receiver` is told when `speaker` speaks.
bool Hears(const Participant& receiver, const Participant& speaker) {
  if (&receiver == &speaker) return true;
  return !speaker.hidden() &&
         std::any_of(speaker.tracks.begin(), speaker.tracks.end(), [&](const auto& entry) {
           return !entry.second->is_video() && receiver.downlinks.contains(entry.first);
         });
}

void AddSpeaker(const Participant& speaker, pb::SignalResponse& response) {
  pb::SpeakerInfo& info = *response.mutable_speakers_changed()->add_speakers();
  info.set_sid(speaker.sid);
  info.set_level(speaker.speaker_level);
  info.set_active(speaker.speaking);
}

void AddQuality(const Participant& about, pb::SignalResponse& response) {
  pb::ConnectionQualityInfo& info = *response.mutable_connection_quality()->add_updates();
  info.set_participant_sid(about.sid);
  info.set_quality(*about.quality_sent);
  info.set_score(about.quality_score);
}

}  // namespace

void Room::HandleSpeakerLevel(Participant& publisher, const control::SpeakerLevel& level) {
  const TrackOwner& owner = context_.index.publications[level.publication];
  const Track* track = publisher.track(owner.track_sid);
  if (track == nullptr || !track->is_voice()) return;
  publisher.pending_level = track->info.muted() ? 0.0F : level.level;
  publisher.pending_speaking = !track->info.muted() && level.active;
  publisher.speaker_dirty = true;
}

void Room::SendSpeakers(Instant now) {
  speakers_at_ = now + context_.options.speaker_interval;
  std::vector<Participant*> changed;
  for (const auto& [identity, participant] : participants_) {
    if (!participant->speaker_dirty) continue;
    participant->speaker_dirty = false;
    const float level = participant->pending_speaking ? participant->pending_level : 0.0F;
    if (participant->pending_speaking == participant->speaking &&
        level == participant->speaker_level)
      continue;
    participant->speaking = participant->pending_speaking;
    participant->speaker_level = level;
    changed.push_back(participant.get());
  }
  if (changed.empty()) return;
  for (const auto& [identity, receiver] : participants_) {
    pb::SignalResponse response;
    for (const Participant* speaker : changed) {
      if (Hears(*receiver, *speaker)) AddSpeaker(*speaker, response);
    }
    if (response.has_speakers_changed()) Send(*receiver, response);
  }
}

void Room::EndSpeech(Participant& speaker) {
  speaker.pending_speaking = false;
  speaker.pending_level = 0;
  speaker.speaker_dirty = false;
  if (!speaker.speaking) return;
  speaker.speaking = false;
  speaker.speaker_level = 0;
  pb::SignalResponse response;
  AddSpeaker(speaker, response);
  for (const auto& [identity, receiver] : participants_) {
    if (Hears(*receiver, speaker)) Send(*receiver, response);
  }
}

void Room::ForgetSpeaker(Participant& receiver, const Participant& speaker) {
  if (!speaker.speaking || speaker.hidden() || Hears(receiver, speaker)) return;
  pb::SignalResponse response;
  AddSpeaker(speaker, response);
  pb::SpeakerInfo& info = *response.mutable_speakers_changed()->mutable_speakers(0);
  info.set_level(0);
  info.set_active(false);
  Send(receiver, response);
}

void Room::HandleUplinkQuality(Participant& publisher, const control::UplinkQuality& quality) {
  LinkQuality& link = link_quality_[publisher.sid];
  link.expected += quality.packets_expected;
  link.lost += quality.packets_lost;
  link.jitter_us = std::max(link.jitter_us, quality.jitter_us);
  link.rtt_us = std::max(link.rtt_us, quality.rtt_us);
}

void Room::HandleDownlinkQuality(Participant& subscriber, const control::DownlinkQuality& quality) {
  LinkQuality& link = link_quality_[subscriber.sid];
  link.expected += quality.packets_sent;
  link.lost += quality.packets_lost;
  link.jitter_us = std::max(link.jitter_us, quality.jitter_us);
  link.rtt_us = std::max(link.rtt_us, quality.rtt_us);
}

void Room::SendQuality() {
  std::vector<const Participant*> changed;
  for (const auto& [identity, participant] : participants_) {
    if (!participant->active()) continue;
    const LinkQuality link = link_quality_[participant->sid];
    // Nothing measured (all muted, nobody else here) is not a bad link. LOST is never said here: a
    // dead path ends in a disconnect, and JS answers LOST with a full reconnect.
    participant->quality_score = Score(link.expected, link.lost, link.jitter_us, link.rtt_us);
    const pb::ConnectionQuality quality = QualityForScore(participant->quality_score);
    if (participant->quality_sent == quality) continue;
    participant->quality_sent = quality;
    changed.push_back(participant.get());
  }
  link_quality_.clear();
  for (const auto& [identity, receiver] : participants_) {
    pb::SignalResponse response;
    for (const Participant* about : changed) {
      if (Follows(*receiver, *about)) AddQuality(*about, response);
    }
    if (response.has_connection_quality()) Send(*receiver, response);
  }
}

void Room::TellStates(Participant& subscriber, bool is_resumer) {
  const std::set<std::string> untold = std::exchange(subscriber.untold, {});
  pb::SignalResponse speakers;
  pb::SignalResponse quality;
  for (const auto& [identity, publisher] : participants_) {
    if (!untold.contains(publisher->sid) || !Follows(subscriber, *publisher)) continue;
    // Who is new to a client is silent to it; whom a resumer knows may have stopped meanwhile.
    const bool is_news = publisher->speaking || (is_resumer && publisher->info.is_publisher());
    if (is_news && Hears(subscriber, *publisher)) AddSpeaker(*publisher, speakers);
    if (publisher->quality_sent.has_value()) AddQuality(*publisher, quality);
  }
  if (speakers.has_speakers_changed()) Send(subscriber, speakers);
  if (quality.has_connection_quality()) Send(subscriber, quality);
}

void Room::HandleSubscriptionStarted(Participant& subscriber, const std::string& track_sid) {
  (void)subscriber;
  Participant* publisher = nullptr;
  Track* track = FindTrack(track_sid, &publisher);
  if (track == nullptr || track->subscribed_once) return;
  track->subscribed_once = true;
  pb::SignalResponse response;
  response.mutable_track_subscribed()->set_track_sid(track_sid);
  Send(*publisher, response);
}

}  // namespace fovea::livekit
