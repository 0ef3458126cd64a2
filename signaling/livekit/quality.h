// Simulcast arithmetic of LiveKit: rid, VideoQuality, spatial layer and requested size into one
// another. Pure functions. Source: livekit-protocol reference sections 4.3 to 4.5.
//
// `encoding` names one of a track's codecs (TrackInfo.codecs): a backup codec may declare other
// layers than the primary, 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "signaling/livekit/pb.h"

namespace fovea::livekit {

// The qualities a track declares, ascending. A track without layers declares HIGH alone.
[[nodiscard]] std::vector<pb::VideoQuality> DeclaredQualities(const pb::TrackInfo& track,
                                                              std::size_t encoding = 0);

// How many layers the encoder was declared to make, at most three; 0: not said.
[[nodiscard]] std::uint8_t DeclaredLayerCount(const pb::TrackInfo& track, std::size_t encoding);

// Spatial layer that carries `quality`: the highest declared one that is not above it, else 0. With
// three declared, LOW MEDIUM HIGH are 0 1 2; with any two, 0 1; with one, always 0.
[[nodiscard]] std::uint8_t SpatialForQuality(const pb::TrackInfo& track, pb::VideoQuality quality,
                                             std::size_t encoding = 0);

// The quality that spatial layer `spatial` carries; the top one for layers beyond.
[[nodiscard]] pb::VideoQuality QualityForSpatial(const pb::TrackInfo& track, std::uint8_t spatial);

// The smallest declared quality whose height (width for portrait sources) reaches 90 % of what the
// element shows; the top one when none does or when nothing is asked for.
[[nodiscard]] pb::VideoQuality QualityForDimensions(const pb::TrackInfo& track, std::uint32_t width,
                                                    std::uint32_t height, std::size_t encoding = 0);

// Bits per second that the layer of `quality` needs: as declared, else guessed from its size.
[[nodiscard]] std::int64_t BitrateOf(const pb::TrackInfo& track, pb::VideoQuality quality,
                                     std::size_t encoding);

// Temporal layer for a frame rate, from a source of about 30 frames/s in three dyadic layers:
// 0 = a quarter, 1 = a half, 2 = all. 0 fps means "no wish": all.
[[nodiscard]] std::uint8_t TemporalForFps(std::uint32_t fps);

}  // namespace fovea::livekit
