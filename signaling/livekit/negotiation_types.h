// What SDP negotiation takes and gives, without SDP: transports, published tracks, downlinks and
// the sections they were given. Thread: signaling; plain data.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/control/command.h"
#include "sfu/core/limits.h"
#include "sfu/core/strong_id.h"
#include "sfu/rtp/codec.h"
#include "sfu/rtp/extensions.h"
#include "signaling/wire/sdp.h"

namespace fovea::livekit {

// --- Our end ---------------------------------------------------------------------------------

struct LocalCandidate {
  std::string ip;
  std::uint16_t port = 0;
  bool tcp = false;  // passive ICE-TCP, RFC 6544
};

// What follows "candidate:" in SDP and in a trickle message. `rank` 0 is the best of the list.
[[nodiscard]] std::string CandidateLine(const LocalCandidate& candidate, std::size_t rank);

struct IceText {
  std::string ufrag;
  std::string pwd;
};

struct LocalTransport {
  IceText ice;
  std::string fingerprint;                 // SHA-256, "AB:CD:.."
  std::vector<LocalCandidate> candidates;  // best first
};

// What the operator allows. The same for all participants of a server.
struct NegotiationPolicy {
  std::vector<rtp::Codec> codecs;  // clients may send and receive these
  std::uint64_t data_message_bytes_max = limits::kDataMessageBytesMax;
  bool playout_delay = false;  // offer and accept that extension toward subscribers

  // Names as in configuration and in LiveKit's messages ("video/VP8"); unknown ones are skipped.
  [[nodiscard]] static NegotiationPolicy FromMimeTypes(std::span<const std::string> mime_types);
  [[nodiscard]] bool Allows(rtp::Codec codec) const;
};

// --- The client's end ------------------------------------------------------------------------

struct RemoteTransport {
  IceText ice;
  std::string fingerprint;  // SHA-256, upper case
  wire::SdpSetup setup = wire::SdpSetup::kActPass;
};

// A codec both ends agreed on, with the payload types of the offerer.
struct NegotiatedCodec {
  rtp::Codec codec = rtp::Codec::kUnknown;
  PayloadType payload_type;
  std::optional<PayloadType> rtx;
  std::string fmtp;
  bool operator==(const NegotiatedCodec&) const = default;
};

// --- Client to server ------------------------------------------------------------------------

// One cid of an add_track request. A track with a backup codec has two: same sid, two cids.
struct UplinkTrack {
  std::string cid;
  std::string track_sid;
  bool is_backup = false;  // its track goes on without it, and it may begin again
  control::MediaKind kind = control::MediaKind::kAudio;
  rtp::Codec preferred = rtp::Codec::kUnknown;  // goes first in the answer
  std::uint8_t declared_layers = 0;             // of TrackInfo.layers; 0: not said
  bool stereo = false;                          // TF_STEREO
  bool disable_dtx = false;                     // TF_NO_DTX
  bool disable_red = false;
};

struct UplinkLayer {
  std::string rid;           // empty: the only layer, or one told apart by SSRC
  std::uint8_t spatial = 0;  // 0 is the smallest picture
  bool paused = false;       // the client does not send it now ("~")
  Ssrc ssrc;                 // 0: not in the SDP, to be learned from MID and RID
  Ssrc rtx_ssrc;
  bool operator==(const UplinkLayer&) const = default;
};

// A section on which the client sends.
struct UplinkSection {
  std::string mid;
  control::MediaKind kind = control::MediaKind::kAudio;
  std::string cid;        // as in the request; empty: held until its add_track arrives
  std::string track_sid;  // empty: held
  std::vector<NegotiatedCodec> codecs;
  rtp::ExtensionMap extensions;
  std::vector<UplinkLayer> layers;  // ascending spatial index, at least one
};

// The client stopped sending it: unpublished, or its section now carries another track.
struct EndedUplink {
  std::string mid;
  std::string cid;
  std::string track_sid;
};

// --- Server to client ------------------------------------------------------------------------

// A subscription that wants a section. A new one needs new SSRCs, also for a track that was
// subscribed before: receivers keep state per SSRC. A track that goes over to another codec takes
// new SSRCs in the section it has.
struct DownlinkTrack {
  std::string track_sid;
  std::string publisher_sid;
  std::string stream_id;  // "PA_x|TR_y"
  control::MediaKind kind = control::MediaKind::kAudio;
  rtp::Codec codec = rtp::Codec::kUnknown;  // the publisher's
  std::string fmtp;                         // the publisher's; tells H.264 profiles apart
  Ssrc ssrc;
  Ssrc rtx_ssrc;  // 0: no retransmission stream (audio)
  bool stereo = false;
};

struct DownlinkSection {
  std::string mid;
  std::string track_sid;
  control::MediaKind kind = control::MediaKind::kAudio;
  Ssrc ssrc;
  Ssrc rtx_ssrc;
  std::vector<NegotiatedCodec> codecs;  // the publisher's first
  rtp::ExtensionMap extensions;
  bool is_new = false;  // bound by this negotiation
};

// media_sections_requirement: receiving sections that the client has to add. Both zero still asks
// for an offer: sections are free, but only an offer can give them away.
struct SectionShortage {
  std::uint32_t audios = 0;
  std::uint32_t videos = 0;
  bool operator==(const SectionShortage&) const = default;
};

struct NegotiationError {
  std::size_t line = 0;     // of the SDP; 0: not about one line
  std::string_view reason;  // a literal
};

[[nodiscard]] inline std::optional<control::MediaKind> MediaKindOf(wire::SdpKind kind) {
  if (kind == wire::SdpKind::kAudio) return control::MediaKind::kAudio;
  if (kind == wire::SdpKind::kVideo) return control::MediaKind::kVideo;
  return std::nullopt;
}

}  // namespace fovea::livekit
