// The SDP codec on small texts: each rule by itself.
#include "signaling/wire/sdp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "sfu/core/limits.h"

namespace fovea::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Session(const std::string& rest) {
  return "v=0\r\no=- 42 7 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" + rest;
}

std::string Video(const std::string& rest) {
  return Session("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\na=mid:0\r\n" + rest);
}

SessionDescription MustParse(const std::string& text) {
  auto parsed = ParseSdp(text);
  EXPECT_TRUE(parsed.ok()) << text << (parsed.ok() ? "" : parsed.error().reason);
  return parsed.ok() ? *parsed : SessionDescription{};
}

TEST(Sdp, ReadsTheOriginAndTheBundleGroup) {
  const auto sdp = MustParse(Session("a=group:BUNDLE 0 1\r\na=ice-lite\r\n"));
  EXPECT_EQ(sdp.origin.session_id, "42");
  EXPECT_EQ(sdp.origin.version, 7u);
  EXPECT_TRUE(sdp.ice_lite);
  ASSERT_NE(sdp.Bundle(), nullptr);
  EXPECT_THAT(*sdp.Bundle(), ElementsAre("0", "1"));
}

TEST(Sdp, ReadsLinesThatEndInLfAlone) {
  const auto sdp = MustParse("v=0\no=- 1 1 IN IP4 0.0.0.0\nm=audio 9 X 0\na=mid:a\n");
  ASSERT_EQ(sdp.media.size(), 1u);
  EXPECT_EQ(sdp.media[0].mid, "a");
}

TEST(Sdp, ReadsOverAttributesAndLinesItDoesNotKnow) {
  const auto sdp = MustParse(Video("a=rtcp-xr:rcvr-rtt=all\r\nb=AS:30\r\na=whatever\r\nz=0\r\n"));
  EXPECT_EQ(sdp.media.size(), 1u);
}

TEST(Sdp, GathersEverythingAboutOneCodec) {
  const auto sdp = MustParse(
      Video("a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
            "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=fmtp:96 x=1\r\na=fmtp:96 y=2\r\n"));
  const SdpMedia& video = sdp.media[0];
  ASSERT_NE(video.FindCodec(PayloadType(96)), nullptr);
  const SdpCodec& vp8 = *video.FindCodec(PayloadType(96));
  EXPECT_TRUE(vp8.Is("vp8"));
  EXPECT_EQ(vp8.clock_rate, 90000u);
  EXPECT_THAT(vp8.feedback, ElementsAre("nack", "nack pli"));
  EXPECT_EQ(vp8.fmtp, "x=1;y=2");
  EXPECT_EQ(vp8.Parameter("Y"), "2");
  EXPECT_EQ(vp8.Parameter("apt"), std::nullopt);
  ASSERT_NE(video.FindRtxOf(PayloadType(96)), nullptr);
  EXPECT_EQ(video.FindRtxOf(PayloadType(96))->payload_type, PayloadType(97));
  EXPECT_EQ(video.FindRtxOf(PayloadType(98)), nullptr);
}

TEST(Sdp, ReadsAudioChannels) {
  const auto sdp = MustParse(Session("m=audio 9 X 111\r\na=rtpmap:111 opus/48000/2\r\n"));
  EXPECT_EQ(sdp.media[0].codecs[0].channels, 2);
}

TEST(Sdp, KnowsStaticPayloadTypesWithoutRtpmap) {
  const auto sdp = MustParse(Session("m=audio 9 RTP/SAVPF 0 8 101\r\n"));
  EXPECT_EQ(sdp.media[0].codecs[0].name, "PCMU");
  EXPECT_EQ(sdp.media[0].codecs[1].clock_rate, 8000u);
  EXPECT_EQ(sdp.media[0].codecs[2].name, "");
}

TEST(Sdp, SpreadsWildcardFeedbackOverAllCodecs) {
  const auto sdp = MustParse(Video("a=rtcp-fb:* transport-cc\r\n"));
  for (const SdpCodec& codec : sdp.media[0].codecs) {
    EXPECT_THAT(codec.feedback, ElementsAre("transport-cc"));
  }
}

TEST(Sdp, IgnoresRtpmapOfAPayloadTypeThatIsNotInTheMediaLine) {
  EXPECT_EQ(MustParse(Video("a=rtpmap:50 VP9/90000\r\n")).media[0].codecs.size(), 3u);
}

TEST(Sdp, ReadsExtensionsWithTheirDirection) {
  const auto sdp = MustParse(Video("a=extmap:3 urn:a\r\na=extmap:9/sendonly urn:b attr\r\n"));
  EXPECT_THAT(sdp.media[0].extensions,
              ElementsAre(SdpExtension{3, "urn:a", std::nullopt},
                          SdpExtension{9, "urn:b", SdpDirection::kSendOnly}));
}

TEST(Sdp, ReadsPausedSimulcastLayersAndAlternatives) {
  const auto sdp = MustParse(
      Video("a=rid:q send\r\na=rid:h send max-width=640\r\na=simulcast:send q,2;~h recv x\r\n"));
  const SdpMedia& video = sdp.media[0];
  EXPECT_THAT(video.rids, ElementsAre(SdpRid{"q", true, ""}, SdpRid{"h", true, "max-width=640"}));
  ASSERT_EQ(video.simulcast_send.size(), 2u);
  EXPECT_THAT(video.simulcast_send[0],
              ElementsAre(SdpSimulcastRid{"q", false}, SdpSimulcastRid{"2", false}));
  EXPECT_THAT(video.simulcast_send[1], ElementsAre(SdpSimulcastRid{"h", true}));
  ASSERT_EQ(video.simulcast_recv.size(), 1u);
}

TEST(Sdp, MergesTheLinesOfOneSsrcAndKeepsItsGroups) {
  const auto sdp = MustParse(
      Video("a=ssrc-group:FID 1 2\r\na=ssrc:1 cname:c\r\na=ssrc:1 msid:s t\r\na=ssrc:2 cname:c\r\n"
            "a=msid:- t\r\n"));
  EXPECT_THAT(sdp.media[0].ssrcs,
              ElementsAre(SdpSsrc{Ssrc(1), "c", {"s", "t"}}, SdpSsrc{Ssrc(2), "c", {}}));
  EXPECT_THAT(sdp.media[0].ssrc_groups, ElementsAre(SdpSsrcGroup{"FID", {Ssrc(1), Ssrc(2)}}));
  EXPECT_THAT(sdp.media[0].msids, ElementsAre(SdpMsid{"-", "t"}));
}

TEST(Sdp, DoesNotTakePortZeroWithBundleOnlyForARejection) {
  const auto sdp = MustParse(
      Session("m=audio 0 X 0\r\na=bundle-only\r\na=mid:0\r\nm=audio 0 X 0\r\na=mid:1\r\n"));
  EXPECT_FALSE(sdp.media[0].IsRejected());
  EXPECT_TRUE(sdp.media[1].IsRejected());
}

TEST(Sdp, ReadsTheDataSection) {
  const auto sdp =
      MustParse(Session("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n"
                        "a=max-message-size:1073741823\r\n"));
  EXPECT_EQ(sdp.media[0].kind, SdpKind::kApplication);
  EXPECT_THAT(sdp.media[0].formats, ElementsAre("webrtc-datachannel"));
  EXPECT_EQ(sdp.media[0].sctp_port, 5000);
  EXPECT_EQ(sdp.media[0].max_message_size, 1073741823u);
}

TEST(Sdp, TakesWhatASectionLeavesOutFromTheSession) {
  const auto sdp = MustParse(
      Session("a=fingerprint:SHA-256 aa:bb\r\na=setup:actpass\r\na=ice-ufrag:sess\r\n"
              "a=ice-pwd:sesspwd\r\nm=audio 9 X 0\r\na=ice-ufrag:media\r\na=ice-pwd:mediapwd\r\n"
              "m=audio 9 X 0\r\n"));
  const SdpTransport first = EffectiveTransport(sdp, sdp.media[0]);
  EXPECT_EQ(first.ufrag, "media");
  EXPECT_EQ(first.pwd, "mediapwd");
  EXPECT_EQ(first.setup, SdpSetup::kActPass);
  EXPECT_THAT(first.fingerprints, ElementsAre(SdpFingerprint{"sha-256", "AA:BB"}));
  EXPECT_EQ(EffectiveTransport(sdp, sdp.media[1]).ufrag, "sess");
}

TEST(Sdp, KeepsASectionOfAnUnknownKindSoThatItCanBeRejected) {
  const auto sdp = MustParse(Session("m=text 9 RTP/SAVPF 98\r\na=mid:t\r\n"));
  EXPECT_EQ(sdp.media[0].kind, SdpKind::kOther);
  EXPECT_THAT(WriteSdp(sdp), HasSubstr("m=text 9 RTP/SAVPF 98\r\n"));
}

TEST(Sdp, NamesTheLineThatIsWrong) {
  const auto parsed = ParseSdp(Video("a=rtpmap:nonsense\r\n"));
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().line, 7u);
  EXPECT_THAT(std::string(parsed.error().reason), HasSubstr("rtpmap"));
}

TEST(Sdp, RefusesWhatItCannotRepresent) {
  const char* const bad_lines[] = {
      "a=mid:\r\n",
      "a=mid:has space\r\n",
      "a=mid:seventeen-bytes-x\r\n",
      "a=rtpmap:300 VP8/90000\r\n",
      "a=rtpmap:96 VP8\r\n",
      "a=rtcp-fb:96\r\n",
      "a=extmap:x urn:a\r\n",
      "a=extmap:1\r\n",
      "a=ssrc:abc cname:x\r\n",
      "a=ssrc:4294967296 cname:x\r\n",
      "a=ssrc-group:FID 1 x\r\n",
      "a=rid:q sideways\r\n",
      "a=rid:\r\n",
      "a=simulcast:send\r\n",
      "a=simulcast:send ;q\r\n",
      "a=simulcast:send ~\r\n",
      "a=simulcast:q;h\r\n",
      "a=setup:maybe\r\n",
      "a=fingerprint:sha-256\r\n",
      "a=fingerprint:sha-256 xyz\r\n",
      "a=ice-ufrag:\r\n",
      "a=sctp-port:70000\r\n",
      "a=max-message-size:-1\r\n",
      "m=video nine X 96\r\n",
      "m=video 9 X 200\r\n",
      "no equals sign\r\n",
      "a=mid:x\x01\r\n",
  };
  for (const char* line : bad_lines) EXPECT_FALSE(ParseSdp(Video(line)).ok()) << line;
}

TEST(Sdp, RefusesTextThatIsNoDescription) {
  EXPECT_FALSE(ParseSdp("").ok());
  EXPECT_FALSE(ParseSdp("v=1\r\n").ok());
  EXPECT_FALSE(ParseSdp("o=- 1 1 IN IP4 0.0.0.0\r\n").ok());
  EXPECT_FALSE(ParseSdp(std::string("v=0\r\na=mid:\0x\r\n", 15)).ok());
}

TEST(Sdp, RefusesTwoSectionsWithOneMid) {
  EXPECT_FALSE(ParseSdp(Video("m=audio 9 X 0\r\na=mid:0\r\n")).ok());
}

TEST(Sdp, RefusesMoreThanItsLimits) {
  std::string sections = Session("");
  for (std::size_t i = 0; i <= limits::kSdpMediaSectionsMax; ++i) sections += "m=audio 9 X 0\r\n";
  EXPECT_FALSE(ParseSdp(sections).ok());
  std::string ssrcs = Video("");
  for (std::size_t i = 0; i <= limits::kSdpItemsPerSectionMax; ++i) {
    ssrcs += "a=ssrc:" + std::to_string(i) + " cname:x\r\n";
  }
  EXPECT_FALSE(ParseSdp(ssrcs).ok());
  std::string feedback = Video("");
  for (std::size_t i = 0; i <= limits::kSdpFeedbackPerCodecMax; ++i)
    feedback += "a=rtcp-fb:* n\r\n";
  EXPECT_FALSE(ParseSdp(feedback).ok());
  EXPECT_FALSE(ParseSdp(Session(std::string(limits::kSdpBytesMax, 'a'))).ok());
}

TEST(Sdp, WritesASmallAnswerByteForByte) {
  SessionDescription sdp;
  sdp.origin = {"-", "9", 3};
  sdp.ice_lite = true;
  sdp.groups = {{"BUNDLE", {"0"}}};
  SdpMedia& media = sdp.media.emplace_back();
  media.protocol = "UDP/TLS/RTP/SAVPF";
  media.mid = "0";
  media.direction = SdpDirection::kSendOnly;
  media.rtcp_mux = true;
  media.transport.ufrag = "u";
  media.transport.pwd = "p";
  media.transport.setup = SdpSetup::kPassive;
  media.transport.fingerprints = {{"sha-256", "AA"}};
  media.transport.candidates = {"1 1 udp 5 192.0.2.1 7882 typ host"};
  media.transport.end_of_candidates = true;
  media.codecs = {{PayloadType(111), "opus", 48000, 2, "minptime=10", {"transport-cc"}}};
  media.extensions = {{4, "urn:x", SdpDirection::kRecvOnly}};
  media.msids = {{"PA_a|TR_b", "TR_b"}};
  media.ssrcs = {{Ssrc(5), "PA_a", {}}};
  EXPECT_EQ(WriteSdp(sdp),
            "v=0\r\n"
            "o=- 9 3 IN IP4 127.0.0.1\r\n"
            "s=-\r\n"
            "t=0 0\r\n"
            "a=ice-lite\r\n"
            "a=group:BUNDLE 0\r\n"
            "a=msid-semantic: WMS *\r\n"
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
            "c=IN IP4 0.0.0.0\r\n"
            "a=candidate:1 1 udp 5 192.0.2.1 7882 typ host\r\n"
            "a=end-of-candidates\r\n"
            "a=ice-ufrag:u\r\n"
            "a=ice-pwd:p\r\n"
            "a=fingerprint:sha-256 AA\r\n"
            "a=setup:passive\r\n"
            "a=mid:0\r\n"
            "a=extmap:4/recvonly urn:x\r\n"
            "a=sendonly\r\n"
            "a=msid:PA_a|TR_b TR_b\r\n"
            "a=rtcp-mux\r\n"
            "a=rtpmap:111 opus/48000/2\r\n"
            "a=rtcp-fb:111 transport-cc\r\n"
            "a=fmtp:111 minptime=10\r\n"
            "a=ssrc:5 cname:PA_a\r\n");
}

TEST(Sdp, WritesNoDirectionForADataSection) {
  const auto sdp = MustParse(Session("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
  EXPECT_THAT(WriteSdp(sdp), ::testing::Not(HasSubstr("a=sendrecv")));
}

TEST(Sdp, ReversesDirections) {
  EXPECT_EQ(Reversed(SdpDirection::kSendOnly), SdpDirection::kRecvOnly);
  EXPECT_EQ(Reversed(SdpDirection::kRecvOnly), SdpDirection::kSendOnly);
  EXPECT_EQ(Reversed(SdpDirection::kInactive), SdpDirection::kInactive);
  EXPECT_TRUE(Sends(SdpDirection::kSendRecv) && Receives(SdpDirection::kSendRecv));
  EXPECT_FALSE(Sends(SdpDirection::kRecvOnly) || Receives(SdpDirection::kSendOnly));
}

}  // namespace
}  // namespace fovea::wire
