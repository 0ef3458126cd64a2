// Receiver report. RFC 3550 section 6.4.2. Thread: plain values, any thread.
#pragma once

#include <optional>

#include "sfu/rtp/rtcp/report_block.h"

namespace fovea::rtp {

struct ReceiverReport {
  Ssrc sender;  // of this report, not of the media
  ReportBlocks blocks;

  // REQUIRES: packet.header.Is(RtcpType::kReceiverReport). Profile-specific extensions are ignored.
  [[nodiscard]] static std::optional<ReceiverReport> Parse(const RtcpPacket& packet);
  // ENSURES: on false the writer is unchanged.
  [[nodiscard]] bool Write(ByteWriter& writer) const;
};

}  // namespace fovea::rtp
