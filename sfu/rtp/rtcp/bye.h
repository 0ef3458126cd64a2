// Goodbye: streams that end. RFC 3550 section 6.6. Thread: plain values, any thread.
#pragma once

#include <optional>

#include "sfu/core/inline_vector.h"
#include "sfu/core/strong_id.h"
#include "sfu/rtp/rtcp/compound.h"

namespace fovea::rtp {

struct Bye {
  InlineVector<Ssrc, kRtcpCountMax> sources;

  // REQUIRES: packet.header.Is(RtcpType::kBye). The reason text, which nobody reads, is skipped.
  [[nodiscard]] static std::optional<Bye> Parse(const RtcpPacket& packet);
  // Writes no reason. ENSURES: on false the writer is unchanged.
  [[nodiscard]] bool Write(ByteWriter& writer) const;
};

}  // namespace fovea::rtp
