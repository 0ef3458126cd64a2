// Picture loss indication: "send me a key frame". RFC 4585 section 6.3.1.
// Thread: plain values, any thread.
#pragma once

#include <optional>

#include "sfu/core/strong_id.h"
#include "sfu/rtp/rtcp/compound.h"

namespace fovea::rtp {

struct Pli {
  static constexpr std::uint8_t kFormat = 1;

  Ssrc sender;
  Ssrc media;

  // REQUIRES: packet.header.Is(RtcpType::kPayloadFeedback, kFormat).
  [[nodiscard]] static std::optional<Pli> Parse(const RtcpPacket& packet);
  // ENSURES: on false the writer is unchanged.
  [[nodiscard]] bool Write(ByteWriter& writer) const;
};

}  // namespace fovea::rtp
