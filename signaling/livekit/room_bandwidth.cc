// Room: a subscriber's bandwidth as its test says it is (scenario subscriber_bandwidth), shared
// among what it receives by the bit rates that publishers declared. livekit-protocol reference
// sections 2.6, 4.10.
#include <algorithm>

#include "signaling/livekit/quality.h"
#include "signaling/livekit/room.h"

namespace fovea::livekit {
namespace {

// Set aside for each audio track, which is never given up.
constexpr std::int64_t kAudioBitsPerSecond = 64'000;

// One video track's share while it is being found.
struct Share {
  Downlink* downlink = nullptr;
  const Track* track = nullptr;
  std::vector<pb::VideoQuality> steps;  // what it may get, ascending
  std::size_t taken = 0;                // steps taken; 0: paused

  [[nodiscard]] std::int64_t CostOf(std::size_t count) const {
    return count == 0 ? 0 : BitrateOf(track->info, steps[count - 1], downlink->bound_encoding);
  }
};

}  // namespace

void Room::LimitBandwidth(Participant& participant, std::int64_t bits_per_second) {
  participant.bandwidth_limit_bps = std::max<std::int64_t>(bits_per_second, 0);
  ShareBandwidth(participant);
}

void Room::ShareBandwidth(Participant& participant) {
  const bool limited = participant.bandwidth_limit_bps > 0;
  std::int64_t left = participant.bandwidth_limit_bps;
  std::vector<Share> shares;
  for (auto& [track_sid, downlink] : participant.downlinks) {
    const Track* track = FindTrack(track_sid, nullptr);
    if (track == nullptr || downlink.state != Downlink::State::kBound) continue;
    if (!track->is_video()) {
      left -= kAudioBitsPerSecond;
      continue;
    }
    Share share{&downlink, track, {}, 0};
    const pb::VideoQuality wish = WantedQuality(participant, downlink, *track);
    if (wish == pb::VideoQuality::OFF) continue;
    for (const pb::VideoQuality quality : DeclaredQualities(track->info, downlink.bound_encoding)) {
      if (quality <= wish || share.steps.empty()) share.steps.push_back(quality);
    }
    shares.push_back(std::move(share));
  }
  std::stable_sort(shares.begin(), shares.end(), [](const Share& a, const Share& b) {
    return a.downlink->since < b.downlink->since;
  });
  // A step for everybody, then the next, as long as each fits. Only who agreed to pauses is left
  // without the lowest step.
  for (bool raised = true; raised;) {
    raised = false;
    for (Share& share : shares) {
      if (share.taken == share.steps.size()) continue;
      const std::int64_t more = share.CostOf(share.taken + 1) - share.CostOf(share.taken);
      const bool due = share.taken == 0 && !participant.allow_pause;
      if (limited && more > left && !due) continue;
      left -= more;
      ++share.taken;
      raised = true;
    }
  }
  for (const Share& share : shares) {
    const pb::VideoQuality quality =
        share.taken == 0 ? pb::VideoQuality::OFF : share.steps[share.taken - 1];
    SetQualityLimit(participant, *share.downlink, *share.track,
                    limited ? std::optional(quality) : std::nullopt);
  }
}

void Room::SetQualityLimit(Participant& subscriber, Downlink& downlink, const Track& track,
                           std::optional<pb::VideoQuality> limit) {
  if (downlink.quality_limit == limit) return;
  const bool was_paused = downlink.quality_limit == pb::VideoQuality::OFF;
  const bool is_paused = limit == pb::VideoQuality::OFF;
  downlink.quality_limit = limit;
  ApplyTarget(subscriber, downlink, track);
  if (was_paused == is_paused) return;
  pb::SignalResponse response;
  pb::StreamStateInfo& state = *response.mutable_stream_state_update()->add_stream_states();
  state.set_participant_sid(downlink.publisher_sid);
  state.set_track_sid(downlink.track_sid);
  state.set_state(is_paused ? pb::StreamState::PAUSED : pb::StreamState::ACTIVE);
  Send(subscriber, response);
}

}  // namespace fovea::livekit
