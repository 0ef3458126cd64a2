#include "sfu/rtp/codec_h264.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "sfu/rtp/codec_av1.h"

namespace fovea::rtp {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(H264, ASequenceParameterSetStartsAKeyFrame) {
  EXPECT_TRUE(ParseH264(Bytes{0x67, 0x42, 0xe0, 0x1f})->is_key_frame_start);
}

TEST(H264, AnIdrSliceStartsOneOnlyIfItIsTheFirstOfThePicture) {
  EXPECT_TRUE(ParseH264(Bytes{0x65, 0x88})->is_key_frame_start);
  EXPECT_FALSE(ParseH264(Bytes{0x65, 0x08})->is_key_frame_start);
}

TEST(H264, ADeltaSliceDoesNot) {
  const auto slice = ParseH264(Bytes{0x41, 0x9a});
  ASSERT_TRUE(slice);
  EXPECT_FALSE(slice->is_key_frame_start);
  EXPECT_TRUE(slice->starts_frame);
}

// STAP-A with SPS (2 bytes), PPS (1), IDR slice (2).
const Bytes kAggregate = {0x78, 0x00, 0x02, 0x67, 0x42, 0x00, 0x01, 0x68, 0x00, 0x02, 0x65, 0x88};

TEST(H264, LooksIntoAggregates) {
  EXPECT_TRUE(ParseH264(kAggregate)->is_key_frame_start);
  EXPECT_FALSE(ParseH264(Bytes{0x78, 0x00, 0x02, 0x41, 0x9a})->is_key_frame_start);
}

TEST(H264, RefusesAggregatesWhoseSizesDoNotAddUp) {
  const std::vector<std::size_t> whole = {5, 8, 12};  // ends of the NAL units
  for (std::size_t size = 0; size <= kAggregate.size(); ++size) {
    const bool ends_at_a_unit = std::count(whole.begin(), whole.end(), size) > 0;
    EXPECT_EQ(ParseH264(ByteSpan(kAggregate).first(size)).has_value(), ends_at_a_unit) << size;
  }
  EXPECT_FALSE(ParseH264(Bytes{0x78, 0x00, 0x00}));
}

TEST(H264, OnlyTheFirstFragmentStartsAFrame) {
  EXPECT_TRUE(ParseH264(Bytes{0x7c, 0x85, 0x88})->is_key_frame_start);
  EXPECT_FALSE(ParseH264(Bytes{0x7c, 0x05, 0x88})->is_key_frame_start);
  EXPECT_FALSE(ParseH264(Bytes{0x7c, 0x45, 0x88})->is_key_frame_start);
  EXPECT_FALSE(ParseH264(Bytes{0x7c, 0x85}));
}

TEST(H264, RefusesTypesOfOtherPacketizationModes) {
  EXPECT_FALSE(ParseH264(Bytes{0x60, 0x01}));        // 0
  EXPECT_FALSE(ParseH264(Bytes{0x79, 0x01}));        // STAP-B
  EXPECT_FALSE(ParseH264(Bytes{0x7d, 0x80, 0x01}));  // FU-B
}

TEST(Av1AggregationHeader, ReadsTheFlags) {
  const auto start = ParseAv1AggregationHeader(Bytes{0x18, 0x0a});
  ASSERT_TRUE(start);
  EXPECT_TRUE(start->starts_coded_video_sequence);
  EXPECT_EQ(start->obu_count, 1);
  const auto middle = ParseAv1AggregationHeader(Bytes{0xd0, 0x0a});
  ASSERT_TRUE(middle);
  EXPECT_TRUE(middle->continues_obu);
  EXPECT_TRUE(middle->is_continued);
}

TEST(Av1AggregationHeader, RefusesAStartThatContinuesAndAnEmptyPacket) {
  EXPECT_FALSE(ParseAv1AggregationHeader(Bytes{0x88, 0x0a}));
  EXPECT_FALSE(ParseAv1AggregationHeader(Bytes{0x18}));
  EXPECT_FALSE(ParseAv1AggregationHeader(Bytes{}));
}

}  // namespace
}  // namespace fovea::rtp
