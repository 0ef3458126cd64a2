#include "sfu/crypto/hmac.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "sfu/crypto/secret.h"

namespace fovea::crypto {
namespace {

ByteSpan Bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// RFC 2202 section 3, test case 2.
TEST(Hmac, Sha1MatchesTheRfcVector) {
  const Sha1Digest expected = {0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb, 0x2f, 0xa2, 0xd2, 0x74,
                               0x16, 0xd5, 0xf1, 0x84, 0xdf, 0x9c, 0x25, 0x9a, 0x7c, 0x79};
  EXPECT_EQ(HmacSha1(Bytes("Jefe"), Bytes("what do ya want for nothing?")), expected);
}

// RFC 4231 section 4.3.
TEST(Hmac, Sha256MatchesTheRfcVector) {
  const Sha256Digest expected = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
                                 0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
                                 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
  EXPECT_EQ(HmacSha256(Bytes("Jefe"), Bytes("what do ya want for nothing?")), expected);
}

// FIPS 180-4 examples.
TEST(Hmac, PlainSha256MatchesTheStandard) {
  const Sha256Digest digest = Sha256(Bytes("abc"));
  EXPECT_EQ(digest[0], 0xba);
  EXPECT_EQ(digest[1], 0x78);
  EXPECT_EQ(digest[31], 0xad);
}

TEST(Hmac, AcceptsAnEmptyKeyAndEmptyData) {
  EXPECT_EQ(HmacSha1({}, {})[0], 0xfb);
  EXPECT_EQ(Sha256({})[0], 0xe3);
}

TEST(ConstantTimeEquals, ComparesLengthAndContent) {
  EXPECT_TRUE(ConstantTimeEquals(Bytes("same"), Bytes("same")));
  EXPECT_FALSE(ConstantTimeEquals(Bytes("same"), Bytes("sane")));
  EXPECT_FALSE(ConstantTimeEquals(Bytes("same"), Bytes("sam")));
  EXPECT_TRUE(ConstantTimeEquals({}, {}));
}

TEST(RandomBytes, FillsEveryByteSoonerOrLater) {
  std::array<std::uint8_t, 64> seen{};
  for (int round = 0; round < 32; ++round) {
    std::array<std::uint8_t, 64> bytes{};
    RandomBytes(bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      seen[i] = static_cast<std::uint8_t>(seen[i] | bytes[i]);
    }
  }
  EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](std::uint8_t byte) { return byte != 0; }));
}

TEST(Wipe, OverwritesWithZeros) {
  std::array<std::uint8_t, 5> bytes = {1, 2, 3, 4, 5};
  Wipe(bytes);
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 5>{}));
}

}  // namespace
}  // namespace fovea::crypto
