#include "sfu/rtp/nack_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/core/rng.h"

namespace fovea::rtp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Verdict = NackTracker::Verdict;

constexpr std::int64_t kFirst = 65536 + 65530;  // close to a wrap of the wire number

class NackTrackerTest : public ::testing::Test {
 protected:
  static Instant At(std::int64_t ms) { return Instant{Millis(1000 + ms)}; }
  Verdict Arrive(std::int64_t ms, std::int64_t offset) {
    const Verdict verdict = tracker_.OnPacket(At(ms), ExtSeq{kFirst + offset});
    EXPECT_TRUE(tracker_.IsConsistent());
    return verdict;
  }
  // What is asked for at `ms`, as offsets.
  std::vector<std::int64_t> Ask(std::int64_t ms) {
    NackTracker::Requests out;
    given_up_ += tracker_.CollectRequests(At(ms), rtt_, out);
    EXPECT_TRUE(tracker_.IsConsistent());
    std::vector<std::int64_t> offsets;
    for (const ExtSeq seq : out) offsets.push_back(seq.value() - kFirst);
    return offsets;
  }

  NackTracker tracker_;
  Duration rtt_ = Millis(50);
  int given_up_ = 0;
};

TEST_F(NackTrackerTest, AsksForNothingWhileNothingIsMissing) {
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(Arrive(i, i), Verdict::kNew);
  EXPECT_THAT(Ask(2000), IsEmpty());
  EXPECT_EQ(tracker_.NextDeadline().at, kNever);
}

TEST_F(NackTrackerTest, WaitsForReorderingBeforeTheFirstRequest) {
  EXPECT_EQ(Arrive(0, 0), Verdict::kNew);
  EXPECT_EQ(Arrive(1, 3), Verdict::kNew);
  EXPECT_EQ(tracker_.NextDeadline().at, At(11));
  EXPECT_EQ(tracker_.NextDeadline().why, WakeReason::kNack);
  EXPECT_THAT(Ask(10), IsEmpty());
  EXPECT_THAT(Ask(11), ElementsAre(1, 2));
}

TEST_F(NackTrackerTest, APacketThatIsOnlyReorderedIsNeverAskedFor) {
  (void)Arrive(0, 0);
  (void)Arrive(1, 2);
  EXPECT_EQ(Arrive(3, 1), Verdict::kRecovered);
  EXPECT_EQ(tracker_.NextDeadline().at, kNever);
  EXPECT_THAT(Ask(100), IsEmpty());
}

TEST_F(NackTrackerTest, AsksAgainAfterAGrowingMultipleOfTheRoundTrip) {
  (void)Arrive(0, 0);
  (void)Arrive(0, 2);
  EXPECT_THAT(Ask(10), ElementsAre(1));
  EXPECT_EQ(tracker_.NextDeadline().at, At(10) + Micros(62'500));
  EXPECT_THAT(Ask(72), IsEmpty());
  EXPECT_THAT(Ask(73), ElementsAre(1));
  EXPECT_EQ(tracker_.NextDeadline().at, At(73) + Micros(78'125));
}

TEST_F(NackTrackerTest, NeverAsksFasterThanTheMinimumNorSlowerThanTheMaximum) {
  (void)Arrive(0, 0);
  (void)Arrive(0, 2);
  rtt_ = Micros(1);
  EXPECT_THAT(Ask(10), ElementsAre(1));
  EXPECT_EQ(tracker_.NextDeadline().at, At(30));
  rtt_ = Seconds(5);
  EXPECT_THAT(Ask(30), ElementsAre(1));
  EXPECT_EQ(tracker_.NextDeadline().at, At(430));
}

TEST_F(NackTrackerTest, StopsAskingAfterTenRequests) {
  (void)Arrive(0, 0);
  (void)Arrive(0, 2);
  int requests = 0;
  for (int wakes = 0; tracker_.missing() > 0 && wakes < 50; ++wakes) {
    const std::int64_t ms = ToMillis(tracker_.NextDeadline().at - At(0)) + 1;
    requests += static_cast<int>(Ask(ms).size());
  }
  EXPECT_EQ(requests, 10);
  EXPECT_EQ(given_up_, 1);
  EXPECT_EQ(tracker_.given_up_total(), 1U);
  EXPECT_EQ(tracker_.NextDeadline().at, kNever);
}

TEST_F(NackTrackerTest, ARetransmissionThatArrivesAfterGivingUpIsStillRecovered) {
  (void)Arrive(0, 0);
  (void)Arrive(0, 2);
  for (int ms = 0; ms < 8000; ms += 100) (void)Ask(ms);
  ASSERT_EQ(given_up_, 1);
  EXPECT_EQ(Arrive(9000, 1), Verdict::kRecovered);
  EXPECT_EQ(Arrive(9000, 1), Verdict::kDuplicate);
}

TEST_F(NackTrackerTest, TellsDuplicatesFromRecoveredPackets) {
  (void)Arrive(0, 0);
  (void)Arrive(0, 2);
  EXPECT_EQ(Arrive(0, 2), Verdict::kDuplicate);
  EXPECT_EQ(Arrive(0, 0), Verdict::kDuplicate);
  EXPECT_EQ(Arrive(0, 1), Verdict::kRecovered);
  EXPECT_EQ(Arrive(0, 1), Verdict::kDuplicate);
  EXPECT_EQ(Arrive(0, -1), Verdict::kRecovered);  // sent before the first one that arrived
  EXPECT_EQ(Arrive(0, -600), Verdict::kTooOld);
}

TEST_F(NackTrackerTest, AGapWiderThanItCanRememberForgetsEverythingOlder) {
  (void)Arrive(0, 0);
  (void)Arrive(0, 2);
  EXPECT_EQ(Arrive(1, 2 + limits::kNackMissingMax + 2), Verdict::kLost);
  EXPECT_EQ(tracker_.missing(), 0U);
  EXPECT_EQ(tracker_.given_up_total(), 1U + limits::kNackMissingMax + 1);
  EXPECT_THAT(Ask(1000), IsEmpty());
}

TEST_F(NackTrackerTest, TheWidestGapItCanRememberIsAskedForInFull) {
  (void)Arrive(0, 0);
  EXPECT_EQ(Arrive(0, 1 + limits::kNackMissingMax), Verdict::kNew);
  EXPECT_EQ(Ask(10).size(), static_cast<std::size_t>(limits::kNackMissingMax));
}

TEST_F(NackTrackerTest, AFullListGivesUpTheOldestAndSaysSo) {
  (void)Arrive(0, 0);
  EXPECT_EQ(Arrive(0, 1 + limits::kNackMissingMax), Verdict::kNew);
  EXPECT_EQ(Arrive(0, 3 + limits::kNackMissingMax), Verdict::kLost);
  EXPECT_EQ(Ask(10).front(), 2);
}

TEST_F(NackTrackerTest, WhatLeavesTheWindowIsGivenUp) {
  (void)Arrive(0, 0);
  (void)Arrive(0, 2);
  for (int i = 3; i <= NackTracker::kWindow; ++i) EXPECT_EQ(Arrive(0, i), Verdict::kNew);
  EXPECT_EQ(tracker_.missing(), 1U);
  EXPECT_EQ(Arrive(0, NackTracker::kWindow + 1), Verdict::kLost);
  EXPECT_EQ(tracker_.missing(), 0U);
  EXPECT_EQ(Arrive(0, 1), Verdict::kTooOld);
}

TEST_F(NackTrackerTest, StartsOverWhenThePublisherRestartsItsNumbering) {
  (void)Arrive(0, 0);
  for (int i = 0; i < NackTracker::kRestartAfter - 1; ++i) {
    EXPECT_EQ(Arrive(0, -5000 + i), Verdict::kTooOld);
  }
  EXPECT_EQ(Arrive(0, -5000 + NackTracker::kRestartAfter - 1), Verdict::kLost);
  EXPECT_EQ(Arrive(0, -5000 + NackTracker::kRestartAfter), Verdict::kNew);
}

TEST_F(NackTrackerTest, ScatteredStragglersDoNotRestartIt) {
  (void)Arrive(0, 0);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Arrive(0, -5000 - 3 * i), Verdict::kTooOld);
  EXPECT_EQ(Arrive(0, 1), Verdict::kNew);
}

TEST_F(NackTrackerTest, AFullOutputLeavesTheRestDue) {
  (void)Arrive(0, 0);
  (void)Arrive(0, 4);
  NackTracker::Requests out;
  while (out.size() < NackTracker::Requests::kCapacity - 1) out.Push(ExtSeq{0});
  EXPECT_EQ(tracker_.CollectRequests(At(10), rtt_, out), 0);
  EXPECT_TRUE(out.full());
  EXPECT_THAT(Ask(10), ElementsAre(2, 3));
}

TEST_F(NackTrackerTest, EverythingLostIsRecoveredOrGivenUpUnderRandomLoss) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed);
    NackTracker tracker;
    std::set<std::int64_t> arrived;
    std::set<std::int64_t> answers;
    std::uint64_t lost = 0;
    for (int i = 0; i < 3000; ++i) {
      const Instant now = At(2 * i);
      for (const std::int64_t seq : answers) {
        const Verdict verdict = tracker.OnPacket(now, ExtSeq{seq});
        EXPECT_EQ(verdict == Verdict::kRecovered,
                  arrived.insert(seq).second && verdict != Verdict::kTooOld);
      }
      answers.clear();
      // The last packets all arrive, so that no loss is left unseen.
      if (i == 0 || i > 2990 || rng.Below(100) >= 10) {
        EXPECT_NE(tracker.OnPacket(now, ExtSeq{kFirst + i}), Verdict::kDuplicate);
        arrived.insert(kFirst + i);
      } else {
        ++lost;
      }
      NackTracker::Requests out;
      (void)tracker.CollectRequests(now, Millis(30), out);
      for (const ExtSeq seq : out) {
        EXPECT_FALSE(arrived.contains(seq.value()));
        if (rng.Below(100) >= 10) answers.insert(seq.value());
      }
      ASSERT_TRUE(tracker.IsConsistent()) << seed;
    }
    EXPECT_EQ(tracker.recovered_total() + tracker.given_up_total() + tracker.missing(), lost);
  }
}

}  // namespace
}  // namespace fovea::rtp
