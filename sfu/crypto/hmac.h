// Hashes and message authentication codes as plain functions. RFC 2104 (HMAC), FIPS 180-4 (SHA).
// Thread: pure functions, any thread.
#pragma once

#include <array>
#include <cstdint>

#include "sfu/core/bytes.h"

namespace fovea::crypto {

using Sha1Digest = std::array<std::uint8_t, 20>;
using Sha256Digest = std::array<std::uint8_t, 32>;

[[nodiscard]] Sha1Digest HmacSha1(ByteSpan key, ByteSpan data);
[[nodiscard]] Sha256Digest HmacSha256(ByteSpan key, ByteSpan data);
[[nodiscard]] Sha256Digest Sha256(ByteSpan data);

// Equality whose duration tells nothing about where the inputs differ. Unequal lengths: false.
[[nodiscard]] bool ConstantTimeEquals(ByteSpan a, ByteSpan b);

}  // namespace fovea::crypto
