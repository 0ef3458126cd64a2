// When a state machine next wants to run, and why; "why did I wake up?" always has an answer.
#pragma once

#include <algorithm>
#include <cstdint>

#include "sfu/core/time.h"

namespace fovea {

enum class WakeReason : std::uint8_t {
  kNone,
  kIceConsent,
  kDtlsRetransmit,
  kSctpTimer,
  kNack,
  kTwccFeedback,
  kReceiverReport,
  kSenderReport,
  kKeyFrameRetry,
  kPacer,
  kSpeakers,
  kStats,
  kBudget,
};

struct Deadline {
  Instant at = kNever;
  WakeReason why = WakeReason::kNone;

  [[nodiscard]] constexpr bool IsDue(Instant now) const { return at <= now; }
};

[[nodiscard]] constexpr Deadline Soonest(Deadline a, Deadline b) { return b.at < a.at ? b : a; }

}  // namespace fovea
