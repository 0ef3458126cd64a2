#include "signaling/wire/base64.h"

#include <gtest/gtest.h>

namespace fovea::wire {
namespace {

TEST(Base64, EncodesTheVectorsOfRfc4648) {
  EXPECT_EQ(Base64Encode(AsBytes("")), "");
  EXPECT_EQ(Base64Encode(AsBytes("f")), "Zg==");
  EXPECT_EQ(Base64Encode(AsBytes("fo")), "Zm8=");
  EXPECT_EQ(Base64Encode(AsBytes("foo")), "Zm9v");
  EXPECT_EQ(Base64Encode(AsBytes("foob")), "Zm9vYg==");
  EXPECT_EQ(Base64Encode(AsBytes("fooba")), "Zm9vYmE=");
  EXPECT_EQ(Base64Encode(AsBytes("foobar")), "Zm9vYmFy");
}

TEST(Base64, UrlFormHasItsOwnAlphabetAndNoPadding) {
  EXPECT_EQ(Base64Encode(AsBytes("\xfb\xff\xfe\xff")), "+//+/w==");
  EXPECT_EQ(Base64UrlEncode(AsBytes("\xfb\xff\xfe\xff")), "-__-_w");
}

TEST(Base64, DecodesWithAndWithoutPadding) {
  EXPECT_EQ(Base64Decode("Zm9vYg=="), "foob");
  EXPECT_EQ(Base64Decode("Zm9vYg"), "foob");
  EXPECT_EQ(Base64UrlDecode("-__-_w=="), "\xfb\xff\xfe\xff");
  EXPECT_EQ(Base64UrlDecode("-__-_w"), "\xfb\xff\xfe\xff");
  EXPECT_EQ(Base64UrlDecode(""), "");
}

TEST(Base64, RefusesTheOtherAlphabet) {
  EXPECT_FALSE(Base64Decode("-__-_w"));
  EXPECT_FALSE(Base64UrlDecode("+//+/w"));
}

TEST(Base64, RefusesImpossibleLengthsAndMisplacedPadding) {
  for (const char* text : {"A", "Zm9vY", "Zg=", "Zm8==", "Zg==Zg==", "=", "====", "Z===", "Z g="}) {
    EXPECT_FALSE(Base64Decode(text)) << text;
    EXPECT_FALSE(Base64UrlDecode(text)) << text;
  }
}

TEST(Base64, RefusesASecondSpellingOfTheSameBytes) {
  EXPECT_EQ(Base64Decode("Zg"), "f");
  EXPECT_FALSE(Base64Decode("Zh"));
  EXPECT_FALSE(Base64Decode("Zm9="));
}

TEST(Base64, EveryLengthSurvivesTheRoundTrip) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(Base64Decode(Base64Encode(AsBytes(bytes))), bytes);
    EXPECT_EQ(Base64UrlDecode(Base64UrlEncode(AsBytes(bytes))), bytes);
    bytes.push_back(static_cast<char>(i * 37));
  }
}

}  // namespace
}  // namespace fovea::wire
