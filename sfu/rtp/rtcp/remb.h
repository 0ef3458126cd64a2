// Receiver estimated maximum bitrate: what clients without transport-wide feedback say about their
// downlink. draft-alvestrand-rmcat-remb-03. Thread: plain values, any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/core/inline_vector.h"
#include "sfu/core/strong_id.h"
#include "sfu/rtp/rtcp/compound.h"

namespace fovea::rtp {

struct Remb {
  static constexpr std::uint8_t kFormat = 15;      // application layer feedback, shared with others
  static constexpr std::size_t kSourcesMax = 255;  // the count is one byte

  Ssrc sender;
  std::uint64_t bits_per_second = 0;
  InlineVector<Ssrc, kSourcesMax> sources;

  // Empty also for application layer feedback that is not REMB.
  // REQUIRES: packet.header.Is(RtcpType::kPayloadFeedback, kFormat).
  [[nodiscard]] static std::optional<Remb> Parse(const RtcpPacket& packet);
  // Rounds the rate down to 18 significant bits. ENSURES: on false the writer is unchanged.
  [[nodiscard]] bool Write(ByteWriter& writer) const;
};

}  // namespace fovea::rtp
