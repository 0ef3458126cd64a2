// The only place of the data plane where time comes from.
#pragma once

#include "sfu/core/time.h"

namespace fovea::io {

[[nodiscard]] Instant MonotonicNow();
[[nodiscard]] WallMicros WallNow();

}  // namespace fovea::io
