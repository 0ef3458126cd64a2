// Generic NACK: sequence numbers that a receiver misses. RFC 4585 section 6.2.1.
// Thread: plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sfu/core/seq.h"
#include "sfu/core/strong_id.h"
#include "sfu/rtp/rtcp/compound.h"

namespace fovea::rtp {

// A parsed NACK borrows the packet: one datagram can name some 6000 numbers (17 per 4 bytes), so
// they are visited, never stored. The caller bounds what it does with them.
struct Nack {
  static constexpr std::uint8_t kFormat = 1;
  static constexpr std::size_t kItemBytes = 4;
  static constexpr int kSeqsPerItem = 17;  // the packet id and 16 bits behind it

  Ssrc sender;
  Ssrc media;
  ByteSpan items;  // whole items

  // REQUIRES: packet.header.Is(RtcpType::kTransportFeedback, kFormat).
  [[nodiscard]] static std::optional<Nack> Parse(const RtcpPacket& packet);

  // Calls visit(std::uint16_t seq) in wire order.
  template <class Visitor>
  void ForEach(Visitor&& visit) const {
    for (std::size_t at = 0; at + kItemBytes <= items.size(); at += kItemBytes) {
      const std::uint16_t packet_id = LoadBe16(&items[at]);
      visit(packet_id);
      std::uint16_t following = LoadBe16(&items[at + 2]);
      for (auto seq = static_cast<std::uint16_t>(packet_id + 1); following != 0; ++seq) {
        if ((following & 1U) != 0) visit(seq);
        following = static_cast<std::uint16_t>(following >> 1);
      }
    }
  }

  // Writes `seqs` in as few items as greedy packing gives.
  // REQUIRES: seqs strictly ascending, not empty. ENSURES: on false the writer is unchanged.
  [[nodiscard]] static bool Write(Ssrc sender, Ssrc media, std::span<const ExtSeq> seqs,
                                  ByteWriter& writer);
};

}  // namespace fovea::rtp
