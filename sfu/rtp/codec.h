// The codecs Fovea forwards, and their names on the wire ("video/VP8" in SDP and LiveKit messages).
// Thread: plain values and pure functions, any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace fovea::rtp {

enum class Codec : std::uint8_t {
  kOpus,
  kRed,  // RFC 2198 around Opus: forwarded whole, never opened (its blocks are encrypted)
  kPcmu,
  kPcma,
  kG722,
  kVp8,
  kVp9,
  kH264,
  kAv1,
  kUnknown,
};

// "video/VP8", "audio/opus", ...; empty for kUnknown.
[[nodiscard]] std::string_view MimeType(Codec codec);

// Accepts any letter case. kUnknown for anything else.
[[nodiscard]] Codec CodecFromMime(std::string_view mime);

[[nodiscard]] bool IsVideo(Codec codec);

// RTP clock in Hz; 0 for kUnknown. RFC 3551 section 4.5.2: G.722 counts at 8000 although it samples
// at 16000.
[[nodiscard]] std::uint32_t ClockRate(Codec codec);

}  // namespace fovea::rtp
