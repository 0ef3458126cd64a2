#include "sfu/rtp/codec_vp9.h"

#include <gtest/gtest.h>

#include <vector>

namespace fovea::rtp {
namespace {

using Bytes = std::vector<std::uint8_t>;

// I L B E V | M, PictureID 0x0102 | TID 0, SID 0 | TL0PICIDX 7 |
// SS: N_S=2 (three layers), Y, G | 320x180, 640x360, 1280x720 | N_G=1: TID 0, R=1, P_DIFF 1 | data
const Bytes kKeyFrame = {0xae, 0x81, 0x02, 0x00, 0x07, 0x58, 0x01, 0x40, 0x00, 0xb4, 0x02,
                         0x80, 0x01, 0x68, 0x05, 0x00, 0x02, 0xd0, 0x01, 0x04, 0x01, 0xff};
// I P L F E Z | 7-bit PictureID 5 | TID 2, U, SID 1, D | P_DIFF 3 N | P_DIFF 4 | data
const Bytes kFlexible = {0xf5, 0x05, 0x53, 0x07, 0x08, 0xff};

TEST(Vp9Descriptor, ReadsAKeyFrameWithItsStructure) {
  const auto vp9 = ParseVp9Descriptor(kKeyFrame);
  ASSERT_TRUE(vp9);
  EXPECT_TRUE(vp9->is_key_frame_start());
  EXPECT_TRUE(vp9->starts_frame);
  EXPECT_TRUE(vp9->ends_frame);
  EXPECT_FALSE(vp9->flexible);
  EXPECT_EQ(vp9->picture_id_bits, 15);
  EXPECT_EQ(vp9->picture_id, 0x0102);
  EXPECT_TRUE(vp9->has_tl0_pic_idx);
  EXPECT_EQ(vp9->tl0_pic_idx, 7);
  EXPECT_EQ(vp9->spatial_layers, 3);
  EXPECT_EQ(vp9->width, 1280);
  EXPECT_EQ(vp9->height, 720);
  EXPECT_EQ(vp9->size_bytes, kKeyFrame.size() - 1);
}

TEST(Vp9Descriptor, ReadsTheFlexibleForm) {
  const auto vp9 = ParseVp9Descriptor(kFlexible);
  ASSERT_TRUE(vp9);
  EXPECT_TRUE(vp9->inter_picture_predicted);
  EXPECT_TRUE(vp9->flexible);
  EXPECT_FALSE(vp9->starts_frame);
  EXPECT_TRUE(vp9->ends_frame);
  EXPECT_TRUE(vp9->not_for_upper_layers);
  EXPECT_EQ(vp9->picture_id_bits, 7);
  EXPECT_EQ(vp9->picture_id, 5);
  EXPECT_EQ(vp9->temporal_id, 2);
  EXPECT_TRUE(vp9->switching_up);
  EXPECT_EQ(vp9->spatial_id, 1);
  EXPECT_TRUE(vp9->inter_layer_predicted);
  EXPECT_FALSE(vp9->has_tl0_pic_idx);
  EXPECT_EQ(vp9->size_bytes, 5);
}

TEST(Vp9Descriptor, AnUpperLayerOfAKeyPictureIsNotItsStart) {
  const auto vp9 = ParseVp9Descriptor(Bytes{0xa8, 0x05, 0x03, 0x01, 0xff});
  ASSERT_TRUE(vp9);
  EXPECT_EQ(vp9->spatial_id, 1);
  EXPECT_FALSE(vp9->is_key_frame_start());
}

TEST(Vp9Descriptor, RefusesAFourthReference) {
  EXPECT_TRUE(ParseVp9Descriptor(Bytes{0xd0, 0x05, 0x03, 0x03, 0x02, 0xff}));
  EXPECT_FALSE(ParseVp9Descriptor(Bytes{0xd0, 0x05, 0x03, 0x03, 0x03, 0x02, 0xff}));
}

TEST(Vp9Descriptor, RefusesEveryTruncation) {
  for (std::size_t size = 0; size < kKeyFrame.size(); ++size) {
    EXPECT_FALSE(ParseVp9Descriptor(ByteSpan(kKeyFrame).first(size))) << size;
  }
  for (std::size_t size = 0; size < kFlexible.size(); ++size) {
    EXPECT_FALSE(ParseVp9Descriptor(ByteSpan(kFlexible).first(size))) << size;
  }
}

TEST(Vp9Rewrite, ReplacesPictureIdAndTl0PicIdx) {
  Bytes bytes = kKeyFrame;
  ASSERT_TRUE(RewriteVp9Descriptor(bytes, {0x7ffe, 0xee, 0}));
  Bytes expected = kKeyFrame;
  expected[1] = 0xff;
  expected[2] = 0xfe;
  expected[4] = 0xee;
  EXPECT_EQ(bytes, expected);
}

TEST(Vp9Rewrite, FlexibleModeHasOnlyAPictureId) {
  Bytes bytes = kFlexible;
  ASSERT_TRUE(RewriteVp9Descriptor(bytes, {0x81, 0xee, 0}));
  Bytes expected = kFlexible;
  expected[1] = 0x01;
  EXPECT_EQ(bytes, expected);
}

TEST(Vp9Rewrite, RefusesAPrefixThatIsCutShort) {
  for (std::size_t size = 0; size < 5; ++size) {
    Bytes prefix(kKeyFrame.begin(), kKeyFrame.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(RewriteVp9Descriptor(prefix, {1, 2, 3})) << size;
  }
}

}  // namespace
}  // namespace fovea::rtp
