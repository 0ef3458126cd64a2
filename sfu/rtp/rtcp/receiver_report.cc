// Receiver report. RFC 3550 section 6.4.2. Thread: pure functions, any thread.
#include "sfu/rtp/rtcp/receiver_report.h"

namespace fovea::rtp {

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P|    RC   |   PT=RR=201   |             length            |
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
// |                     SSRC of packet sender                     |
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
// |                    RC report blocks ...                       |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
std::optional<ReceiverReport> ReceiverReport::Parse(const RtcpPacket& packet) {
  ByteReader reader(packet.body);
  ReceiverReport report;
  report.sender = Ssrc{reader.U32()};
  for (int i = 0; i < packet.header.count_or_format && !reader.failed(); ++i) {
    report.blocks.Push(ReportBlock::Read(reader));
  }
  if (reader.failed()) return std::nullopt;
  return report;
}

bool ReceiverReport::Write(ByteWriter& writer) const {
  return WriteWholeOrNothing(writer, [this](ByteWriter& out) {
    WriteRtcpHeader({.count_or_format = static_cast<std::uint8_t>(blocks.size()),
                     .type = RtcpType::kReceiverReport},
                    4 + blocks.size() * kReportBlockBytes, out);
    out.U32(sender.value());
    for (const ReportBlock& block : blocks) block.Write(out);
  });
}

}  // namespace fovea::rtp
