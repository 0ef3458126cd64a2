// VP9 payload descriptor. See codec_vp9.h.
#include "sfu/rtp/codec_vp9.h"

namespace fovea::rtp {
namespace {

constexpr std::uint8_t kHasPictureId = 0x80;
constexpr std::uint8_t kInterPicture = 0x40;
constexpr std::uint8_t kHasLayers = 0x20;
constexpr std::uint8_t kFlexible = 0x10;
constexpr std::uint8_t kStartsFrame = 0x08;
constexpr std::uint8_t kEndsFrame = 0x04;
constexpr std::uint8_t kHasStructure = 0x02;
constexpr std::uint8_t kNotForUpperLayers = 0x01;
constexpr std::uint8_t kWidePictureId = 0x80;
constexpr int kReferencesMax = 3;

//      +-+-+-+-+-+-+-+-+
// V:   | N_S |Y|G|-|-|-|
//      +-+-+-+-+-+-+-+-+
// Y:   |     WIDTH     | (2 bytes)    N_S + 1 times
//      |     HEIGHT    | (2 bytes)
//      +-+-+-+-+-+-+-+-+
// G:   |      N_G      |
//      +-+-+-+-+-+-+-+-+
//      | TID |U| R |-|-|              N_G times
//      |    P_DIFF     | (R times)
//      +-+-+-+-+-+-+-+-+
void ReadStructure(ByteReader& reader, Vp9Descriptor& out) {
  const std::uint8_t head = reader.U8();
  out.has_structure = true;
  out.spatial_layers = static_cast<std::uint8_t>((head >> 5) + 1);
  if ((head & 0x10) != 0) {
    for (int layer = 0; layer < out.spatial_layers; ++layer) {
      const std::uint16_t width = reader.U16();
      const std::uint16_t height = reader.U16();
      if (width > out.width) {
        out.width = width;
        out.height = height;
      }
    }
  }
  if ((head & 0x08) != 0) {
    const int pictures = reader.U8();
    for (int i = 0; i < pictures && !reader.failed(); ++i) {
      const std::size_t references = (reader.U8() >> 2) & 0x03;
      reader.Skip(references);
    }
  }
}

// False when a fourth reference is announced.
bool SkipReferences(ByteReader& reader) {
  for (int i = 0; i < kReferencesMax; ++i) {
    if ((reader.U8() & 0x01) == 0) return true;
  }
  return false;
}

}  // namespace

std::optional<Vp9Descriptor> ParseVp9Descriptor(ByteSpan payload) {
  ByteReader reader(payload);
  Vp9Descriptor out;
  const std::uint8_t flags = reader.U8();
  out.inter_picture_predicted = (flags & kInterPicture) != 0;
  out.flexible = (flags & kFlexible) != 0;
  out.starts_frame = (flags & kStartsFrame) != 0;
  out.ends_frame = (flags & kEndsFrame) != 0;
  out.not_for_upper_layers = (flags & kNotForUpperLayers) != 0;
  if ((flags & kHasPictureId) != 0) {
    const std::uint8_t high = reader.U8();
    out.picture_id = high & 0x7f;
    out.picture_id_bits = 7;
    if ((high & kWidePictureId) != 0) {
      out.picture_id = static_cast<std::uint16_t>((out.picture_id << 8) | reader.U8());
      out.picture_id_bits = 15;
    }
  }
  if ((flags & kHasLayers) != 0) {
    const std::uint8_t byte = reader.U8();
    out.has_layers = true;
    out.temporal_id = byte >> 5;
    out.switching_up = (byte & 0x10) != 0;
    out.spatial_id = (byte >> 1) & 0x07;
    out.inter_layer_predicted = (byte & 0x01) != 0;
    if (!out.flexible) {
      out.has_tl0_pic_idx = true;
      out.tl0_pic_idx = reader.U8();
    }
  }
  if (out.flexible && out.inter_picture_predicted && !SkipReferences(reader)) return std::nullopt;
  if ((flags & kHasStructure) != 0) ReadStructure(reader, out);
  if (reader.failed() || reader.remaining() == 0) return std::nullopt;
  out.size_bytes = static_cast<std::uint16_t>(reader.position());
  return out;
}

bool RewriteVp9Descriptor(MutableByteSpan payload, const PictureIds& ids) {
  if (payload.empty()) return false;
  const std::uint8_t flags = payload[0];
  const bool has_picture_id = (flags & kHasPictureId) != 0;
  const bool has_tl0 = (flags & kHasLayers) != 0 && (flags & kFlexible) == 0;
  if (has_picture_id && payload.size() < 2) return false;
  const bool wide = has_picture_id && (payload[1] & kWidePictureId) != 0;
  const std::size_t needed =
      std::size_t{1} + (has_picture_id ? 1U : 0U) + (wide ? 1U : 0U) + (has_tl0 ? 2U : 0U);
  if (payload.size() < needed) return false;

  std::size_t at = 1;
  if (wide) {
    StoreBe16(&payload[at], static_cast<std::uint16_t>(0x8000 | ids.picture_id));
    at += 2;
  } else if (has_picture_id) {
    payload[at++] = static_cast<std::uint8_t>(ids.picture_id & 0x7f);
  }
  if (has_tl0) payload[at + 1] = ids.tl0_pic_idx;
  return true;
}

}  // namespace fovea::rtp
