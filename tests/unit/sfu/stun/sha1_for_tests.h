// SHA-1 and HMAC-SHA1 (FIPS 180-4, RFC 2104) so that STUN and ICE tests need no cryptographic
// library. Tests only.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "sfu/core/bytes.h"

namespace fovea::testing {

inline std::array<std::uint8_t, 20> Sha1ForTests(ByteSpan input) {
  std::vector<std::uint8_t> bytes(input.begin(), input.end());
  const std::uint64_t bits = bytes.size() * 8;
  bytes.push_back(0x80);
  while (bytes.size() % 64 != 56) bytes.push_back(0);
  bytes.resize(bytes.size() + 8);
  StoreBe64(&bytes[bytes.size() - 8], bits);

  std::array<std::uint32_t, 5> h{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  for (std::size_t block = 0; block < bytes.size(); block += 64) {
    std::array<std::uint32_t, 80> w{};
    for (std::size_t i = 0; i < 16; ++i) w[i] = LoadBe32(&bytes[block + 4 * i]);
    for (std::size_t i = 16; i < 80; ++i) {
      w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    auto [a, b, c, d, e] = h;
    for (std::size_t i = 0; i < 80; ++i) {
      const bool parity = (i >= 20 && i < 40) || i >= 60;
      const std::uint32_t f = parity   ? b ^ c ^ d
                              : i < 20 ? (b & c) | (~b & d)
                                       : (b & c) | (b & d) | (c & d);
      constexpr std::array<std::uint32_t, 4> kRound{0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6};
      const std::uint32_t next = std::rotl(a, 5) + f + e + kRound[i / 20] + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    h = {h[0] + a, h[1] + b, h[2] + c, h[3] + d, h[4] + e};
  }
  std::array<std::uint8_t, 20> digest{};
  for (std::size_t i = 0; i < 5; ++i) StoreBe32(&digest[4 * i], h[i]);
  return digest;
}

// REQUIRES: key.size() <= 64, as every ICE password of the tests is.
inline std::array<std::uint8_t, 20> HmacSha1ForTests(ByteSpan key, ByteSpan message) {
  std::vector<std::uint8_t> inner(64, 0x36);
  std::vector<std::uint8_t> outer(64, 0x5C);
  for (std::size_t i = 0; i < key.size(); ++i) {
    inner[i] ^= key[i];
    outer[i] ^= key[i];
  }
  inner.insert(inner.end(), message.begin(), message.end());
  const std::array<std::uint8_t, 20> digest = Sha1ForTests(inner);
  outer.insert(outer.end(), digest.begin(), digest.end());
  return Sha1ForTests(outer);
}

}  // namespace fovea::testing
