// The part of libipsec-mb that we use, behind function pointers: AES-GCM with AVX-512's wide AES,
// which takes a third of the time of 128-bit AES-NI. Thread: any; immutable.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sfu/core/bytes.h"

namespace fovea::crypto {

// Expanded key and powers of the hash key; the library's own layout, which it wants aligned.
struct alignas(64) WideGcmKey {
  std::array<std::uint8_t, 1024> bytes;
};

// Whether library and CPU have it, and it computes what BoringSSL computes. Asked once, then known.
[[nodiscard]] bool HasWideGcm();

// REQUIRES: HasWideGcm(), and key.size() is 16 or 32.
void PrepareWideGcm(ByteSpan key, WideGcmKey& out);

struct WideGcmJob {
  const std::uint8_t* nonce;  // 12 bytes
  ByteSpan in;
  ByteSpan authenticated;
  std::uint8_t* out;  // as long as `in`, and 16 bytes for the tag
};
// REQUIRES: HasWideGcm(), and `key` was prepared from as many bytes.
void SealWideGcm(const WideGcmKey& key, std::size_t key_bytes, const WideGcmJob& job);

}  // namespace fovea::crypto
