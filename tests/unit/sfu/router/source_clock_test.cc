#include "sfu/router/source_clock.h"

#include <gtest/gtest.h>

namespace fovea::router {
namespace {

constexpr WallMicros kNoon{1'700'000'000'123'456};

TEST(SourceClock, NtpGoesBothWays) {
  EXPECT_EQ(FromNtp(ToNtp(kNoon)), kNoon);
  EXPECT_EQ(FromNtp(0).value, -2'208'988'800'000'000);
  EXPECT_EQ(FromNtp(~std::uint64_t{0}).value, 2'085'978'496'000'000) << "2036, rounded up";
}

TEST(SourceClock, KnowsNothingBeforeTheFirstReport) {
  SourceClock clock(90000);
  EXPECT_FALSE(clock.CapturedAt(RtpTimestamp{1}));
  clock.OnSenderReport(0, RtpTimestamp{1});
  EXPECT_FALSE(clock.CapturedAt(RtpTimestamp{1}));
}

TEST(SourceClock, CountsFromTheLastReportInBothDirectionsAndAcrossTheWrap) {
  SourceClock clock(90000);
  clock.OnSenderReport(ToNtp(kNoon), RtpTimestamp{0xffffff00});
  EXPECT_EQ(clock.CapturedAt(RtpTimestamp{0xffffff00}), kNoon);
  EXPECT_EQ(clock.CapturedAt(RtpTimestamp{0xffffff00U + 90000U})->value, kNoon.value + 1'000'000);
  EXPECT_EQ(clock.CapturedAt(RtpTimestamp{0xffffff00U - 9000U})->value, kNoon.value - 100'000);
  clock.OnSenderReport(ToNtp(WallMicros{kNoon.value + 5}), RtpTimestamp{0});
  EXPECT_EQ(clock.CapturedAt(RtpTimestamp{0})->value, kNoon.value + 5);
}

TEST(SourceClock, AnUnknownClockRateYieldsNothing) {
  SourceClock clock(0);
  clock.OnSenderReport(ToNtp(kNoon), RtpTimestamp{0});
  EXPECT_FALSE(clock.CapturedAt(RtpTimestamp{0}));
}

}  // namespace
}  // namespace fovea::router
