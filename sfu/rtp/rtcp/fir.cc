// Full intra request. RFC 5104 section 4.3.1. Thread: pure functions, any thread.
#include "sfu/rtp/rtcp/fir.h"

namespace fovea::rtp {
namespace {

constexpr std::size_t kEntryBytes = 8;

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P|  FMT=4  |  PT=PSFB=206  |             length            |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                     SSRC of packet sender                     |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |               SSRC of media source (unused, 0)                |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                              SSRC                             |  one or more entries
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |    Seq nr.    |                    Reserved                   |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
std::optional<Fir> Fir::Parse(const RtcpPacket& packet) {
  ByteReader reader(packet.body);
  Fir fir;
  fir.sender = Ssrc{reader.U32()};
  reader.Skip(4);
  if (reader.failed() || reader.remaining() == 0 || reader.remaining() % kEntryBytes != 0) {
    return std::nullopt;
  }
  while (reader.remaining() > 0) {
    const Entry entry{.media = Ssrc{reader.U32()}, .command_seq = reader.U8()};
    reader.Skip(3);
    if (!fir.entries.TryPush(entry)) return std::nullopt;
  }
  return fir;
}

bool Fir::Write(ByteWriter& writer) const {
  return WriteWholeOrNothing(writer, [this](ByteWriter& out) {
    WriteRtcpHeader({.count_or_format = kFormat, .type = RtcpType::kPayloadFeedback},
                    8 + entries.size() * kEntryBytes, out);
    out.U32(sender.value());
    out.U32(0);
    for (const Entry& entry : entries) {
      out.U32(entry.media.value());
      out.U8(entry.command_seq);
      out.Zeros(3);
    }
  });
}

}  // namespace fovea::rtp
