// Source description. RFC 3550 section 6.5. Thread: pure functions, any thread.
#include "sfu/rtp/rtcp/sdes.h"

namespace fovea::rtp {
namespace {

constexpr std::uint8_t kItemEnd = 0;
constexpr std::uint8_t kItemCname = 1;

// SSRC, item type, item length, text, at least one zero, up to a 32-bit boundary.
std::size_t ChunkBytes(std::string_view cname) { return (4 + 2 + cname.size() + 1 + 3) / 4 * 4; }

std::string_view AsText(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads items up to the chunk's end. The list ends with one to four zero bytes, up to the next
// 32-bit boundary of the body, which is also one of the packet.
Sdes::Chunk ReadChunk(ByteReader& reader) {
  Sdes::Chunk chunk;
  chunk.ssrc = Ssrc{reader.U32()};
  while (!reader.failed()) {
    const std::uint8_t type = reader.U8();
    if (type == kItemEnd) break;
    const ByteSpan text = reader.Bytes(reader.U8());
    if (type == kItemCname) chunk.cname = AsText(text);
  }
  reader.Skip((4 - reader.position() % 4) % 4);
  return chunk;
}

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P|    SC   |  PT=SDES=202  |             length            |
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
// |                          SSRC/CSRC_1                          |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |    CNAME=1    |     length    |  user and domain name ...  0  |
// +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
std::optional<Sdes> Sdes::Parse(const RtcpPacket& packet) {
  ByteReader reader(packet.body);
  Sdes sdes;
  for (int i = 0; i < packet.header.count_or_format; ++i) {
    const Chunk chunk = ReadChunk(reader);
    if (reader.failed()) return std::nullopt;
    sdes.chunks.Push(chunk);
  }
  return sdes;
}

bool Sdes::Write(ByteWriter& writer) const {
  std::size_t body_bytes = 0;
  for (const Chunk& chunk : chunks) {
    if (chunk.cname.size() > kCnameBytesMax) return false;
    body_bytes += ChunkBytes(chunk.cname);
  }
  return WriteWholeOrNothing(writer, [this, body_bytes](ByteWriter& out) {
    WriteRtcpHeader({.count_or_format = static_cast<std::uint8_t>(chunks.size()),
                     .type = RtcpType::kSourceDescription},
                    body_bytes, out);
    for (const Chunk& chunk : chunks) {
      out.U32(chunk.ssrc.value());
      out.U8(kItemCname);
      out.U8(static_cast<std::uint8_t>(chunk.cname.size()));
      out.Bytes({reinterpret_cast<const std::uint8_t*>(chunk.cname.data()), chunk.cname.size()});
      out.Zeros(ChunkBytes(chunk.cname) - 6 - chunk.cname.size());
    }
  });
}

}  // namespace fovea::rtp
