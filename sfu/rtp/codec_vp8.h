// VP8 payload descriptor. RFC 7741 section 4.2; key-frame header of section 4.3.
// All of it stays clear under LiveKit's end-to-end encryption: the descriptor is no part of the
// frame, and the first ten bytes of a key frame (three of a delta frame) are left alone.
// Thread: pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sfu/core/bytes.h"
#include "sfu/rtp/picture_ids.h"

namespace fovea::rtp {

//       0 1 2 3 4 5 6 7
//      +-+-+-+-+-+-+-+-+
//      |X|R|N|S|R| PID | (REQUIRED)
//      +-+-+-+-+-+-+-+-+
// X:   |I|L|T|K|  RSV  | (OPTIONAL)
//      +-+-+-+-+-+-+-+-+
// I:   |M| PictureID   | (OPTIONAL)
//      +-+-+-+-+-+-+-+-+
// M:   |   PictureID   | (OPTIONAL, when M is set)
//      +-+-+-+-+-+-+-+-+
// L:   |   TL0PICIDX   | (OPTIONAL)
//      +-+-+-+-+-+-+-+-+
// T/K: |TID|Y| KEYIDX  | (OPTIONAL)
//      +-+-+-+-+-+-+-+-+
struct Vp8Descriptor {
  bool non_reference = false;        // N
  bool starts_partition = false;     // S
  std::uint8_t partition = 0;        // PID
  std::uint8_t picture_id_bits = 0;  // 0 (absent), 7 or 15
  std::uint16_t picture_id = 0;
  bool has_tl0_pic_idx = false;
  std::uint8_t tl0_pic_idx = 0;
  bool has_temporal_id = false;
  std::uint8_t temporal_id = 0;
  bool layer_sync = false;  // Y: refers to temporal layer 0 only
  bool has_key_idx = false;
  std::uint8_t key_idx = 0;     // 5 bits
  std::uint8_t size_bytes = 0;  // of the descriptor

  bool starts_frame = false;        // S set and partition 0
  bool is_key_frame_start = false;  // starts_frame, and the frame tag's P bit is clear
  std::uint16_t width = 0;          // of a key frame whose start code is intact, else 0
  std::uint16_t height = 0;
};

// nullopt when the descriptor is cut short or no VP8 data follows it.
[[nodiscard]] std::optional<Vp8Descriptor> ParseVp8Descriptor(ByteSpan payload);

// Overwrites picture id, TL0PICIDX and KEYIDX where present, each in the width it has. `payload`
// may be just the first kPatchableBytesMax bytes. False, and nothing written, when it is cut short.
[[nodiscard]] bool RewriteVp8Descriptor(MutableByteSpan payload, const PictureIds& ids);

}  // namespace fovea::rtp
