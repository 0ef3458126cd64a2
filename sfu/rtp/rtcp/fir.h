// Full intra request: a key frame demanded, with a number that tells a repeat from a new request.
// RFC 5104 section 4.3.1. Thread: plain values, any thread.
#pragma once

#include <optional>

#include "sfu/core/inline_vector.h"
#include "sfu/core/limits.h"
#include "sfu/core/strong_id.h"
#include "sfu/rtp/rtcp/compound.h"

namespace fovea::rtp {

struct Fir {
  static constexpr std::uint8_t kFormat = 4;
  struct Entry {
    Ssrc media;
    std::uint8_t command_seq = 0;  // same number: repeat of a request that may be ignored
    bool operator==(const Entry&) const = default;
  };

  Ssrc sender;
  InlineVector<Entry, limits::kFirEntriesMax> entries;

  // REQUIRES: packet.header.Is(RtcpType::kPayloadFeedback, kFormat).
  [[nodiscard]] static std::optional<Fir> Parse(const RtcpPacket& packet);
  // ENSURES: on false the writer is unchanged.
  [[nodiscard]] bool Write(ByteWriter& writer) const;
};

}  // namespace fovea::rtp
