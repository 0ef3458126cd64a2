#include "signaling/app/rate_limiter.h"
#include "sfu/core/limits.h"

#include <gmock/gmock.h>

namespace fovea::app {
namespace {

constexpr Instant kStart = Instant(Seconds(1000));
NetAddress Address(std::string_view ip) { return NetAddress::Parse(ip, 1234).value(); }

TEST(RateLimiter, LetsTheBurstThroughAndThenTheRate) {
  RateLimiter limiter(10, 30);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(limiter.Take(kStart, Address("192.0.2.1")), Duration(0));
  EXPECT_EQ(limiter.Take(kStart, Address("192.0.2.1")), Millis(100));
  EXPECT_EQ(limiter.Take(kStart + Millis(50), Address("192.0.2.1")), Millis(50));
  EXPECT_EQ(limiter.Take(kStart + Millis(100), Address("192.0.2.1")), Duration(0));
  EXPECT_NE(limiter.Take(kStart + Millis(100), Address("192.0.2.1")), Duration(0));
}

TEST(RateLimiter, CountsEveryAddressForItself) {
  RateLimiter limiter(10, 1);
  EXPECT_EQ(limiter.Take(kStart, Address("192.0.2.1")), Duration(0));
  EXPECT_EQ(limiter.Take(kStart, Address("192.0.2.2")), Duration(0));
  EXPECT_NE(limiter.Take(kStart, Address("192.0.2.1")), Duration(0));
}

TEST(RateLimiter, CountsAnIpv6NetworkAsOne) {
  RateLimiter limiter(10, 1);
  EXPECT_EQ(limiter.Take(kStart, Address("2001:db8::1")), Duration(0));
  EXPECT_NE(limiter.Take(kStart, Address("2001:db8::2")), Duration(0));
  EXPECT_EQ(limiter.Take(kStart, Address("2001:db8:0:1::2")), Duration(0));
}

TEST(RateLimiter, MayBeOff) {
  RateLimiter limiter(0, 1);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limiter.Take(kStart, Address("192.0.2.1")), Duration(0));
  EXPECT_EQ(limiter.size(), 0U);
}

TEST(RateLimiter, ForgetsThoseWhoWereQuiet) {
  RateLimiter limiter(10, 1);
  for (std::uint32_t i = 0; i < limits::kRateLimitedAddressesMax; ++i) {
    EXPECT_EQ(limiter.Take(kStart, NetAddress::V4(i, 0)), Duration(0));
  }
  EXPECT_EQ(limiter.size(), limits::kRateLimitedAddressesMax);
  EXPECT_EQ(limiter.Take(kStart + Seconds(1), Address("192.0.2.1")), Duration(0));
  EXPECT_EQ(limiter.size(), 1U);
}

}  // namespace
}  // namespace fovea::app
