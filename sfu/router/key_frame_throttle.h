// When to ask a publisher for a key frame. Requests of all subscribers of one track are put
// together, because every key frame costs all of them quality. Thread: owned by the worker of the
// publishing session.
#pragma once

#include <array>
#include <cstdint>

#include "sfu/core/deadline.h"
#include "sfu/core/inline_vector.h"
#include "sfu/core/limits.h"
#include "sfu/core/time.h"

namespace fovea::router {

// How far apart requests for a layer are at least. Shorter: losses are repaired sooner and cost
// everybody quality. LiveKit's figures: a key frame of a small layer is cheap.
using KeyFrameIntervals = std::array<Duration, limits::kSpatialLayersMax>;
inline constexpr KeyFrameIntervals kKeyFrameIntervals = {Millis(500), Millis(1000), Millis(1000)};

// Invariants:
//  (1) Requests for one layer are at least kUrgentSpacing apart, and its interval apart unless
//      somebody started watching since.
//  (2) A request is repeated, ever more slowly, until the key frame arrives or nobody wants it.
class KeyFrameThrottle {
 public:
  enum class Cause : std::uint8_t {
    kStart,   // a subscriber starts, or switches layers: it sees nothing, or the wrong thing
    kRepair,  // a receiver lost too much (PLI, FIR)
  };
  // Joins that come closer together share a key frame. Larger: later joiners wait. Smaller: a room
  // that fills up costs its publishers several key frames a second.
  static constexpr Duration kUrgentSpacing = Millis(200);
  // Repeats double up to this, or the interval if that is longer: for publishers that stopped the
  // layer and will not answer.
  static constexpr Duration kIntervalMax = Seconds(4);

  explicit KeyFrameThrottle(const KeyFrameIntervals& intervals = kKeyFrameIntervals)
      : intervals_(intervals) {}

  // A wish, told once: repeating it is this class's business.
  void Request(Instant now, std::uint8_t layer, Cause cause);
  void OnKeyFrame(std::uint8_t layer) { Cancel(layer); }
  // Nobody waits for this layer any more.
  void Cancel(std::uint8_t layer);

  // The layers to be asked for now; counts as asked.
  [[nodiscard]] InlineVector<std::uint8_t, limits::kSpatialLayersMax> Collect(Instant now);
  [[nodiscard]] Deadline NextDeadline() const;

 private:
  struct Layer {
    bool is_wanted = false;
    bool is_urgent = false;
    bool was_asked = false;  // since it was last wanted
    std::uint8_t repeats = 0;
    Instant asked_at = Instant::min();  // min: never
  };

  [[nodiscard]] Instant DueAt(std::uint8_t layer) const;

  KeyFrameIntervals intervals_;
  std::array<Layer, limits::kSpatialLayersMax> layers_{};
};

}  // namespace fovea::router
