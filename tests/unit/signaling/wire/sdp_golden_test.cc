// The SDP codec on what real clients and a recording focus sent each other (tests/golden/sdp).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "signaling/wire/sdp.h"

namespace fovea::wire {
namespace {

using ::testing::ElementsAre;

std::string Golden(const std::string& name) {
  std::ifstream file(std::string(FOVEA_SOURCE_DIR) + "/tests/golden/sdp/" + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> AllGolden() {
  const std::filesystem::path root = std::string(FOVEA_SOURCE_DIR) + "/tests/golden/sdp";
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".sdp") {
      names.push_back(std::filesystem::relative(entry.path(), root).string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(SdpGolden, EveryCaptureSurvivesReadingWritingAndReading) {
  const auto names = AllGolden();
  ASSERT_GE(names.size(), 40u);
  for (const std::string& name : names) {
    const auto first = ParseSdp(Golden(name));
    ASSERT_TRUE(first.ok()) << name << " line " << first.error().line << first.error().reason;
    const auto second = ParseSdp(WriteSdp(*first));
    ASSERT_TRUE(second.ok()) << name;
    EXPECT_EQ(*first, *second) << name;
  }
}

TEST(SdpGolden, SurvivesTruncationAtEveryLength) {
  const std::string text = Golden("rtc-node/07-pub-offer-0.sdp");
  std::size_t accepted = 0;
  for (std::size_t length = 0; length < text.size(); ++length) {
    const auto parsed = ParseSdp(std::string_view(text).substr(0, length));
    if (!parsed.ok()) continue;
    ++accepted;
    // Written text of a cut description is a description again.
    if (length % 64 == 0) {
      EXPECT_TRUE(ParseSdp(WriteSdp(*parsed)).ok()) << length;
    }
  }
  EXPECT_GT(accepted, 0u);
  EXPECT_LT(accepted, text.size());
}

TEST(SdpGolden, ReadsChromiumsPublishingOffer) {
  const auto sdp = ParseSdp(Golden("chromium-223/06-pub-offer-3.sdp"));
  ASSERT_TRUE(sdp.ok());
  ASSERT_EQ(sdp->media.size(), 9u);
  EXPECT_TRUE(sdp->extmap_allow_mixed);
  const SdpMedia& microphone = sdp->media[7];
  EXPECT_EQ(microphone.direction, SdpDirection::kSendOnly);
  EXPECT_EQ(microphone.msids.at(0).track, "e8069cd3-2758-4002-83c4-f4254ac9e9db");
  EXPECT_EQ(microphone.ssrcs.at(0).ssrc, Ssrc(1228316554));
  const SdpMedia& camera = sdp->media[8];
  EXPECT_EQ(camera.simulcast_send.size(), 3u);
  EXPECT_TRUE(camera.ssrcs.empty());
  EXPECT_EQ(camera.FindCodec(PayloadType(96))->fmtp, "x-google-start-bitrate=1000");
  EXPECT_EQ(camera.extensions.size(), 13u);
  const SdpTransport transport = EffectiveTransport(*sdp, sdp->media[0]);
  EXPECT_EQ(transport.ufrag, "qxR1");
  EXPECT_EQ(transport.candidates.size(), 2u);
}

TEST(SdpGolden, ReadsChromiumsPausedLayersAfterUnpublishing) {
  const auto sdp = ParseSdp(Golden("chromium-223/08-pub-offer-4.sdp"));
  ASSERT_TRUE(sdp.ok());
  const SdpMedia& camera = sdp->media[8];
  EXPECT_EQ(camera.direction, SdpDirection::kInactive);
  EXPECT_THAT(camera.simulcast_send[0], ElementsAre(SdpSimulcastRid{"q", false}));
  EXPECT_THAT(camera.simulcast_send[1], ElementsAre(SdpSimulcastRid{"h", true}));
  EXPECT_THAT(camera.simulcast_send[2], ElementsAre(SdpSimulcastRid{"f", true}));
}

TEST(SdpGolden, ReadsFirefoxsSessionLevelFingerprintAndBundleOnlySections) {
  const auto sdp = ParseSdp(Golden("firefox-221/03-pub-offer-2.sdp"));
  ASSERT_TRUE(sdp.ok());
  EXPECT_EQ(sdp->origin.username, "mozilla...THIS_IS_SDPARTA-99.0");
  EXPECT_TRUE(sdp->media[1].bundle_only);
  EXPECT_FALSE(sdp->media[1].IsRejected());
  EXPECT_EQ(EffectiveTransport(*sdp, sdp->media[1]).fingerprints.size(), 1u);
  const SdpMedia& camera = sdp->media[8];
  EXPECT_EQ(camera.ssrc_groups.size(), 3u);
  EXPECT_EQ(camera.rids.size(), 3u);
  EXPECT_EQ(camera.max_message_size, std::nullopt);
  EXPECT_EQ(sdp->media[6].max_message_size, 1073741823u);
}

TEST(SdpGolden, ReadsRtcNodesTwoLayersAndDashStream) {
  const auto sdp = ParseSdp(Golden("rtc-node/07-pub-offer-0.sdp"));
  ASSERT_TRUE(sdp.ok());
  EXPECT_EQ(sdp->media[0].kind, SdpKind::kApplication);
  EXPECT_EQ(sdp->media[2].msids.at(0).stream, "-");
  EXPECT_EQ(sdp->media[2].simulcast_send.at(0).at(0).rid, "h");
}

}  // namespace
}  // namespace fovea::wire
