#include "sfu/rtp/codec_vp8.h"

#include <gtest/gtest.h>

#include <vector>

namespace fovea::rtp {
namespace {

using Bytes = std::vector<std::uint8_t>;

// X=1 S=1 | I L T K | M, PictureID 0x1234 | TL0PICIDX 0x56 | TID 2, Y, KEYIDX 9 |
// frame tag with P=0, start code, 640x360 with scaling bits set.
const Bytes kKeyFrame = {0x90, 0xf0, 0x92, 0x34, 0x56, 0xa9, 0x10, 0x02,
                         0x00, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0x68, 0x81};

TEST(Vp8Descriptor, ReadsEveryFieldOfAKeyFrame) {
  const auto vp8 = ParseVp8Descriptor(kKeyFrame);
  ASSERT_TRUE(vp8);
  EXPECT_TRUE(vp8->starts_partition);
  EXPECT_EQ(vp8->partition, 0);
  EXPECT_FALSE(vp8->non_reference);
  EXPECT_EQ(vp8->picture_id_bits, 15);
  EXPECT_EQ(vp8->picture_id, 0x1234);
  EXPECT_TRUE(vp8->has_tl0_pic_idx);
  EXPECT_EQ(vp8->tl0_pic_idx, 0x56);
  EXPECT_TRUE(vp8->has_temporal_id);
  EXPECT_EQ(vp8->temporal_id, 2);
  EXPECT_TRUE(vp8->layer_sync);
  EXPECT_TRUE(vp8->has_key_idx);
  EXPECT_EQ(vp8->key_idx, 9);
  EXPECT_EQ(vp8->size_bytes, 6);
  EXPECT_TRUE(vp8->is_key_frame_start);
  EXPECT_EQ(vp8->width, 640);
  EXPECT_EQ(vp8->height, 360);
}

TEST(Vp8Descriptor, ReadsTheOneByteForm) {
  const auto vp8 = ParseVp8Descriptor(Bytes{0x30, 0x01});
  ASSERT_TRUE(vp8);
  EXPECT_TRUE(vp8->non_reference);
  EXPECT_TRUE(vp8->starts_frame);
  EXPECT_FALSE(vp8->is_key_frame_start);
  EXPECT_EQ(vp8->picture_id_bits, 0);
  EXPECT_EQ(vp8->size_bytes, 1);
}

TEST(Vp8Descriptor, ReadsASevenBitPictureIdAlone) {
  const auto vp8 = ParseVp8Descriptor(Bytes{0x80, 0x80, 0x7f, 0x00});
  ASSERT_TRUE(vp8);
  EXPECT_EQ(vp8->picture_id_bits, 7);
  EXPECT_EQ(vp8->picture_id, 127);
  EXPECT_FALSE(vp8->starts_frame);
}

TEST(Vp8Descriptor, AContinuedOrLaterPartitionIsNoKeyFrameStart) {
  EXPECT_FALSE(ParseVp8Descriptor(Bytes{0x00, 0x00})->is_key_frame_start);
  EXPECT_FALSE(ParseVp8Descriptor(Bytes{0x11, 0x00})->is_key_frame_start);
  EXPECT_TRUE(ParseVp8Descriptor(Bytes{0x10, 0x00})->is_key_frame_start);
}

TEST(Vp8Descriptor, AScrambledStartCodeLeavesTheResolutionUnknown) {
  Bytes bytes = kKeyFrame;
  bytes[9] = 0;
  const auto vp8 = ParseVp8Descriptor(bytes);
  ASSERT_TRUE(vp8);
  EXPECT_TRUE(vp8->is_key_frame_start);
  EXPECT_EQ(vp8->width, 0);
}

TEST(Vp8Descriptor, RefusesEveryTruncation) {
  for (std::size_t size = 0; size <= 6; ++size) {
    EXPECT_FALSE(ParseVp8Descriptor(ByteSpan(kKeyFrame).first(size))) << size;
  }
  EXPECT_TRUE(ParseVp8Descriptor(ByteSpan(kKeyFrame).first(7)));
}

TEST(Vp8Rewrite, ReplacesTheCountersAndNothingElse) {
  Bytes bytes = kKeyFrame;
  ASSERT_TRUE(RewriteVp8Descriptor(bytes, {0x7abc, 0xde, 0x1f}));
  Bytes expected = kKeyFrame;
  expected[2] = 0xfa;
  expected[3] = 0xbc;
  expected[4] = 0xde;
  expected[5] = 0xbf;  // TID and Y kept
  EXPECT_EQ(bytes, expected);
}

TEST(Vp8Rewrite, KeepsASevenBitPictureIdSevenBits) {
  Bytes bytes = {0x80, 0x80, 0x05, 0x00};
  ASSERT_TRUE(RewriteVp8Descriptor(bytes, {0x1ff, 0, 0}));
  EXPECT_EQ(bytes, (Bytes{0x80, 0x80, 0x7f, 0x00}));
}

TEST(Vp8Rewrite, LeavesATemporalIdWithoutKeyIdxAlone) {
  Bytes bytes = {0x80, 0x20, 0x5f, 0x00};
  ASSERT_TRUE(RewriteVp8Descriptor(bytes, {1, 2, 3}));
  EXPECT_EQ(bytes, (Bytes{0x80, 0x20, 0x5f, 0x00}));
}

TEST(Vp8Rewrite, WorksOnThePrefixAndRefusesLess) {
  for (std::size_t size = 0; size <= kPatchableBytesMax; ++size) {
    Bytes prefix(kKeyFrame.begin(), kKeyFrame.begin() + static_cast<std::ptrdiff_t>(size));
    const Bytes before = prefix;
    const bool done = RewriteVp8Descriptor(prefix, {1, 2, 3});
    EXPECT_EQ(done, size == kPatchableBytesMax) << size;
    if (!done) {
      EXPECT_EQ(prefix, before) << size;
    }
  }
}

TEST(Vp8Rewrite, WhatIsWrittenIsRead) {
  Bytes bytes = kKeyFrame;
  for (std::uint16_t id = 0; id < 0x8000; id = static_cast<std::uint16_t>(id + 257)) {
    const PictureIds ids{id, static_cast<std::uint8_t>(id), static_cast<std::uint8_t>(id % 32)};
    ASSERT_TRUE(RewriteVp8Descriptor(bytes, ids));
    const auto vp8 = ParseVp8Descriptor(bytes);
    ASSERT_TRUE(vp8);
    EXPECT_EQ((PictureIds{vp8->picture_id, vp8->tl0_pic_idx, vp8->key_idx}), ids);
  }
}

}  // namespace
}  // namespace fovea::rtp
