// Picture loss indication. RFC 4585 section 6.3.1. Thread: pure functions, any thread.
#include "sfu/rtp/rtcp/pli.h"

namespace fovea::rtp {

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P|  FMT=1  |  PT=PSFB=206  |           length=2            |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                     SSRC of packet sender                     |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                      SSRC of media source                     |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
std::optional<Pli> Pli::Parse(const RtcpPacket& packet) {
  ByteReader reader(packet.body);
  const Pli pli{.sender = Ssrc{reader.U32()}, .media = Ssrc{reader.U32()}};
  if (reader.failed()) return std::nullopt;
  return pli;
}

bool Pli::Write(ByteWriter& writer) const {
  return WriteWholeOrNothing(writer, [this](ByteWriter& out) {
    WriteRtcpHeader({.count_or_format = kFormat, .type = RtcpType::kPayloadFeedback}, 8, out);
    out.U32(sender.value());
    out.U32(media.value());
  });
}

}  // namespace fovea::rtp
