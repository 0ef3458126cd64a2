// The parts of media sections that uplinks, downlinks and data have in common. See
// negotiation_sections.h.
#include "signaling/livekit/negotiation_sections.h"

#include <algorithm>

namespace fovea::livekit {
namespace {

constexpr std::uint16_t kSctpPort = 5000;            // what every WebRTC stack uses
constexpr std::uint64_t kDataBytesUnstated = 65536;  // RFC 8841 §6.1

}  // namespace

wire::SdpTransport DescribeTransport(const LocalTransport& local, wire::SdpSetup setup,
                                     bool with_candidates) {
  wire::SdpTransport transport;
  transport.ufrag = local.ice.ufrag;
  transport.pwd = local.ice.pwd;
  transport.fingerprints = {{"sha-256", local.fingerprint}};
  transport.setup = setup;
  if (!with_candidates) return transport;
  for (std::size_t rank = 0; rank < local.candidates.size(); ++rank) {
    transport.candidates.push_back(CandidateLine(local.candidates[rank], rank));
  }
  transport.end_of_candidates = true;
  return transport;
}

wire::SdpMedia AcceptedSection(const wire::SdpMedia& offered, wire::SdpTransport transport) {
  wire::SdpMedia answer;
  answer.kind = offered.kind;
  answer.protocol = offered.protocol;
  answer.mid = offered.mid;
  answer.transport = std::move(transport);
  // Never 0, even when inactive: Chromium takes that for a rejection and fails the whole bundle.
  answer.port = 9;
  if (!offered.IsRtp()) return answer;
  answer.rtcp_mux = true;
  answer.rtcp_rsize = offered.rtcp_rsize;
  answer.extmap_allow_mixed = offered.extmap_allow_mixed;
  answer.direction = wire::SdpDirection::kInactive;
  return answer;
}

wire::SdpMedia RejectedSection(const wire::SdpMedia& offered) {
  wire::SdpMedia answer;
  answer.kind = offered.kind;
  answer.other_name = offered.other_name;
  answer.protocol = offered.protocol;
  answer.mid = offered.mid;
  answer.port = 0;
  answer.formats = offered.formats;
  if (offered.IsRtp()) answer.direction = wire::SdpDirection::kInactive;
  // RFC 8866 §5.14: the line needs at least one format; RFC 3264 §6 gives it no meaning here.
  if (!offered.codecs.empty()) answer.codecs = {offered.codecs.front()};
  return answer;
}

void DescribeTrack(const DownlinkTrack& track, wire::SdpMedia& section) {
  // Clients read participant and track from the stream id, "PA_x|TR_y".
  section.msids = {{track.stream_id, track.track_sid}};
  const wire::SdpMsid msid{track.stream_id, track.track_sid};
  // One CNAME per publisher: its tracks share a clock and may be synchronised.
  section.ssrcs.push_back({track.ssrc, track.publisher_sid, msid});
  if (track.rtx_ssrc.value() == 0) return;
  section.ssrcs.push_back({track.rtx_ssrc, track.publisher_sid, msid});
  section.ssrc_groups.push_back({"FID", {track.ssrc, track.rtx_ssrc}});
}

bool IsBundled(const wire::SessionDescription& description, const wire::SdpMedia& section) {
  const std::vector<std::string>* bundle = description.Bundle();
  if (bundle == nullptr) return &section == &description.media.front();
  return std::find(bundle->begin(), bundle->end(), section.mid) != bundle->end();
}

Result<RemoteTransport, NegotiationError> RemoteTransportOf(
    const wire::SessionDescription& description) {
  const wire::SdpMedia* tagged = nullptr;
  for (const wire::SdpMedia& section : description.media) {
    if (section.IsRejected() || !IsBundled(description, section)) continue;
    tagged = &section;
    break;
  }
  if (tagged == nullptr) return Failure{NegotiationError{0, "no media section is usable"}};
  const wire::SdpTransport transport = wire::EffectiveTransport(description, *tagged);
  // RFC 8839 §5.4: at least 4 and 22 characters.
  if (transport.ufrag.size() < 4 || transport.pwd.size() < 22) {
    return Failure{NegotiationError{0, "ICE credentials are missing or too short"}};
  }
  RemoteTransport remote;
  remote.ice = {transport.ufrag, transport.pwd};
  remote.setup = transport.setup.value_or(wire::SdpSetup::kActPass);
  for (const wire::SdpFingerprint& fingerprint : transport.fingerprints) {
    if (fingerprint.algorithm == "sha-256") remote.fingerprint = fingerprint.value;
  }
  // 32 bytes in hexadecimal with colons between.
  if (remote.fingerprint.size() != 32 * 3 - 1) {
    return Failure{NegotiationError{0, "no SHA-256 fingerprint"}};
  }
  return remote;
}

void DescribeData(const NegotiationPolicy& policy, wire::SdpMedia& section) {
  section.kind = wire::SdpKind::kApplication;
  section.formats = {"webrtc-datachannel"};
  section.sctp_port = kSctpPort;
  section.max_message_size = policy.data_message_bytes_max;
}

bool IsData(const wire::SdpMedia& section) {
  return section.kind == wire::SdpKind::kApplication && section.formats.size() == 1 &&
         section.formats.front() == "webrtc-datachannel";
}

std::uint64_t DataMessageBytesMax(const wire::SdpMedia& section) {
  return section.max_message_size.value_or(kDataBytesUnstated);
}

}  // namespace fovea::livekit
