#include "sfu/io/system_clock.h"

#include <chrono>

namespace fovea::io {

Instant MonotonicNow() {
  return Instant(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

WallMicros WallNow() {
  return WallMicros{std::chrono::duration_cast<std::chrono::microseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count()};
}

}  // namespace fovea::io
