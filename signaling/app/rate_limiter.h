// Token buckets by address: so many a second, so many at once. Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "sfu/core/net_address.h"
#include "sfu/core/time.h"

namespace fovea::app {

// IPv6 addresses count by their /64: whoever has one address there has them all.
// Limit: kRateLimitedAddressesMax addresses. Beyond, those that would be full again are forgotten,
// and if there are none everything is: letting a flood through for a moment beats refusing
// everybody.
class RateLimiter {
 public:
  // `per_second` 0: no limit.
  RateLimiter(std::uint32_t per_second, std::uint32_t burst)
      : per_second_(per_second), burst_(burst) {}

  // How long to wait; zero: go ahead, and it is counted.
  [[nodiscard]] Duration Take(Instant now, const NetAddress& who);
  [[nodiscard]] std::size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    Instant full_at;  // when all that was taken has flown back
  };
  void MakeRoom(Instant now);

  const std::uint32_t per_second_;
  const std::uint32_t burst_;
  std::unordered_map<NetAddress, Bucket> buckets_;
};

}  // namespace fovea::app
