// Compound RTCP. RFC 3550 section 6.1. Thread: pure functions, any thread.
#include "sfu/rtp/rtcp/compound.h"

#include "sfu/core/check.h"

namespace fovea::rtp {
namespace {

constexpr std::uint8_t kVersionBits = 0x80;
constexpr std::uint8_t kVersionMask = 0xc0;
constexpr std::uint8_t kPaddingBit = 0x20;
constexpr std::uint8_t kCountMask = 0x1f;

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P| RC/FMT  |  packet type  |  length in 32-bit words - 1   |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                     body and padding ...                      |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
std::optional<RtcpPacket> RtcpReader::Next() {
  if (rest_.empty()) return std::nullopt;
  malformed_ = true;  // until the packet proves itself
  if (rest_.size() < kRtcpHeaderBytes || (rest_[0] & kVersionMask) != kVersionBits) {
    rest_ = {};
    return std::nullopt;
  }
  const std::size_t length = std::size_t{4} * LoadBe16(&rest_[2]);
  if (length > rest_.size() - kRtcpHeaderBytes) {
    rest_ = {};
    return std::nullopt;
  }
  ByteSpan body = rest_.subspan(kRtcpHeaderBytes, length);
  if ((rest_[0] & kPaddingBit) != 0) {
    const std::size_t padding = body.empty() ? 0 : body.back();
    if (padding == 0 || padding > body.size()) {
      rest_ = {};
      return std::nullopt;
    }
    body = body.first(body.size() - padding);
  }
  const RtcpHeader header{.count_or_format = static_cast<std::uint8_t>(rest_[0] & kCountMask),
                          .type = static_cast<RtcpType>(rest_[1])};
  rest_ = rest_.subspan(kRtcpHeaderBytes + length);
  malformed_ = false;
  return RtcpPacket{.header = header, .body = body};
}

void WriteRtcpHeader(RtcpHeader header, std::size_t body_bytes, ByteWriter& writer) {
  FOVEA_CHECK(body_bytes % 4 == 0);
  FOVEA_CHECK(body_bytes / 4 <= 0xffff);
  writer.U8(static_cast<std::uint8_t>(kVersionBits | (header.count_or_format & kCountMask)));
  writer.U8(static_cast<std::uint8_t>(header.type));
  writer.U16(static_cast<std::uint16_t>(body_bytes / 4));
}

}  // namespace fovea::rtp
