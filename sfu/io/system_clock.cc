#include "sfu/io/system_clock.h"

#include <chrono>
#include <ctime>

namespace fovea::io {
namespace {

Duration Read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return Seconds(time.tv_sec) + Micros(time.tv_nsec / 1000);
}

}  // namespace

Instant MonotonicNow() {
  return Instant(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

WallMicros WallNow() {
  return WallMicros{std::chrono::duration_cast<std::chrono::microseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count()};
}

std::int64_t WallOffsetMicros() {
  return WallNow().value - ToMicros(MonotonicNow().time_since_epoch());
}

Duration ThreadCpuTime() { return Read(CLOCK_THREAD_CPUTIME_ID); }
Duration ProcessCpuTime() { return Read(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace fovea::io
