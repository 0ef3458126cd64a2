// An outgoing RTP packet before protection: its header with the subscriber's extension ids, and its
// payload, changed where picture numbers or an RTX packet ask for it. RFC 3550, RFC 8285, RFC 4588.
// Thread: the owning worker.
#pragma once

#include <cstdint>

#include "sfu/core/bytes.h"
#include "sfu/router/packet_meta.h"
#include "sfu/router/subscription.h"
#include "sfu/worker/downlink.h"
#include "sfu/worker/lanes.h"

namespace fovea::worker {

// What a subscription decided, and the bytes it decided about.
struct Outgoing {
  enum class Way : std::uint8_t {
    kFirst,
    kRtx,     // as RTX sends it again
    kRepeat,  // again as it left the first time, byte by byte, to who has no RTX
  };

  const router::OutgoingHeader& header;
  ByteSpan payload;
  ByteSpan descriptor;
  const router::PacketMeta& meta;
  Way way = Way::kFirst;

  [[nodiscard]] bool over_rtx() const { return way == Way::kRtx; }
};

// The fixed header of 12 bytes, and an extension block with a descriptor as long as they come.
inline constexpr std::size_t kOutgoingHeaderBytesMax = 96 + limits::kDependencyDescriptorBytesMax;

// Writes the whole header. `seq` is the packet's number on its SSRC: over RTX that of the RTX
// packet. False, and nothing usable written, when there is no room.
// The same arguments make the same bytes at any time: a packet is repeated under the same SRTP
// index. So nothing of the moment may go in here.
[[nodiscard]] bool WriteOutgoingHeader(const Downlink& downlink, const Outgoing& out, ExtSeq seq,
                                       ByteWriter& writer);

// How long the payload will be, the original sequence number of RTX included.
[[nodiscard]] std::size_t OutgoingPayloadBytes(const Outgoing& out);

// The payload to be encrypted: the shared bytes if nothing changes, else a changed copy at `place`.
// REQUIRES: place.size() >= OutgoingPayloadBytes(out).
[[nodiscard]] ByteSpan AssembleOutgoingPayload(const Downlink& downlink, const Outgoing& out,
                                               MutableByteSpan place);

}  // namespace fovea::worker
