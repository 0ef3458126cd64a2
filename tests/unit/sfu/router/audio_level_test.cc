#include "sfu/router/audio_level.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/sfu/router/packets.h"

namespace fovea::router {
namespace {

class Speaker : public ::testing::Test {
 protected:
  // Packets of 20 ms at one level.
  void Say(std::uint8_t dbov, int packets) {
    for (int i = 0; i < packets; ++i) {
      level.Observe(At(now), dbov);
      now += Millis(20);
    }
  }
  ActiveSpeakerLevel level;
  Duration now{};
};

TEST_F(Speaker, IsSilentBeforeTheFirstWindowEnds) {
  Say(10, 19);
  EXPECT_EQ(level.Level(At(now)), 0);
  Say(10, 1);
  EXPECT_TRUE(level.IsActive(At(now)));
}

TEST_F(Speaker, ALoudOneApproachesTheTop) {
  Say(0, 200);
  EXPECT_FLOAT_EQ(level.Level(At(now)), 1.0F);
}

TEST_F(Speaker, TheLevelIsLinearAndInEighthsRoundedUp) {
  Say(20, 400);  // -20 dBov is 0.1
  EXPECT_FLOAT_EQ(level.Level(At(now)), 0.125F);
  const float eighths = level.Level(At(now)) * 8;
  EXPECT_EQ(eighths, std::floor(eighths));
}

TEST_F(Speaker, QuietAudioIsNoSpeech) {
  Say(36, 100);
  EXPECT_FALSE(level.IsActive(At(now)));
}

TEST_F(Speaker, FortyPercentOfAWindowMakeItActive) {
  Say(10, 8);
  Say(127, 12);
  EXPECT_TRUE(level.IsActive(At(now)));
  ActiveSpeakerLevel other;
  level = other;
  Say(10, 7);
  Say(127, 13);
  EXPECT_FALSE(level.IsActive(At(now)));
}

TEST_F(Speaker, FadesToZeroAfterwards) {
  Say(5, 100);
  Say(127, 20);
  EXPECT_TRUE(level.IsActive(At(now))) << "smoothed over two windows";
  Say(127, 200);
  EXPECT_EQ(level.Level(At(now)), 0);
}

TEST_F(Speaker, WhatCountsAsSpeakingIsTheOperators) {
  level = ActiveSpeakerLevel({.active_dbov = 60, .active_percent = 10, .smooth_windows = 1});
  Say(60, 2);
  Say(127, 18);
  EXPECT_TRUE(level.IsActive(At(now)));
  Say(127, 20);
  EXPECT_FALSE(level.IsActive(At(now))) << "not smoothed";
  now += Seconds(2);  // begins anew, with the same figures
  Say(60, 2);
  Say(127, 18);
  EXPECT_TRUE(level.IsActive(At(now)));
  Say(61, 20);
  EXPECT_FALSE(level.IsActive(At(now)));
}

TEST_F(Speaker, MoreWindowsMakeItCalmer) {
  level = ActiveSpeakerLevel({.smooth_windows = 20});
  Say(0, 20);
  EXPECT_LT(level.Level(At(now)), 0.2F);
  Say(0, 2000);
  EXPECT_FLOAT_EQ(level.Level(At(now)), 1.0F);
}

TEST_F(Speaker, SilenceIsNoSpeechWhateverIsSet) {
  level = ActiveSpeakerLevel({.active_dbov = 35, .active_percent = 0});
  Say(127, 100);
  EXPECT_EQ(level.Level(At(now)), 0);
}

TEST_F(Speaker, WhoSendsNothingIsSilent) {
  Say(5, 100);
  EXPECT_TRUE(level.IsActive(At(now)));
  EXPECT_FALSE(level.IsActive(At(now + Seconds(1))));
  now += Seconds(1);
  Say(5, 10);
  EXPECT_FALSE(level.IsActive(At(now))) << "and begins anew";
}

TEST_F(Speaker, AnAbsurdDurationCountsAsTheLongestPacket) {
  level.Observe(At(now), 0, Seconds(100));
  EXPECT_FALSE(level.IsActive(At(now)));
  level.Observe(At(now), 0, Seconds(-100));
  EXPECT_FALSE(level.IsActive(At(now)));
}

}  // namespace
}  // namespace fovea::router
