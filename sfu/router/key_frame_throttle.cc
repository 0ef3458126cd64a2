// Key-frame requests. See key_frame_throttle.h.
#include "sfu/router/key_frame_throttle.h"

#include <algorithm>

#include "sfu/core/check.h"

namespace fovea::router {

void KeyFrameThrottle::Request(Instant now, std::uint8_t layer, Cause cause) {
  FOVEA_CHECK(layer < layers_.size());
  Layer& state = layers_[layer];
  // A key frame asked for just now serves this requester too.
  const bool is_on_its_way =
      state.is_wanted && state.was_asked && now - state.asked_at < kUrgentSpacing;
  if (cause == Cause::kStart && !is_on_its_way) {
    state.is_urgent = true;
    state.repeats = 0;
  }
  state.is_wanted = true;
}

void KeyFrameThrottle::Cancel(std::uint8_t layer) {
  FOVEA_CHECK(layer < layers_.size());
  const Instant asked_at = layers_[layer].asked_at;
  layers_[layer] = Layer{};
  layers_[layer].asked_at = asked_at;  // spacing outlives the wish
}

Instant KeyFrameThrottle::DueAt(std::uint8_t layer) const {
  const Layer& state = layers_[layer];
  if (!state.is_wanted) return kNever;
  if (state.asked_at == Instant::min()) return Instant::min();
  if (state.is_urgent) return state.asked_at + kUrgentSpacing;
  const Duration first = std::max(intervals_[layer], kUrgentSpacing);
  return state.asked_at +
         std::min(std::max(kIntervalMax, first), first * (1 << std::min<int>(state.repeats, 4)));
}

InlineVector<std::uint8_t, limits::kSpatialLayersMax> KeyFrameThrottle::Collect(Instant now) {
  InlineVector<std::uint8_t, limits::kSpatialLayersMax> out;
  for (std::uint8_t layer = 0; layer < std::uint8_t{limits::kSpatialLayersMax}; ++layer) {
    if (DueAt(layer) > now) continue;
    Layer& state = layers_[layer];
    if (state.was_asked && state.repeats < 255) ++state.repeats;
    state.was_asked = true;
    state.is_urgent = false;
    state.asked_at = now;
    out.Push(layer);
  }
  return out;
}

Deadline KeyFrameThrottle::NextDeadline() const {
  Deadline soonest;
  for (std::uint8_t layer = 0; layer < std::uint8_t{limits::kSpatialLayersMax}; ++layer) {
    soonest = Soonest(soonest, {DueAt(layer), WakeReason::kKeyFrameRetry});
  }
  return soonest;
}

}  // namespace fovea::router
