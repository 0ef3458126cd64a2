// Goodbye. RFC 3550 section 6.6. Thread: pure functions, any thread.
#include "sfu/rtp/rtcp/bye.h"

namespace fovea::rtp {

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P|    SC   |   PT=BYE=203  |             length            |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                           SSRC/CSRC                           |
// :                              ...                              :
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
// |     length    |               reason for leaving            ...  (optional)
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
std::optional<Bye> Bye::Parse(const RtcpPacket& packet) {
  ByteReader reader(packet.body);
  Bye bye;
  for (int i = 0; i < packet.header.count_or_format; ++i) bye.sources.Push(Ssrc{reader.U32()});
  if (reader.failed()) return std::nullopt;
  return bye;
}

bool Bye::Write(ByteWriter& writer) const {
  return WriteWholeOrNothing(writer, [this](ByteWriter& out) {
    WriteRtcpHeader(
        {.count_or_format = static_cast<std::uint8_t>(sources.size()), .type = RtcpType::kBye},
        4 * sources.size(), out);
    for (const Ssrc source : sources) out.U32(source.value());
  });
}

}  // namespace fovea::rtp
