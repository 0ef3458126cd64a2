// Sender report. RFC 3550 section 6.4.1. Thread: pure functions, any thread.
#include "sfu/rtp/rtcp/sender_report.h"

namespace fovea::rtp {
namespace {

constexpr std::size_t kFixedBytes = 24;

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P|    RC   |   PT=SR=200   |             length            |
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
// |                         SSRC of sender                        |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |              NTP timestamp, most significant word             |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |             NTP timestamp, least significant word             |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                         RTP timestamp                         |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                     sender's packet count                     |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                      sender's octet count                     |
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
// |                    RC report blocks ...                       |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
std::optional<SenderReport> SenderReport::Parse(const RtcpPacket& packet) {
  ByteReader reader(packet.body);
  SenderReport report;
  report.sender = Ssrc{reader.U32()};
  report.ntp = reader.U64();
  report.rtp_timestamp = RtpTimestamp{reader.U32()};
  report.packets = reader.U32();
  report.octets = reader.U32();
  for (int i = 0; i < packet.header.count_or_format && !reader.failed(); ++i) {
    report.blocks.Push(ReportBlock::Read(reader));
  }
  if (reader.failed()) return std::nullopt;
  return report;
}

bool SenderReport::Write(ByteWriter& writer) const {
  return WriteWholeOrNothing(writer, [this](ByteWriter& out) {
    WriteRtcpHeader({.count_or_format = static_cast<std::uint8_t>(blocks.size()),
                     .type = RtcpType::kSenderReport},
                    kFixedBytes + blocks.size() * kReportBlockBytes, out);
    out.U32(sender.value());
    out.U64(ntp);
    out.U32(rtp_timestamp.value());
    out.U32(packets);
    out.U32(octets);
    for (const ReportBlock& block : blocks) block.Write(out);
  });
}

}  // namespace fovea::rtp
