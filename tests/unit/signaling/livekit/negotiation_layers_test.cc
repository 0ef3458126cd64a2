// Simulcast layers: names, orders and counts to spatial indices.
#include "signaling/livekit/negotiation_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/signaling/livekit/negotiation_support.h"

namespace fovea::livekit {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using Named = std::vector<std::pair<std::string, int>>;

Named Layers(std::vector<wire::SdpSimulcastRid> rids, std::uint8_t declared) {
  OfferSketch offer;
  offer.Send(MediaKind::kVideo, "cam").Simulcast(std::move(rids));
  Named named;
  for (const UplinkLayer& layer : UplinkLayersOf(offer.last(), declared)) {
    named.emplace_back(layer.rid, layer.spatial);
  }
  return named;
}

TEST(UplinkLayers, OrderQHFFromSmallToLarge) {
  EXPECT_THAT(Layers({{"q"}, {"h"}, {"f"}}, 3),
              ElementsAre(Pair("q", 0), Pair("h", 1), Pair("f", 2)));
  EXPECT_THAT(Layers({{"f"}, {"h"}, {"q"}}, 3),
              ElementsAre(Pair("q", 0), Pair("h", 1), Pair("f", 2)));
}

TEST(UplinkLayers, KnowTheNumberedNames) {
  EXPECT_THAT(Layers({{"2"}, {"1"}, {"0"}}, 3),
              ElementsAre(Pair("2", 0), Pair("1", 1), Pair("0", 2)));
}

TEST(UplinkLayers, CountTwoDeclaredQualitiesFromZero) {
  EXPECT_THAT(Layers({{"h"}, {"q"}}, 2), ElementsAre(Pair("q", 0), Pair("h", 1)));
  EXPECT_THAT(Layers({{"q"}, {"f"}}, 2), ElementsAre(Pair("q", 0), Pair("f", 1)));
  EXPECT_THAT(Layers({{"h"}, {"f"}}, 2), ElementsAre(Pair("h", 0), Pair("f", 1)));
}

TEST(UplinkLayers, LeaveAGapWhereADeclaredQualityIsMissing) {
  EXPECT_THAT(Layers({{"q"}, {"f"}}, 3), ElementsAre(Pair("q", 0), Pair("f", 2)));
}

TEST(UplinkLayers, GiveASingleDeclaredQualityZero) {
  EXPECT_THAT(Layers({{"f"}}, 1), ElementsAre(Pair("f", 0)));
}

TEST(UplinkLayers, CountTheRidsWhereNothingIsDeclared) {
  EXPECT_THAT(Layers({{"h"}, {"q"}}, 0), ElementsAre(Pair("q", 0), Pair("h", 1)));
  EXPECT_THAT(Layers({{"f"}}, 0), ElementsAre(Pair("f", 0)));
}

TEST(UplinkLayers, NumberUnknownNamesInTheirOrder) {
  EXPECT_THAT(Layers({{"low"}, {"high"}}, 2), ElementsAre(Pair("low", 0), Pair("high", 1)));
}

TEST(UplinkLayers, StopAtThree) { EXPECT_EQ(Layers({{"a"}, {"b"}, {"c"}, {"d"}}, 3).size(), 3u); }

TEST(UplinkLayers, RememberWhichArePaused) {
  OfferSketch offer;
  offer.Send(MediaKind::kVideo, "cam").Simulcast({{"q"}, {"h", true}});
  const auto layers = UplinkLayersOf(offer.last(), 2);
  EXPECT_FALSE(layers.at(0).paused);
  EXPECT_TRUE(layers.at(1).paused);
}

TEST(UplinkLayers, ReadSimulcastBySsrcGroup) {
  OfferSketch offer;
  offer.Send(MediaKind::kVideo, "cam");
  offer.last().ssrc_groups = {{"SIM", {Ssrc(1), Ssrc(2), Ssrc(3)}}, {"FID", {Ssrc(2), Ssrc(12)}}};
  const auto layers = UplinkLayersOf(offer.last(), 3);
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers[1], (UplinkLayer{"", 1, false, Ssrc(2), Ssrc(12)}));
  EXPECT_EQ(layers[2].spatial, 2);
}

TEST(UplinkLayers, AreOneForASectionThatSaysNothing) {
  OfferSketch offer;
  offer.Send(MediaKind::kAudio, "mic");
  EXPECT_THAT(UplinkLayersOf(offer.last(), 0), ElementsAre(UplinkLayer{}));
}

}  // namespace
}  // namespace fovea::livekit
