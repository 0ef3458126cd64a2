#include "signaling/io/certificate.h"

#include <gmock/gmock.h>

namespace fovea::io {
namespace {

using testing::HasSubstr;

// Valid for localhost and 127.0.0.1 from 2026-11-23 for a century, and its own authority.
const std::string kData = FOVEA_SOURCE_DIR "/tests/unit/signaling/io/testdata/";
constexpr std::int64_t kFrom = 1'795'395'481;
constexpr std::int64_t kUntil = 4'948'995'481;

TEST(Certificate, TellsTimeIssuerAndLengthOfTheChain) {
  const auto facts = ReadCertificate(kData + "localhost.crt", "localhost");
  ASSERT_TRUE(facts.ok()) << facts.error();
  EXPECT_EQ(facts->valid_from_unix, kFrom);
  EXPECT_EQ(facts->valid_until_unix, kUntil);
  EXPECT_TRUE(facts->is_self_signed);
  EXPECT_EQ(facts->chain_length, 1U);
  EXPECT_EQ(facts->refusal, "");
}

TEST(Certificate, IsForTheNamesAndAddressesInIt) {
  for (const char* host : {"localhost", "127.0.0.1"}) {
    EXPECT_TRUE(ReadCertificate(kData + "localhost.crt", host)->names_host) << host;
  }
  for (const char* host : {"example.com", "127.0.0.2", "sub.localhost", ""}) {
    EXPECT_FALSE(ReadCertificate(kData + "localhost.crt", host)->names_host) << host;
  }
}

TEST(Certificate, IsMissedByTheNameOfTheFile) {
  EXPECT_THAT(ReadCertificate(kData + "none.crt", "h").error(), HasSubstr("none.crt"));
  EXPECT_THAT(ReadCertificate(kData + "localhost.key", "h").error(),
              HasSubstr("no PEM certificate"));
}

}  // namespace
}  // namespace fovea::io
