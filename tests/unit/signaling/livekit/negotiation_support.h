// Vocabulary of the negotiation tests: offers sketched section by section, tracks, golden files.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "signaling/livekit/negotiation_types.h"
#include "signaling/wire/sdp.h"

namespace fovea::livekit {

using control::MediaKind;

inline std::string Golden(const std::string& name) {
  std::ifstream file(std::string(FOVEA_SOURCE_DIR) + "/tests/golden/sdp/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

inline wire::SessionDescription MustParse(const std::string& text) {
  auto parsed = wire::ParseSdp(text);
  EXPECT_TRUE(parsed.ok()) << (parsed.ok() ? "" : parsed.error().reason);
  return parsed.ok() ? *std::move(parsed) : wire::SessionDescription{};
}

inline std::string HexFingerprint(const std::string& byte) {
  std::string text = byte;
  for (int i = 1; i < 32; ++i) text += ':' + byte;
  return text;
}

inline NegotiationPolicy EverythingAllowed() {
  const std::vector<std::string> names = {"video/VP8",  "video/H264", "video/VP9",  "video/AV1",
                                          "audio/opus", "audio/red",  "audio/PCMU", "audio/PCMA"};
  return NegotiationPolicy::FromMimeTypes(names);
}

inline LocalTransport OurTransport() {
  return {{"ours", "our-password-of-24-chars"},
          HexFingerprint("0F"),
          {{"192.0.2.7", 7882, false}, {"192.0.2.7", 7881, true}}};
}

inline UplinkTrack Uplink(MediaKind kind, const std::string& cid, const std::string& track_sid) {
  UplinkTrack track;
  track.kind = kind;
  track.cid = cid;
  track.track_sid = track_sid;
  return track;
}

inline DownlinkTrack Downlink(MediaKind kind, int number) {
  DownlinkTrack track;
  track.kind = kind;
  track.publisher_sid = "PA_p" + std::to_string(number);
  track.track_sid = (kind == MediaKind::kAudio ? "TR_a" : "TR_v") + std::to_string(number);
  track.stream_id = track.publisher_sid + "|" + track.track_sid;
  track.codec = kind == MediaKind::kAudio ? rtp::Codec::kOpus : rtp::Codec::kVp8;
  track.ssrc = Ssrc(1000U + static_cast<std::uint32_t>(number));
  if (kind == MediaKind::kVideo) track.rtx_ssrc = Ssrc(2000U + static_cast<std::uint32_t>(number));
  return track;
}

// A client's description under construction. Mids count up from 0.
class OfferSketch {
 public:
  OfferSketch() {
    sdp_.groups = {{"BUNDLE", {}}};
    sdp_.extmap_allow_mixed = true;
  }

  OfferSketch& Receive(MediaKind kind, int count = 1) {
    for (int i = 0; i < count; ++i) Rtp(kind).direction = wire::SdpDirection::kRecvOnly;
    return *this;
  }
  OfferSketch& Send(MediaKind kind, const std::string& track_id) {
    wire::SdpMedia& media = Rtp(kind);
    media.direction = wire::SdpDirection::kSendOnly;
    media.msids = {{"stream", track_id}};
    return *this;
  }
  OfferSketch& Simulcast(std::vector<wire::SdpSimulcastRid> rids) {
    for (auto& rid : rids) {
      last().rids.push_back({rid.rid, true, ""});
      last().simulcast_send.push_back({std::move(rid)});
    }
    return *this;
  }
  OfferSketch& Data() {
    wire::SdpMedia& media = Add(wire::SdpKind::kApplication);
    media.formats = {"webrtc-datachannel"};
    media.protocol = "UDP/DTLS/SCTP";
    media.sctp_port = 5000;
    media.max_message_size = 262144;
    return *this;
  }
  OfferSketch& Ice(const std::string& ufrag) {
    for (wire::SdpMedia& media : sdp_.media) media.transport.ufrag = ufrag;
    return *this;
  }

  wire::SdpMedia& last() { return sdp_.media.back(); }
  wire::SdpMedia& at(std::size_t index) { return sdp_.media.at(index); }
  wire::SessionDescription& sdp() { return sdp_; }
  [[nodiscard]] std::string text() const { return wire::WriteSdp(sdp_); }

 private:
  wire::SdpMedia& Add(wire::SdpKind kind) {
    wire::SdpMedia& media = sdp_.media.emplace_back();
    media.kind = kind;
    media.mid = std::to_string(sdp_.media.size() - 1);
    sdp_.groups[0].mids.push_back(media.mid);
    media.transport.ufrag = "them";
    media.transport.pwd = "their-password-24-chars!";
    media.transport.fingerprints = {{"sha-256", HexFingerprint("AB")}};
    media.transport.setup = wire::SdpSetup::kActPass;
    return media;
  }
  wire::SdpMedia& Rtp(MediaKind kind) {
    const bool is_audio = kind == MediaKind::kAudio;
    wire::SdpMedia& media = Add(is_audio ? wire::SdpKind::kAudio : wire::SdpKind::kVideo);
    media.protocol = "UDP/TLS/RTP/SAVPF";
    media.rtcp_mux = true;
    media.rtcp_rsize = true;
    media.extensions = {{4, "urn:ietf:params:rtp-hdrext:sdes:mid", {}}};
    if (is_audio) {
      media.codecs = {{PayloadType(111), "opus", 48000, 2, "minptime=10", {"transport-cc"}},
                      {PayloadType(63), "red", 48000, 2, "111/111", {}},
                      {PayloadType(13), "CN", 8000, 0, "", {}}};
      return media;
    }
    media.extensions.push_back({10, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", {}});
    media.codecs = {{PayloadType(96), "VP8", 90000, 0, "", {"nack", "nack pli", "transport-cc"}},
                    {PayloadType(97), "rtx", 90000, 0, "apt=96", {}},
                    {PayloadType(98), "VP9", 90000, 0, "profile-id=0", {"nack"}},
                    {PayloadType(99), "rtx", 90000, 0, "apt=98", {}}};
    return media;
  }

  wire::SessionDescription sdp_;
};

}  // namespace fovea::livekit
