// H.264 payload: where a key frame starts. RFC 6184 sections 5.2 (types), 5.7.1 (STAP-A), 5.8
// (FU-A). NAL unit headers and parameter sets stay clear under LiveKit's end-to-end encryption;
// nothing behind them is trusted. Thread: pure functions, any thread.
#pragma once

#include <optional>

#include "sfu/core/bytes.h"

namespace fovea::rtp {

struct H264Summary {
  bool is_key_frame_start =
      false;                  // a sequence parameter set, or the first slice of an IDR picture
  bool starts_frame = false;  // known start of an access unit; false may also mean unknown
};

// nullopt for an empty payload, an aggregate whose sizes do not add up, or a type that
// packetization modes 0 and 1 do not allow.
[[nodiscard]] std::optional<H264Summary> ParseH264(ByteSpan payload);

}  // namespace fovea::rtp
