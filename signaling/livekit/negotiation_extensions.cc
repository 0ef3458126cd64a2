// Which RTP header extensions are accepted and offered. See negotiation_extensions.h.
#include "signaling/livekit/negotiation_extensions.h"

#include <limits>
#include <optional>

namespace fovea::livekit {
namespace {

using rtp::ExtensionUri;

// Video orientation is left out on purpose: a sender that may not signal rotation turns the picture
// itself, which every receiver understands.
[[nodiscard]] bool IsUsed(ExtensionUri uri, SectionUse use, control::MediaKind kind,
                          const NegotiationPolicy& policy) {
  const bool is_uplink = use == SectionUse::kUplink;
  const bool is_video = kind == control::MediaKind::kVideo;
  switch (uri) {
    case ExtensionUri::kMid:
    case ExtensionUri::kTransportCc:
    case ExtensionUri::kAbsSendTime:
    case ExtensionUri::kAbsCaptureTime:
      return true;
    case ExtensionUri::kRid:
    case ExtensionUri::kRrid:
      // On downlinks too, where they carry nothing: Chromium offers a later section only what the
      // bundle's earlier ones negotiated, and then cannot offer simulcast. The same for audio
      // levels.
      return true;
    case ExtensionUri::kAudioLevel:
      return !is_video;
    case ExtensionUri::kFrameMarking:
      return is_uplink && is_video;
    case ExtensionUri::kDependencyDescriptor:
      return is_video;
    case ExtensionUri::kPlayoutDelay:
      return !is_uplink && is_video && policy.playout_delay;
    case ExtensionUri::kVideoOrientation:
    case ExtensionUri::kTransmissionOffset:
    case ExtensionUri::kContentType:
    case ExtensionUri::kVideoTiming:
    case ExtensionUri::kColorSpace:
    case ExtensionUri::kVideoLayersAllocation:
      return false;
  }
  return false;
}

// RFC 8285 §6: a direction is stated from the offerer's side.
[[nodiscard]] bool Covers(const std::optional<wire::SdpDirection>& direction, SectionUse use) {
  if (!direction) return true;
  return use == SectionUse::kUplink ? wire::Sends(*direction) : wire::Receives(*direction);
}

}  // namespace

std::vector<wire::SdpExtension> AnswerExtensions(const wire::SdpMedia& offered, SectionUse use,
                                                 const NegotiationPolicy& policy) {
  std::vector<wire::SdpExtension> accepted;
  const auto kind = MediaKindOf(offered.kind);
  if (!kind) return accepted;
  rtp::ExtensionMap seen;
  for (const wire::SdpExtension& extension : offered.extensions) {
    const auto uri = rtp::ExtensionUriFrom(extension.uri);
    if (!uri || !IsUsed(*uri, use, *kind, policy) || !Covers(extension.direction, use)) continue;
    if (extension.id > std::numeric_limits<std::uint8_t>::max()) continue;
    if (!seen.TrySet(*uri, static_cast<std::uint8_t>(extension.id))) continue;
    wire::SdpExtension answer = extension;
    if (answer.direction) answer.direction = wire::Reversed(*answer.direction);
    accepted.push_back(std::move(answer));
  }
  return accepted;
}

std::vector<wire::SdpExtension> OfferExtensions(control::MediaKind kind,
                                                const NegotiationPolicy& policy) {
  // One id has one meaning in all sections of the bundle (RFC 8843 §9.1); below 15 fits the
  // one-byte form.
  constexpr ExtensionUri kOrder[] = {
      ExtensionUri::kMid,
      ExtensionUri::kAbsSendTime,
      ExtensionUri::kTransportCc,
      ExtensionUri::kAbsCaptureTime,
      ExtensionUri::kDependencyDescriptor,
      ExtensionUri::kPlayoutDelay,
  };
  std::vector<wire::SdpExtension> offered;
  std::uint16_t id = 0;
  for (const ExtensionUri uri : kOrder) {
    ++id;
    if (!IsUsed(uri, SectionUse::kDownlink, kind, policy)) continue;
    offered.push_back({id, std::string(rtp::ToString(uri)), std::nullopt});
  }
  return offered;
}

rtp::ExtensionMap ExtensionMapOf(const std::vector<wire::SdpExtension>& extensions) {
  rtp::ExtensionMap map;
  for (const wire::SdpExtension& extension : extensions) {
    const auto uri = rtp::ExtensionUriFrom(extension.uri);
    if (!uri || extension.id > std::numeric_limits<std::uint8_t>::max()) continue;
    // A second meaning of one id, or a second id of one URI, is left out: the first one counts.
    (void)map.TrySet(*uri, static_cast<std::uint8_t>(extension.id));
  }
  return map;
}

}  // namespace fovea::livekit
