// One media section of an SDP description as a value: what an SFU reads and writes of RFC 8866
// (SDP), 8839 (ICE), 8842 (DTLS), 8285 (extmap), 8851 (rid), 8853 (simulcast), 5576 (ssrc) and 8841
// (data channels). Attributes outside this list are read over and not kept. Thread: any; plain
// data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/strong_id.h"

namespace fovea::wire {

enum class SdpKind { kAudio, kVideo, kApplication, kOther };
enum class SdpDirection { kSendRecv, kSendOnly, kRecvOnly, kInactive };
enum class SdpSetup { kActPass, kActive, kPassive, kHoldConn };

// "audio", "video", "application"; empty for kOther, whose name the section carries.
[[nodiscard]] std::string_view SdpKindName(SdpKind kind);
[[nodiscard]] std::string_view SdpDirectionName(SdpDirection direction);
[[nodiscard]] std::string_view SdpSetupName(SdpSetup setup);
// The same direction seen from the other end.
[[nodiscard]] SdpDirection Reversed(SdpDirection direction);
[[nodiscard]] bool Sends(SdpDirection direction);
[[nodiscard]] bool Receives(SdpDirection direction);

struct SdpFingerprint {
  std::string algorithm;  // lower case, "sha-256"
  std::string value;      // colon-separated hexadecimal, upper case
  bool operator==(const SdpFingerprint&) const = default;
};

// What may stand at session or media level alike. Chromium writes it per section, Firefox partly at
// session level; EffectiveTransport in sdp.h combines the two.
struct SdpTransport {
  std::string ufrag;
  std::string pwd;
  std::string ice_options;
  std::vector<SdpFingerprint> fingerprints;
  std::optional<SdpSetup> setup;
  std::vector<std::string> candidates;  // raw, without "candidate:"; not validated here
  bool end_of_candidates = false;
  bool operator==(const SdpTransport&) const = default;
};

struct SdpCodec {
  PayloadType payload_type;
  std::string name;  // as written: "opus", "VP8"; empty when the offer has no rtpmap for it
  std::uint32_t clock_rate = 0;
  std::uint8_t channels = 0;  // 0: not stated
  std::string fmtp;
  std::vector<std::string> feedback;  // "nack", "nack pli", "transport-cc", ...

  [[nodiscard]] bool Is(std::string_view codec_name) const;  // case-insensitive, as RFC 8866 asks
  // The value of one fmtp parameter. Empty optional when it is absent.
  [[nodiscard]] std::optional<std::string_view> Parameter(std::string_view key) const;
  // RFC 4588 §8.6: the payload type this codec retransmits. Only for "rtx".
  [[nodiscard]] std::optional<PayloadType> RepairedPayloadType() const;
  bool operator==(const SdpCodec&) const = default;
};

struct SdpExtension {
  std::uint16_t id = 0;
  std::string uri;
  std::optional<SdpDirection> direction;  // Firefox: "extmap:9/sendonly ..."
  bool operator==(const SdpExtension&) const = default;
};

struct SdpMsid {
  std::string stream;  // "-": no stream
  std::string track;   // may be empty
  bool operator==(const SdpMsid&) const = default;
};

struct SdpSsrc {
  Ssrc ssrc;
  std::string cname;
  SdpMsid msid;
  bool operator==(const SdpSsrc&) const = default;
};

struct SdpSsrcGroup {
  std::string semantics;  // "FID": media and its RTX; "SIM": simulcast layers, low to high
  std::vector<Ssrc> ssrcs;
  bool operator==(const SdpSsrcGroup&) const = default;
};

struct SdpRid {
  std::string id;
  bool send = true;
  std::string restrictions;
  bool operator==(const SdpRid&) const = default;
};

struct SdpSimulcastRid {
  std::string rid;
  bool paused = false;  // "~rid", RFC 8853 §5.1: dynacast and unpublishing pause layers
  bool operator==(const SdpSimulcastRid&) const = default;
};
// Layers separated by ';', alternatives of one layer by ','.
using SdpSimulcastList = std::vector<std::vector<SdpSimulcastRid>>;

struct SdpMedia {
  SdpKind kind = SdpKind::kAudio;
  std::string other_name;  // kOther only
  std::uint16_t port = 9;
  std::string protocol;
  std::vector<std::string> formats;  // application and kOther; audio and video have codecs
  std::string mid;
  SdpDirection direction = SdpDirection::kSendRecv;
  SdpTransport transport;
  std::vector<SdpCodec> codecs;
  std::vector<SdpExtension> extensions;
  std::vector<SdpMsid> msids;
  std::vector<SdpSsrc> ssrcs;
  std::vector<SdpSsrcGroup> ssrc_groups;
  std::vector<SdpRid> rids;
  SdpSimulcastList simulcast_send;
  SdpSimulcastList simulcast_recv;
  std::optional<std::uint16_t> sctp_port;
  std::optional<std::uint64_t> max_message_size;
  bool bundle_only = false;
  bool rtcp_mux = false;
  bool rtcp_rsize = false;
  bool extmap_allow_mixed = false;

  [[nodiscard]] bool IsRtp() const { return kind == SdpKind::kAudio || kind == SdpKind::kVideo; }
  // RFC 8843 §6: port 0 with bundle-only is not a rejection (every second section of Firefox).
  [[nodiscard]] bool IsRejected() const { return port == 0 && !bundle_only; }
  [[nodiscard]] const SdpCodec* FindCodec(PayloadType payload_type) const;
  [[nodiscard]] const SdpCodec* FindRtxOf(PayloadType payload_type) const;
  bool operator==(const SdpMedia&) const = default;
};

}  // namespace fovea::wire
