// AnswerNegotiator, rule by rule, on sketched offers.
#include "signaling/livekit/answer_negotiator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sfu/core/limits.h"
#include "tests/unit/signaling/livekit/negotiation_support.h"

namespace fovea::livekit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using wire::SdpDirection;

constexpr MediaKind kAudio = MediaKind::kAudio;
constexpr MediaKind kVideo = MediaKind::kVideo;

class AnswerNegotiatorTest : public ::testing::Test {
 protected:
  Answer Handle(const OfferSketch& offer) { return Handle(offer.text()); }
  Answer Handle(const std::string& offer) {
    auto answer = negotiator_.HandleOffer(offer, Inputs());
    EXPECT_TRUE(answer.ok()) << (answer.ok() ? "" : answer.error().reason);
    if (!answer.ok()) return {};
    last_ = MustParse(answer->sdp);
    return *std::move(answer);
  }
  std::string_view Refusal(const std::string& offer) {
    const auto answer = negotiator_.HandleOffer(offer, Inputs());
    return answer.ok() ? "" : answer.error().reason;
  }
  AnswerInputs Inputs() const {
    return {uplinks_, downlinks_, {"fresh", "fresh-password-24-chars!"}};
  }
  SdpDirection DirectionOf(std::size_t index) const { return last_.media.at(index).direction; }

  Rng rng_{1};
  AnswerNegotiator negotiator_{EverythingAllowed(), OurTransport(), rng_};
  std::vector<UplinkTrack> uplinks_;
  std::vector<DownlinkTrack> downlinks_;
  wire::SessionDescription last_;  // our last answer, read back
};

// --- Transport ---

TEST_F(AnswerNegotiatorTest, IsIceLiteAndPassiveAndBundlesEverything) {
  Handle(OfferSketch().Receive(kAudio).Receive(kVideo).Data());
  EXPECT_TRUE(last_.ice_lite);
  EXPECT_THAT(*last_.Bundle(), ElementsAre("0", "1", "2"));
  for (const wire::SdpMedia& media : last_.media) {
    EXPECT_EQ(media.port, 9);
    EXPECT_EQ(media.transport.setup, wire::SdpSetup::kPassive);
    EXPECT_EQ(media.transport.ufrag, "ours");
    EXPECT_EQ(media.transport.fingerprints.at(0).value, HexFingerprint("0F"));
  }
  EXPECT_TRUE(last_.media[0].rtcp_mux && last_.media[0].rtcp_rsize);
}

TEST_F(AnswerNegotiatorTest, PutsItsCandidatesIntoTheFirstSectionAndEndsThem) {
  Handle(OfferSketch().Receive(kAudio).Data());
  EXPECT_THAT(last_.media[0].transport.candidates,
              ElementsAre("1 1 udp 2130706431 192.0.2.7 7882 typ host",
                          "2 1 tcp 1526726399 192.0.2.7 7881 typ host tcptype passive"));
  EXPECT_TRUE(last_.media[0].transport.end_of_candidates);
  EXPECT_THAT(last_.media[1].transport.candidates, IsEmpty());
}

TEST_F(AnswerNegotiatorTest, ReportsTheRemoteTransport) {
  const Answer answer = Handle(OfferSketch().Data());
  EXPECT_EQ(answer.remote.ice.ufrag, "them");
  EXPECT_EQ(answer.remote.fingerprint, HexFingerprint("AB"));
  EXPECT_TRUE(answer.has_data);
  EXPECT_EQ(answer.data_message_bytes_max, 262144u);
  EXPECT_FALSE(answer.ice_restarted);
  EXPECT_EQ(last_.media[0].max_message_size, limits::kDataMessageBytesMax);
}

TEST_F(AnswerNegotiatorTest, UsesTheCredentialsOfTheBundlesFirstSectionOnly) {
  OfferSketch offer;
  offer.Receive(kAudio).Receive(kVideo);
  offer.at(1).transport.ufrag = "other";
  EXPECT_EQ(Handle(offer).remote.ice.ufrag, "them");
}

TEST_F(AnswerNegotiatorTest, AnswersAChangedUfragWithFreshCredentials) {
  Handle(OfferSketch().Data());
  const Answer answer = Handle(OfferSketch().Data().Ice("them2"));
  EXPECT_TRUE(answer.ice_restarted);
  EXPECT_EQ(last_.media[0].transport.ufrag, "fresh");
  EXPECT_EQ(negotiator_.local().ice.ufrag, "fresh");
  EXPECT_EQ(answer.remote.ice.ufrag, "them2");
  EXPECT_FALSE(Handle(OfferSketch().Data().Ice("them2")).ice_restarted);
}

TEST_F(AnswerNegotiatorTest, CountsItsAnswers) {
  Handle(OfferSketch().Data());
  const std::string session = last_.origin.session_id;
  Handle(OfferSketch().Data());
  EXPECT_EQ(last_.origin.session_id, session);
  EXPECT_EQ(last_.origin.version, 2u);
}

TEST_F(AnswerNegotiatorTest, RefusesOffersItCannotServe) {
  EXPECT_THAT(std::string(Refusal("nonsense")), HasSubstr("v=0"));
  EXPECT_THAT(std::string(Refusal(OfferSketch().text())), HasSubstr("no media section"));
  OfferSketch passive;
  passive.Data().last().transport.setup = wire::SdpSetup::kPassive;
  EXPECT_THAT(std::string(Refusal(passive.text())), HasSubstr("DTLS"));
  OfferSketch short_password;
  short_password.Data().last().transport.pwd = "short";
  EXPECT_THAT(std::string(Refusal(short_password.text())), HasSubstr("ICE"));
  OfferSketch sha1;
  sha1.Data().last().transport.fingerprints = {{"sha-1", "AB"}};
  EXPECT_THAT(std::string(Refusal(sha1.text())), HasSubstr("fingerprint"));
  OfferSketch no_mid;
  no_mid.Data().last().mid = "";
  EXPECT_THAT(std::string(Refusal(no_mid.text())), HasSubstr("mid"));
}

TEST_F(AnswerNegotiatorTest, KeepsItsStateWhenItRefusesAnOffer) {
  downlinks_ = {Downlink(kAudio, 1)};
  Handle(OfferSketch().Receive(kAudio).Data());
  EXPECT_THAT(std::string(Refusal(OfferSketch().Receive(kAudio).text())), HasSubstr("vanished"));
  EXPECT_THAT(std::string(Refusal(OfferSketch().Data().Receive(kAudio).text())),
              HasSubstr("place"));
  OfferSketch other_certificate;
  other_certificate.Receive(kAudio).Data();
  for (std::size_t i = 0; i < 2; ++i) {
    other_certificate.at(i).transport.fingerprints = {{"sha-256", HexFingerprint("CD")}};
  }
  EXPECT_THAT(std::string(Refusal(other_certificate.text())), HasSubstr("certificate"));
  const Answer again = Handle(OfferSketch().Receive(kAudio).Data());
  EXPECT_THAT(again.mid_to_track_id, ElementsAre(Pair("0", "TR_a1")));
  EXPECT_EQ(last_.origin.version, 2u);
}

// --- Sections ---

TEST_F(AnswerNegotiatorTest, AnswersASpareSectionInactiveOnPortNine) {
  const Answer answer = Handle(OfferSketch().Receive(kAudio).Receive(kVideo));
  EXPECT_EQ(DirectionOf(0), SdpDirection::kInactive);
  EXPECT_EQ(DirectionOf(1), SdpDirection::kInactive);
  EXPECT_THAT(answer.mid_to_track_id, IsEmpty());
  EXPECT_EQ(answer.shortage, std::nullopt);
}

TEST_F(AnswerNegotiatorTest, AcceptsFirefoxsBundleOnlySectionsOnPortZero) {
  OfferSketch offer;
  offer.Receive(kAudio, 2);
  offer.last().port = 0;
  offer.last().bundle_only = true;
  downlinks_ = {Downlink(kAudio, 1), Downlink(kAudio, 2)};
  EXPECT_EQ(Handle(offer).mid_to_track_id.size(), 2u);
  EXPECT_EQ(last_.media[1].port, 9);
}

TEST_F(AnswerNegotiatorTest, RefusesASectionThatTheClientStopped) {
  OfferSketch offer;
  offer.Data().Receive(kVideo);
  Handle(offer);
  offer.last().port = 0;
  offer.sdp().groups[0].mids = {"0"};
  Handle(offer);
  EXPECT_EQ(last_.media[1].port, 0);
  EXPECT_THAT(*last_.Bundle(), ElementsAre("0"));
}

TEST_F(AnswerNegotiatorTest, LetsAStoppedSectionComeBackUnderAnotherMid) {
  OfferSketch offer;
  offer.Data().Receive(kVideo);
  offer.last().port = 0;
  Handle(offer);
  offer.last().port = 9;
  offer.last().mid = "7";
  offer.sdp().groups[0].mids = {"0", "7"};
  downlinks_ = {Downlink(kVideo, 1)};
  EXPECT_THAT(Handle(offer).mid_to_track_id, ElementsAre(Pair("7", "TR_v1")));
}

TEST_F(AnswerNegotiatorTest, RefusesSectionsOutsideTheBundleAndUnknownKinds) {
  OfferSketch offer;
  offer.Data().Receive(kAudio).Receive(kVideo).Data();
  offer.sdp().groups[0].mids = {"0", "2", "3"};
  offer.at(2).kind = wire::SdpKind::kOther;
  offer.at(2).other_name = "text";
  offer.at(2).formats = {"98"};
  offer.at(2).codecs.clear();
  Handle(offer);
  EXPECT_EQ(last_.media[1].port, 0) << "not bundled";
  EXPECT_EQ(last_.media[2].port, 0) << "m=text";
  EXPECT_EQ(last_.media[3].port, 0) << "a second data section";
  EXPECT_THAT(*last_.Bundle(), ElementsAre("0"));
}

TEST_F(AnswerNegotiatorTest, AnswersASectionWithoutCommonCodecsInactive) {
  OfferSketch offer;
  offer.Data().Send(kVideo, "cam");
  offer.last().codecs = {{PayloadType(100), "H263", 90000, 0, "", {}}};
  uplinks_ = {Uplink(kVideo, "cam", "TR_v")};
  const Answer answer = Handle(offer);
  EXPECT_EQ(last_.media[1].port, 9);
  EXPECT_EQ(DirectionOf(1), SdpDirection::kInactive);
  EXPECT_THAT(answer.uplinks, IsEmpty());
}

// --- Uplinks ---

TEST_F(AnswerNegotiatorTest, MatchesASectionByTheTrackIdOfItsMsid) {
  uplinks_ = {Uplink(kVideo, "screen", "TR_s"), Uplink(kVideo, "cam", "TR_c")};
  const Answer answer = Handle(OfferSketch().Send(kVideo, "cam").Send(kVideo, "screen"));
  ASSERT_EQ(answer.uplinks.size(), 2u);
  EXPECT_EQ(answer.uplinks[0].track_sid, "TR_c");
  EXPECT_EQ(answer.uplinks[1].track_sid, "TR_s");
  EXPECT_EQ(DirectionOf(0), SdpDirection::kRecvOnly);
}

TEST_F(AnswerNegotiatorTest, IgnoresBracesAroundIds) {
  uplinks_ = {Uplink(kAudio, "{other}", "TR_1"), Uplink(kAudio, "{mic}", "TR_2")};
  const Answer answer = Handle(OfferSketch().Send(kAudio, "mic"));
  ASSERT_EQ(answer.uplinks.size(), 1u);
  EXPECT_EQ(answer.uplinks[0].cid, "{mic}");
}

TEST_F(AnswerNegotiatorTest, FallsBackToTheOldestUnmatchedRequestOfTheKind) {
  uplinks_ = {Uplink(kAudio, "a", "TR_a"), Uplink(kVideo, "older", "TR_1"),
              Uplink(kVideo, "newer", "TR_2")};
  const Answer answer = Handle(OfferSketch().Send(kVideo, "x").Send(kVideo, "y"));
  ASSERT_EQ(answer.uplinks.size(), 2u);
  EXPECT_EQ(answer.uplinks[0].cid, "older");
  EXPECT_EQ(answer.uplinks[1].cid, "newer");
}

TEST_F(AnswerNegotiatorTest, DoesNotGuessForAClientWhoseCidsAreTrackIds) {
  uplinks_ = {Uplink(kAudio, "mic", "TR_m"), Uplink(kVideo, "cam", "TR_c")};
  OfferSketch offer;
  offer.Send(kAudio, "mic").Send(kVideo, "screen");
  const Answer answer = Handle(offer);
  ASSERT_EQ(answer.uplinks.size(), 1u);
  ASSERT_EQ(answer.held.size(), 1u);
  EXPECT_EQ(answer.held[0].mid, "1");
}

TEST_F(AnswerNegotiatorTest, HoldsASectionUntilItsRequestArrives) {
  const Answer answer = Handle(OfferSketch().Send(kVideo, "cam").Simulcast({{"q"}, {"h"}, {"f"}}));
  EXPECT_THAT(answer.uplinks, IsEmpty());
  ASSERT_EQ(answer.held.size(), 1u);
  EXPECT_EQ(answer.held[0].layers.size(), 3u);
  EXPECT_EQ(DirectionOf(0), SdpDirection::kRecvOnly) << "its media may flow at once";

  EXPECT_THAT(negotiator_.Rematch({}), IsEmpty());
  uplinks_ = {Uplink(kVideo, "cam", "TR_c")};
  const auto found = negotiator_.Rematch(uplinks_);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].track_sid, "TR_c");
  EXPECT_EQ(found[0].layers.size(), 3u);
  EXPECT_EQ(found[0].codecs.at(0).payload_type, PayloadType(96));
  EXPECT_THAT(negotiator_.Rematch(uplinks_), IsEmpty()) << "found once";
}

TEST_F(AnswerNegotiatorTest, GivesTheBackupCodecOfATrackItsOwnSection) {
  uplinks_ = {Uplink(kVideo, "vp9", "TR_c"), Uplink(kVideo, "vp8", "TR_c")};
  const Answer answer = Handle(OfferSketch().Send(kVideo, "vp9").Send(kVideo, "vp8"));
  ASSERT_EQ(answer.uplinks.size(), 2u);
  EXPECT_EQ(answer.uplinks[0].track_sid, answer.uplinks[1].track_sid);
  EXPECT_NE(answer.uplinks[0].cid, answer.uplinks[1].cid);
}

TEST_F(AnswerNegotiatorTest, EndsATrackWhoseSectionGoesInactive) {
  uplinks_ = {Uplink(kVideo, "cam", "TR_c")};
  OfferSketch offer;
  offer.Send(kVideo, "cam");
  Handle(offer);
  offer.last().direction = SdpDirection::kInactive;
  const Answer answer = Handle(offer);
  ASSERT_EQ(answer.ended.size(), 1u);
  EXPECT_EQ(answer.ended[0].track_sid, "TR_c");
  EXPECT_THAT(answer.uplinks, IsEmpty());
  EXPECT_EQ(DirectionOf(0), SdpDirection::kInactive);
}

TEST_F(AnswerNegotiatorTest, TakesARecycledSectionForANewTrack) {
  uplinks_ = {Uplink(kVideo, "cam", "TR_c")};
  OfferSketch offer;
  offer.Send(kVideo, "cam");
  Handle(offer);
  offer.last().msids[0].track = "screen";
  std::swap(offer.last().codecs[0], offer.last().codecs[2]);
  uplinks_ = {Uplink(kVideo, "screen", "TR_s")};
  const Answer answer = Handle(offer);
  ASSERT_EQ(answer.ended.size(), 1u);
  EXPECT_EQ(answer.ended[0].cid, "cam");
  ASSERT_EQ(answer.uplinks.size(), 1u);
  EXPECT_EQ(answer.uplinks[0].track_sid, "TR_s");
  EXPECT_EQ(answer.uplinks[0].codecs.at(0).codec, rtp::Codec::kVp9);
}

// Chromium: the sender that was unpublished keeps the track's id, the new one gets a random one.
TEST_F(AnswerNegotiatorTest, FindsATrackPublishedAgainUnderAMadeUpId) {
  for (const bool request_first : {true, false}) {
    AnswerNegotiator negotiator(EverythingAllowed(), OurTransport(), rng_);
    const auto handle = [&](const OfferSketch& offer) {
      const AnswerInputs inputs{uplinks_, {}, {}};
      auto answer = negotiator.HandleOffer(offer.text(), inputs);
      EXPECT_TRUE(answer.ok());
      return answer.ok() ? *std::move(answer) : Answer{};
    };
    uplinks_ = {Uplink(kAudio, "mic", "TR_1")};
    OfferSketch offer;
    offer.Send(kAudio, "mic");
    EXPECT_EQ(handle(offer).uplinks.size(), 1u);
    offer.last().direction = SdpDirection::kInactive;
    offer.Send(kAudio, "random");
    if (request_first) uplinks_.push_back(Uplink(kAudio, "mic", "TR_2"));
    const Answer answer = handle(offer);
    EXPECT_EQ(answer.ended.size(), 1u);
    uplinks_ = {Uplink(kAudio, "other", "TR_3"), Uplink(kAudio, "mic", "TR_2")};
    const auto found = request_first ? answer.uplinks : negotiator.Rematch(uplinks_);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].mid, "1");
    EXPECT_EQ(found[0].track_sid, "TR_2");
  }
}

TEST_F(AnswerNegotiatorTest, DoesNotGiveTheMediaOfAWithdrawnTrackToAnotherRequest) {
  uplinks_ = {Uplink(kVideo, "{firefox-1}", "TR_1")};
  OfferSketch offer;
  offer.Send(kVideo, "{msid-1}");
  EXPECT_EQ(Handle(offer).uplinks.size(), 1u);
  uplinks_ = {Uplink(kVideo, "{firefox-2}", "TR_2")};  // the server unpublished TR_1
  const Answer answer = Handle(offer);
  EXPECT_EQ(answer.ended.size(), 1u);
  EXPECT_THAT(answer.uplinks, IsEmpty());
  offer.Send(kVideo, "{msid-2}");
  const Answer next = Handle(offer);
  ASSERT_EQ(next.uplinks.size(), 1u);
  EXPECT_EQ(next.uplinks[0].mid, "1");
}

TEST_F(AnswerNegotiatorTest, ListsThePreferredCodecFirst) {
  uplinks_ = {Uplink(kVideo, "cam", "TR_c")};
  uplinks_[0].preferred = rtp::Codec::kVp9;
  const Answer answer = Handle(OfferSketch().Send(kVideo, "cam"));
  EXPECT_EQ(last_.media[0].codecs.at(0).payload_type, PayloadType(98));
  EXPECT_EQ(last_.media[0].codecs.at(1).payload_type, PayloadType(99));
  EXPECT_EQ(last_.media[0].codecs.size(), 4u);
  EXPECT_EQ(answer.uplinks.at(0).codecs.at(0).rtx, PayloadType(99));
}

TEST_F(AnswerNegotiatorTest, ShowsFirefoxNothingButThePreferredCodec) {
  uplinks_ = {Uplink(kVideo, "cam", "TR_c")};
  uplinks_[0].preferred = rtp::Codec::kVp8;
  OfferSketch offer;
  offer.Send(kVideo, "cam");
  offer.sdp().origin.username = "mozilla...THIS_IS_SDPARTA-99.0";
  Handle(offer);
  ASSERT_EQ(last_.media[0].codecs.size(), 2u);
  EXPECT_EQ(last_.media[0].codecs[1].RepairedPayloadType(), PayloadType(96));
}

TEST_F(AnswerNegotiatorTest, AsksForDtxUnlessTheTrackDeclinesIt) {
  uplinks_ = {Uplink(kAudio, "mic", "TR_m")};
  Handle(OfferSketch().Send(kAudio, "mic"));
  EXPECT_EQ(last_.media[0].codecs[0].fmtp, "minptime=10;useinbandfec=1;usedtx=1");
  uplinks_[0].disable_dtx = true;
  Handle(OfferSketch().Send(kAudio, "mic"));
  EXPECT_EQ(last_.media[0].codecs[0].fmtp, "minptime=10;useinbandfec=1");
}

TEST_F(AnswerNegotiatorTest, AsksForStereoAtAHighRateWhereTheTrackIsStereo) {
  uplinks_ = {Uplink(kAudio, "mic", "TR_m")};
  uplinks_[0].stereo = true;
  uplinks_[0].disable_dtx = true;
  Handle(OfferSketch().Send(kAudio, "mic"));
  EXPECT_EQ(last_.media[0].codecs[0].fmtp,
            "minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=510000");
}

TEST_F(AnswerNegotiatorTest, LeavesRedOutWhereTheTrackDeclinesIt) {
  uplinks_ = {Uplink(kAudio, "mic", "TR_m")};
  Handle(OfferSketch().Send(kAudio, "mic"));
  EXPECT_NE(last_.media[0].FindCodec(PayloadType(63)), nullptr);
  EXPECT_EQ(last_.media[0].FindCodec(PayloadType(13)), nullptr) << "comfort noise";
  uplinks_[0].disable_red = true;
  Handle(OfferSketch().Send(kAudio, "mic"));
  EXPECT_EQ(last_.media[0].FindCodec(PayloadType(63)), nullptr);
}

TEST_F(AnswerNegotiatorTest, AcceptsRidsInTheOffersOrderAndKeepsPausedOnesPaused) {
  Handle(OfferSketch().Send(kVideo, "cam").Simulcast({{"q"}, {"h", true}, {"f", true}}));
  const wire::SdpMedia& video = last_.media[0];
  EXPECT_THAT(video.rids, ElementsAre(wire::SdpRid{"q", false, ""}, wire::SdpRid{"h", false, ""},
                                      wire::SdpRid{"f", false, ""}));
  ASSERT_EQ(video.simulcast_recv.size(), 3u);
  EXPECT_FALSE(video.simulcast_recv[0][0].paused);
  EXPECT_TRUE(video.simulcast_recv[1][0].paused);
  EXPECT_TRUE(video.simulcast_recv[2][0].paused);
  EXPECT_THAT(video.simulcast_send, IsEmpty());
}

TEST_F(AnswerNegotiatorTest, KeepsTheRidsOfAnUnpublishedSection) {
  OfferSketch offer;
  offer.Send(kVideo, "cam").Simulcast({{"q"}, {"h"}, {"f"}});
  Handle(offer);
  offer.last().direction = SdpDirection::kInactive;
  Handle(offer);
  EXPECT_EQ(last_.media[0].simulcast_recv.size(), 3u);
  EXPECT_TRUE(last_.media[0].extensions.size() == 2) << "mid and rid";
}

TEST_F(AnswerNegotiatorTest, GivesTheSsrcsThatASectionLists) {
  uplinks_ = {Uplink(kVideo, "cam", "TR_c")};
  OfferSketch offer;
  offer.Send(kVideo, "cam");
  offer.last().ssrcs = {{Ssrc(5), "c", {}}, {Ssrc(6), "c", {}}};
  offer.last().ssrc_groups = {{"FID", {Ssrc(5), Ssrc(6)}}};
  const Answer answer = Handle(offer);
  const UplinkLayer only{"", 0, false, Ssrc(5), Ssrc(6)};
  EXPECT_THAT(answer.uplinks.at(0).layers, ElementsAre(only));
}

// --- Downlinks ---

TEST_F(AnswerNegotiatorTest, GivesFreeSectionsToTracksOfTheirKindInOrder) {
  downlinks_ = {Downlink(kVideo, 1), Downlink(kAudio, 2), Downlink(kVideo, 3)};
  const Answer answer = Handle(OfferSketch().Receive(kAudio, 2).Receive(kVideo, 2));
  EXPECT_THAT(answer.mid_to_track_id,
              UnorderedElementsAre(Pair("2", "TR_v1"), Pair("0", "TR_a2"), Pair("3", "TR_v3")));
  EXPECT_EQ(DirectionOf(0), SdpDirection::kSendOnly);
  EXPECT_EQ(DirectionOf(1), SdpDirection::kInactive);
  EXPECT_EQ(answer.shortage, std::nullopt);
}

TEST_F(AnswerNegotiatorTest, DescribesADownlinkSoThatClientsCanReadItsOwner) {
  downlinks_ = {Downlink(kVideo, 1)};
  const Answer answer = Handle(OfferSketch().Receive(kVideo));
  const wire::SdpMedia& video = last_.media[0];
  const wire::SdpMsid msid{"PA_p1|TR_v1", "TR_v1"};
  EXPECT_THAT(video.msids, ElementsAre(msid));
  EXPECT_THAT(video.ssrcs, ElementsAre(wire::SdpSsrc{Ssrc(1001), "PA_p1", msid},
                                       wire::SdpSsrc{Ssrc(2001), "PA_p1", msid}));
  EXPECT_THAT(video.ssrc_groups, ElementsAre(wire::SdpSsrcGroup{"FID", {Ssrc(1001), Ssrc(2001)}}));
  ASSERT_EQ(answer.downlinks.size(), 1u);
  EXPECT_TRUE(answer.downlinks[0].is_new);
  EXPECT_EQ(answer.downlinks[0].codecs.at(0).rtx, PayloadType(97));
}

TEST_F(AnswerNegotiatorTest, ListsThePublishersCodecFirstTowardSubscribers) {
  downlinks_ = {Downlink(kVideo, 1)};
  downlinks_[0].codec = rtp::Codec::kVp9;
  const Answer answer = Handle(OfferSketch().Receive(kVideo));
  EXPECT_EQ(last_.media[0].codecs.at(0).payload_type, PayloadType(98));
  EXPECT_EQ(last_.media[0].codecs.at(1).payload_type, PayloadType(99));
  EXPECT_EQ(last_.media[0].codecs.at(2).payload_type, PayloadType(96));
  EXPECT_EQ(answer.downlinks.at(0).codecs.at(0).codec, rtp::Codec::kVp9);
}

TEST_F(AnswerNegotiatorTest, SaysThatADownlinkIsStereo) {
  downlinks_ = {Downlink(kAudio, 1)};
  downlinks_[0].stereo = true;
  Handle(OfferSketch().Receive(kAudio));
  EXPECT_EQ(last_.media[0].codecs[0].fmtp, "minptime=10;useinbandfec=1;sprop-stereo=1");
}

TEST_F(AnswerNegotiatorTest, ReportsATrackThatTheClientCannotDecode) {
  downlinks_ = {Downlink(kVideo, 1)};
  downlinks_[0].codec = rtp::Codec::kH264;
  const Answer answer = Handle(OfferSketch().Receive(kVideo));
  EXPECT_THAT(answer.unsupported, ElementsAre("TR_v1"));
  EXPECT_EQ(answer.shortage, std::nullopt) << "more sections would not help";
}

TEST_F(AnswerNegotiatorTest, KeepsATrackInItsSectionAndSaysItIsNotNew) {
  downlinks_ = {Downlink(kVideo, 1)};
  Handle(OfferSketch().Receive(kVideo, 3));
  downlinks_.insert(downlinks_.begin(), Downlink(kVideo, 2));
  const Answer answer = Handle(OfferSketch().Receive(kVideo, 3));
  EXPECT_THAT(answer.mid_to_track_id, UnorderedElementsAre(Pair("0", "TR_v1"), Pair("1", "TR_v2")));
  EXPECT_FALSE(answer.downlinks[0].is_new);
  EXPECT_TRUE(answer.downlinks[1].is_new);
}

TEST_F(AnswerNegotiatorTest, AsksForAsManySectionsAsAreMissing) {
  downlinks_ = {Downlink(kAudio, 1), Downlink(kAudio, 2), Downlink(kVideo, 3), Downlink(kVideo, 4),
                Downlink(kVideo, 5)};
  EXPECT_EQ(negotiator_.Shortage(downlinks_), (SectionShortage{2, 3})) << "before any offer";
  const Answer answer = Handle(OfferSketch().Receive(kAudio, 3).Receive(kVideo));
  EXPECT_EQ(answer.mid_to_track_id.size(), 3u);
  EXPECT_EQ(answer.shortage, (SectionShortage{0, 2}));
}

TEST_F(AnswerNegotiatorTest, AsksForAnOfferEvenWhenEnoughSectionsAreFree) {
  Handle(OfferSketch().Receive(kAudio, 3));
  downlinks_ = {Downlink(kAudio, 1)};
  EXPECT_EQ(negotiator_.Shortage(downlinks_), (SectionShortage{0, 0}));
  downlinks_.clear();
  EXPECT_EQ(negotiator_.Shortage(downlinks_), std::nullopt);
}

TEST_F(AnswerNegotiatorTest, AnswersAReleasedSectionInactiveBeforeItCarriesAnotherTrack) {
  const OfferSketch offer = OfferSketch().Receive(kVideo);
  downlinks_ = {Downlink(kVideo, 1)};
  Handle(offer);
  downlinks_ = {Downlink(kVideo, 2)};
  negotiator_.ReleaseDownlink("TR_v1");
  EXPECT_EQ(negotiator_.Shortage(downlinks_), (SectionShortage{0, 1}));
  Answer answer = Handle(offer);
  EXPECT_EQ(DirectionOf(0), SdpDirection::kInactive);
  EXPECT_THAT(last_.media[0].msids, IsEmpty());
  EXPECT_EQ(answer.shortage, (SectionShortage{0, 0})) << "it is free now";
  answer = Handle(offer);
  EXPECT_THAT(answer.mid_to_track_id, ElementsAre(Pair("0", "TR_v2")));
  EXPECT_EQ(last_.media[0].msids.at(0).stream, "PA_p2|TR_v2");
  EXPECT_EQ(last_.media[0].ssrcs.at(0).ssrc, Ssrc(1002));
}

TEST_F(AnswerNegotiatorTest, TreatsAResubscribedTrackWithNewSsrcsAsAnother) {
  const OfferSketch offer = OfferSketch().Receive(kVideo, 2);
  downlinks_ = {Downlink(kVideo, 1)};
  Handle(offer);
  downlinks_[0].ssrc = Ssrc(77);
  const Answer answer = Handle(offer);
  EXPECT_THAT(answer.mid_to_track_id, ElementsAre(Pair("1", "TR_v1")));
  EXPECT_EQ(answer.downlinks.at(0).ssrc, Ssrc(77));
}

TEST_F(AnswerNegotiatorTest, KeepsTheSectionsBoundedOverFiftyLeavesAndRejoins) {
  OfferSketch offer;
  offer.Receive(kAudio, 3).Receive(kVideo, 3).Data();
  Handle(offer);
  for (int round = 1; round <= 50; ++round) {
    // Three others are there; each round all of them have left and come back as somebody new.
    downlinks_.clear();
    for (int i = 0; i < 3; ++i) {
      downlinks_.push_back(Downlink(kAudio, round * 10 + i));
      downlinks_.push_back(Downlink(kVideo, round * 10 + i));
    }
    auto shortage = negotiator_.Shortage(downlinks_);
    for (int offers = 0; shortage && offers < 3; ++offers) {
      offer.Receive(kAudio, static_cast<int>(shortage->audios));
      offer.Receive(kVideo, static_cast<int>(shortage->videos));
      shortage = Handle(offer).shortage;
      ASSERT_EQ(offers, 0) << "one round trip is enough";
    }
    ASSERT_EQ(shortage, std::nullopt) << round;
  }
  EXPECT_LE(offer.sdp().media.size(), 13u) << "twice the largest room, and data";
}

TEST_F(AnswerNegotiatorTest, DropsATrackWhoseSectionTheClientStopped) {
  OfferSketch offer;
  offer.Data().Receive(kVideo);
  downlinks_ = {Downlink(kVideo, 1)};
  Handle(offer);
  offer.last().port = 0;
  const Answer answer = Handle(offer);
  EXPECT_THAT(answer.downlinks, IsEmpty());
  EXPECT_EQ(answer.shortage, (SectionShortage{0, 1}));
}

TEST_F(AnswerNegotiatorTest, ServesARoomOfFiftyInOneRoundTrip) {
  OfferSketch offer;
  offer.Receive(kAudio, 3).Receive(kVideo, 3).Data();
  Handle(offer);
  for (int i = 0; i < 50; ++i) {
    downlinks_.push_back(Downlink(kAudio, i));
    downlinks_.push_back(Downlink(kVideo, i));
  }
  const auto shortage = negotiator_.Shortage(downlinks_);
  ASSERT_EQ(shortage, (SectionShortage{47, 47}));
  offer.Receive(kAudio, 47).Receive(kVideo, 47);
  const Answer answer = Handle(offer);
  EXPECT_EQ(answer.mid_to_track_id.size(), 100u);
  EXPECT_EQ(answer.shortage, std::nullopt);
}

}  // namespace
}  // namespace fovea::livekit
