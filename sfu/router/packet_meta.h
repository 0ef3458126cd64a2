// What is known about a received packet once it is parsed: everything a subscription needs to
// decide and to rewrite, without looking at the packet again. Travels in the packet slab to other
// workers and lies in the track history. Thread: plain value.
#pragma once

#include <cstdint>
#include <type_traits>

#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"
#include "sfu/rtp/codec.h"
#include "sfu/rtp/frame_info.h"

namespace fovea::router {

struct PacketMeta {
  ExtSeq seq;  // unwrapped per layer
  Instant arrived_at;
  WallMicros captured_at;  // in the publisher's clock, from its sender reports; 0: not known yet
  RtpTimestamp timestamp;
  std::uint16_t payload_bytes = 0;  // 0: padding only
  std::uint8_t layer = 0;  // simulcast layer, lowest first; 0 for audio and for scalable streams
  rtp::Codec codec = rtp::Codec::kUnknown;
  bool marker = false;
  bool has_audio_level = false;
  bool voice_activity = false;
  std::uint8_t audio_level = 127;  // RFC 6464: -dBov, 127 is silence
  bool has_orientation = false;    // 3GPP video orientation, passed on as it came
  std::uint8_t orientation = 0;
  rtp::FrameInfo frame;
};
static_assert(std::is_trivially_copyable_v<PacketMeta> && sizeof(PacketMeta) <= 128);

}  // namespace fovea::router
