// Speaker levels. See audio_level.h.
#include "sfu/router/audio_level.h"

#include <algorithm>
#include <cmath>

namespace fovea::router {
namespace {

constexpr double kSteps = 8;

// Of an exponential moving average over so many windows.
double SmoothingOver(std::uint32_t windows) {
  return windows < 2 ? 1.0 : 2.0 / (1.0 + static_cast<double>(windows));
}

}  // namespace

void ActiveSpeakerLevel::Observe(Instant now, std::uint8_t dbov, Duration duration) {
  if (last_packet_at_ != Instant::min() && now - last_packet_at_ > 2 * kWindow) {
    *this =
        ActiveSpeakerLevel(tuning_);  // silence in between: what was before says nothing about now
  }
  last_packet_at_ = now;
  duration = std::clamp(duration, Duration::zero(), kPacketMax);
  observed_ += duration;
  if (dbov <= tuning_.active_dbov) {
    active_ += duration;
    loudest_ = std::min(loudest_, dbov);
  }
  if (observed_ >= kWindow) CloseWindow();
}

void ActiveSpeakerLevel::CloseWindow() {
  double level = 0;
  if (active_ > Duration::zero() && active_ * 100 >= kWindow * int{tuning_.active_percent}) {
    const double share =
        static_cast<double>(active_.count()) / static_cast<double>(kWindow.count());
    const double dbov = static_cast<double>(loudest_) - 20 * std::log10(share);
    level = std::min(1.0, std::pow(10.0, -dbov / 20));
  }
  smoothed_ += (level - smoothed_) * SmoothingOver(tuning_.smooth_windows);
  // Below the threshold of activity it is silence; otherwise the average would never reach zero.
  if (level == 0 && smoothed_ < std::pow(10.0, -static_cast<double>(tuning_.active_dbov) / 20)) {
    smoothed_ = 0;
  }
  observed_ = Duration::zero();
  active_ = Duration::zero();
  loudest_ = 127;
}

float ActiveSpeakerLevel::Level(Instant now) const {
  if (last_packet_at_ == Instant::min() || now - last_packet_at_ > 2 * kWindow) return 0;
  return static_cast<float>(std::ceil(smoothed_ * kSteps) / kSteps);
}

}  // namespace fovea::router
