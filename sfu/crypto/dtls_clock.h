// `now` for BoringSSL. Its time callback gets neither the SSL object nor a user pointer, so the
// time of the call in progress is left where the callback can find it: the one thread_local of the
// code base. Thread: each thread has its own.
#pragma once

#include <sys/time.h>

#include "sfu/core/time.h"

namespace fovea::crypto {

// Sets the time that BoringSSL sees on this thread until the scope ends.
class ScopedDtlsClock {
 public:
  explicit ScopedDtlsClock(Instant now);
  ~ScopedDtlsClock();
  ScopedDtlsClock(const ScopedDtlsClock&) = delete;
  ScopedDtlsClock& operator=(const ScopedDtlsClock&) = delete;

 private:
  Instant before_;
};

// What the callback answers.
[[nodiscard]] timeval DtlsClockNow();

}  // namespace fovea::crypto
