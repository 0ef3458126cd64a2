// Wall clock minus monotonic clock, for cores that put dates on what they do. Asked for at every
// use: NTP steps the wall clock, and the monotonic one stands still while a machine is suspended.
// Thread: as its source; io::WallOffsetMicros() any thread.
#pragma once

#include <cstdint>
#include <functional>

#include "sfu/core/time.h"

namespace fovea {

using WallOffset = std::function<std::int64_t()>;  // microseconds

[[nodiscard]] inline WallMicros WallAt(const WallOffset& offset, Instant now) {
  return WallMicros{offset() + ToMicros(now.time_since_epoch())};
}

}  // namespace fovea
