// When a packet was captured, in its sender's wall clock, from the sender's RTCP reports.
// RFC 3550 section 6.4.1: a sender report names one moment in both clocks.
// Thread: owned by the worker of the publishing session.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"

namespace fovea::router {

class SourceClock {
 public:
  explicit SourceClock(std::uint32_t clock_rate) : clock_rate_(clock_rate) {}

  // An NTP timestamp of zero means that the sender has no clock; it is ignored.
  void OnSenderReport(std::uint64_t ntp, RtpTimestamp timestamp);

  // nullopt before the first report.
  [[nodiscard]] std::optional<WallMicros> CapturedAt(RtpTimestamp timestamp) const;

 private:
  std::uint32_t clock_rate_;
  bool known_ = false;
  RtpTimestamp reference_;
  WallMicros reference_captured_at_;
};

// The inverse of ToNtp (sfu/core/time.h), exact to the microsecond.
[[nodiscard]] WallMicros FromNtp(std::uint64_t ntp);

}  // namespace fovea::router
