// SDP values to text, in the order Chromium writes its own descriptions. Thread: any; pure.
#include <initializer_list>

#include "signaling/wire/sdp.h"

namespace fovea::wire {
namespace {

void Line(std::string& out, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) out += part;
  out += "\r\n";
}

void WriteTransport(const SdpTransport& transport, std::string& out) {
  for (const std::string& candidate : transport.candidates) {
    Line(out, {"a=candidate:", candidate});
  }
  if (transport.end_of_candidates) Line(out, {"a=end-of-candidates"});
  if (!transport.ufrag.empty()) Line(out, {"a=ice-ufrag:", transport.ufrag});
  if (!transport.pwd.empty()) Line(out, {"a=ice-pwd:", transport.pwd});
  if (!transport.ice_options.empty()) Line(out, {"a=ice-options:", transport.ice_options});
  for (const SdpFingerprint& fingerprint : transport.fingerprints) {
    Line(out, {"a=fingerprint:", fingerprint.algorithm, " ", fingerprint.value});
  }
  if (transport.setup) Line(out, {"a=setup:", SdpSetupName(*transport.setup)});
}

void WriteMediaLine(const SdpMedia& media, std::string& out) {
  out += "m=";
  out +=
      media.kind == SdpKind::kOther ? std::string_view(media.other_name) : SdpKindName(media.kind);
  out += ' ' + std::to_string(media.port) + ' ' + media.protocol;
  for (const SdpCodec& codec : media.codecs) {
    out += ' ' + std::to_string(codec.payload_type.value());
  }
  for (const std::string& format : media.formats) out += ' ' + format;
  out += "\r\nc=IN IP4 0.0.0.0\r\n";
}

void WriteCodec(const SdpCodec& codec, std::string& out) {
  const std::string payload_type = std::to_string(codec.payload_type.value());
  if (!codec.name.empty()) {
    const std::string channels = codec.channels == 0 ? "" : "/" + std::to_string(codec.channels);
    Line(out, {"a=rtpmap:", payload_type, " ", codec.name, "/", std::to_string(codec.clock_rate),
               channels});
  }
  for (const std::string& feedback : codec.feedback) {
    Line(out, {"a=rtcp-fb:", payload_type, " ", feedback});
  }
  if (!codec.fmtp.empty()) Line(out, {"a=fmtp:", payload_type, " ", codec.fmtp});
}

void WriteExtensions(const SdpMedia& media, std::string& out) {
  if (media.extmap_allow_mixed) Line(out, {"a=extmap-allow-mixed"});
  for (const SdpExtension& extension : media.extensions) {
    out += "a=extmap:" + std::to_string(extension.id);
    if (extension.direction) {
      out += '/';
      out += SdpDirectionName(*extension.direction);
    }
    Line(out, {" ", extension.uri});
  }
}

void AppendSimulcastList(const SdpSimulcastList& list, std::string& out) {
  for (std::size_t layer = 0; layer < list.size(); ++layer) {
    if (layer > 0) out += ';';
    for (std::size_t i = 0; i < list[layer].size(); ++i) {
      if (i > 0) out += ',';
      if (list[layer][i].paused) out += '~';
      out += list[layer][i].rid;
    }
  }
}

void WriteSimulcast(const SdpMedia& media, std::string& out) {
  for (const SdpRid& rid : media.rids) {
    const std::string_view gap = rid.restrictions.empty() ? "" : " ";
    Line(out, {"a=rid:", rid.id, rid.send ? " send" : " recv", gap, rid.restrictions});
  }
  if (media.simulcast_send.empty() && media.simulcast_recv.empty()) return;
  out += "a=simulcast:";
  if (!media.simulcast_send.empty()) {
    out += "send ";
    AppendSimulcastList(media.simulcast_send, out);
  }
  if (!media.simulcast_recv.empty()) {
    out += media.simulcast_send.empty() ? "recv " : " recv ";
    AppendSimulcastList(media.simulcast_recv, out);
  }
  out += "\r\n";
}

void WriteSsrcs(const SdpMedia& media, std::string& out) {
  for (const SdpSsrcGroup& group : media.ssrc_groups) {
    out += "a=ssrc-group:" + group.semantics;
    for (const Ssrc ssrc : group.ssrcs) out += ' ' + std::to_string(ssrc.value());
    out += "\r\n";
  }
  for (const SdpSsrc& ssrc : media.ssrcs) {
    const std::string number = std::to_string(ssrc.ssrc.value());
    Line(out, {"a=ssrc:", number, " cname:", ssrc.cname});
    if (ssrc.msid.stream.empty()) continue;
    Line(out, {"a=ssrc:", number, " msid:", ssrc.msid.stream, " ", ssrc.msid.track});
  }
}

void WriteMedia(const SdpMedia& media, std::string& out) {
  WriteMediaLine(media, out);
  WriteTransport(media.transport, out);
  if (!media.mid.empty()) Line(out, {"a=mid:", media.mid});
  WriteExtensions(media, out);
  // RFC 8866 §6.7: sendrecv is what a missing direction means; data sections have none.
  if (media.IsRtp() || media.direction != SdpDirection::kSendRecv) {
    Line(out, {"a=", SdpDirectionName(media.direction)});
  }
  for (const SdpMsid& msid : media.msids) {
    Line(out, {"a=msid:", msid.stream, msid.track.empty() ? "" : " ", msid.track});
  }
  if (media.rtcp_mux) Line(out, {"a=rtcp-mux"});
  if (media.rtcp_rsize) Line(out, {"a=rtcp-rsize"});
  if (media.bundle_only) Line(out, {"a=bundle-only"});
  for (const SdpCodec& codec : media.codecs) WriteCodec(codec, out);
  WriteSimulcast(media, out);
  WriteSsrcs(media, out);
  if (media.sctp_port) Line(out, {"a=sctp-port:", std::to_string(*media.sctp_port)});
  if (media.max_message_size) {
    Line(out, {"a=max-message-size:", std::to_string(*media.max_message_size)});
  }
}

}  // namespace

std::string WriteSdp(const SessionDescription& description) {
  std::string out;
  out.reserve(512 + description.media.size() * 2048);
  const SdpOrigin& origin = description.origin;
  Line(out, {"v=0"});
  Line(out, {"o=", origin.username, " ", origin.session_id, " ", std::to_string(origin.version),
             " IN IP4 127.0.0.1"});
  Line(out, {"s=-"});
  Line(out, {"t=0 0"});
  if (description.ice_lite) Line(out, {"a=ice-lite"});
  for (const SdpGroup& group : description.groups) {
    out += "a=group:" + group.semantics;
    for (const std::string& mid : group.mids) out += ' ' + mid;
    out += "\r\n";
  }
  if (description.extmap_allow_mixed) Line(out, {"a=extmap-allow-mixed"});
  Line(out, {"a=msid-semantic: WMS *"});
  WriteTransport(description.transport, out);
  for (const SdpMedia& media : description.media) WriteMedia(media, out);
  return out;
}

}  // namespace fovea::wire
