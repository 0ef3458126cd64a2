// usrsctp times round trips, and decides what is old enough to repeat, with gettimeofday. A test
// whose clock runs ahead of the real one would see no retransmission, so the test executable
// defines that function itself; the dynamic linker prefers it. Include in one source file of an
// executable.
#pragma once

#include <sys/time.h>

#include "sfu/core/time.h"

namespace fovea::testing {

// What usrsctp believes; the fixture moves it together with its `now`.
inline Instant usrsctp_now = Instant{} + Seconds(5);

}  // namespace fovea::testing

extern "C" int gettimeofday(timeval* out, void* /*zone*/) noexcept {
  const std::int64_t micros = fovea::ToMicros(fovea::testing::usrsctp_now.time_since_epoch());
  out->tv_sec = static_cast<time_t>(1'700'000'000 + micros / 1'000'000);
  out->tv_usec = static_cast<suseconds_t>(micros % 1'000'000);
  return 0;
}
