// When a session is removed, as an eviction does, no SRTP key of it stays behind in freed memory.
#include <span>

#include "sfu/crypto/srtp_kdf.h"
#include "tests/support/allocation_counter.h"
#include "tests/unit/sfu/worker/bench.h"

namespace fovea::worker {
namespace {

class WipedKeys : public ::testing::TestWithParam<crypto::SrtpProfile> {};

INSTANTIATE_TEST_SUITE_P(Profiles, WipedKeys,
                         ::testing::Values(crypto::SrtpProfile::kAeadAes128Gcm,
                                           crypto::SrtpProfile::kAeadAes256Gcm,
                                           crypto::SrtpProfile::kAes128CmSha1_80));

// Master and session keys of both directions.
std::vector<std::vector<std::uint8_t>> KeysOf(const crypto::SrtpKeyingMaterial& material) {
  using Label = crypto::SrtpKeyLabel;
  const std::size_t size = crypto::SizesOf(material.profile).key;
  std::vector<std::vector<std::uint8_t>> keys;
  for (const crypto::SrtpMasterKey* master : {&material.local, &material.remote}) {
    keys.emplace_back(master->key.data(), master->key.data() + size);
    for (const Label label : {Label::kRtpEncryption, Label::kRtcpEncryption}) {
      crypto::DeriveSrtpKey(material.profile, *master, label, keys.emplace_back(size));
    }
  }
  return keys;
}

TEST_P(WipedKeys, OfARemovedSessionAreNotInFreedMemory) {
  if (!test::AllocationCount()) GTEST_SKIP() << "a sanitizer owns the heap";
  auto security = std::make_unique<DtlsSecurity>(GetParam());
  const DtlsSecurity& dtls = *security;
  Bench bench(std::move(security));
  const auto client = bench.Join(0, 0);
  const auto keys = KeysOf(dtls.last_client->ExportSrtpKeys());
  const std::vector<ByteSpan> secrets(keys.begin(), keys.end());
  {
    const test::FreedMemorySearch search(secrets);
    {
      const std::vector<std::uint8_t> careless = keys.back();
      EXPECT_EQ(careless, keys.back());  // or the compiler leaves it out
    }
    ASSERT_EQ(search.found(), 1U) << "the search itself";
  }
  const test::FreedMemorySearch search(secrets);
  ASSERT_TRUE(
      bench.channels[0].commands.TryPush(control::RemoveSession{client->identity().session}));
  bench.Poll();
  EXPECT_EQ(bench.worker(0).peer_count(), 0U);
  EXPECT_EQ(search.found(), 0U);
}

}  // namespace
}  // namespace fovea::worker
