#include "signaling/livekit/quality.h"

#include <algorithm>

namespace fovea::livekit {
namespace {

struct Layer {
  pb::VideoQuality quality;
  std::uint32_t width;
  std::uint32_t height;
};

const google::protobuf::RepeatedPtrField<pb::VideoLayer>& DeclaredBy(const pb::TrackInfo& track,
                                                                     std::size_t encoding) {
  const int index = static_cast<int>(encoding);
  const bool has_own = index < track.codecs_size() && track.codecs(index).layers_size() > 0;
  const bool whole_track = index == 0 && track.layers_size() > 0;
  return has_own && !whole_track ? track.codecs(index).layers() : track.layers();
}

std::vector<Layer> DeclaredLayers(const pb::TrackInfo& track, std::size_t encoding) {
  std::vector<Layer> layers;
  const auto& declared = DeclaredBy(track, encoding);
  for (const pb::VideoLayer& layer : declared) {
    if (layer.quality() == pb::VideoQuality::OFF) continue;
    layers.push_back({layer.quality(), layer.width(), layer.height()});
  }
  std::sort(layers.begin(), layers.end(),
            [](const Layer& a, const Layer& b) { return a.quality < b.quality; });
  layers.erase(std::unique(layers.begin(), layers.end(),
                           [](const Layer& a, const Layer& b) { return a.quality == b.quality; }),
               layers.end());
  if (layers.empty()) layers.push_back({pb::VideoQuality::HIGH, track.width(), track.height()});
  return layers;
}

}  // namespace

std::vector<pb::VideoQuality> DeclaredQualities(const pb::TrackInfo& track, std::size_t encoding) {
  std::vector<pb::VideoQuality> qualities;
  for (const Layer& layer : DeclaredLayers(track, encoding)) qualities.push_back(layer.quality);
  return qualities;
}

std::uint8_t DeclaredLayerCount(const pb::TrackInfo& track, std::size_t encoding) {
  return static_cast<std::uint8_t>(std::min(DeclaredBy(track, encoding).size(), 3));
}

std::uint8_t SpatialForQuality(const pb::TrackInfo& track, pb::VideoQuality quality,
                               std::size_t encoding) {
  const std::vector<pb::VideoQuality> declared = DeclaredQualities(track, encoding);
  std::uint8_t spatial = 0;
  for (std::size_t i = 0; i < declared.size(); ++i) {
    if (declared[i] <= quality) spatial = static_cast<std::uint8_t>(i);
  }
  return spatial;
}

pb::VideoQuality QualityForSpatial(const pb::TrackInfo& track, std::uint8_t spatial) {
  const std::vector<pb::VideoQuality> declared = DeclaredQualities(track);
  return declared[std::min<std::size_t>(spatial, declared.size() - 1)];
}

pb::VideoQuality QualityForDimensions(const pb::TrackInfo& track, std::uint32_t width,
                                      std::uint32_t height, std::size_t encoding) {
  const std::vector<Layer> layers = DeclaredLayers(track, encoding);
  const bool portrait = track.width() > 0 && track.width() < track.height();
  const std::uint32_t wanted = portrait ? width : height;
  if (wanted == 0) return layers.back().quality;
  for (const Layer& layer : layers) {
    const std::uint32_t size = portrait ? layer.width : layer.height;
    // Integer form of size >= 0.9 * wanted.
    if (std::uint64_t{size} * 10 >= std::uint64_t{wanted} * 9) return layer.quality;
  }
  return layers.back().quality;
}

std::int64_t BitrateOf(const pb::TrackInfo& track, pb::VideoQuality quality, std::size_t encoding) {
  for (const pb::VideoLayer& layer : DeclaredBy(track, encoding)) {
    if (layer.quality() != quality) continue;
    if (layer.bitrate() > 0) return layer.bitrate();
    // A bit per pixel and second is what cameras are usually encoded with.
    return std::int64_t{layer.width()} * layer.height();
  }
  return std::int64_t{track.width()} * track.height();
}

std::uint8_t TemporalForFps(std::uint32_t fps) {
  if (fps == 0) return 3;
  if (fps * 9 <= 75) return 0;
  if (fps * 9 <= 150) return 1;
  return 3;
}

}  // namespace fovea::livekit
