// Which codecs an answer or an offer lists, in which order and with which parameters.
// Thread: signaling; pure functions.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "signaling/livekit/negotiation_types.h"

namespace fovea::livekit {

// kUnknown for everything that is not media we forward: rtx, video red, ulpfec, CN, DTMF, ...
[[nodiscard]] rtp::Codec CodecOf(wire::SdpKind kind, const wire::SdpCodec& codec);

// What the answer for one uplink section should look like. The default is a held or idle section.
struct UplinkCodecRules {
  rtp::Codec preferred = rtp::Codec::kUnknown;
  // Firefox sends what comes first and mixes up the rest, so it is shown nothing else.
  bool only_preferred = false;
  bool stereo = false;
  bool disable_dtx = false;
  bool disable_red = false;
};

// The offered codecs that `policy` allows, each followed by its RTX, with the offerer's payload
// types and the feedback we serve. Preferred first, otherwise in the offer's order.
[[nodiscard]] std::vector<wire::SdpCodec> AnswerUplinkCodecs(const wire::SdpMedia& offered,
                                                             const NegotiationPolicy& policy,
                                                             const UplinkCodecRules& rules);

// The same for a section on which we send `track`, or nothing (nullptr).
[[nodiscard]] std::vector<wire::SdpCodec> AnswerDownlinkCodecs(const wire::SdpMedia& offered,
                                                               const NegotiationPolicy& policy,
                                                               const DownlinkTrack* track);

// The offered codec in which `track` can be sent, or nullptr. A track whose codec is not known yet
// fits anything.
[[nodiscard]] const wire::SdpCodec* FindCodecFor(const wire::SdpMedia& offered,
                                                 const DownlinkTrack& track);

// Our own table, for server offers, with the publisher's codec first. Payload types never change
// their meaning within a connection.
[[nodiscard]] std::vector<wire::SdpCodec> OfferCodecs(const NegotiationPolicy& policy,
                                                      const DownlinkTrack* track,
                                                      control::MediaKind kind);

// The media codecs of a section, with their RTX, in its order.
[[nodiscard]] std::vector<NegotiatedCodec> NegotiatedCodecs(wire::SdpKind kind,
                                                            std::span<const wire::SdpCodec> codecs);

}  // namespace fovea::livekit
