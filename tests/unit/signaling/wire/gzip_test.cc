#include "signaling/wire/gzip.h"

#include <gtest/gtest.h>

namespace fovea::wire {
namespace {

// printf 'a focus for calls' | gzip -n
const std::string kCompressed(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x54\x48\xcb\x4f\x2e\x2d\x06\x92\x45\x0a\xc9\x89"
    "\x39\x39\xc5\x00\x8a\xee\x3b\xf1\x11\x00\x00\x00",
    35);

TEST(Gzip, DecompressesOneMember) {
  const auto plain = GzipDecompress(kCompressed, 1000);
  ASSERT_TRUE(plain);
  EXPECT_EQ(*plain, "a focus for calls");
}

TEST(Gzip, ExactlyFullIsNotTooLarge) {
  EXPECT_TRUE(GzipDecompress(kCompressed, 17));
  const auto one_short = GzipDecompress(kCompressed, 16);
  ASSERT_FALSE(one_short);
  EXPECT_EQ(one_short.error(), GzipError::kTooLarge);
}

TEST(Gzip, RefusesTruncationAtEveryLength) {
  for (std::size_t n = 0; n < kCompressed.size(); ++n) {
    const auto plain = GzipDecompress(std::string_view(kCompressed).substr(0, n), 1000);
    ASSERT_FALSE(plain) << n;
    EXPECT_EQ(plain.error(), GzipError::kCorrupt);
  }
}

TEST(Gzip, RefusesAnythingBehindTheMember) {
  EXPECT_FALSE(GzipDecompress(kCompressed + "x", 1000));
  EXPECT_FALSE(GzipDecompress(kCompressed + kCompressed, 1000));
}

TEST(Gzip, RefusesAWrongChecksum) {
  std::string damaged = kCompressed;
  damaged[30] = static_cast<char>(damaged[30] ^ 1);
  EXPECT_FALSE(GzipDecompress(damaged, 1000));
}

}  // namespace
}  // namespace fovea::wire
