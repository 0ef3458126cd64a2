// The parts of media sections that uplinks, downlinks and data have in common. Thread: signaling;
// pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/result.h"
#include "signaling/livekit/negotiation_types.h"

namespace fovea::livekit {

// Our transport as a section shows it. Candidates stand in one section of a bundle only.
[[nodiscard]] wire::SdpTransport DescribeTransport(const LocalTransport& local,
                                                   wire::SdpSetup setup, bool with_candidates);

// An accepted answer section without codecs: the offer's mid and protocol, port 9, our transport.
[[nodiscard]] wire::SdpMedia AcceptedSection(const wire::SdpMedia& offered,
                                             wire::SdpTransport transport);
// Port 0 and no transport: refused for good, RFC 3264 §6.
[[nodiscard]] wire::SdpMedia RejectedSection(const wire::SdpMedia& offered);

// msid, SSRCs and the FID group of a track we send.
void DescribeTrack(const DownlinkTrack& track, wire::SdpMedia& section);

// The transport that the whole bundle uses: that of its first section which is not refused.
[[nodiscard]] Result<RemoteTransport, NegotiationError> RemoteTransportOf(
    const wire::SessionDescription& description);
// Whether the section is part of the one transport that we have.
[[nodiscard]] bool IsBundled(const wire::SessionDescription& description,
                             const wire::SdpMedia& section);

// The section that carries SCTP, as we answer or offer it. RFC 8841.
void DescribeData(const NegotiationPolicy& policy, wire::SdpMedia& section);
[[nodiscard]] bool IsData(const wire::SdpMedia& section);
// RFC 8841 §6.1: 64 KiB unless stated, 0 for "any size".
[[nodiscard]] std::uint64_t DataMessageBytesMax(const wire::SdpMedia& section);

}  // namespace fovea::livekit
