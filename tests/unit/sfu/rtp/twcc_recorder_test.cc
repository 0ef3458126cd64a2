#include "sfu/rtp/twcc_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "sfu/core/rng.h"

namespace fovea::rtp {
namespace {

struct Feedback {
  std::uint16_t base = 0;
  std::string statuses;  // 'x' received, '.' not
  int count = 0;         // the reporter's running number
};

class TwccRecorderTest : public ::testing::Test {
 protected:
  static Instant At(std::int64_t ms) { return Instant{Seconds(100) + Millis(ms)}; }
  void Arrive(std::int64_t ms, int seq, bool marker = false) {
    recorder_.OnPacket(At(ms), static_cast<std::uint16_t>(seq), marker);
    EXPECT_TRUE(recorder_.IsConsistent());
  }
  std::optional<Feedback> Build(std::int64_t ms) {
    std::array<std::uint8_t, kTransportFeedbackBytesMax> bytes{};
    ByteWriter writer(bytes);
    if (!recorder_.MaybeBuildFeedback(At(ms), Ssrc{1}, Ssrc{2}, writer)) return std::nullopt;
    EXPECT_TRUE(recorder_.IsConsistent());
    RtcpReader reader(writer.written());
    const auto parsed = TransportFeedback::Parse(reader.Next().value_or(RtcpPacket{}));
    EXPECT_TRUE(parsed.has_value());
    if (!parsed.has_value()) return std::nullopt;
    Feedback feedback{.base = parsed->base_seq, .statuses = {}, .count = parsed->feedback_count};
    parsed->ForEach([&feedback](const TwccStatus& status) {
      feedback.statuses += status.received ? 'x' : '.';
    });
    return feedback;
  }

  TwccRecorder recorder_;
};

TEST_F(TwccRecorderTest, IsSilentWithoutPackets) {
  EXPECT_EQ(recorder_.NextDeadline().at, kNever);
  EXPECT_FALSE(Build(1000).has_value());
}

TEST_F(TwccRecorderTest, ReportsAHundredMillisecondsAfterTheFirstPacket) {
  Arrive(0, 10);
  Arrive(20, 11);
  EXPECT_EQ(recorder_.NextDeadline().at, At(100));
  EXPECT_EQ(recorder_.NextDeadline().why, WakeReason::kTwccFeedback);
  EXPECT_FALSE(Build(99).has_value());
  const std::optional<Feedback> feedback = Build(100);
  ASSERT_TRUE(feedback.has_value());
  EXPECT_EQ(feedback->base, 10);
  EXPECT_EQ(feedback->statuses, "xx");
  EXPECT_EQ(recorder_.NextDeadline().at, kNever);
}

TEST_F(TwccRecorderTest, ReportsSoonerWhenAFrameHasEnded) {
  Arrive(0, 10);
  Arrive(20, 11, true);
  EXPECT_EQ(recorder_.NextDeadline().at, At(50));
  EXPECT_TRUE(Build(50).has_value());
  Arrive(60, 12);
  EXPECT_EQ(recorder_.NextDeadline().at, At(160));
}

TEST_F(TwccRecorderTest, ReportsLossesWithinAndBetweenFeedbacks) {
  Arrive(0, 65534);
  Arrive(1, 0);
  EXPECT_EQ(Build(100)->statuses, "x.x");
  Arrive(101, 3);
  const std::optional<Feedback> second = Build(300);
  EXPECT_EQ(second->base, 1);
  EXPECT_EQ(second->statuses, "..x");
  EXPECT_EQ(second->count, 1);
}

TEST_F(TwccRecorderTest, AStragglerIsReportedWithoutCallingItsSuccessorsLost) {
  Arrive(0, 1);
  Arrive(1, 3);
  Arrive(1, 4);
  EXPECT_EQ(Build(100)->statuses, "x.xx");
  Arrive(110, 2);
  const std::optional<Feedback> second = Build(300);
  EXPECT_EQ(second->base, 2);
  EXPECT_EQ(second->statuses, "xxx");
}

TEST_F(TwccRecorderTest, AStragglerOlderThanTheFirstPacketIsReportedToo) {
  Arrive(0, 5);
  Arrive(1, 4);
  const std::optional<Feedback> feedback = Build(100);
  EXPECT_EQ(feedback->base, 4);
  EXPECT_EQ(feedback->statuses, "xx");
}

TEST_F(TwccRecorderTest, DuplicatesAreIgnored) {
  Arrive(0, 1);
  EXPECT_TRUE(Build(100).has_value());
  Arrive(101, 1);
  EXPECT_EQ(recorder_.NextDeadline().at, kNever);
  EXPECT_EQ(recorder_.ignored_total(), 1U);
}

TEST_F(TwccRecorderTest, FlushesBeforeTheWindowOverflows) {
  for (int i = 0; i <= TwccRecorder::kFlushAt; ++i) Arrive(0, i);
  EXPECT_EQ(recorder_.NextDeadline().at, At(0));
  std::size_t reported = 0;
  while (const std::optional<Feedback> feedback = Build(0)) {
    EXPECT_EQ(feedback->base, reported);
    reported += feedback->statuses.size();
  }
  EXPECT_EQ(reported, static_cast<std::size_t>(TwccRecorder::kFlushAt) + 1);
}

TEST_F(TwccRecorderTest, AJumpBeyondTheWindowReportsTheGapAndNotTheForgotten) {
  Arrive(0, 1);
  Arrive(1, 2);
  Arrive(2, 1002);
  const std::optional<Feedback> feedback = Build(200);
  ASSERT_TRUE(feedback.has_value());
  EXPECT_EQ(feedback->base, 3);
  EXPECT_EQ(feedback->statuses, std::string(999, '.') + "x");
}

TEST_F(TwccRecorderTest, StartsOverWhenTheNumberingRestarts) {
  Arrive(0, 30000);
  EXPECT_TRUE(Build(100).has_value());
  for (int i = 0; i < TwccRecorder::kRestartAfter - 1; ++i) Arrive(200, 100 + i);
  EXPECT_EQ(recorder_.NextDeadline().at, kNever);
  Arrive(201, 100 + TwccRecorder::kRestartAfter);
  const std::optional<Feedback> feedback = Build(400);
  ASSERT_TRUE(feedback.has_value());
  EXPECT_EQ(feedback->base, 100 + TwccRecorder::kRestartAfter);
  EXPECT_EQ(feedback->statuses, "x");
}

TEST_F(TwccRecorderTest, AFeedbackWithoutRoomStaysDue) {
  Arrive(0, 1);
  std::array<std::uint8_t, 10> tight{};
  ByteWriter writer(tight);
  EXPECT_FALSE(recorder_.MaybeBuildFeedback(At(100), Ssrc{1}, Ssrc{2}, writer));
  EXPECT_EQ(writer.size(), 0U);
  EXPECT_TRUE(Build(100).has_value());
}

TEST_F(TwccRecorderTest, EveryNumberIsReportedAsItHappenedUnderLossAndReordering) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Rng rng(seed);
    recorder_ = TwccRecorder();
    std::vector<int> order;
    for (int i = 0; i < 2000; ++i) order.push_back(i);
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (rng.Below(5) == 0) std::swap(order[i], order[i - 1]);
    }
    std::string sent(2000, '.');
    std::string told(2000, '?');
    for (std::size_t i = 0; i < order.size(); ++i) {
      const bool last = i + 10 > order.size();
      if (i != 0 && !last && rng.Below(10) == 0) continue;
      const auto ms = static_cast<std::int64_t>(i);
      Arrive(ms, order[i] + 65000, rng.Below(8) == 0);
      sent[static_cast<std::size_t>(order[i])] = 'x';
      while (const std::optional<Feedback> feedback = Build(i + 1 == order.size() ? 9999 : ms)) {
        for (std::size_t k = 0; k < feedback->statuses.size(); ++k) {
          const auto at =
              static_cast<std::size_t>(static_cast<std::uint16_t>(feedback->base + k - 65000));
          ASSERT_LT(at, told.size());
          EXPECT_FALSE(told[at] == 'x' && feedback->statuses[k] == '.');
          told[at] = feedback->statuses[k];
        }
      }
    }
    // Numbers before the first arrival are nobody's loss.
    for (char& status : told) {
      if (status == '?') status = '.';
    }
    EXPECT_EQ(told, sent) << seed;
  }
}

}  // namespace
}  // namespace fovea::rtp
