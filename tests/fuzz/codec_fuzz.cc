// Payload descriptors of all codecs: no input may read out of bounds, and a rewrite must leave a
// payload that parses to what was written.
// fuzz-deps: sfu_rtp
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sfu/core/check.h"
#include "sfu/rtp/codec.h"
#include "sfu/rtp/frame_info.h"

namespace {

void CheckRewrite(fovea::rtp::Codec codec, fovea::ByteSpan payload,
                  const fovea::rtp::FrameInfo& before) {
  std::vector<std::uint8_t> copy(payload.begin(), payload.end());
  fovea::rtp::PictureIds ids{0x7f, 0xa5, 0x15};
  // The first bytes must be enough: fan-out has no more in hand.
  const std::size_t prefix = std::min(copy.size(), fovea::rtp::kPatchableBytesMax);
  FOVEA_CHECK(
      fovea::rtp::RewritePictureIds(codec, fovea::MutableByteSpan(copy).first(prefix), ids));
  const auto after = fovea::rtp::ParseFrameInfo(codec, copy, nullptr, before.ends_frame);
  FOVEA_CHECK(after.has_value());
  FOVEA_CHECK(after->temporal == before.temporal && after->spatial == before.spatial);
  FOVEA_CHECK(after->picture_id_bits == before.picture_id_bits);
  if (before.picture_id_bits != 0) FOVEA_CHECK(after->ids.picture_id == ids.picture_id);
  if (before.has_tl0_pic_idx) FOVEA_CHECK(after->ids.tl0_pic_idx == ids.tl0_pic_idx);
  if (before.has_key_idx) FOVEA_CHECK(after->ids.key_idx == ids.key_idx);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto codec = static_cast<fovea::rtp::Codec>(
      data[0] % (static_cast<unsigned>(fovea::rtp::Codec::kUnknown) + 1));
  const fovea::ByteSpan payload(data + 1, size - 1);
  const auto info = fovea::rtp::ParseFrameInfo(codec, payload, nullptr, (data[0] & 0x80) != 0);
  if (info && (codec == fovea::rtp::Codec::kVp8 || codec == fovea::rtp::Codec::kVp9)) {
    CheckRewrite(codec, payload, *info);
  }
  return 0;
}
