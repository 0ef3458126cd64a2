#include "sfu/rtp/codec.h"

#include <gtest/gtest.h>

namespace fovea::rtp {
namespace {

TEST(Codec, NamesGoBothWays) {
  for (int i = 0; i <= static_cast<int>(Codec::kUnknown); ++i) {
    const auto codec = static_cast<Codec>(i);
    EXPECT_EQ(CodecFromMime(MimeType(codec)), codec) << MimeType(codec);
  }
}

TEST(Codec, NamesAreReadInAnyLetterCase) {
  EXPECT_EQ(CodecFromMime("VIDEO/vp8"), Codec::kVp8);
  EXPECT_EQ(CodecFromMime("audio/OPUS"), Codec::kOpus);
  EXPECT_EQ(CodecFromMime("video/h264"), Codec::kH264);
  EXPECT_EQ(CodecFromMime("Video/Av1"), Codec::kAv1);
}

TEST(Codec, StrangersAreUnknown) {
  EXPECT_EQ(CodecFromMime("video/H265"), Codec::kUnknown);
  EXPECT_EQ(CodecFromMime("video/VP8 "), Codec::kUnknown);
  EXPECT_EQ(CodecFromMime("vp8"), Codec::kUnknown);
  EXPECT_EQ(ClockRate(Codec::kUnknown), 0U);
  EXPECT_FALSE(IsVideo(Codec::kUnknown));
}

TEST(Codec, KnowsKindAndClock) {
  EXPECT_TRUE(IsVideo(Codec::kAv1));
  EXPECT_FALSE(IsVideo(Codec::kRed));
  EXPECT_EQ(ClockRate(Codec::kVp9), 90000U);
  EXPECT_EQ(ClockRate(Codec::kOpus), 48000U);
  EXPECT_EQ(ClockRate(Codec::kG722), 8000U);
}

}  // namespace
}  // namespace fovea::rtp
