// The only place of the data plane where time comes from.
#pragma once

#include "sfu/core/time.h"

namespace fovea::io {

[[nodiscard]] Instant MonotonicNow();
[[nodiscard]] WallMicros WallNow();
[[nodiscard]] std::int64_t WallOffsetMicros();  // wall clock minus monotonic clock, now

// Processor time used so far, the kernel's part included.
[[nodiscard]] Duration ThreadCpuTime();   // by the calling thread
[[nodiscard]] Duration ProcessCpuTime();  // by all threads

}  // namespace fovea::io
