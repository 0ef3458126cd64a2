// Codec and extension choice, and candidate lines.
#include "signaling/livekit/negotiation_codecs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "signaling/livekit/negotiation_extensions.h"
#include "tests/unit/signaling/livekit/negotiation_support.h"

namespace fovea::livekit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kMode1Constrained[] = "packetization-mode=1;profile-level-id=42e01f";
constexpr char kMode0Constrained[] = "packetization-mode=0;profile-level-id=42e01f";
constexpr char kMode1Baseline[] = "packetization-mode=1;profile-level-id=42001f";
constexpr char kMode1High[] = "packetization-mode=1;profile-level-id=640032";

wire::SdpMedia H264Section() {
  OfferSketch offer;
  offer.Receive(MediaKind::kVideo);
  offer.last().codecs = {{PayloadType(1), "H264", 90000, 0, kMode1High, {}},
                         {PayloadType(2), "H264", 90000, 0, kMode0Constrained, {}},
                         {PayloadType(3), "H264", 90000, 0, kMode1Baseline, {}},
                         {PayloadType(4), "H264", 90000, 0, kMode1Constrained, {}}};
  return offer.last();
}

PayloadType Chosen(const std::string& fmtp) {
  DownlinkTrack track = Downlink(MediaKind::kVideo, 1);
  track.codec = rtp::Codec::kH264;
  track.fmtp = fmtp;
  const wire::SdpMedia section = H264Section();
  const wire::SdpCodec* codec = FindCodecFor(section, track);
  return codec == nullptr ? PayloadType(0) : codec->payload_type;
}

TEST(Codecs, SendH264UnderTheSameProfileAndPacketization) {
  EXPECT_EQ(Chosen(kMode1Constrained), PayloadType(4));
  EXPECT_EQ(Chosen(kMode0Constrained), PayloadType(2));
  EXPECT_EQ(Chosen("packetization-mode=1;profile-level-id=42c01f"), PayloadType(3));
  EXPECT_EQ(Chosen(""), PayloadType(2)) << "the first that browsers share";
}

TEST(Codecs, LeaveOutProfilesThatOnlySomeBrowsersDecode) {
  wire::SdpMedia section = H264Section();
  section.codecs.push_back({PayloadType(5), "VP9", 90000, 0, "profile-id=2", {}});
  section.codecs.push_back({PayloadType(6), "AV1", 90000, 0, "profile=1", {}});
  section.codecs.push_back({PayloadType(7), "AV1", 90000, 0, "level-idx=5;profile=0", {}});
  std::vector<int> listed;
  for (const auto& codec : AnswerUplinkCodecs(section, EverythingAllowed(), {})) {
    listed.push_back(codec.payload_type.value());
  }
  EXPECT_THAT(listed, ElementsAre(2, 3, 4, 7));
}

TEST(Codecs, AreOnlyThoseThatTheOperatorAllows) {
  const std::vector<std::string> names = {"video/vp9", "audio/OPUS", "video/unheard-of"};
  const auto policy = NegotiationPolicy::FromMimeTypes(names);
  EXPECT_THAT(policy.codecs, ElementsAre(rtp::Codec::kVp9, rtp::Codec::kOpus));
  OfferSketch offer;
  offer.Send(MediaKind::kVideo, "cam");
  const auto codecs = AnswerUplinkCodecs(offer.last(), policy, {});
  ASSERT_EQ(codecs.size(), 2u);
  EXPECT_EQ(codecs[0].name, "VP9");
}

TEST(Codecs, KeepNoFeedbackThatWeDoNotServe) {
  OfferSketch offer;
  offer.Send(MediaKind::kVideo, "cam");
  offer.last().codecs[0].feedback = {"goog-remb", "nack",      "nack pli",    "nack sli",
                                     "ccm fir",   "ccm tmmbr", "transport-cc"};
  EXPECT_THAT(AnswerUplinkCodecs(offer.last(), EverythingAllowed(), {})[0].feedback,
              ElementsAre("goog-remb", "nack", "nack pli", "ccm fir", "transport-cc"));
}

TEST(Codecs, DoNotRepeatTheOfferersOwnParameters) {
  OfferSketch offer;
  offer.Send(MediaKind::kVideo, "cam");
  offer.last().codecs[0].fmtp = "max-fs=12288;max-fr=60;x-google-start-bitrate=1000";
  offer.last().codecs[2].fmtp = "profile-id=0; x-google-start-bitrate=1000";
  const auto codecs = AnswerUplinkCodecs(offer.last(), EverythingAllowed(), {});
  EXPECT_EQ(codecs[0].fmtp, "");
  EXPECT_EQ(codecs[2].fmtp, "profile-id=0");
}

TEST(Codecs, OfferEachPayloadTypeOnceAndThePublishersFirst) {
  DownlinkTrack track = Downlink(MediaKind::kVideo, 1);
  track.codec = rtp::Codec::kH264;
  track.fmtp = kMode0Constrained;
  const auto codecs = OfferCodecs(EverythingAllowed(), &track, MediaKind::kVideo);
  EXPECT_EQ(codecs.at(0).payload_type, PayloadType(108));
  EXPECT_EQ(codecs.at(1).RepairedPayloadType(), PayloadType(108));
  std::set<PayloadType> seen;
  for (const auto& codec : codecs) EXPECT_TRUE(seen.insert(codec.payload_type).second);
  for (const auto& codec : OfferCodecs(EverythingAllowed(), nullptr, MediaKind::kAudio)) {
    EXPECT_TRUE(seen.insert(codec.payload_type).second) << "one bundle, one meaning";
  }
}

TEST(Codecs, OfferNackAndStereoForAudio) {
  DownlinkTrack track = Downlink(MediaKind::kAudio, 1);
  track.stereo = true;
  const auto codecs = OfferCodecs(EverythingAllowed(), &track, MediaKind::kAudio);
  EXPECT_EQ(codecs[0].fmtp, "minptime=10;useinbandfec=1;sprop-stereo=1");
  EXPECT_THAT(codecs[0].feedback, ElementsAre("transport-cc", "nack"));
}

TEST(Extensions, AreReversedWhereTheOfferStatesADirection) {
  OfferSketch offer;
  offer.Send(MediaKind::kVideo, "cam");
  offer.last().extensions = {
      {6, "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
       wire::SdpDirection::kRecvOnly},
      {9, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", wire::SdpDirection::kSendOnly}};
  const auto accepted = AnswerExtensions(offer.last(), SectionUse::kUplink, EverythingAllowed());
  EXPECT_THAT(accepted,
              ElementsAre(wire::SdpExtension{9, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
                                             wire::SdpDirection::kRecvOnly}));
}

TEST(Extensions, AreLeftOutWithIdsBeyondTheTwoByteForm) {
  OfferSketch offer;
  offer.Send(MediaKind::kAudio, "mic");
  offer.last().extensions = {{4096, "urn:ietf:params:rtp-hdrext:sdes:mid", {}},
                             {0, "urn:ietf:params:rtp-hdrext:ssrc-audio-level", {}}};
  EXPECT_THAT(AnswerExtensions(offer.last(), SectionUse::kUplink, EverythingAllowed()), IsEmpty());
}

TEST(Extensions, KeepTheirIdOverAllOfOurSections) {
  NegotiationPolicy policy = EverythingAllowed();
  policy.playout_delay = true;
  const auto audio = ExtensionMapOf(OfferExtensions(MediaKind::kAudio, policy));
  const auto video = ExtensionMapOf(OfferExtensions(MediaKind::kVideo, policy));
  EXPECT_EQ(audio.IdOf(rtp::ExtensionUri::kTransportCc),
            video.IdOf(rtp::ExtensionUri::kTransportCc));
  EXPECT_TRUE(video.Has(rtp::ExtensionUri::kPlayoutDelay));
  EXPECT_FALSE(audio.Has(rtp::ExtensionUri::kDependencyDescriptor));
}

TEST(CandidateLine, PrefersUdpAndTheFrontOfTheList) {
  EXPECT_EQ(CandidateLine({"2001:db8::1", 7882, false}, 1),
            "2 1 udp 2130706175 2001:db8::1 7882 typ host");
  EXPECT_EQ(CandidateLine({"192.0.2.1", 7881, true}, 0),
            "1 1 tcp 1526726655 192.0.2.1 7881 typ host tcptype passive");
}

}  // namespace
}  // namespace fovea::livekit
