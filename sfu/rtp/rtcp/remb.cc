// Receiver estimated maximum bitrate. draft-alvestrand-rmcat-remb-03 section 2.2.
// Thread: pure functions, any thread.
#include "sfu/rtp/rtcp/remb.h"

#include <bit>

namespace fovea::rtp {
namespace {

constexpr std::uint32_t kIdentifier = 0x52454d42;  // "REMB"
constexpr int kMantissaBits = 18;

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P| FMT=15  |  PT=PSFB=206  |             length            |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                     SSRC of packet sender                     |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                 SSRC of media source (unused, 0)              |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                  Unique identifier 'R' 'E' 'M' 'B'            |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |   Num SSRC    | BR Exp    |         BR Mantissa (18 bits)     |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                       SSRC feedback ...                       |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
std::optional<Remb> Remb::Parse(const RtcpPacket& packet) {
  ByteReader reader(packet.body);
  Remb remb;
  remb.sender = Ssrc{reader.U32()};
  reader.Skip(4);
  if (reader.U32() != kIdentifier) return std::nullopt;
  const int count = reader.U8();
  const std::uint32_t rate = reader.U24();
  const std::uint64_t mantissa = rate & ((1U << kMantissaBits) - 1);
  const std::uint32_t exponent = rate >> kMantissaBits;
  remb.bits_per_second = mantissa << exponent;
  // An exponent that shifts bits out of 64 names no rate at all.
  if (remb.bits_per_second >> exponent != mantissa) return std::nullopt;
  for (int i = 0; i < count && !reader.failed(); ++i) remb.sources.Push(Ssrc{reader.U32()});
  if (reader.failed()) return std::nullopt;
  return remb;
}

bool Remb::Write(ByteWriter& writer) const {
  const auto significant = static_cast<int>(std::bit_width(bits_per_second));
  const int exponent = significant > kMantissaBits ? significant - kMantissaBits : 0;
  return WriteWholeOrNothing(writer, [this, exponent](ByteWriter& out) {
    WriteRtcpHeader({.count_or_format = kFormat, .type = RtcpType::kPayloadFeedback},
                    16 + 4 * sources.size(), out);
    out.U32(sender.value());
    out.U32(0);
    out.U32(kIdentifier);
    out.U8(static_cast<std::uint8_t>(sources.size()));
    out.U24((static_cast<std::uint32_t>(exponent) << kMantissaBits) |
            static_cast<std::uint32_t>(bits_per_second >> exponent));
    for (const Ssrc source : sources) out.U32(source.value());
  });
}

}  // namespace fovea::rtp
