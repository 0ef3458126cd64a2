#include "sfu/rtp/frame_info.h"

#include <gtest/gtest.h>

#include <vector>

namespace fovea::rtp {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(FrameInfo, EveryAudioPacketIsAFrameToBeginWith) {
  for (const Codec codec : {Codec::kOpus, Codec::kRed, Codec::kPcmu, Codec::kPcma, Codec::kG722}) {
    const auto info = ParseFrameInfo(codec, Bytes{0x78}, nullptr, false);
    ASSERT_TRUE(info);
    EXPECT_TRUE(info->starts_frame && info->ends_frame && info->is_key_frame_start);
  }
}

TEST(FrameInfo, Vp8EndsItsFramesByTheMarker) {
  const Bytes payload = {0x90, 0xe0, 0x85, 0x00, 0x09, 0x60, 0x01};
  const auto info = ParseFrameInfo(Codec::kVp8, payload, nullptr, true);
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->ends_frame);
  EXPECT_FALSE(info->is_key_frame_start);
  EXPECT_TRUE(info->layer_sync);
  EXPECT_EQ(info->temporal, 1);
  EXPECT_EQ(info->picture_id_bits, 15);
  EXPECT_EQ(info->ids, (PictureIds{0x0500, 9, 0}));
}

TEST(FrameInfo, Vp9EndsItsLayerFramesByItsOwnFlag) {
  const auto info =
      ParseFrameInfo(Codec::kVp9, Bytes{0xac, 0x05, 0x03, 0x01, 0xff}, nullptr, false);
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->ends_frame);
  EXPECT_EQ(info->spatial, 1);
}

TEST(FrameInfo, Av1TrustsTheDependencyDescriptorOverThePayload) {
  DependencyDescriptor dd;
  dd.starts_frame = true;
  dd.has_structure = true;
  dd.frame_number = 77;
  dd.resolution = {640, 360};
  const auto info = ParseFrameInfo(Codec::kAv1, Bytes{0x10, 0x0a}, &dd, true);
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->is_key_frame_start);
  EXPECT_FALSE(info->ends_frame);
  EXPECT_EQ(info->picture_id_bits, 16);
  EXPECT_EQ(info->ids.picture_id, 77);
  EXPECT_EQ(info->width, 640);
}

TEST(FrameInfo, Av1WithoutDescriptorHasTheAggregationHeader) {
  EXPECT_TRUE(ParseFrameInfo(Codec::kAv1, Bytes{0x18, 0x0a}, nullptr, false)->is_key_frame_start);
  EXPECT_FALSE(ParseFrameInfo(Codec::kAv1, Bytes{0x10, 0x0a}, nullptr, false)->is_key_frame_start);
}

TEST(FrameInfo, RefusesEmptyPayloadsAndUnknownCodecs) {
  for (int i = 0; i <= static_cast<int>(Codec::kUnknown); ++i) {
    EXPECT_FALSE(ParseFrameInfo(static_cast<Codec>(i), {}, nullptr, true)) << i;
  }
  EXPECT_FALSE(ParseFrameInfo(Codec::kUnknown, Bytes{1, 2, 3}, nullptr, true));
}

TEST(FrameInfo, RewritingLeavesCodecsWithoutCountersAlone) {
  Bytes bytes = {0x65, 0x88, 0x84};
  EXPECT_TRUE(RewritePictureIds(Codec::kH264, bytes, {1, 2, 3}));
  EXPECT_EQ(bytes, (Bytes{0x65, 0x88, 0x84}));
}

}  // namespace
}  // namespace fovea::rtp
