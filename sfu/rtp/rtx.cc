// Retransmission payload format. RFC 4588. Thread: pure functions, any thread.
#include "sfu/rtp/rtx.h"

#include <cstring>

namespace fovea::rtp {

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                         RTP Header                            |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |            OSN                |                               |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               |
// |                  Original RTP Packet Payload                  |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
Result<MutableByteSpan, DropReason> RestoreFromRtx(MutableByteSpan packet, const RtpView& view,
                                                   const RtxOriginal& original) {
  if (view.payload_length == 0) return Failure{DropReason::kPaddingOnly};
  if (view.payload_length < kOsnBytes) return Failure{DropReason::kRtxMalformed};
  const std::uint16_t original_seq = LoadBe16(&packet[view.payload_offset]);
  std::memmove(&packet[kOsnBytes], packet.data(), view.header_length());
  const MutableByteSpan restored = packet.subspan(kOsnBytes);
  SetPayloadType(restored, original.pt);
  SetSeq(restored, original_seq);
  SetSsrc(restored, original.ssrc);
  return restored;
}

bool WriteRtx(ByteSpan original, const RtpView& view, const RtxIdentity& rtx, ByteWriter& writer) {
  constexpr std::uint8_t kPaddingBit = 0x20;
  const std::size_t start = writer.size();
  writer.Bytes(original.first(view.header_length()));
  writer.U16(view.seq);
  writer.Bytes(view.Payload(original));
  if (writer.failed()) return false;
  const MutableByteSpan packet = writer.written().subspan(start);
  packet[0] = static_cast<std::uint8_t>(packet[0] & ~kPaddingBit);
  SetPayloadType(packet, rtx.pt);
  SetSeq(packet, rtx.seq);
  SetSsrc(packet, rtx.ssrc);
  return true;
}

}  // namespace fovea::rtp
