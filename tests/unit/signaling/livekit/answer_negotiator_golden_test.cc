// AnswerNegotiator on the offers that real clients made (tests/golden/sdp), compared with what a
// full WebRTC library answered to the same offers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "signaling/livekit/answer_negotiator.h"
#include "tests/unit/signaling/livekit/negotiation_support.h"

namespace fovea::livekit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using wire::SdpDirection;

constexpr MediaKind kAudio = MediaKind::kAudio;
constexpr MediaKind kVideo = MediaKind::kVideo;

// What must hold for every answer, whatever the offer.
void ExpectLawful(const wire::SessionDescription& offer, const wire::SessionDescription& answer) {
  ASSERT_EQ(answer.media.size(), offer.media.size());
  EXPECT_TRUE(answer.ice_lite);
  std::vector<std::string> mids;
  for (std::size_t i = 0; i < offer.media.size(); ++i) {
    const wire::SdpMedia& asked = offer.media[i];
    const wire::SdpMedia& said = answer.media[i];
    EXPECT_EQ(said.mid, asked.mid);
    EXPECT_EQ(said.kind, asked.kind);
    EXPECT_EQ(said.protocol, asked.protocol);
    EXPECT_EQ(said.port, 9) << said.mid;
    EXPECT_EQ(said.transport.setup, wire::SdpSetup::kPassive);
    EXPECT_EQ(said.rtcp_mux, asked.rtcp_mux);
    EXPECT_FALSE(wire::Sends(said.direction) && !wire::Receives(asked.direction) && asked.IsRtp());
    for (const wire::SdpCodec& codec : said.codecs) {
      const wire::SdpCodec* offered = asked.FindCodec(codec.payload_type);
      ASSERT_NE(offered, nullptr);
      EXPECT_EQ(codec.name, offered->name);
      EXPECT_EQ(codec.clock_rate, offered->clock_rate);
      EXPECT_EQ(codec.channels, offered->channels);
      for (const std::string& feedback : codec.feedback) {
        EXPECT_THAT(offered->feedback, ::testing::Contains(feedback));
      }
    }
    for (const wire::SdpExtension& extension : said.extensions) {
      EXPECT_TRUE(std::any_of(asked.extensions.begin(), asked.extensions.end(), [&](const auto& e) {
        return e.id == extension.id && e.uri == extension.uri;
      })) << extension.uri;
    }
    mids.push_back(said.mid);
  }
  EXPECT_EQ(*answer.Bundle(), mids);
}

// Where the recording focus, a full libwebrtc, and we both speak, we say the same.
void ExpectAgrees(const wire::SessionDescription& ours, const wire::SessionDescription& recorded) {
  ASSERT_EQ(ours.media.size(), recorded.media.size());
  for (std::size_t i = 0; i < ours.media.size(); ++i) {
    const wire::SdpMedia& a = ours.media[i];
    const wire::SdpMedia& b = recorded.media[i];
    EXPECT_EQ(a.mid, b.mid);
    EXPECT_EQ(a.direction, b.direction) << a.mid;
    EXPECT_EQ(a.sctp_port, b.sctp_port);
    for (const wire::SdpCodec& codec : a.codecs) {
      const wire::SdpCodec* other = b.FindCodec(codec.payload_type);
      if (other == nullptr) continue;  // that library has no H.264
      if (codec.Is("PCMU") || codec.Is("PCMA")) {
        continue;  // it serves feedback for Opus only
      }
      EXPECT_EQ(std::set(codec.feedback.begin(), codec.feedback.end()),
                std::set(other->feedback.begin(), other->feedback.end()));
      EXPECT_EQ(codec.RepairedPayloadType(), other->RepairedPayloadType());
    }
    for (const wire::SdpExtension& extension : a.extensions) {
      EXPECT_TRUE(std::any_of(b.extensions.begin(), b.extensions.end(), [&](const auto& e) {
        return e.id == extension.id && e.uri == extension.uri;
      })) << extension.uri;
    }
  }
}

class Replay {
 public:
  // Hands the offer over and checks the answer against the rules and, if given, the recording.
  Answer Offer(const std::string& offer_name, const std::string& recorded_name = "") {
    const std::string text = Golden(offer_name);
    auto answer =
        negotiator_.HandleOffer(text, {uplinks, downlinks, {"fresh", "fresh-password-24-chars!"}});
    EXPECT_TRUE(answer.ok()) << (answer.ok() ? "" : answer.error().reason);
    if (!answer.ok()) return {};
    last = MustParse(answer->sdp);
    ExpectLawful(MustParse(text), last);
    if (!recorded_name.empty()) ExpectAgrees(last, MustParse(Golden(recorded_name)));
    return *std::move(answer);
  }

  std::vector<UplinkTrack> uplinks;
  std::vector<DownlinkTrack> downlinks;
  wire::SessionDescription last;

 private:
  Rng rng_{7};
  AnswerNegotiator negotiator_{EverythingAllowed(), OurTransport(), rng_};
};

std::vector<std::string> RidsOf(const UplinkSection& section) {
  std::vector<std::string> rids;
  for (const UplinkLayer& layer : section.layers) rids.push_back(layer.rid);
  return rids;
}

void ReplayChromium(const std::string& folder, const std::string& mic, const std::string& cam) {
  Replay call;
  Answer answer = call.Offer(folder + "/02-pub-offer-1.sdp", folder + "/03-pub-answer-1.sdp");
  EXPECT_TRUE(answer.has_data);
  EXPECT_THAT(answer.uplinks, IsEmpty());
  answer = call.Offer(folder + "/04-pub-offer-2.sdp", folder + "/05-pub-answer-2.sdp");
  EXPECT_THAT(answer.held, IsEmpty());
  EXPECT_FALSE(answer.ice_restarted) << "the same offer again";

  call.uplinks = {Uplink(kAudio, mic, "TR_AM"), Uplink(kVideo, cam, "TR_VC")};
  call.uplinks[0].disable_red = true;
  call.uplinks[1].preferred = rtp::Codec::kVp8;
  call.uplinks[1].declared_layers = 3;
  answer = call.Offer(folder + "/06-pub-offer-3.sdp", folder + "/07-pub-answer-3.sdp");
  ASSERT_EQ(answer.uplinks.size(), 2u);
  EXPECT_EQ(answer.uplinks[0].mid, "7");
  EXPECT_EQ(answer.uplinks[0].track_sid, "TR_AM");
  EXPECT_EQ(answer.uplinks[0].codecs.at(0).payload_type, PayloadType(111));
  EXPECT_NE(answer.uplinks[0].layers.at(0).ssrc, Ssrc(0));
  const UplinkSection& camera = answer.uplinks[1];
  EXPECT_EQ(camera.mid, "8");
  EXPECT_THAT(RidsOf(camera), ElementsAre("q", "h", "f"));
  EXPECT_EQ(camera.layers[2].spatial, 2);
  EXPECT_EQ(camera.layers[0].ssrc, Ssrc(0)) << "learned from RTP";
  EXPECT_EQ(camera.codecs.at(0).rtx, PayloadType(97));
  EXPECT_EQ(camera.codecs.at(0).fmtp, "") << "x-google-start-bitrate is the sender's own";
  EXPECT_EQ(camera.extensions.IdOf(rtp::ExtensionUri::kRid), 10);
  EXPECT_EQ(camera.extensions.IdOf(rtp::ExtensionUri::kRrid), 11);
  EXPECT_EQ(camera.extensions.IdOf(rtp::ExtensionUri::kTransportCc), 3);
  EXPECT_EQ(camera.extensions.IdOf(rtp::ExtensionUri::kVideoOrientation), 0);
  EXPECT_EQ(answer.uplinks[0].extensions.IdOf(rtp::ExtensionUri::kAudioLevel), 1);

  answer = call.Offer(folder + "/08-pub-offer-4.sdp");
  ASSERT_EQ(answer.ended.size(), 1u) << "unpublished";
  EXPECT_EQ(answer.ended[0].track_sid, "TR_VC");
  EXPECT_EQ(call.last.media[8].direction, SdpDirection::kInactive);
  EXPECT_TRUE(call.last.media[8].simulcast_recv.at(2).at(0).paused);
  EXPECT_FALSE(answer.ice_restarted);

  answer = call.Offer(folder + "/10-pub-offer-5.sdp");
  EXPECT_TRUE(answer.ice_restarted) << "resume";
  EXPECT_EQ(call.last.media[0].transport.ufrag, "fresh");
  EXPECT_EQ(answer.uplinks.size(), 1u);
}

TEST(AnswerNegotiatorGolden, AnswersAWholeCallOfChromiumWithClient223) {
  ReplayChromium("chromium-223", "e8069cd3-2758-4002-83c4-f4254ac9e9db",
                 "3e6ae86a-a624-4ed8-a838-4462a5d22024");
}

TEST(AnswerNegotiatorGolden, AnswersAWholeCallOfChromiumWithClient221) {
  ReplayChromium("chromium-221", "58e93df9-d3b8-44f8-ab98-ea8b4a6df167",
                 "cf5d17be-3958-4f41-9c87-69b67e67c748");
}

TEST(AnswerNegotiatorGolden, AnswersFirefoxWhoseCidsAreNotItsTrackIds) {
  Replay call;
  call.Offer("firefox-221/01-pub-offer-1.sdp", "firefox-221/02-pub-answer-1.sdp");
  call.uplinks = {Uplink(kAudio, "{4fa4997b-301f-4681-8c45-7b40bd512204}", "TR_AM"),
                  Uplink(kVideo, "{78febc8f-0ea0-4cef-a9a0-e72c1f2384ed}", "TR_VC")};
  call.uplinks[1].preferred = rtp::Codec::kVp8;
  call.uplinks[1].declared_layers = 3;
  Answer answer = call.Offer("firefox-221/03-pub-offer-2.sdp", "firefox-221/04-pub-answer-2.sdp");
  ASSERT_EQ(answer.uplinks.size(), 2u);
  EXPECT_EQ(answer.uplinks[0].track_sid, "TR_AM");
  EXPECT_EQ(answer.uplinks[0].codecs.at(0).payload_type, PayloadType(109));
  const UplinkSection& camera = answer.uplinks[1];
  EXPECT_EQ(camera.track_sid, "TR_VC");
  EXPECT_THAT(camera.layers,
              ElementsAre(UplinkLayer{"q", 0, false, Ssrc(1943304608), Ssrc(1264547403)},
                          UplinkLayer{"h", 1, false, Ssrc(3070173496), Ssrc(3281650786)},
                          UplinkLayer{"f", 2, false, Ssrc(3107718896), Ssrc(497593227)}));
  EXPECT_EQ(camera.codecs.size(), 1u) << "Firefox sees VP8 alone";
  EXPECT_EQ(camera.codecs[0].payload_type, PayloadType(120));
  EXPECT_EQ(camera.extensions.IdOf(rtp::ExtensionUri::kRid), 9);
  for (const wire::SdpExtension& extension : call.last.media[8].extensions) {
    if (extension.id == 9) {
      EXPECT_EQ(extension.direction, SdpDirection::kRecvOnly);
    }
  }
  answer = call.Offer("firefox-221/05-pub-offer-3.sdp");
  ASSERT_EQ(answer.ended.size(), 1u);
  EXPECT_EQ(answer.ended[0].track_sid, "TR_VC");
}

TEST(AnswerNegotiatorGolden, AnswersTheNativeSdkWithDataFirstAndTwoLayersUpsideDown) {
  Replay call;
  call.Offer("rtc-node/02-pub-offer-0.sdp", "rtc-node/04-pub-answer-0.sdp");
  call.uplinks = {Uplink(kAudio, "37c12773-0372-40cc-90b6-e0191e9eb33b", "TR_AM"),
                  Uplink(kVideo, "e4e6d2e5-892f-40fa-9b8d-a91389162fb7", "TR_VC")};
  call.uplinks[1].declared_layers = 2;
  call.Offer("rtc-node/05-pub-offer-0.sdp", "rtc-node/06-pub-answer-0.sdp");
  const Answer answer = call.Offer("rtc-node/07-pub-offer-0.sdp", "rtc-node/08-pub-answer-0.sdp");
  ASSERT_EQ(answer.uplinks.size(), 2u);
  EXPECT_THAT(answer.uplinks[1].layers,
              ElementsAre(UplinkLayer{"q", 0, false, {}, {}}, UplinkLayer{"h", 1, false, {}, {}}));
  EXPECT_EQ(answer.uplinks[1].codecs.at(0).rtx, std::nullopt) << "it offers VP8 without RTX";
  EXPECT_EQ(call.last.media[2].rids.at(0).id, "h") << "the answer keeps the offer's order";
}

TEST(AnswerNegotiatorGolden, AnswersTheDualModesPublisherConnection) {
  Replay call;
  call.Offer("chromium-221-dual/03-pub-offer-1.sdp", "chromium-221-dual/04-pub-answer-1.sdp");
  call.uplinks = {Uplink(kAudio, "78ac6710-55fb-43db-959f-8c06eac51305", "TR_AM"),
                  Uplink(kVideo, "a9f31f83-637a-419d-8198-876e31b177de", "TR_VC")};
  EXPECT_EQ(
      call.Offer("chromium-221-dual/05-pub-offer-2.sdp", "chromium-221-dual/06-pub-answer-2.sdp")
          .uplinks.size(),
      2u);
  EXPECT_EQ(call.Offer("chromium-221-dual/07-pub-offer-3.sdp").ended.size(), 1u);
}

TEST(AnswerNegotiatorGolden, PutsAnSvcCodecFirstAlthoughTheOfferDoesNot) {
  Replay vp9;
  vp9.uplinks = {Uplink(kVideo, "27a455fa-a9fe-4a51-b72a-17d7808c1801", "TR_VC")};
  vp9.uplinks[0].preferred = rtp::Codec::kVp9;
  Answer answer =
      vp9.Offer("chromium-221-vp9/06-pub-offer-3.sdp", "chromium-221-vp9/07-pub-answer-3.sdp");
  ASSERT_EQ(answer.uplinks.size(), 1u);
  EXPECT_EQ(answer.uplinks[0].codecs.at(0).codec, rtp::Codec::kVp9);
  EXPECT_EQ(answer.uplinks[0].codecs[0].fmtp, "profile-id=0");
  EXPECT_THAT(answer.uplinks[0].layers,
              ElementsAre(UplinkLayer{"", 0, false, Ssrc(766693374), Ssrc(1421783387)}));
  EXPECT_EQ(vp9.last.media[8].codecs[0].payload_type, PayloadType(98));
  EXPECT_EQ(vp9.last.media[8].FindCodec(PayloadType(100)), nullptr) << "profile 2";

  Replay av1;
  av1.uplinks = {Uplink(kVideo, "a141b85b-e570-4d17-b061-481d745bde0b", "TR_VC")};
  av1.uplinks[0].preferred = rtp::Codec::kAv1;
  answer = av1.Offer("chromium-221-av1/06-pub-offer-3.sdp", "chromium-221-av1/07-pub-answer-3.sdp");
  ASSERT_EQ(answer.uplinks.size(), 1u);
  EXPECT_EQ(av1.last.media[8].codecs[0].payload_type, PayloadType(45));
}

TEST(AnswerNegotiatorGolden, FillsChromiumsSpareSectionsWithDownlinks) {
  Replay call;
  call.downlinks = {Downlink(kAudio, 1), Downlink(kVideo, 1)};
  call.downlinks[1].codec = rtp::Codec::kH264;
  call.downlinks[1].fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
  const Answer answer = call.Offer("chromium-223/02-pub-offer-1.sdp");
  EXPECT_THAT(answer.mid_to_track_id, ElementsAre(Pair("0", "TR_a1"), Pair("3", "TR_v1")));
  const wire::SdpMedia& video = call.last.media[3];
  EXPECT_EQ(video.direction, SdpDirection::kSendOnly);
  EXPECT_EQ(video.codecs[0].payload_type, PayloadType(108)) << "same profile and packetization";
  EXPECT_EQ(video.codecs[1].payload_type, PayloadType(109));
  EXPECT_EQ(answer.downlinks[1].extensions.IdOf(rtp::ExtensionUri::kDependencyDescriptor), 12);
  EXPECT_EQ(answer.downlinks[1].extensions.IdOf(rtp::ExtensionUri::kPlayoutDelay), 0);
}

TEST(AnswerNegotiatorGolden, SendsFirefoxWhatItCanDecodeAndReportsTheRest) {
  Replay call;
  call.downlinks = {Downlink(kAudio, 1), Downlink(kVideo, 1), Downlink(kVideo, 2)};
  call.downlinks[1].codec = rtp::Codec::kH264;
  const Answer answer = call.Offer("firefox-221/01-pub-offer-1.sdp");
  EXPECT_THAT(answer.unsupported, ElementsAre("TR_v1"));
  EXPECT_THAT(answer.mid_to_track_id, ElementsAre(Pair("0", "TR_a1"), Pair("3", "TR_v2")));
  EXPECT_EQ(answer.downlinks[1].codecs.at(0).payload_type, PayloadType(120));
}

}  // namespace
}  // namespace fovea::livekit
