// Round-trip time from reports: RFC 3550 section 6.4.1 (LSR and DLSR of a report block) and RFC
// 3611 section 4.5 (the same from a DLRR item). Thread: plain values; an estimator is owned by a
// session.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "sfu/core/time.h"

namespace fovea::rtp {

// "Compact" NTP is the middle 32 bits of a timestamp: 1/65536 s, wrapping after 18 hours.
[[nodiscard]] constexpr std::uint32_t CompactNtp(std::uint64_t ntp) {
  return static_cast<std::uint32_t>(ntp >> 16);
}

// A duration in 1/65536 s; below zero is zero, above 18 hours saturates.
[[nodiscard]] constexpr std::uint32_t ToCompactNtp(Duration d) {
  constexpr std::int64_t kMax = std::numeric_limits<std::uint32_t>::max();
  constexpr std::int64_t kMaxMicros = std::int64_t{65536} * 1'000'000;
  const std::int64_t micros = std::clamp<std::int64_t>(ToMicros(d), 0, kMaxMicros);
  return static_cast<std::uint32_t>(std::min(kMax, micros * 65536 / 1'000'000));
}

[[nodiscard]] constexpr Duration FromCompactNtp(std::uint32_t compact) {
  return Duration{(std::int64_t{compact} * 1'000'000'000) >> 16};
}

// The round trip that a report proves, or nothing when it answers no report of ours.
// `now_ntp` is on the clock that made the timestamp the peer repeats as `last_report`.
[[nodiscard]] constexpr std::optional<Duration> RttFromReport(std::uint64_t now_ntp,
                                                              std::uint32_t last_report,
                                                              std::uint32_t delay_since) {
  // Larger: a report that lies about its delay counts. Real paths stay below a few seconds.
  constexpr Duration kPlausibleMax = Seconds(60);
  if (last_report == 0) return std::nullopt;
  const std::uint32_t round_trip = CompactNtp(now_ntp) - last_report - delay_since;
  // Clocks tick in 15 us and drift: a little below zero is a very short path, not an error.
  if (static_cast<std::int32_t>(round_trip) <= 0) {
    const std::uint32_t below_zero = 0U - round_trip;
    if (FromCompactNtp(below_zero) > Millis(100)) return std::nullopt;
    return FromCompactNtp(1);
  }
  const Duration rtt = FromCompactNtp(round_trip);
  if (rtt > kPlausibleMax) return std::nullopt;
  return rtt;
}

// Exponentially weighted round-trip time.
class RttEstimator {
 public:
  // Before the first sample. Larger: the first retransmissions come late. Smaller: they are asked
  // for twice. 100 ms as in mediasoup.
  static constexpr Duration kDefault = Millis(100);

  // Weight 1/8, as TCP's (RFC 6298). Larger: follows a single late report. Smaller: lags a path
  // change by many seconds, at one report a second.
  void OnSample(Duration rtt) {
    smoothed_ = has_sample_ ? smoothed_ + (rtt - smoothed_) / 8 : rtt;
    has_sample_ = true;
  }
  [[nodiscard]] Duration value() const { return smoothed_; }
  [[nodiscard]] bool has_sample() const { return has_sample_; }

 private:
  Duration smoothed_ = kDefault;
  bool has_sample_ = false;
};

}  // namespace fovea::rtp
