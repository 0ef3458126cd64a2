// VP8 payload descriptor. See codec_vp8.h.
#include "sfu/rtp/codec_vp8.h"

namespace fovea::rtp {
namespace {

constexpr std::uint8_t kExtended = 0x80;
constexpr std::uint8_t kNonReference = 0x20;
constexpr std::uint8_t kStartsPartition = 0x10;
constexpr std::uint8_t kPartitionMask = 0x07;
constexpr std::uint8_t kHasPictureId = 0x80;
constexpr std::uint8_t kHasTl0PicIdx = 0x40;
constexpr std::uint8_t kHasTemporalId = 0x20;
constexpr std::uint8_t kHasKeyIdx = 0x10;
constexpr std::uint8_t kWidePictureId = 0x80;
constexpr std::uint8_t kKeyIdxMask = 0x1f;

// RFC 6386 section 9.1: frame tag (3), start code 9d 01 2a, 14-bit width and height, little endian.
constexpr std::size_t kKeyFrameHeaderBytes = 10;

void ReadFrameHeader(ByteSpan data, Vp8Descriptor& out) {
  out.starts_frame = out.starts_partition && out.partition == 0;
  if (!out.starts_frame) return;
  out.is_key_frame_start = (data[0] & 0x01) == 0;
  if (!out.is_key_frame_start || data.size() < kKeyFrameHeaderBytes) return;
  if (data[3] != 0x9d || data[4] != 0x01 || data[5] != 0x2a) return;
  out.width = static_cast<std::uint16_t>((data[6] | (data[7] << 8)) & 0x3fff);
  out.height = static_cast<std::uint16_t>((data[8] | (data[9] << 8)) & 0x3fff);
}

}  // namespace

std::optional<Vp8Descriptor> ParseVp8Descriptor(ByteSpan payload) {
  ByteReader reader(payload);
  Vp8Descriptor out;
  const std::uint8_t first = reader.U8();
  out.non_reference = (first & kNonReference) != 0;
  out.starts_partition = (first & kStartsPartition) != 0;
  out.partition = first & kPartitionMask;
  const std::uint8_t flags = (first & kExtended) != 0 ? reader.U8() : std::uint8_t{0};
  if ((flags & kHasPictureId) != 0) {
    const std::uint8_t high = reader.U8();
    out.picture_id = high & 0x7f;
    out.picture_id_bits = 7;
    if ((high & kWidePictureId) != 0) {
      out.picture_id = static_cast<std::uint16_t>((out.picture_id << 8) | reader.U8());
      out.picture_id_bits = 15;
    }
  }
  if ((flags & kHasTl0PicIdx) != 0) {
    out.has_tl0_pic_idx = true;
    out.tl0_pic_idx = reader.U8();
  }
  if ((flags & (kHasTemporalId | kHasKeyIdx)) != 0) {
    const std::uint8_t byte = reader.U8();
    out.has_temporal_id = (flags & kHasTemporalId) != 0;
    out.has_key_idx = (flags & kHasKeyIdx) != 0;
    if (out.has_temporal_id) {
      out.temporal_id = byte >> 6;
      out.layer_sync = (byte & 0x20) != 0;
    }
    if (out.has_key_idx) out.key_idx = byte & kKeyIdxMask;
  }
  if (reader.failed() || reader.remaining() == 0) return std::nullopt;
  out.size_bytes = static_cast<std::uint8_t>(reader.position());
  ReadFrameHeader(payload.subspan(reader.position()), out);
  return out;
}

bool RewriteVp8Descriptor(MutableByteSpan payload, const PictureIds& ids) {
  if (payload.empty()) return false;
  if ((payload[0] & kExtended) == 0) return true;
  if (payload.size() < 2) return false;
  const std::uint8_t flags = payload[1];
  const bool has_picture_id = (flags & kHasPictureId) != 0;
  const bool has_tl0 = (flags & kHasTl0PicIdx) != 0;
  const bool has_last = (flags & (kHasTemporalId | kHasKeyIdx)) != 0;
  if (has_picture_id && payload.size() < 3) return false;
  const bool wide = has_picture_id && (payload[2] & kWidePictureId) != 0;
  const std::size_t needed = std::size_t{2} + (has_picture_id ? 1U : 0U) + (wide ? 1U : 0U) +
                             (has_tl0 ? 1U : 0U) + (has_last ? 1U : 0U);
  if (payload.size() < needed) return false;

  std::size_t at = 2;
  if (wide) {
    StoreBe16(&payload[at], static_cast<std::uint16_t>(0x8000 | ids.picture_id));
    at += 2;
  } else if (has_picture_id) {
    payload[at++] = static_cast<std::uint8_t>(ids.picture_id & 0x7f);
  }
  if (has_tl0) payload[at++] = ids.tl0_pic_idx;
  if ((flags & kHasKeyIdx) != 0) {
    payload[at] = static_cast<std::uint8_t>((payload[at] & ~kKeyIdxMask) | (ids.key_idx & 0x1f));
  }
  return true;
}

}  // namespace fovea::rtp
