// Candidate lines and the codec policy. See negotiation_types.h.
#include "signaling/livekit/negotiation_types.h"

#include <algorithm>

namespace fovea::livekit {

std::string CandidateLine(const LocalCandidate& candidate, std::size_t rank) {
  // RFC 8445 §5.1.2: type preference, local preference, component. TCP gets a lower type
  // preference, as RFC 6544 §4.2 recommends, so that it is used only where UDP does not pass; 90 is
  // libwebrtc's.
  const std::uint32_t type_preference = candidate.tcp ? 90 : 126;
  const auto local_preference =
      static_cast<std::uint32_t>(65535 - std::min<std::size_t>(rank, 65535));
  const std::uint32_t priority = (type_preference << 24) | (local_preference << 8) | 255U;
  std::string line = std::to_string(rank + 1);  // foundation: every candidate has its own base
  line += candidate.tcp ? " 1 tcp " : " 1 udp ";
  line += std::to_string(priority) + ' ' + candidate.ip + ' ' + std::to_string(candidate.port);
  line += " typ host";
  if (candidate.tcp) line += " tcptype passive";
  return line;
}

NegotiationPolicy NegotiationPolicy::FromMimeTypes(std::span<const std::string> mime_types) {
  NegotiationPolicy policy;
  for (const std::string& mime_type : mime_types) {
    const rtp::Codec codec = rtp::CodecFromMime(mime_type);
    if (codec != rtp::Codec::kUnknown && !policy.Allows(codec)) policy.codecs.push_back(codec);
  }
  return policy;
}

bool NegotiationPolicy::Allows(rtp::Codec codec) const {
  return std::find(codecs.begin(), codecs.end(), codec) != codecs.end();
}

}  // namespace fovea::livekit
