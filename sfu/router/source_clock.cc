// Capture times from sender reports. See source_clock.h.
#include "sfu/router/source_clock.h"

namespace fovea::router {

WallMicros FromNtp(std::uint64_t ntp) {
  constexpr std::int64_t kUnixToNtpSeconds = 2'208'988'800;
  const auto seconds = static_cast<std::int64_t>(ntp >> 32) - kUnixToNtpSeconds;
  // Rounded: ToNtp cuts the fraction, and cutting again would lose a microsecond.
  const auto micros =
      static_cast<std::int64_t>(((ntp & 0xffffffff) * 1'000'000 + 0x80000000) >> 32);
  return WallMicros{seconds * 1'000'000 + micros};
}

void SourceClock::OnSenderReport(std::uint64_t ntp, RtpTimestamp timestamp) {
  if (ntp == 0) return;
  known_ = true;
  reference_ = timestamp;
  reference_captured_at_ = FromNtp(ntp);
}

std::optional<WallMicros> SourceClock::CapturedAt(RtpTimestamp timestamp) const {
  if (!known_ || clock_rate_ == 0) return std::nullopt;
  const auto ticks = static_cast<std::int32_t>(timestamp.value() - reference_.value());
  return WallMicros{reference_captured_at_.value +
                    std::int64_t{ticks} * 1'000'000 / std::int64_t{clock_rate_}};
}

}  // namespace fovea::router
