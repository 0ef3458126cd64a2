// What forwarding needs to know about a video packet, whatever its codec, taken only from bytes
// that end-to-end encryption leaves clear. Thread: plain values and pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>

#include "sfu/core/bytes.h"
#include "sfu/rtp/codec.h"
#include "sfu/rtp/dependency_descriptor.h"
#include "sfu/rtp/picture_ids.h"

namespace fovea::rtp {

// In a stream with spatial layers a "frame" is one layer's part of a picture.
struct FrameInfo {
  bool starts_frame = false;  // H.264: false may also mean unknown
  bool ends_frame = false;
  bool is_key_frame_start = false;  // a decoder can begin here; audio: every packet
  // A receiver that has this frame may go on with any higher temporal layer (VP9's U).
  bool temporal_up_ok = false;
  // This frame refers to temporal layer 0 only, so it may begin its own layer (VP8's Y).
  bool layer_sync = false;
  bool has_tl0_pic_idx = false;
  bool has_key_idx = false;
  std::uint8_t spatial = 0;
  std::uint8_t temporal = 0;
  std::uint8_t picture_id_bits = 0;  // 0 (absent), 7, 15, or 16 for a frame number
  PictureIds ids;
  std::uint16_t width = 0;  // of a key frame, where the clear bytes tell; else 0
  std::uint16_t height = 0;
};
static_assert(std::is_trivially_copyable_v<FrameInfo> && sizeof(FrameInfo) <= 24);

// `descriptor` is the packet's parsed dependency descriptor, or null; for AV1 and H.264 it takes
// precedence over the payload. `marker` is the RTP marker bit, the end of a frame for codecs that
// have no other. nullopt: not a payload of this codec (an empty one never is: padding-only packets
// are sorted out before).
[[nodiscard]] std::optional<FrameInfo> ParseFrameInfo(Codec codec, ByteSpan payload,
                                                      const DependencyDescriptor* descriptor,
                                                      bool marker);

// Overwrites the picture ids in the payload of a VP8 or VP9 packet; other codecs have none there.
// `payload` may be just the first kPatchableBytesMax bytes. False when it is cut short.
[[nodiscard]] bool RewritePictureIds(Codec codec, MutableByteSpan payload, const PictureIds& ids);

}  // namespace fovea::rtp
