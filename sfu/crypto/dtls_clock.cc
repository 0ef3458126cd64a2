#include "sfu/crypto/dtls_clock.h"

namespace fovea::crypto {
namespace {

constinit thread_local Instant current_call_time{};

}  // namespace

ScopedDtlsClock::ScopedDtlsClock(Instant now) : before_(current_call_time) {
  current_call_time = now;
}

ScopedDtlsClock::~ScopedDtlsClock() { current_call_time = before_; }

timeval DtlsClockNow() {
  // BoringSSL takes zero for "no timer", so the clock starts a second later than ours.
  const std::int64_t micros = ToMicros(current_call_time.time_since_epoch()) + 1'000'000;
  timeval value{};
  value.tv_sec = static_cast<decltype(value.tv_sec)>(micros / 1'000'000);
  value.tv_usec = static_cast<decltype(value.tv_usec)>(micros % 1'000'000);
  return value;
}

}  // namespace fovea::crypto
