// Source description: the CNAME that binds streams of one participant to one clock. RFC 3550
// section 6.5. Other items are skipped. Thread: plain values, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "sfu/core/inline_vector.h"
#include "sfu/core/strong_id.h"
#include "sfu/rtp/rtcp/compound.h"

namespace fovea::rtp {

struct Sdes {
  static constexpr std::size_t kCnameBytesMax = 255;  // the item's length is one byte
  struct Chunk {
    Ssrc ssrc;
    std::string_view cname;  // borrows the packet; empty when the chunk has none
  };
  InlineVector<Chunk, kRtcpCountMax> chunks;

  // REQUIRES: packet.header.Is(RtcpType::kSourceDescription).
  [[nodiscard]] static std::optional<Sdes> Parse(const RtcpPacket& packet);
  // ENSURES: on false (no room, or a CNAME above kCnameBytesMax) the writer is unchanged.
  [[nodiscard]] bool Write(ByteWriter& writer) const;
};

}  // namespace fovea::rtp
