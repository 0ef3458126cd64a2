#include "sfu/crypto/certificate.h"

#include <gtest/gtest.h>

namespace fovea::crypto {
namespace {

constexpr WallMicros kNow{1'700'000'000'000'000};

TEST(Certificate, HasTheFingerprintOfItsOwnBytes) {
  const auto certificate = Certificate::Generate(kNow);
  EXPECT_EQ(certificate->fingerprint(), FingerprintOf(certificate->der()));
}

TEST(Certificate, IsSmallEnoughForOneDatagram) {
  EXPECT_LT(Certificate::Generate(kNow)->der().size(), 400u);
}

TEST(Certificate, IsNewEachTime) {
  EXPECT_NE(Certificate::Generate(kNow)->fingerprint(), Certificate::Generate(kNow)->fingerprint());
}

TEST(Fingerprint, IsWrittenAsSdpWantsIt) {
  Fingerprint fingerprint{};
  fingerprint[0] = 0xab;
  fingerprint[31] = 0x0f;
  const std::string text = ToString(fingerprint);
  EXPECT_EQ(text.size(), 95u);
  EXPECT_EQ(text.substr(0, 6), "AB:00:");
  EXPECT_EQ(text.substr(92), ":0F");
}

TEST(Fingerprint, ReadsBackWhatItWroteInEitherCase) {
  const Fingerprint fingerprint = Certificate::Generate(kNow)->fingerprint();
  std::string text = ToString(fingerprint);
  EXPECT_EQ(ParseFingerprint(text), fingerprint);
  for (char& c : text) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  EXPECT_EQ(ParseFingerprint(text), fingerprint);
}

TEST(Fingerprint, RefusesEveryTruncationAndWrongCharacters) {
  const std::string text = ToString(Fingerprint{});
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(ParseFingerprint(text.substr(0, size))) << size;
  }
  EXPECT_FALSE(ParseFingerprint(text + ":"));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string wrong = text;
    wrong[i] = 'g';
    EXPECT_FALSE(ParseFingerprint(wrong)) << i;
  }
}

}  // namespace
}  // namespace fovea::crypto
