// The checksum that stands where an SRTP tag would when the simulator runs without encryption: same
// size, so packet sizes are those of AES-GCM, and damaged packets are still refused. Not a secret.
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sfu/core/bytes.h"

namespace fovea::crypto {

inline constexpr std::size_t kNullTagBytes = 16;

// FNV-1a over the whole packet.
[[nodiscard]] inline std::uint64_t NullChecksum(ByteSpan packet) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::uint8_t byte : packet) hash = (hash ^ byte) * 0x100000001b3ULL;
  return hash;
}

inline void WriteNullTag(ByteSpan packet, std::uint8_t* out) {
  StoreBe64(out, NullChecksum(packet));
  std::memset(out + 8, 0, kNullTagBytes - 8);
}

// REQUIRES: protected_packet.size() >= kNullTagBytes.
[[nodiscard]] inline bool HasNullTag(ByteSpan protected_packet) {
  const ByteSpan packet = protected_packet.first(protected_packet.size() - kNullTagBytes);
  return LoadBe64(packet.data() + packet.size()) == NullChecksum(packet);
}

}  // namespace fovea::crypto
