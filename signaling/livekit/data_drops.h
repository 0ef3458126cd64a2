// Why a message of a data channel ends in its room. Thread: signaling.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fovea::livekit {

enum class DataDrop : std::uint8_t {
  kNotPermitted,   // the sender may not publish data, or is no agent and transcribes
  kUnreadable,     // not a DataPacket, or not a packet of a data track
  kRepeated,       // a resumed client sent again what had come
  kUnknownTrack,   // of no data track that its sender published
  kNotConnected,   // a receiver without a connection for it
  kUnknownSender,  // its session ended while the message was under way
  kCount,
};
inline constexpr std::size_t kDataDrops = static_cast<std::size_t>(DataDrop::kCount);

using DataDropCounts = std::array<std::uint64_t, kDataDrops>;  // by DataDrop

// snake_case, as used in metric labels.
[[nodiscard]] constexpr std::string_view ToString(DataDrop reason) {
  switch (reason) {
    case DataDrop::kNotPermitted:
      return "not_permitted";
    case DataDrop::kUnreadable:
      return "unreadable";
    case DataDrop::kRepeated:
      return "repeated";
    case DataDrop::kUnknownTrack:
      return "unknown_track";
    case DataDrop::kNotConnected:
      return "not_connected";
    case DataDrop::kUnknownSender:
      return "unknown_sender";
    case DataDrop::kCount:
      break;
  }
  return "invalid";
}

}  // namespace fovea::livekit
