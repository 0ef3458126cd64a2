// OfferNegotiator: the dual mode's subscriber connection, with a client played by hand.
#include "signaling/livekit/offer_negotiator.h"

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

// What a browser would answer: everything accepted, directions reversed, active.
wire::SessionDescription ClientsAnswer(const wire::SessionDescription& offer) {
  wire::SessionDescription answer = offer;
  answer.ice_lite = false;
  for (wire::SdpMedia& media : answer.media) {
    if (media.IsRtp()) media.direction = wire::Reversed(media.direction);
    media.transport = {};
    media.transport.ufrag = "them";
    media.transport.pwd = "their-password-24-chars!";
    media.transport.fingerprints = {{"sha-256", HexFingerprint("AB")}};
    media.transport.setup = wire::SdpSetup::kActive;
    media.msids.clear();
    media.ssrcs.clear();
    media.ssrc_groups.clear();
  }
  return answer;
}

class OfferNegotiatorTest : public ::testing::Test {
 protected:
  Offer MustOffer() {
    auto offer = negotiator_.NextOffer();
    EXPECT_TRUE(offer.has_value());
    if (!offer) return {};
    last_ = MustParse(offer->sdp);
    return *std::move(offer);
  }
  OfferAccepted Accept(const wire::SessionDescription& answer, std::uint32_t id = 0) {
    auto accepted = negotiator_.HandleAnswer(id, wire::WriteSdp(answer));
    EXPECT_TRUE(accepted.ok()) << (accepted.ok() ? "" : accepted.error().reason);
    return accepted.ok() ? *std::move(accepted) : OfferAccepted{};
  }
  // One whole exchange with a client that accepts everything.
  OfferAccepted Negotiate() {
    const Offer offer = MustOffer();
    return Accept(ClientsAnswer(last_), offer.id);
  }
  std::string Refusal(std::uint32_t id, const wire::SessionDescription& answer) {
    const auto accepted = negotiator_.HandleAnswer(id, wire::WriteSdp(answer));
    return accepted.ok() ? "" : std::string(accepted.error().reason);
  }

  Rng rng_{3};
  OfferNegotiator negotiator_{EverythingAllowed(), OurTransport(), rng_};
  wire::SessionDescription last_;  // our last offer, read back
};

TEST_F(OfferNegotiatorTest, OffersTheDataSectionFirstAndAlone) {
  const Offer offer = MustOffer();
  EXPECT_GE(offer.id, 1u);
  EXPECT_LE(offer.id, 256u);
  ASSERT_EQ(last_.media.size(), 1u);
  EXPECT_EQ(last_.media[0].kind, wire::SdpKind::kApplication);
  EXPECT_EQ(last_.media[0].sctp_port, 5000);
  EXPECT_EQ(last_.media[0].transport.setup, wire::SdpSetup::kActPass);
  EXPECT_EQ(last_.media[0].transport.candidates.size(), 2u);
  EXPECT_TRUE(last_.ice_lite);
  EXPECT_THAT(*last_.Bundle(), ElementsAre("0"));
}

TEST_F(OfferNegotiatorTest, OffersOneSectionPerTrackWithItsMap) {
  negotiator_.AddTrack(Downlink(kAudio, 1));
  negotiator_.AddTrack(Downlink(kVideo, 2));
  const Offer offer = MustOffer();
  EXPECT_THAT(offer.mid_to_track_id, ElementsAre(Pair("1", "TR_a1"), Pair("2", "TR_v2")));
  const wire::SdpMedia& video = last_.media.at(2);
  EXPECT_EQ(video.direction, SdpDirection::kSendOnly);
  EXPECT_EQ(video.msids.at(0), (wire::SdpMsid{"PA_p2|TR_v2", "TR_v2"}));
  EXPECT_EQ(video.ssrc_groups.at(0).semantics, "FID");
  EXPECT_EQ(video.codecs.at(0).name, "VP8");
  EXPECT_TRUE(video.rtcp_mux && video.rtcp_rsize);
  EXPECT_THAT(*last_.Bundle(), ElementsAre("0", "1", "2"));
}

TEST_F(OfferNegotiatorTest, ReportsWhatTheClientAccepted) {
  negotiator_.AddTrack(Downlink(kAudio, 1));
  negotiator_.AddTrack(Downlink(kVideo, 2));
  const OfferAccepted accepted = Negotiate();
  EXPECT_EQ(accepted.remote.ice.ufrag, "them");
  EXPECT_EQ(accepted.remote.setup, wire::SdpSetup::kActive);
  EXPECT_TRUE(accepted.has_data);
  ASSERT_EQ(accepted.downlinks.size(), 2u);
  EXPECT_EQ(accepted.downlinks[0].mid, "1");
  EXPECT_EQ(accepted.downlinks[0].codecs.at(0).codec, rtp::Codec::kOpus);
  EXPECT_EQ(accepted.downlinks[1].codecs.at(0).payload_type, PayloadType(96));
  EXPECT_EQ(accepted.downlinks[1].codecs.at(0).rtx, PayloadType(97));
  EXPECT_TRUE(accepted.downlinks[1].extensions.Has(rtp::ExtensionUri::kTransportCc));
  EXPECT_TRUE(accepted.downlinks[1].is_new);
  EXPECT_FALSE(negotiator_.dirty());
}

TEST_F(OfferNegotiatorTest, HasOneOfferOutstandingAndRemembersThatMoreChanged) {
  const Offer first = MustOffer();
  negotiator_.AddTrack(Downlink(kAudio, 1));
  EXPECT_EQ(negotiator_.NextOffer(), std::nullopt);
  EXPECT_TRUE(negotiator_.dirty());
  Accept(ClientsAnswer(last_), first.id);
  const Offer second = MustOffer();
  EXPECT_EQ(second.id, first.id + 1);
  Accept(ClientsAnswer(last_), second.id);
  EXPECT_EQ(negotiator_.NextOffer(), std::nullopt) << "nothing changed";
}

TEST_F(OfferNegotiatorTest, OffersAgainAfterAnOfferThatMayHaveBeenLost) {
  negotiator_.AbandonOffer();  // none is outstanding
  negotiator_.AddTrack(Downlink(kVideo, 1));
  const Offer lost = MustOffer();
  negotiator_.RemoveTrack("TR_v1");
  negotiator_.AddTrack(Downlink(kAudio, 2));
  negotiator_.AbandonOffer();
  const Offer offer = MustOffer();
  EXPECT_EQ(offer.id, lost.id + 1);
  EXPECT_THAT(offer.mid_to_track_id, ElementsAre(Pair("2", "TR_a2")));
  EXPECT_EQ(last_.media[1].direction, SdpDirection::kInactive);
  EXPECT_THAT(Refusal(lost.id, ClientsAnswer(last_)), HasSubstr("another offer"));
  EXPECT_EQ(Accept(ClientsAnswer(last_), offer.id).downlinks.size(), 1U);
}

TEST_F(OfferNegotiatorTest, TakesAnswersWithItsIdOrZeroOnly) {
  const Offer offer = MustOffer();
  EXPECT_THAT(Refusal(offer.id + 1, ClientsAnswer(last_)), HasSubstr("another offer"));
  EXPECT_TRUE(negotiator_.awaiting_answer());
  Accept(ClientsAnswer(last_), 0);
  EXPECT_THAT(Refusal(0, ClientsAnswer(last_)), HasSubstr("no offer"));
}

TEST_F(OfferNegotiatorTest, RefusesAnswersThatDoNotFitAndGoesOnWaiting) {
  negotiator_.AddTrack(Downlink(kAudio, 1));
  MustOffer();
  wire::SessionDescription fewer = ClientsAnswer(last_);
  fewer.media.pop_back();
  EXPECT_THAT(Refusal(0, fewer), HasSubstr("other sections"));
  wire::SessionDescription swapped = ClientsAnswer(last_);
  std::swap(swapped.media[0], swapped.media[1]);
  EXPECT_THAT(Refusal(0, swapped), HasSubstr("order"));
  wire::SessionDescription passive = ClientsAnswer(last_);
  passive.media[0].transport.setup = wire::SdpSetup::kPassive;
  EXPECT_THAT(Refusal(0, passive), HasSubstr("active"));
  Accept(ClientsAnswer(last_));
}

TEST_F(OfferNegotiatorTest, OffersASectionInactiveBeforeItCarriesAnotherTrack) {
  negotiator_.AddTrack(Downlink(kVideo, 1));
  Negotiate();
  negotiator_.RemoveTrack("TR_v1");
  negotiator_.AddTrack(Downlink(kVideo, 2));
  const Offer offer = MustOffer();
  EXPECT_THAT(offer.mid_to_track_id, ElementsAre(Pair("2", "TR_v2")));
  EXPECT_EQ(last_.media[1].direction, SdpDirection::kInactive);
  EXPECT_THAT(last_.media[1].msids, IsEmpty());
  EXPECT_EQ(last_.media[1].port, 9);
  Accept(ClientsAnswer(last_));
  negotiator_.AddTrack(Downlink(kVideo, 3));
  const Offer reuse = MustOffer();
  EXPECT_THAT(reuse.mid_to_track_id, UnorderedElementsAre(Pair("1", "TR_v3"), Pair("2", "TR_v2")));
  EXPECT_EQ(last_.media[1].ssrcs.at(0).ssrc, Ssrc(1003));
}

TEST_F(OfferNegotiatorTest, DoesNotReuseASectionReleasedWhileItsOfferIsUnderWay) {
  negotiator_.AddTrack(Downlink(kVideo, 1));
  MustOffer();
  negotiator_.RemoveTrack("TR_v1");
  EXPECT_THAT(Accept(ClientsAnswer(last_)).downlinks, IsEmpty());
  negotiator_.AddTrack(Downlink(kVideo, 2));
  EXPECT_THAT(MustOffer().mid_to_track_id, ElementsAre(Pair("2", "TR_v2")));
}

TEST_F(OfferNegotiatorTest, KeepsTheSectionsBoundedOverFiftyLeavesAndRejoins) {
  for (int round = 1; round <= 50; ++round) {
    if (round > 1) {
      negotiator_.RemoveTrack("TR_a" + std::to_string(round - 1));
      negotiator_.RemoveTrack("TR_v" + std::to_string(round - 1));
    }
    negotiator_.AddTrack(Downlink(kAudio, round));
    negotiator_.AddTrack(Downlink(kVideo, round));
    EXPECT_EQ(Negotiate().downlinks.size(), 2u);
  }
  EXPECT_LE(last_.media.size(), 5u);
}

TEST_F(OfferNegotiatorTest, ReplacesATrackWhoseSsrcChanged) {
  DownlinkTrack track = Downlink(kVideo, 1);
  negotiator_.AddTrack(track);
  Negotiate();
  negotiator_.AddTrack(track);
  EXPECT_FALSE(negotiator_.dirty()) << "the same again";
  track.ssrc = Ssrc(77);
  negotiator_.AddTrack(track);
  const Offer offer = MustOffer();
  EXPECT_THAT(offer.mid_to_track_id, ElementsAre(Pair("2", "TR_v1")));
  EXPECT_EQ(last_.media[2].ssrcs.at(0).ssrc, Ssrc(77));
}

TEST_F(OfferNegotiatorTest, KeepsTheSectionOfATrackThatGoesOverToAnotherCodec) {
  DownlinkTrack track = Downlink(kVideo, 1);
  track.codec = rtp::Codec::kVp9;
  negotiator_.AddTrack(track);
  EXPECT_EQ(Negotiate().downlinks.at(0).codecs.at(0).codec, rtp::Codec::kVp9);
  track.codec = rtp::Codec::kVp8;
  track.ssrc = Ssrc(77);
  negotiator_.AddTrack(track);
  const Offer offer = MustOffer();
  EXPECT_THAT(offer.mid_to_track_id, ElementsAre(Pair("1", "TR_v1")));
  EXPECT_EQ(last_.media[1].direction, SdpDirection::kSendOnly);
  EXPECT_EQ(last_.media[1].ssrcs.at(0).ssrc, Ssrc(77));
  const OfferAccepted accepted = Accept(ClientsAnswer(last_), offer.id);
  ASSERT_EQ(accepted.downlinks.size(), 1U);
  EXPECT_EQ(accepted.downlinks[0].ssrc, Ssrc(77));
  EXPECT_EQ(accepted.downlinks[0].codecs.at(0).codec, rtp::Codec::kVp8);
}

TEST_F(OfferNegotiatorTest, DropsTracksThatTheClientCannotDecode) {
  DownlinkTrack h264 = Downlink(kVideo, 1);
  h264.codec = rtp::Codec::kH264;
  negotiator_.AddTrack(h264);
  MustOffer();
  wire::SessionDescription answer = ClientsAnswer(last_);
  std::erase_if(answer.media[1].codecs, [](const wire::SdpCodec& codec) {
    return codec.Is("H264") || codec.RepairedPayloadType() == PayloadType(125);
  });
  const OfferAccepted accepted = Accept(answer);
  EXPECT_THAT(accepted.unsupported, ElementsAre("TR_v1"));
  EXPECT_THAT(accepted.downlinks, IsEmpty());
  MustOffer();
  EXPECT_EQ(last_.media[1].direction, SdpDirection::kInactive);
}

TEST_F(OfferNegotiatorTest, NeverUsesARejectedSectionAgain) {
  negotiator_.AddTrack(Downlink(kVideo, 1));
  MustOffer();
  wire::SessionDescription answer = ClientsAnswer(last_);
  answer.media[1].port = 0;
  answer.groups[0].mids = {"0"};
  EXPECT_THAT(Accept(answer).unsupported, ElementsAre("TR_v1"));
  negotiator_.AddTrack(Downlink(kVideo, 2));
  EXPECT_THAT(MustOffer().mid_to_track_id, ElementsAre(Pair("2", "TR_v2")));
  EXPECT_EQ(last_.media[1].port, 0);
  EXPECT_THAT(*last_.Bundle(), ElementsAre("0", "2"));
}

TEST_F(OfferNegotiatorTest, RestartsIceWithAnOffer) {
  Negotiate();
  negotiator_.RestartIce({"fresh", "fresh-password-24-chars!"});
  MustOffer();
  EXPECT_EQ(last_.media[0].transport.ufrag, "fresh");
  wire::SessionDescription answer = ClientsAnswer(last_);
  answer.media[0].transport.ufrag = "them2";
  EXPECT_TRUE(Accept(answer).ice_restarted);
}

TEST_F(OfferNegotiatorTest, SendsInTheCodecNumbersOfTheAnswer) {
  negotiator_.AddTrack(Downlink(kVideo, 1));
  MustOffer();
  wire::SessionDescription answer = ClientsAnswer(last_);
  answer.media[1].codecs = {{PayloadType(98), "VP9", 90000, 0, "profile-id=0", {}},
                            {PayloadType(96), "VP8", 90000, 0, "", {}}};
  const OfferAccepted accepted = Accept(answer);
  EXPECT_EQ(accepted.downlinks.at(0).codecs.at(0).codec, rtp::Codec::kVp8);
  EXPECT_EQ(accepted.downlinks.at(0).codecs.at(0).rtx, std::nullopt);
}

TEST_F(OfferNegotiatorTest, LetsTracksBeyondTheSectionLimitWait) {
  const int sections = static_cast<int>(limits::kSdpMediaSectionsMax) - 1;
  for (int i = 0; i <= sections; ++i) negotiator_.AddTrack(Downlink(kAudio, i));
  EXPECT_EQ(Negotiate().downlinks.size(), static_cast<std::size_t>(sections));
  EXPECT_EQ(negotiator_.NextOffer(), std::nullopt) << "nothing would change";
  negotiator_.RemoveTrack("TR_a0");
  EXPECT_EQ(Negotiate().downlinks.size(), static_cast<std::size_t>(sections - 1));
  EXPECT_EQ(Negotiate().downlinks.size(), static_cast<std::size_t>(sections));
}

TEST_F(OfferNegotiatorTest, UnderstandsTheRecordedAnswersToADataOnlyOffer) {
  for (const char* name : {"rtc-node/03-sub-answer.sdp", "chromium-221-dual/02-sub-answer.sdp"}) {
    OfferNegotiator negotiator(EverythingAllowed(), OurTransport(), rng_);
    ASSERT_TRUE(negotiator.NextOffer().has_value());
    const auto accepted = negotiator.HandleAnswer(0, Golden(name));
    ASSERT_TRUE(accepted.ok()) << name << ": " << accepted.error().reason;
    EXPECT_EQ(accepted->data_message_bytes_max, 262144u);
  }
}

}  // namespace
}  // namespace fovea::livekit
