#include "signaling/app/rate_limiter.h"

#include <algorithm>

#include "sfu/core/limits.h"

namespace fovea::app {

Duration RateLimiter::Take(Instant now, const NetAddress& who) {
  if (per_second_ == 0) return Duration::zero();
  NetAddress key = who;
  key.port = 0;
  if (!key.is_v4()) std::fill(key.ip.begin() + 8, key.ip.end(), std::uint8_t{0});
  if (buckets_.size() >= limits::kRateLimitedAddressesMax && !buckets_.contains(key)) MakeRoom(now);
  const Duration each = Seconds(1) / per_second_;
  Bucket& bucket = buckets_.try_emplace(key, Bucket{now}).first->second;
  const Instant full_at = std::max(bucket.full_at, now) + each;
  const Duration over = full_at - now - each * burst_;
  if (over > Duration::zero()) return over;
  bucket.full_at = full_at;
  return Duration::zero();
}

void RateLimiter::MakeRoom(Instant now) {
  std::erase_if(buckets_, [now](const auto& entry) { return entry.second.full_at <= now; });
  if (buckets_.size() >= limits::kRateLimitedAddressesMax) buckets_.clear();
}

}  // namespace fovea::app
