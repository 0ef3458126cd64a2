// Time as a value. Cores receive `now` as an argument; only sfu/io can make an Instant.
// Thread: plain values, any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace fovea {

// A clock that cannot be read: it has no now(), so a core cannot ask for the time.
struct MonotonicClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};

using Duration = MonotonicClock::duration;
using Instant = MonotonicClock::time_point;

inline constexpr Instant kNever = Instant::max();

constexpr Duration Micros(std::int64_t n) { return std::chrono::microseconds(n); }
constexpr Duration Millis(std::int64_t n) { return std::chrono::milliseconds(n); }
constexpr Duration Seconds(std::int64_t n) { return std::chrono::seconds(n); }

constexpr std::int64_t ToMicros(Duration d) {
  return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}
constexpr std::int64_t ToMillis(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

// Microseconds since the Unix epoch. For wire fields (NTP, joined_at), never for deadlines.
struct WallMicros {
  std::int64_t value = 0;
  auto operator<=>(const WallMicros&) const = default;
};

// RFC 5905 64-bit NTP timestamp: seconds since 1900 in the upper half, fraction in the lower.
constexpr std::uint64_t ToNtp(WallMicros wall) {
  constexpr std::int64_t kUnixToNtpSeconds = 2'208'988'800;
  const std::uint64_t seconds =
      static_cast<std::uint64_t>(wall.value / 1'000'000 + kUnixToNtpSeconds);
  const std::uint64_t micros = static_cast<std::uint64_t>(wall.value % 1'000'000);
  return (seconds << 32) | ((micros << 32) / 1'000'000);
}

}  // namespace fovea
