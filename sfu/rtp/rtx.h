// Retransmission payload format: an RTX packet to the packet it repeats, and back. RFC 4588 section
// 4. Thread: pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sfu/core/bytes.h"
#include "sfu/core/drop_reason.h"
#include "sfu/core/result.h"
#include "sfu/core/strong_id.h"
#include "sfu/rtp/header.h"

namespace fovea::rtp {

inline constexpr std::size_t kOsnBytes = 2;  // the original sequence number

// What the original stream uses; SDP's apt and the RTX SSRC (or RRID) lead to it.
struct RtxOriginal {
  PayloadType pt;
  Ssrc ssrc;
};

// Turns an RTX packet into the original, in place, by moving the header over the original sequence
// number. The returned packet begins kOsnBytes behind `packet` and ends with it; parse it afresh.
// Header extensions stay those of the RTX packet: its RRID is not a RID.
// Fails with kPaddingOnly for probing without payload, kRtxMalformed for a payload of one byte.
// REQUIRES: `view` is of `packet`.
[[nodiscard]] Result<MutableByteSpan, DropReason> RestoreFromRtx(MutableByteSpan packet,
                                                                 const RtpView& view,
                                                                 const RtxOriginal& original);

struct RtxIdentity {
  PayloadType pt;
  Ssrc ssrc;
  std::uint16_t seq = 0;  // of the RTX stream
};

// Writes `original` as an RTX packet, header extensions included, padding left out. False, and the
// writer failed, when there is no room. REQUIRES: `view` is of `original`.
[[nodiscard]] bool WriteRtx(ByteSpan original, const RtpView& view, const RtxIdentity& rtx,
                            ByteWriter& writer);

}  // namespace fovea::rtp
