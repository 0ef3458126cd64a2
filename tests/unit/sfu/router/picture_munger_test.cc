#include "sfu/router/picture_munger.h"

#include <gtest/gtest.h>

#include <map>

#include "sfu/core/rng.h"

namespace fovea::router {
namespace {

rtp::FrameInfo Frame(std::uint16_t id, std::uint8_t tl0 = 0, std::uint8_t temporal = 0) {
  rtp::FrameInfo frame;
  frame.picture_id_bits = 15;
  frame.has_tl0_pic_idx = true;
  frame.ids = {static_cast<std::uint16_t>(id & 0x7fff), tl0, 0};
  frame.temporal = temporal;
  return frame;
}

TEST(PictureMunger, TheFirstRunKeepsTheSourcesIds) {
  PictureMunger munger(PictureMunger::Gaps::kClose);
  EXPECT_EQ(munger.Forward(0, Frame(500, 7), true), (rtp::PictureIds{500, 7, 0}));
  EXPECT_EQ(munger.Forward(0, Frame(500, 7), false), (rtp::PictureIds{500, 7, 0}));
  EXPECT_EQ(munger.Forward(0, Frame(501, 8), false), (rtp::PictureIds{501, 8, 0}));
}

TEST(PictureMunger, PacketsWithoutIdsHaveNone) {
  PictureMunger munger(PictureMunger::Gaps::kClose);
  EXPECT_FALSE(munger.Forward(0, rtp::FrameInfo{}, true));
}

TEST(PictureMunger, ANewRunContinuesAllThreeCounters) {
  PictureMunger munger(PictureMunger::Gaps::kClose);
  rtp::FrameInfo first = Frame(0x7fff, 255);
  first.ids.key_idx = 31;
  (void)munger.Forward(0, first, true);
  rtp::FrameInfo second = Frame(1234, 99);
  second.ids.key_idx = 4;
  EXPECT_EQ(munger.Forward(2, second, true), (rtp::PictureIds{0, 0, 0}));
  second = Frame(1235, 100);
  second.ids.key_idx = 4;
  EXPECT_EQ(munger.Forward(2, second, false), (rtp::PictureIds{1, 1, 0}));
}

TEST(PictureMunger, Vp8PicturesLeftOutTakeNoId) {
  PictureMunger munger(PictureMunger::Gaps::kClose);
  (void)munger.Forward(0, Frame(10), true);
  munger.Drop(0, Frame(11, 0, 2));
  munger.Drop(0, Frame(11, 0, 2));
  EXPECT_EQ(munger.Forward(0, Frame(12), false)->picture_id, 11);
  munger.Drop(0, Frame(13, 0, 2));
  EXPECT_EQ(munger.Forward(0, Frame(14), false)->picture_id, 12);
}

TEST(PictureMunger, Vp9KeepsTheDistances) {
  PictureMunger munger(PictureMunger::Gaps::kKeep);
  (void)munger.Forward(0, Frame(10), true);
  (void)munger.Forward(1, Frame(400), true);
  munger.Drop(1, Frame(401, 0, 2));
  EXPECT_EQ(munger.Forward(1, Frame(402), false)->picture_id, 13);
}

TEST(PictureMunger, LostPicturesKeepTheirIdsForWhenTheyComeLate) {
  PictureMunger munger(PictureMunger::Gaps::kClose);
  (void)munger.Forward(0, Frame(10), true);
  munger.Drop(0, Frame(11, 0, 2));
  EXPECT_EQ(munger.Forward(0, Frame(14), false)->picture_id, 13);
  EXPECT_EQ(munger.MapLate(0, Frame(12))->picture_id, 11);
  EXPECT_EQ(munger.MapLate(0, Frame(13))->picture_id, 12);
  EXPECT_FALSE(munger.MapLate(0, Frame(11, 0, 2))) << "left out";
  EXPECT_FALSE(munger.MapLate(1, Frame(12))) << "another layer";
}

TEST(PictureMunger, LatePacketsOfTheLayerThatWasLeftKeepItsOffsets) {
  PictureMunger munger(PictureMunger::Gaps::kClose);
  (void)munger.Forward(0, Frame(10, 1), true);
  (void)munger.Forward(1, Frame(3000, 77), true);
  EXPECT_EQ(munger.MapLate(0, Frame(10, 1)), (rtp::PictureIds{10, 1, 0}));
}

TEST(PictureMunger, WorksWithSevenAndSixteenBits) {
  PictureMunger seven(PictureMunger::Gaps::kClose);
  rtp::FrameInfo frame = Frame(127);
  frame.picture_id_bits = 7;
  (void)seven.Forward(0, frame, true);
  frame.ids.picture_id = 0;
  EXPECT_EQ(seven.Forward(0, frame, false)->picture_id, 0);

  PictureMunger sixteen(PictureMunger::Gaps::kKeep);
  frame.picture_id_bits = 16;
  frame.ids.picture_id = 0xffff;
  (void)sixteen.Forward(0, frame, true);
  frame.ids.picture_id = 40000;
  EXPECT_EQ(sixteen.Forward(1, frame, true)->picture_id, 0);
}

TEST(PictureMunger, EveryPictureHasOneIdAndTheySucceedOneAnother) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    PictureMunger munger(PictureMunger::Gaps::kClose);
    std::uint16_t source = static_cast<std::uint16_t>(32700 + seed);
    std::uint16_t expected = source & 0x7fff;
    std::map<std::uint16_t, std::uint16_t> recent;
    std::uint16_t settled = expected;  // behind the last picture seen in the run
    bool starts = true;
    for (int i = 0; i < 2000; ++i) {
      if (rng.Below(100) == 0 && i > 0) {
        source = static_cast<std::uint16_t>(rng.Next16() & 0x7fff);
        starts = true;
        recent.clear();
        expected = settled;  // pictures lost at the very end were never known
      }
      if (!starts && rng.Below(3) == 0) {
        munger.Drop(0, Frame(source, 0, 2));
        settled = expected;
      } else if (!starts && rng.Below(20) == 0) {
        recent[source & 0x7fff] = expected;  // lost: keeps its place
        expected = (expected + 1) & 0x7fff;
      } else {
        const auto ids = munger.Forward(0, Frame(source), starts);
        ASSERT_TRUE(ids);
        ASSERT_EQ(ids->picture_id, expected) << "seed " << seed << " step " << i;
        recent[source & 0x7fff] = expected;
        expected = (expected + 1) & 0x7fff;
        settled = expected;
        starts = false;
        for (std::uint16_t back = 1; back < 10; ++back) {
          const auto id = static_cast<std::uint16_t>((source - back) & 0x7fff);
          const auto truth = recent.find(id);
          const auto late = munger.MapLate(0, Frame(id));
          if (truth != recent.end()) {
            ASSERT_TRUE(late);
            ASSERT_EQ(late->picture_id, truth->second);
          }
        }
      }
      ++source;
    }
  }
}

}  // namespace
}  // namespace fovea::router
