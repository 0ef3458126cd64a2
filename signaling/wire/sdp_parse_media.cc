// The media-level half of the SDP parser: one small function per attribute, found through a table.
// Thread: any; pure functions.
#include "signaling/wire/sdp_parse_media.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "sfu/core/limits.h"
#include "signaling/wire/sdp_text.h"

namespace fovea::wire {
namespace {

using sdp_text::Cut;
using sdp_text::Number;
using sdp_text::Word;

constexpr SdpReason kTooMany = "too many items of one kind";

template <class T>
[[nodiscard]] bool Full(const std::vector<T>& list) {
  return list.size() >= limits::kSdpItemsPerSectionMax;
}

[[nodiscard]] std::optional<PayloadType> ParsePayloadType(std::string_view text) {
  const auto number = Number<std::uint8_t>(text);
  if (!number || *number > 127) return std::nullopt;
  return PayloadType(*number);
}

[[nodiscard]] SdpCodec* FindMutable(SdpMedia& media, PayloadType payload_type) {
  for (SdpCodec& codec : media.codecs) {
    if (codec.payload_type == payload_type) return &codec;
  }
  return nullptr;
}

// RFC 3551 §6: payload types that need no rtpmap. The three a WebRTC peer may still offer.
[[nodiscard]] SdpCodec StaticCodec(PayloadType payload_type) {
  SdpCodec codec;
  codec.payload_type = payload_type;
  const std::uint8_t number = payload_type.value();
  if (number != 0 && number != 8 && number != 9) return codec;
  codec.name = number == 0 ? "PCMU" : number == 8 ? "PCMA" : "G722";
  codec.clock_rate = 8000;
  return codec;
}

SdpReason ParseMid(std::string_view value, SdpMedia& out) {
  if (value.empty() || value.size() > limits::kMidBytesMax) return "mid is empty or too long";
  if (value.find(' ') != std::string_view::npos) return "mid has a space";
  out.mid = value;
  return {};
}

// rtpmap:<pt> <name>/<clock>[/<channels>]
SdpReason ParseRtpMap(std::string_view value, SdpMedia& out) {
  const auto payload_type = ParsePayloadType(Word(value));
  if (!payload_type) return "rtpmap without a payload type";
  value = sdp_text::Trim(value);
  const std::string_view name = Cut(value, '/');
  const auto clock_rate = Number<std::uint32_t>(Cut(value, '/'));
  if (name.empty() || !clock_rate) return "rtpmap without a name and a clock rate";
  SdpCodec* codec = FindMutable(out, *payload_type);
  if (codec == nullptr) return {};  // not in the m= line, so never negotiated
  codec->name = name;
  codec->clock_rate = *clock_rate;
  codec->channels = Number<std::uint8_t>(value).value_or(0);
  return {};
}

SdpReason ParseFmtp(std::string_view value, SdpMedia& out) {
  const auto payload_type = ParsePayloadType(Word(value));
  if (!payload_type) return "fmtp without a payload type";
  SdpCodec* codec = FindMutable(out, *payload_type);
  if (codec == nullptr) return {};
  if (!codec->fmtp.empty()) codec->fmtp += ';';
  codec->fmtp += sdp_text::Trim(value);
  return {};
}

// rtcp-fb:<pt or *> <type> [<parameters>]
SdpReason ParseFeedback(std::string_view value, SdpMedia& out) {
  const std::string_view target = Word(value);
  const std::string_view feedback = sdp_text::Trim(value);
  const auto payload_type = ParsePayloadType(target);
  if (!payload_type && target != "*") return "rtcp-fb without a payload type";
  if (feedback.empty()) return "rtcp-fb without a type";
  for (SdpCodec& codec : out.codecs) {
    if (payload_type && codec.payload_type != *payload_type) continue;
    if (codec.feedback.size() >= limits::kSdpFeedbackPerCodecMax) return kTooMany;
    codec.feedback.emplace_back(feedback);
  }
  return {};
}

[[nodiscard]] std::optional<SdpDirection> DirectionFrom(std::string_view name) {
  using enum SdpDirection;
  for (const SdpDirection direction : {kSendRecv, kSendOnly, kRecvOnly, kInactive}) {
    if (name == SdpDirectionName(direction)) return direction;
  }
  return std::nullopt;
}

// extmap:<id>[/<direction>] <uri> [<attributes>]
SdpReason ParseExtMap(std::string_view value, SdpMedia& out) {
  std::string_view key = Word(value);
  const std::string_view uri = Word(value);
  const auto id = Number<std::uint16_t>(Cut(key, '/'));
  if (!id || uri.empty()) return "extmap without an id and a URI";
  if (Full(out.extensions)) return kTooMany;
  out.extensions.push_back({*id, std::string(uri), DirectionFrom(key)});
  return {};
}

[[nodiscard]] SdpMsid MsidFrom(std::string_view value) {
  const std::string_view stream = Word(value);
  return {std::string(stream), std::string(Word(value))};
}

SdpReason ParseMsid(std::string_view value, SdpMedia& out) {
  if (Full(out.msids)) return kTooMany;
  SdpMsid msid = MsidFrom(value);
  if (msid.stream.empty()) return "msid without a stream";
  out.msids.push_back(std::move(msid));
  return {};
}

// ssrc:<ssrc> <attribute>[:<value>]; several lines describe one SSRC.
SdpReason ParseSsrc(std::string_view value, SdpMedia& out) {
  const auto number = Number<std::uint32_t>(Word(value));
  if (!number) return "ssrc is not a number";
  const auto found = std::find_if(out.ssrcs.begin(), out.ssrcs.end(), [&](const SdpSsrc& known) {
    return known.ssrc.value() == *number;
  });
  if (found == out.ssrcs.end() && Full(out.ssrcs)) return kTooMany;
  SdpSsrc& ssrc = found == out.ssrcs.end() ? out.ssrcs.emplace_back() : *found;
  ssrc.ssrc = Ssrc(*number);
  const std::string_view name = Cut(value, ':');
  if (name == "cname") ssrc.cname = sdp_text::Trim(value);
  if (name == "msid") ssrc.msid = MsidFrom(value);
  return {};
}

SdpReason ParseSsrcGroup(std::string_view value, SdpMedia& out) {
  if (Full(out.ssrc_groups)) return kTooMany;
  SdpSsrcGroup group;
  group.semantics = Word(value);
  for (std::string_view word = Word(value); !word.empty(); word = Word(value)) {
    const auto number = Number<std::uint32_t>(word);
    if (!number) return "ssrc-group member is not a number";
    if (Full(group.ssrcs)) return kTooMany;
    group.ssrcs.emplace_back(*number);
  }
  if (group.semantics.empty()) return "ssrc-group without semantics";
  out.ssrc_groups.push_back(std::move(group));
  return {};
}

// rid:<id> <send|recv> [<restrictions>]
SdpReason ParseRid(std::string_view value, SdpMedia& out) {
  const std::string_view id = Word(value);
  const std::string_view direction = Word(value);
  if (id.empty() || id.size() > limits::kRidBytesMax) return "rid is empty or too long";
  if (direction != "send" && direction != "recv") return "rid without a direction";
  if (Full(out.rids)) return kTooMany;
  out.rids.push_back({std::string(id), direction == "send", std::string(sdp_text::Trim(value))});
  return {};
}

[[nodiscard]] std::optional<SdpSimulcastList> ParseSimulcastList(std::string_view text) {
  SdpSimulcastList list;
  while (!text.empty()) {
    std::string_view layer = Cut(text, ';');
    auto& alternatives = list.emplace_back();
    if (Full(list)) return std::nullopt;
    while (!layer.empty()) {
      std::string_view rid = Cut(layer, ',');
      const bool paused = rid.starts_with('~');
      if (paused) rid.remove_prefix(1);
      if (rid.empty() || rid.size() > limits::kRidBytesMax || Full(alternatives)) {
        return std::nullopt;
      }
      alternatives.push_back({std::string(rid), paused});
    }
    if (alternatives.empty()) return std::nullopt;
  }
  return list;
}

// simulcast:<send|recv> <list> [<recv|send> <list>]
SdpReason ParseSimulcast(std::string_view value, SdpMedia& out) {
  for (std::string_view way = Word(value); !way.empty(); way = Word(value)) {
    if (way != "send" && way != "recv") return "simulcast without a direction";
    auto list = ParseSimulcastList(Word(value));
    if (!list || list->empty()) return "simulcast list is malformed";
    (way == "send" ? out.simulcast_send : out.simulcast_recv) = std::move(*list);
  }
  return {};
}

SdpReason ParseSctpPort(std::string_view value, SdpMedia& out) {
  out.sctp_port = Number<std::uint16_t>(value);
  return out.sctp_port ? SdpReason{} : SdpReason("sctp-port is not a port");
}

SdpReason ParseMaxMessageSize(std::string_view value, SdpMedia& out) {
  out.max_message_size = Number<std::uint64_t>(value);
  return out.max_message_size ? SdpReason{} : SdpReason("max-message-size is not a number");
}

template <bool SdpMedia::*kFlag>
SdpReason SetFlag(std::string_view, SdpMedia& out) {
  out.*kFlag = true;
  return {};
}

template <SdpDirection kDirection>
SdpReason SetDirection(std::string_view, SdpMedia& out) {
  out.direction = kDirection;
  return {};
}

struct AttributeParser {
  std::string_view name;
  SdpReason (*parse)(std::string_view value, SdpMedia& out);
};

// The commonest first: an offer of Chromium is two thirds rtcp-fb, rtpmap and fmtp lines.
constexpr std::array kAttributes{
    AttributeParser{"rtcp-fb", ParseFeedback},
    AttributeParser{"rtpmap", ParseRtpMap},
    AttributeParser{"fmtp", ParseFmtp},
    AttributeParser{"extmap", ParseExtMap},
    AttributeParser{"mid", ParseMid},
    AttributeParser{"ssrc", ParseSsrc},
    AttributeParser{"msid", ParseMsid},
    AttributeParser{"ssrc-group", ParseSsrcGroup},
    AttributeParser{"rid", ParseRid},
    AttributeParser{"simulcast", ParseSimulcast},
    AttributeParser{"rtcp-mux", SetFlag<&SdpMedia::rtcp_mux>},
    AttributeParser{"rtcp-rsize", SetFlag<&SdpMedia::rtcp_rsize>},
    AttributeParser{"bundle-only", SetFlag<&SdpMedia::bundle_only>},
    AttributeParser{"extmap-allow-mixed", SetFlag<&SdpMedia::extmap_allow_mixed>},
    AttributeParser{"sendrecv", SetDirection<SdpDirection::kSendRecv>},
    AttributeParser{"sendonly", SetDirection<SdpDirection::kSendOnly>},
    AttributeParser{"recvonly", SetDirection<SdpDirection::kRecvOnly>},
    AttributeParser{"inactive", SetDirection<SdpDirection::kInactive>},
    AttributeParser{"sctp-port", ParseSctpPort},
    AttributeParser{"max-message-size", ParseMaxMessageSize},
};

SdpReason ParseFormats(std::string_view rest, SdpMedia& out) {
  for (std::string_view word = Word(rest); !word.empty(); word = Word(rest)) {
    if (!out.IsRtp()) {
      if (Full(out.formats)) return kTooMany;
      out.formats.emplace_back(word);
      continue;
    }
    const auto payload_type = ParsePayloadType(word);
    if (!payload_type) return "m= line has a format that is not a payload type";
    if (out.FindCodec(*payload_type) != nullptr) continue;
    if (Full(out.codecs)) return kTooMany;
    out.codecs.push_back(StaticCodec(*payload_type));
  }
  return {};
}

SdpReason ParseSetup(std::string_view value, SdpTransport& out) {
  using enum SdpSetup;
  for (const SdpSetup setup : {kActPass, kActive, kPassive, kHoldConn}) {
    if (value == SdpSetupName(setup)) {
      out.setup = setup;
      return {};
    }
  }
  return "setup has an unknown role";
}

SdpReason ParseFingerprint(std::string_view value, SdpTransport& out) {
  SdpFingerprint fingerprint;
  fingerprint.algorithm = Word(value);
  fingerprint.value = Word(value);
  if (fingerprint.algorithm.empty() || fingerprint.value.empty()) return "fingerprint is empty";
  for (const char c : fingerprint.value) {
    const bool is_hex =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
    if (!is_hex) return "fingerprint is not hexadecimal";
  }
  std::transform(fingerprint.algorithm.begin(), fingerprint.algorithm.end(),
                 fingerprint.algorithm.begin(), sdp_text::Lower);
  std::transform(
      fingerprint.value.begin(), fingerprint.value.end(), fingerprint.value.begin(),
      [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c; });
  if (Full(out.fingerprints)) return kTooMany;
  out.fingerprints.push_back(std::move(fingerprint));
  return {};
}

// RFC 8839 §5.4 allows up to 256 characters of each.
SdpReason ParseIceString(std::string_view value, std::string& out) {
  if (value.empty() || value.size() > 256) return "ICE credential is empty or too long";
  if (value.find(' ') != std::string_view::npos) return "ICE credential has a space";
  out = value;
  return {};
}

}  // namespace

SdpReason ParseMediaLine(std::string_view value, SdpMedia& out) {
  const std::string_view kind = Word(value);
  out.kind = SdpKind::kOther;
  for (const SdpKind known : {SdpKind::kAudio, SdpKind::kVideo, SdpKind::kApplication}) {
    if (kind == SdpKindName(known)) out.kind = known;
  }
  if (out.kind == SdpKind::kOther) out.other_name = kind;
  std::string_view port_and_count = Word(value);
  const auto port = Number<std::uint16_t>(Cut(port_and_count, '/'));
  out.protocol = Word(value);
  if (kind.empty() || !port || out.protocol.empty()) return "m= line is malformed";
  out.port = *port;
  return ParseFormats(value, out);
}

SdpReason ParseMediaAttribute(std::string_view name, std::string_view value, SdpMedia& out) {
  for (const AttributeParser& attribute : kAttributes) {
    if (attribute.name == name) return attribute.parse(value, out);
  }
  bool known = false;
  return ParseTransportAttribute(name, value, out.transport, known);
}

SdpReason ParseTransportAttribute(std::string_view name, std::string_view value, SdpTransport& out,
                                  bool& known) {
  known = true;
  if (name == "candidate") {
    if (Full(out.candidates)) return kTooMany;
    out.candidates.emplace_back(value);
    return {};
  }
  if (name == "ice-ufrag") return ParseIceString(value, out.ufrag);
  if (name == "ice-pwd") return ParseIceString(value, out.pwd);
  if (name == "fingerprint") return ParseFingerprint(value, out);
  if (name == "setup") return ParseSetup(value, out);
  if (name == "ice-options") {
    out.ice_options = value;
    return {};
  }
  if (name == "end-of-candidates") {
    out.end_of_candidates = true;
    return {};
  }
  known = false;
  return {};
}

}  // namespace fovea::wire
