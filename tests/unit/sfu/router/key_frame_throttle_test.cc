#include "sfu/router/key_frame_throttle.h"

#include <gtest/gtest.h>

#include "tests/unit/sfu/router/packets.h"

namespace fovea::router {
namespace {

using Cause = KeyFrameThrottle::Cause;

class Throttle : public ::testing::Test {
 protected:
  bool Asks(int ms, std::uint8_t layer = 0) {
    bool asks = false;
    for (const std::uint8_t asked : throttle.Collect(At(Millis(ms)))) asks |= asked == layer;
    return asks;
  }
  // How often the publisher is asked, polling every 10 ms.
  int CountAsked(int from_ms, int to_ms, std::uint8_t layer = 0) {
    int count = 0;
    for (int ms = from_ms; ms < to_ms; ms += 10) count += Asks(ms, layer) ? 1 : 0;
    return count;
  }
  KeyFrameThrottle throttle;
};

TEST_F(Throttle, NobodyAskingMeansNothingToDo) {
  EXPECT_FALSE(Asks(0));
  EXPECT_EQ(throttle.NextDeadline().at, kNever);
}

TEST_F(Throttle, TheFirstRequestGoesOutAtOnceForItsLayerOnly) {
  throttle.Request(At(Millis(0)), 1, Cause::kStart);
  EXPECT_TRUE(throttle.NextDeadline().IsDue(At(Millis(0))));
  EXPECT_FALSE(Asks(0, 0));
  throttle.Request(At(Millis(0)), 2, Cause::kRepair);
  EXPECT_TRUE(Asks(1, 2));
}

TEST_F(Throttle, RequestsThatComeTogetherAreOne) {
  for (int i = 0; i < 50; ++i) throttle.Request(At(Millis(i)), 0, Cause::kStart);
  EXPECT_EQ(CountAsked(50, 240), 1);
}

TEST_F(Throttle, RepeatsUntilTheKeyFrameArrives) {
  throttle.Request(At(Millis(0)), 0, Cause::kRepair);
  EXPECT_TRUE(Asks(0));
  EXPECT_EQ(throttle.NextDeadline().at, At(Millis(500)));
  EXPECT_EQ(throttle.NextDeadline().why, WakeReason::kKeyFrameRetry);
  EXPECT_FALSE(Asks(499));
  EXPECT_TRUE(Asks(500));
  throttle.OnKeyFrame(0);
  EXPECT_EQ(CountAsked(500, 20000), 0);
}

TEST_F(Throttle, HigherLayersAreAskedLessOften) {
  throttle.Request(At(Millis(0)), 2, Cause::kRepair);
  EXPECT_TRUE(Asks(0, 2));
  EXPECT_FALSE(Asks(999, 2));
  EXPECT_TRUE(Asks(1000, 2));
}

TEST_F(Throttle, APublisherThatDoesNotAnswerIsAskedEverMoreSlowly) {
  throttle.Request(At(Millis(0)), 0, Cause::kRepair);
  EXPECT_EQ(CountAsked(0, 4000), 4);       // at 0, 500, 1500, 3500
  EXPECT_EQ(CountAsked(10000, 30000), 5);  // every 4 s
}

TEST_F(Throttle, LossIsSpacedEvenAfterAKeyFrame) {
  throttle.Request(At(Millis(0)), 1, Cause::kRepair);
  EXPECT_TRUE(Asks(0, 1));
  throttle.OnKeyFrame(1);
  throttle.Request(At(Millis(100)), 1, Cause::kRepair);
  EXPECT_EQ(CountAsked(100, 1000, 1), 0);
  EXPECT_TRUE(Asks(1000, 1));
}

TEST_F(Throttle, ANewViewerDoesNotWaitForThatLong) {
  throttle.Request(At(Millis(0)), 1, Cause::kRepair);
  EXPECT_TRUE(Asks(0, 1));
  throttle.OnKeyFrame(1);
  throttle.Request(At(Millis(100)), 1, Cause::kStart);
  EXPECT_FALSE(Asks(199, 1));
  EXPECT_TRUE(Asks(200, 1));
}

TEST_F(Throttle, ANewViewerRevivesARequestThatHadSlowedDown) {
  throttle.Request(At(Millis(0)), 0, Cause::kRepair);
  (void)CountAsked(0, 8000);
  throttle.Request(At(Millis(9000)), 0, Cause::kStart);
  EXPECT_TRUE(Asks(9000));
}

TEST_F(Throttle, NobodyWaitingAnyMoreEndsIt) {
  throttle.Request(At(Millis(0)), 0, Cause::kStart);
  throttle.Cancel(0);
  EXPECT_EQ(CountAsked(0, 5000), 0);
}

TEST_F(Throttle, TheIntervalsAreTheOperators) {
  throttle = KeyFrameThrottle({Millis(250), Seconds(10), Millis(10)});
  for (std::uint8_t layer = 0; layer < 3; ++layer) {
    throttle.Request(At(Millis(0)), layer, Cause::kRepair);
    EXPECT_TRUE(Asks(0, layer));
  }
  EXPECT_FALSE(Asks(199, 2));
  EXPECT_TRUE(Asks(200, 2)) << "never closer than that";
  EXPECT_FALSE(Asks(249, 0));
  EXPECT_TRUE(Asks(250, 0));
  EXPECT_FALSE(Asks(9999, 1)) << "longer than repeats are spaced otherwise";
  EXPECT_TRUE(Asks(10000, 1));
  EXPECT_TRUE(Asks(20000, 1));
}

TEST_F(Throttle, AStormOfLossCostsAtMostTwoKeyFramesASecond) {
  int asked = 0;
  for (int ms = 0; ms < 10000; ms += 10) {
    throttle.Request(At(Millis(ms)), 0, Cause::kRepair);
    if (Asks(ms)) {
      ++asked;
      throttle.OnKeyFrame(0);
    }
  }
  EXPECT_EQ(asked, 20);
}

}  // namespace
}  // namespace fovea::router
