// The fastest engine of this machine against BoringSSL, byte for byte.
#include "sfu/crypto/gcm_sealer.h"

#include <gtest/gtest.h>

#include <vector>

#include "sfu/core/rng.h"

namespace fovea::crypto {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes Random(Rng& rng, std::size_t size) {
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.Next32());
  return bytes;
}

GcmSealer::Nonce NonceOf(std::uint32_t number) {
  GcmSealer::Nonce nonce{1, 2, 3, 4, 5, 6, 7, 8};
  StoreBe32(&nonce[8], number);
  return nonce;
}

class GcmEngines : public ::testing::TestWithParam<std::size_t> {};  // bytes of the key

INSTANTIATE_TEST_SUITE_P(Keys, GcmEngines, ::testing::Values(16, 32));

TEST_P(GcmEngines, SealAlikeAtEveryLength) {
  if (!GcmSealer::HasWideEngine()) GTEST_SKIP() << "BoringSSL is the fastest here";
  Rng rng(3);
  const Bytes key = Random(rng, GetParam());
  const GcmSealer fastest(key);
  const GcmSealer portable(key, GcmSealer::Engine::kPortable);
  for (std::size_t size = 0; size <= 1500; ++size) {
    const Bytes plain = Random(rng, size);
    const Bytes header = Random(rng, 12 + size % 60);
    Bytes ours(size + GcmSealer::kTagBytes + 1, 0xee);
    Bytes theirs = ours;
    const auto nonce = NonceOf(static_cast<std::uint32_t>(size));
    ASSERT_TRUE(fastest.Seal(nonce, plain, header, ours.data()));
    ASSERT_TRUE(portable.Seal(nonce, plain, header, theirs.data()));
    ASSERT_EQ(ours, theirs) << size;
  }
}

TEST_P(GcmEngines, SealInPlace) {
  Rng rng(4);
  const Bytes key = Random(rng, GetParam());
  const GcmSealer fastest(key);
  const Bytes plain = Random(rng, 1188);
  const Bytes header = Random(rng, 12);
  Bytes apart(plain.size() + GcmSealer::kTagBytes);
  ASSERT_TRUE(fastest.Seal(NonceOf(1), plain, header, apart.data()));
  Bytes place = plain;
  place.resize(apart.size());
  ASSERT_TRUE(fastest.Seal(NonceOf(1), ByteSpan(place).first(plain.size()), header, place.data()));
  EXPECT_EQ(place, apart);
}

TEST_P(GcmEngines, TakeBytesAtAnyAddress) {
  Rng rng(5);
  const Bytes key = Random(rng, GetParam());
  const GcmSealer fastest(key);
  const GcmSealer portable(key, GcmSealer::Engine::kPortable);
  const Bytes memory = Random(rng, 600);
  for (std::size_t shift = 0; shift < 64; ++shift) {
    const ByteSpan plain = ByteSpan(memory).subspan(shift, 500);
    Bytes ours(700);
    Bytes theirs(700);
    const auto nonce = NonceOf(static_cast<std::uint32_t>(shift));
    ASSERT_TRUE(fastest.Seal(nonce, plain, plain.first(20), &ours[63 - shift]));
    ASSERT_TRUE(portable.Seal(nonce, plain, plain.first(20), &theirs[63 - shift]));
    ASSERT_EQ(ours, theirs) << shift;
  }
}

}  // namespace
}  // namespace fovea::crypto
