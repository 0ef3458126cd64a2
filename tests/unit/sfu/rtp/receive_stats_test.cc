#include "sfu/rtp/receive_stats.h"

#include <gtest/gtest.h>

#include "sfu/rtp/rtt.h"

namespace fovea::rtp {
namespace {

class ReceiveStatsTest : public ::testing::Test {
 protected:
  static Instant At(Duration d) { return Instant{Seconds(10) + d}; }
  void Arrive(std::int64_t ms, std::uint16_t seq, std::uint32_t ts) {
    stats_.OnPacket(At(Millis(ms)), unwrapper_.Unwrap(seq), RtpTimestamp{ts}, 100);
  }
  ReportBlock Report() { return stats_.MakeReportBlock(At(Seconds(1)), Ssrc{5}); }

  ReceiveStats stats_{90000};
  SeqUnwrapper unwrapper_;
};

TEST_F(ReceiveStatsTest, ReportsNothingBeforeTheFirstPacket) {
  EXPECT_EQ(Report(), ReportBlock{.source = Ssrc{5}});
}

TEST_F(ReceiveStatsTest, CountsLossSinceTheLastReportAndInAll) {
  for (const int seq : {1, 2, 4, 5}) Arrive(0, static_cast<std::uint16_t>(seq), 0);  // one of five
  ReportBlock block = Report();
  EXPECT_EQ(block.fraction_lost, 256 / 5);
  EXPECT_EQ(block.cumulative_lost, 1);
  EXPECT_EQ(block.extended_highest_seq, 5U);
  Arrive(0, 6, 0);
  block = Report();
  EXPECT_EQ(block.fraction_lost, 0);
  EXPECT_EQ(block.cumulative_lost, 1);
  EXPECT_EQ(stats_.packets_total(), 5U);
  EXPECT_EQ(stats_.bytes_total(), 500U);
}

TEST_F(ReceiveStatsTest, CountsCyclesInTheExtendedNumber) {
  Arrive(0, 65535, 0);
  Arrive(0, 0, 0);
  EXPECT_EQ(Report().extended_highest_seq, 0x10000U);
  EXPECT_EQ(stats_.cumulative_lost(), 0);
}

TEST_F(ReceiveStatsTest, DuplicatesMakeTheLossNegativeButNotTheFraction) {
  for (const int seq : {1, 2, 2, 2}) Arrive(0, static_cast<std::uint16_t>(seq), 0);
  const ReportBlock block = Report();
  EXPECT_EQ(block.fraction_lost, 0);
  EXPECT_EQ(block.cumulative_lost, -2);
}

TEST_F(ReceiveStatsTest, APacketFromBeforeTheFirstIsNotANegativeLoss) {
  Arrive(0, 5, 0);
  Arrive(0, 4, 0);
  EXPECT_EQ(stats_.cumulative_lost(), 0);
}

TEST_F(ReceiveStatsTest, TotalLossIsReportedAs255) {
  Arrive(0, 1, 0);
  (void)Report();
  Arrive(0, 30001, 0);
  EXPECT_EQ(Report().fraction_lost, 255);
}

TEST_F(ReceiveStatsTest, ASteadyStreamHasNoJitter) {
  for (std::uint16_t i = 0; i < 100; ++i) Arrive(20 * i, i, 1800U * i);
  EXPECT_EQ(stats_.jitter(), 0U);
}

TEST_F(ReceiveStatsTest, JitterConvergesToTheVariationOfTransitTimes) {
  // Every second packet 10 ms late: transit changes by 900 ticks each time.
  for (std::uint16_t i = 0; i < 500; ++i) Arrive(20 * i + (i % 2) * 10, i, 1800U * i);
  EXPECT_NEAR(stats_.jitter(), 900, 9);
  EXPECT_NEAR(static_cast<double>(ToMicros(stats_.JitterTime())), 10'000, 100);
}

TEST_F(ReceiveStatsTest, PacketsOfOneFrameDoNotCountAsJitter) {
  for (std::uint16_t i = 0; i < 90; ++i) Arrive(33 * (i / 3) + i % 3, i, 2970U * (i / 3U));
  EXPECT_EQ(stats_.jitter(), 0U);
}

TEST_F(ReceiveStatsTest, AJumpOfTheClockIsNotJitter) {
  Arrive(0, 1, 0);
  Arrive(20, 2, 90000U * 60);
  Arrive(30'000, 3, 90000U * 60 + 1800);
  EXPECT_EQ(stats_.jitter(), 0U);
}

TEST_F(ReceiveStatsTest, AnswersTheLastSenderReport) {
  SenderReport report;
  report.ntp = 0x1111222233334444;
  stats_.OnSenderReport(At(Millis(500)), report);
  const ReportBlock block = Report();
  EXPECT_EQ(block.last_sr, 0x22223333U);
  EXPECT_EQ(block.delay_since_last_sr, 0x8000U);
}

TEST_F(ReceiveStatsTest, RestartForgetsTheNumberingAndKeepsTheTotals) {
  Arrive(0, 1, 0);
  Arrive(0, 9, 0);
  stats_.Restart();
  EXPECT_EQ(stats_.cumulative_lost(), 0);
  Arrive(0, 3, 0);
  EXPECT_EQ(Report().extended_highest_seq, 3U);
  EXPECT_EQ(stats_.packets_total(), 3U);
}

TEST(Rtt, IsWhatTheReportLeavesOver) {
  // RFC 3550 figure 2: 0xb710.8000 - 0x0005.4000 - 0xb705.2000 = 6.125 s.
  const std::uint64_t now = 0x0000'b710'8000'0000;
  EXPECT_EQ(RttFromReport(now, 0xb705'2000, 0x0005'4000), Millis(6125));
}

TEST(Rtt, NothingIsKnownBeforeAReport) { EXPECT_EQ(RttFromReport(1, 0, 0), std::nullopt); }

TEST(Rtt, ALittleBelowZeroIsAVeryShortPathAndMuchIsALie) {
  const std::uint64_t now = 0x0000'0002'0000'0000;
  EXPECT_EQ(RttFromReport(now, 0x0001'8000, 0x0000'8001), FromCompactNtp(1));
  EXPECT_EQ(RttFromReport(now, 0x0001'8000, 0x0001'8001), std::nullopt);
  EXPECT_EQ(RttFromReport(std::uint64_t{100} << 32, 0x0001'0000, 0), std::nullopt);
}

TEST(Rtt, SurvivesTheWrapOfCompactTime) {
  EXPECT_EQ(RttFromReport(std::uint64_t{0x10000} << 32, 0xffff'8000, 0), Millis(500));
}

TEST(Rtt, CompactDurationsRoundTripAndSaturate) {
  EXPECT_EQ(ToCompactNtp(Seconds(1)), 0x10000U);
  EXPECT_EQ(FromCompactNtp(0x10000), Seconds(1));
  EXPECT_EQ(ToCompactNtp(Seconds(-1)), 0U);
  EXPECT_EQ(ToCompactNtp(Seconds(1'000'000)), 0xffff'ffffU);
}

TEST(RttEstimator, StartsAtTheFirstSampleAndFollowsSlowly) {
  RttEstimator estimator;
  EXPECT_EQ(estimator.value(), RttEstimator::kDefault);
  estimator.OnSample(Millis(40));
  EXPECT_EQ(estimator.value(), Millis(40));
  estimator.OnSample(Millis(120));
  EXPECT_EQ(estimator.value(), Millis(50));
}

}  // namespace
}  // namespace fovea::rtp
