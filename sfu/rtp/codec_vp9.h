// VP9 payload descriptor. RFC 9628 section 4.2. The descriptor is all that stays clear under
// end-to-end encryption, and it is all that is read here. Thread: pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/core/bytes.h"
#include "sfu/rtp/picture_ids.h"

namespace fovea::rtp {

//       0 1 2 3 4 5 6 7
//      +-+-+-+-+-+-+-+-+
//      |I|P|L|F|B|E|V|Z| (REQUIRED)
//      +-+-+-+-+-+-+-+-+
// I:   |M| PICTURE ID  | (REQUIRED in flexible mode)
//      +-+-+-+-+-+-+-+-+
// M:   | EXTENDED PID  | (when M is set)
//      +-+-+-+-+-+-+-+-+
// L:   | TID |U| SID |D|
//      +-+-+-+-+-+-+-+-+
//      |   TL0PICIDX   | (non-flexible mode only)
//      +-+-+-+-+-+-+-+-+
// P,F: | P_DIFF      |N| (flexible mode, up to 3 times)
//      +-+-+-+-+-+-+-+-+
// V:   | SS            |
//      | ..            |
//      +-+-+-+-+-+-+-+-+
struct Vp9Descriptor {
  bool inter_picture_predicted = false;  // P
  bool flexible = false;                 // F
  bool starts_frame = false;             // B: of a layer frame
  bool ends_frame = false;               // E
  bool not_for_upper_layers = false;     // Z: no upper spatial layer of this picture refers to it
  std::uint8_t picture_id_bits = 0;      // 0 (absent), 7 or 15
  std::uint16_t picture_id = 0;
  bool has_layers = false;  // L
  std::uint8_t temporal_id = 0;
  std::uint8_t spatial_id = 0;
  bool switching_up = false;           // U
  bool inter_layer_predicted = false;  // D
  bool has_tl0_pic_idx = false;
  std::uint8_t tl0_pic_idx = 0;
  bool has_structure = false;       // V
  std::uint8_t spatial_layers = 0;  // of the scalability structure; 0 when absent
  std::uint16_t width = 0;          // of the largest layer announced, else 0
  std::uint16_t height = 0;
  std::uint16_t size_bytes = 0;

  // The first packet of a picture that refers to no earlier picture.
  [[nodiscard]] bool is_key_frame_start() const {
    return starts_frame && !inter_picture_predicted && spatial_id == 0;
  }
};

// nullopt when the descriptor is cut short, has a fourth reference, or no VP9 data follows it.
[[nodiscard]] std::optional<Vp9Descriptor> ParseVp9Descriptor(ByteSpan payload);

// Overwrites picture id and TL0PICIDX where present, each in the width it has. `payload` may be
// just the first kPatchableBytesMax bytes. False, and nothing written, when it is cut short.
[[nodiscard]] bool RewriteVp9Descriptor(MutableByteSpan payload, const PictureIds& ids);

}  // namespace fovea::rtp
