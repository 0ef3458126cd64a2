// Header of LiveKit's data-track packets (livekit-protocol reference section 3.9). Big endian.
// Pure codec, any thread.
//
//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// | ver |S|F|X|res|   reserved    |            handle             |
// |           sequence            |         frame number          |
// |                      timestamp (90 kHz)                       |
// | if X: extension words minus one | extensions, zero padded ... |
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/core/bytes.h"

namespace fovea::livekit {

inline constexpr std::size_t kDataTrackHeaderBytes = 12;
inline constexpr std::uint32_t kDataTrackHandleMax = 0xffff;

// The handle, or nothing when the packet is too short or of another version.
[[nodiscard]] inline std::optional<std::uint16_t> DataTrackHandle(ByteSpan packet) {
  if (packet.size() < kDataTrackHeaderBytes || (packet[0] >> 5) != 0) return std::nullopt;
  return LoadBe16(&packet[2]);
}

// REQUIRES: DataTrackHandle() accepted the packet.
inline void SetDataTrackHandle(MutableByteSpan packet, std::uint16_t handle) {
  StoreBe16(&packet[2], handle);
}

}  // namespace fovea::livekit
