// Generic NACK. RFC 4585 section 6.2.1. Thread: pure functions, any thread.
#include "sfu/rtp/rtcp/nack.h"

#include "sfu/core/check.h"

namespace fovea::rtp {
namespace {

// Takes from the front of `seqs` what one item can name; returns the item as it goes on the wire.
std::uint32_t TakeItem(std::span<const ExtSeq>& seqs) {
  const ExtSeq packet_id = seqs.front();
  std::uint32_t following = 0;
  std::size_t taken = 1;
  for (; taken < seqs.size(); ++taken) {
    const std::int64_t distance = seqs[taken].value() - packet_id.value();
    FOVEA_DCHECK(distance > 0);
    if (distance >= Nack::kSeqsPerItem) break;
    following |= std::uint32_t{1} << (distance - 1);
  }
  seqs = seqs.subspan(taken);
  return (std::uint32_t{ToWire(packet_id)} << 16) | following;
}

std::size_t CountItems(std::span<const ExtSeq> seqs) {
  std::size_t items = 0;
  for (; !seqs.empty(); ++items) (void)TakeItem(seqs);
  return items;
}

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P|  FMT=1  |  PT=RTPFB=205 |             length            |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                     SSRC of packet sender                     |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                      SSRC of media source                     |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |         packet id (PID)       | following lost packets (BLP)  |  one or more
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
std::optional<Nack> Nack::Parse(const RtcpPacket& packet) {
  ByteReader reader(packet.body);
  Nack nack;
  nack.sender = Ssrc{reader.U32()};
  nack.media = Ssrc{reader.U32()};
  nack.items = reader.Bytes(reader.remaining());
  if (reader.failed() || nack.items.empty() || nack.items.size() % kItemBytes != 0) {
    return std::nullopt;
  }
  return nack;
}

bool Nack::Write(Ssrc sender, Ssrc media, std::span<const ExtSeq> seqs, ByteWriter& writer) {
  FOVEA_CHECK(!seqs.empty());
  return WriteWholeOrNothing(writer, [&](ByteWriter& out) {
    WriteRtcpHeader({.count_or_format = kFormat, .type = RtcpType::kTransportFeedback},
                    8 + CountItems(seqs) * kItemBytes, out);
    out.U32(sender.value());
    out.U32(media.value());
    for (std::span<const ExtSeq> rest = seqs; !rest.empty();) out.U32(TakeItem(rest));
  });
}

}  // namespace fovea::rtp
