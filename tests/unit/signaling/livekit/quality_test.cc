// Tables of livekit-protocol reference sections 4.3 and 4.4.
#include "signaling/livekit/quality.h"

#include <gmock/gmock.h>

#include <vector>

namespace fovea::livekit {
namespace {

using testing::ElementsAre;
constexpr auto kLow = pb::VideoQuality::LOW;
constexpr auto kMedium = pb::VideoQuality::MEDIUM;
constexpr auto kHigh = pb::VideoQuality::HIGH;

// A 16:9 track of 720 lines whose declared layers are 180, 360 and 720 lines high.
pb::TrackInfo Declares(const std::vector<pb::VideoQuality>& qualities) {
  pb::TrackInfo track;
  track.set_width(1280);
  track.set_height(720);
  for (const pb::VideoQuality quality : qualities) {
    pb::VideoLayer& layer = *track.add_layers();
    layer.set_quality(quality);
    const std::uint32_t height = 180U << static_cast<unsigned>(quality);
    layer.set_height(height);
    layer.set_width(height * 16 / 9);
  }
  return track;
}

std::vector<int> Spatials(const pb::TrackInfo& track) {
  return {SpatialForQuality(track, kLow), SpatialForQuality(track, kMedium),
          SpatialForQuality(track, kHigh)};
}

TEST(Quality, ThreeLayersAreThreeSpatialLayersInAnyOrderOfDeclaration) {
  EXPECT_THAT(Spatials(Declares({kLow, kMedium, kHigh})), ElementsAre(0, 1, 2));
  EXPECT_THAT(Spatials(Declares({kHigh, kLow, kMedium})), ElementsAre(0, 1, 2));
}

TEST(Quality, AnyTwoLayersAreSpatialZeroAndOne) {
  EXPECT_THAT(Spatials(Declares({kLow, kMedium})), ElementsAre(0, 1, 1));
  EXPECT_THAT(Spatials(Declares({kLow, kHigh})), ElementsAre(0, 0, 1));
  EXPECT_THAT(Spatials(Declares({kMedium, kHigh})), ElementsAre(0, 0, 1));
}

TEST(Quality, OneLayerIsAlwaysSpatialZero) {
  for (const auto quality : {kLow, kMedium, kHigh}) {
    EXPECT_THAT(Spatials(Declares({quality})), ElementsAre(0, 0, 0));
  }
  EXPECT_THAT(Spatials(Declares({})), ElementsAre(0, 0, 0));
  EXPECT_THAT(DeclaredQualities(Declares({})), ElementsAre(kHigh));
}

TEST(Quality, SpatialLayersNameTheQualityTheyCarry) {
  const pb::TrackInfo two = Declares({kMedium, kHigh});
  EXPECT_EQ(QualityForSpatial(two, 0), kMedium);
  EXPECT_EQ(QualityForSpatial(two, 1), kHigh);
  EXPECT_EQ(QualityForSpatial(two, 2), kHigh);
}

TEST(Quality, TakesTheSmallestLayerThatReachesNineTenthsOfTheElement) {
  const pb::TrackInfo track = Declares({kLow, kMedium, kHigh});
  const auto at = [&](std::uint32_t height) {
    return QualityForDimensions(track, height * 16 / 9, height);
  };
  EXPECT_EQ(at(100), kLow);
  EXPECT_EQ(at(180), kLow);
  EXPECT_EQ(at(200), kLow);  // 180 is 90 % of it
  EXPECT_EQ(at(201), kMedium);
  EXPECT_EQ(at(400), kMedium);
  EXPECT_EQ(at(401), kHigh);
  EXPECT_EQ(at(4000), kHigh);
  EXPECT_EQ(at(0), kHigh);
}

TEST(Quality, ComparesWidthsWhereThePictureStandsUpright) {
  pb::TrackInfo track = Declares({kLow, kMedium, kHigh});
  track.set_width(720);
  track.set_height(1280);
  for (pb::VideoLayer& layer : *track.mutable_layers()) {
    const std::uint32_t width = layer.height();
    layer.set_height(layer.width());
    layer.set_width(width);
  }
  EXPECT_EQ(QualityForDimensions(track, 180, 5000), kLow);
  EXPECT_EQ(QualityForDimensions(track, 360, 1), kMedium);
}

TEST(Quality, ReadsTheLayersOfTheFirstCodecWhereTheTrackHasNone) {
  pb::TrackInfo track;
  *track.add_codecs()->mutable_layers() = Declares({kLow, kHigh}).layers();
  EXPECT_THAT(DeclaredQualities(track), ElementsAre(kLow, kHigh));
}

TEST(Quality, MapsFrameRatesToTemporalLayersOfADyadicSource) {
  EXPECT_EQ(TemporalForFps(7), 0);
  EXPECT_EQ(TemporalForFps(8), 0);
  EXPECT_EQ(TemporalForFps(15), 1);
  EXPECT_GE(TemporalForFps(30), 2);
  EXPECT_GE(TemporalForFps(0), 2);
}

}  // namespace
}  // namespace fovea::livekit
