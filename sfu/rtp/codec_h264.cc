// H.264 payload. See codec_h264.h.
#include "sfu/rtp/codec_h264.h"

#include <cstddef>
#include <cstdint>

namespace fovea::rtp {
namespace {

constexpr std::uint8_t kTypeMask = 0x1f;
constexpr std::uint8_t kSlice = 1;
constexpr std::uint8_t kIdrSlice = 5;
constexpr std::uint8_t kSequenceParameterSet = 7;
constexpr std::uint8_t kAccessUnitDelimiter = 9;
constexpr std::uint8_t kSingleNalMax = 23;
constexpr std::uint8_t kStapA = 24;
constexpr std::uint8_t kFuA = 28;
constexpr std::uint8_t kFuStart = 0x80;

// `body` is what follows the NAL unit header. ITU-T H.264 7.3.3: a slice header begins with
// first_mb_in_slice as ue(v), so a set top bit means 0, the first slice of its picture. If that
// byte is encrypted the guess can fail; WebRTC encoders put a parameter set before every IDR
// picture, and that one is found anyway.
void Inspect(std::uint8_t type, ByteSpan body, H264Summary& out) {
  const bool is_first_slice = !body.empty() && (body[0] & 0x80) != 0;
  switch (type) {
    case kSequenceParameterSet:
      out.is_key_frame_start = true;
      out.starts_frame = true;
      break;
    case kIdrSlice:
      out.is_key_frame_start = out.is_key_frame_start || is_first_slice;
      out.starts_frame = out.starts_frame || is_first_slice;
      break;
    case kSlice:
      out.starts_frame = out.starts_frame || is_first_slice;
      break;
    case kAccessUnitDelimiter:
      out.starts_frame = true;
      break;
    default:
      break;
  }
}

// RFC 6184 section 5.7.1: 16-bit size before each NAL unit.
std::optional<H264Summary> ParseStapA(ByteSpan units) {
  H264Summary out;
  ByteReader reader(units);
  if (units.empty()) return std::nullopt;
  while (reader.remaining() > 0) {
    const ByteSpan unit = reader.Bytes(reader.U16());
    if (reader.failed() || unit.empty()) return std::nullopt;
    Inspect(unit[0] & kTypeMask, unit.subspan(1), out);
  }
  if (reader.failed()) return std::nullopt;
  return out;
}

}  // namespace

std::optional<H264Summary> ParseH264(ByteSpan payload) {
  if (payload.empty()) return std::nullopt;
  const std::uint8_t type = payload[0] & kTypeMask;
  if (type == kStapA) return ParseStapA(payload.subspan(1));
  H264Summary out;
  if (type == kFuA) {
    if (payload.size() < 3) return std::nullopt;
    if ((payload[1] & kFuStart) != 0) Inspect(payload[1] & kTypeMask, payload.subspan(2), out);
    return out;
  }
  if (type == 0 || type > kSingleNalMax) return std::nullopt;
  Inspect(type, payload.subspan(1), out);
  return out;
}

}  // namespace fovea::rtp
