// SDP descriptions of WebRTC sessions (RFC 8866, 8829): text to values and back, both pure. What
// the values mean for an offer or an answer is signaling/livekit's business. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/result.h"
#include "signaling/wire/sdp_media.h"

namespace fovea::wire {

struct SdpOrigin {
  std::string username = "-";  // Firefox names itself here: "mozilla..."
  std::string session_id = "0";
  std::uint64_t version = 0;
  bool operator==(const SdpOrigin&) const = default;
};

struct SdpGroup {
  std::string semantics;  // "BUNDLE"
  std::vector<std::string> mids;
  bool operator==(const SdpGroup&) const = default;
};

struct SessionDescription {
  SdpOrigin origin;
  SdpTransport transport;
  std::vector<SdpGroup> groups;
  bool ice_lite = false;
  bool extmap_allow_mixed = false;
  std::vector<SdpMedia> media;

  [[nodiscard]] const SdpMedia* FindMid(std::string_view mid) const;
  // The mids of the first BUNDLE group; empty when nothing is bundled.
  [[nodiscard]] const std::vector<std::string>* Bundle() const;
  bool operator==(const SessionDescription&) const = default;
};

struct SdpError {
  std::size_t line = 0;     // from 1; 0: the description as a whole
  std::string_view reason;  // a literal
};

// Accepts LF and CRLF and reads over attributes it does not know. Refuses, with the line: control
// characters, malformed values of attributes it knows, two sections with one mid, and anything
// beyond kSdpBytesMax, kSdpMediaSectionsMax or kSdpItemsPerSectionMax. O(bytes).
[[nodiscard]] Result<SessionDescription, SdpError> ParseSdp(std::string_view text);

// CRLF text that ParseSdp reads back to an equal value, if `description` could have come from it:
// strings without control characters, mids unique.
[[nodiscard]] std::string WriteSdp(const SessionDescription& description);

// The section's own transport, with what it leaves out taken from the session (RFC 8839 §5.4,
// RFC 8842 §5).
[[nodiscard]] SdpTransport EffectiveTransport(const SessionDescription& description,
                                              const SdpMedia& section);

}  // namespace fovea::wire
