// RTP header. RFC 3550 section 5.1. Thread: pure functions, any thread.
#include "sfu/rtp/header.h"

#include <limits>

#include "sfu/core/check.h"

namespace fovea::rtp {
namespace {

constexpr std::uint8_t kVersionBits = 0x80;  // version 2 in the upper two bits
constexpr std::uint8_t kVersionMask = 0xc0;
constexpr std::uint8_t kPaddingBit = 0x20;
constexpr std::uint8_t kExtensionBit = 0x10;
constexpr std::uint8_t kCsrcCountMask = 0x0f;
constexpr std::uint8_t kMarkerBit = 0x80;
constexpr std::uint8_t kPayloadTypeMask = 0x7f;
constexpr std::size_t kExtensionHeaderBytes = 4;

std::uint16_t Narrow(std::size_t value) { return static_cast<std::uint16_t>(value); }

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                           timestamp                           |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |           synchronization source (SSRC) identifier            |
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
// |            contributing source (CSRC) identifiers (CC)        |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |      defined by profile       |    length in 32-bit words     |  if X
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                       header extension                        |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |  payload ...                  |  padding ...  | padding count |  if P
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
Result<RtpView, DropReason> RtpView::Parse(ByteSpan packet) {
  if (packet.size() < kFixedHeaderBytes) return Failure{DropReason::kRtpTooShort};
  // Offsets are 16 bits wide; no datagram or RFC 4571 frame can be longer.
  if (packet.size() > std::numeric_limits<std::uint16_t>::max()) {
    return Failure{DropReason::kRtpTooLong};
  }
  if ((packet[0] & kVersionMask) != kVersionBits) return Failure{DropReason::kRtpBadVersion};

  RtpView view;
  view.marker = (packet[1] & kMarkerBit) != 0;
  view.pt = PayloadType{static_cast<std::uint8_t>(packet[1] & kPayloadTypeMask)};
  view.seq = LoadBe16(&packet[2]);
  view.ts = RtpTimestamp{LoadBe32(&packet[4])};
  view.ssrc = Ssrc{LoadBe32(&packet[8])};

  std::size_t at = kFixedHeaderBytes + std::size_t{4} * (packet[0] & kCsrcCountMask);
  if (at > packet.size()) return Failure{DropReason::kRtpTooShort};
  if ((packet[0] & kExtensionBit) != 0) {
    if (packet.size() - at < kExtensionHeaderBytes) return Failure{DropReason::kRtpBadExtension};
    const std::size_t length = std::size_t{4} * LoadBe16(&packet[at + 2]);
    view.has_extension = true;
    view.extension_profile = LoadBe16(&packet[at]);
    at += kExtensionHeaderBytes;
    if (packet.size() - at < length) return Failure{DropReason::kRtpBadExtension};
    view.extension_offset = Narrow(at);
    view.extension_length = Narrow(length);
    at += length;
  }
  view.payload_offset = Narrow(at);

  std::size_t padding = 0;
  if ((packet[0] & kPaddingBit) != 0) {
    // RFC 3550 section 5.1: the count includes itself, so zero is as wrong as reaching the header.
    padding = at < packet.size() ? packet.back() : 0;
    if (padding == 0 || padding > packet.size() - at) return Failure{DropReason::kRtpBadPadding};
  }
  view.padding_length = static_cast<std::uint8_t>(padding);
  view.payload_length = Narrow(packet.size() - at - padding);
  return view;
}

bool IsRtcp(ByteSpan datagram) {
  return datagram.size() >= 2 && datagram[1] >= 192 && datagram[1] <= 223;
}

bool WriteRtpHeader(const RtpHeaderFields& fields, ByteSpan extension_block, ByteWriter& writer) {
  if (extension_block.size() % 4 != 0) return false;
  const bool extension = !extension_block.empty();
  writer.U8(static_cast<std::uint8_t>(kVersionBits | (extension ? kExtensionBit : 0)));
  writer.U8(static_cast<std::uint8_t>((fields.marker ? kMarkerBit : 0) |
                                      (fields.pt.value() & kPayloadTypeMask)));
  writer.U16(fields.seq);
  writer.U32(fields.ts.value());
  writer.U32(fields.ssrc.value());
  writer.Bytes(extension_block);
  return !writer.failed();
}

void SetMarker(MutableByteSpan packet, bool marker) {
  FOVEA_CHECK(packet.size() >= kFixedHeaderBytes);
  packet[1] = static_cast<std::uint8_t>((packet[1] & kPayloadTypeMask) | (marker ? kMarkerBit : 0));
}

void SetPayloadType(MutableByteSpan packet, PayloadType payload_type) {
  FOVEA_CHECK(packet.size() >= kFixedHeaderBytes);
  packet[1] = static_cast<std::uint8_t>((packet[1] & kMarkerBit) |
                                        (payload_type.value() & kPayloadTypeMask));
}

void SetSeq(MutableByteSpan packet, std::uint16_t seq) {
  FOVEA_CHECK(packet.size() >= kFixedHeaderBytes);
  StoreBe16(&packet[2], seq);
}

void SetTimestamp(MutableByteSpan packet, RtpTimestamp timestamp) {
  FOVEA_CHECK(packet.size() >= kFixedHeaderBytes);
  StoreBe32(&packet[4], timestamp.value());
}

void SetSsrc(MutableByteSpan packet, Ssrc ssrc) {
  FOVEA_CHECK(packet.size() >= kFixedHeaderBytes);
  StoreBe32(&packet[8], ssrc.value());
}

MutableByteSpan StripPadding(MutableByteSpan packet, RtpView& view) {
  FOVEA_CHECK(packet.size() >= view.header_length() + view.payload_length);
  packet[0] = static_cast<std::uint8_t>(packet[0] & ~kPaddingBit);
  view.padding_length = 0;
  return packet.first(view.header_length() + view.payload_length);
}

}  // namespace fovea::rtp
