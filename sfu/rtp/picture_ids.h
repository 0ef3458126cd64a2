// The counters inside a video payload descriptor that a receiver expects to run on without a break,
// whatever layer they come from. Thread: plain values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fovea::rtp {

struct PictureIds {
  std::uint16_t picture_id = 0;  // VP8, VP9: 7 or 15 bits; dependency descriptor: frame number
  std::uint8_t tl0_pic_idx = 0;
  std::uint8_t key_idx = 0;  // VP8 only, 5 bits

  bool operator==(const PictureIds&) const = default;
};

// A rewrite touches nothing behind this many bytes of the payload, so fan-out copies these few
// bytes and encrypts the rest from the shared packet. 6: a VP8 descriptor with every field.
inline constexpr std::size_t kPatchableBytesMax = 6;

}  // namespace fovea::rtp
