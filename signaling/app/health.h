// What GET / tells load balancers. livekit-protocol reference section 1.1. Thread: signaling.
#pragma once

#include <vector>

#include "sfu/core/time.h"
#include "signaling/wire/http_message.h"

namespace fovea::app {

// A worker reports four times a second, idle or not; one that has not for so long hangs, and its
// calls with it. LiveKit's figure. Shorter takes a moment of load for a failure, longer sends
// people into calls without media.
inline constexpr Duration kWorkerSilenceMax = Seconds(4);

// `reports`: when each worker last did.
[[nodiscard]] wire::HttpResponse HealthResponse(Instant now, const std::vector<Instant>& reports);

}  // namespace fovea::app
