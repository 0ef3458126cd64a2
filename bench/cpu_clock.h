// CPU time of the calling thread: what a benchmark on a shared machine can rely on.
#pragma once

#include <ctime>

#include <cstdint>

namespace fovea::bench {

[[nodiscard]] inline std::int64_t ThreadCpuNanos() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace fovea::bench
