// Extended report. RFC 3611. Thread: pure functions, any thread.
#include "sfu/rtp/rtcp/extended_report.h"

namespace fovea::rtp {
namespace {

constexpr std::uint8_t kReferenceTimeBlock = 4;
constexpr std::uint8_t kDlrrBlock = 5;
constexpr std::size_t kBlockHeaderBytes = 4;
constexpr std::size_t kReferenceTimeBytes = 8;
constexpr std::size_t kDlrrBytes = 12;

bool ParseDlrrs(ByteSpan block, ExtendedReport& report) {
  if (block.size() % kDlrrBytes != 0) return false;
  ByteReader reader(block);
  while (reader.remaining() > 0 && !report.dlrrs.full()) {
    ExtendedReport::Dlrr dlrr;
    dlrr.receiver = Ssrc{reader.U32()};
    dlrr.last_rr = reader.U32();
    dlrr.delay_since_last_rr = reader.U32();
    report.dlrrs.Push(dlrr);
  }
  return true;
}

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P|reserved |   PT=XR=207   |             length            |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                              SSRC                             |
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
// |     BT=4      |   reserved    |       block length = 2        |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |              NTP timestamp, most significant word             |
// |             NTP timestamp, least significant word             |
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
// |     BT=5      |   reserved    |  block length = 3 per item    |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                       SSRC of receiver                        |
// |                         last RR (LRR)                         |
// |                   delay since last RR (DLRR)                  |
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
std::optional<ExtendedReport> ExtendedReport::Parse(const RtcpPacket& packet) {
  ByteReader reader(packet.body);
  ExtendedReport report;
  report.sender = Ssrc{reader.U32()};
  while (reader.remaining() > 0) {
    const std::uint8_t type = reader.U8();
    reader.Skip(1);
    const ByteSpan block = reader.Bytes(std::size_t{4} * reader.U16());
    if (reader.failed()) break;
    if (type == kReferenceTimeBlock) {
      if (block.size() != kReferenceTimeBytes) return std::nullopt;
      report.reference_ntp = LoadBe64(block.data());
    } else if (type == kDlrrBlock && !ParseDlrrs(block, report)) {
      return std::nullopt;
    }
  }
  if (reader.failed()) return std::nullopt;
  return report;
}

bool ExtendedReport::Write(ByteWriter& writer) const {
  std::size_t body_bytes = 4;
  if (reference_ntp.has_value()) body_bytes += kBlockHeaderBytes + kReferenceTimeBytes;
  if (!dlrrs.empty()) body_bytes += kBlockHeaderBytes + dlrrs.size() * kDlrrBytes;
  return WriteWholeOrNothing(writer, [this, body_bytes](ByteWriter& out) {
    WriteRtcpHeader({.count_or_format = 0, .type = RtcpType::kExtendedReport}, body_bytes, out);
    out.U32(sender.value());
    if (reference_ntp.has_value()) {
      out.U8(kReferenceTimeBlock);
      out.U8(0);
      out.U16(kReferenceTimeBytes / 4);
      out.U64(*reference_ntp);
    }
    if (dlrrs.empty()) return;
    out.U8(kDlrrBlock);
    out.U8(0);
    out.U16(static_cast<std::uint16_t>(dlrrs.size() * kDlrrBytes / 4));
    for (const Dlrr& dlrr : dlrrs) {
      out.U32(dlrr.receiver.value());
      out.U32(dlrr.last_rr);
      out.U32(dlrr.delay_since_last_rr);
    }
  });
}

}  // namespace fovea::rtp
