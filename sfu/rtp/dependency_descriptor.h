// The dependency descriptor RTP header extension: which layer frame a packet belongs to and what it
// needs. RTP Payload Format for AV1, appendix A. It stays clear under end-to-end encryption.
// Thread: plain values and pure functions, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "sfu/core/bytes.h"
#include "sfu/core/inline_vector.h"

namespace fovea::rtp {

// How a decode target depends on a frame. Appendix A.8.2, values as on the wire.
enum class DecodeTargetIndication : std::uint8_t {
  kNotPresent = 0,
  kDiscardable = 1,
  kSwitch = 2,  // everything later of this target can be decoded if this frame can
  kRequired = 3,
};

// One indication per decode target, two bits each.
class DecodeTargetIndications {
 public:
  [[nodiscard]] DecodeTargetIndication Get(std::size_t target) const {
    return static_cast<DecodeTargetIndication>((bits_ >> (2 * target)) & 3);
  }
  void Set(std::size_t target, std::uint8_t wire_value) {
    bits_ &= ~(std::uint64_t{3} << (2 * target));
    bits_ |= std::uint64_t{wire_value & 3U} << (2 * target);
  }

 private:
  std::uint64_t bits_ = 0;
};

inline constexpr std::size_t kDecodeTargetsMax = 32;  // 5 bits on the wire
inline constexpr std::size_t kDdTemplatesMax = 64;    // 6-bit template id
inline constexpr std::size_t kDdSpatialMax = 4;       // 2-bit spatial ids in AV1
inline constexpr std::size_t kDdTemporalMax = 8;
// The syntax has no bound; AV1 has 8 reference slots. More is malformed.
inline constexpr std::size_t kFrameReferencesMax = 8;

using FrameDiffs = InlineVector<std::uint16_t, kFrameReferencesMax>;

struct FrameDependencyTemplate {
  std::uint8_t spatial_id = 0;
  std::uint8_t temporal_id = 0;
  DecodeTargetIndications indications;
  FrameDiffs frame_diffs;  // each: how many frame numbers back a reference is
  std::array<std::uint8_t, kDecodeTargetsMax> chain_diffs{};  // [0, chain_count)
};

struct Resolution {
  std::uint16_t width = 0;
  std::uint16_t height = 0;
};

// What key frames announce and later packets refer to. The owner of the stream keeps the last one.
struct DependencyStructure {
  std::uint8_t template_id_offset = 0;
  std::uint8_t decode_target_count = 0;  // 0: none received yet
  std::uint8_t chain_count = 0;
  std::uint8_t template_count = 0;
  std::uint8_t spatial_count = 0;
  bool has_resolutions = false;
  std::array<FrameDependencyTemplate, kDdTemplatesMax> templates{};
  std::array<std::uint8_t, kDecodeTargetsMax> protected_by{};  // decode target → chain
  // The highest layer each decode target contains.
  std::array<std::uint8_t, kDecodeTargetsMax> target_spatial{};
  std::array<std::uint8_t, kDecodeTargetsMax> target_temporal{};
  std::array<Resolution, kDdSpatialMax> resolutions{};
};
static_assert(std::is_trivially_copyable_v<DependencyStructure>);

// One packet's descriptor, templates resolved.
struct DependencyDescriptor {
  bool starts_frame = false;
  bool ends_frame = false;
  std::uint8_t template_id = 0;
  std::uint16_t frame_number = 0;
  bool has_structure = false;  // attached to the first packet of a key frame
  bool has_active_targets = false;
  std::uint32_t active_targets = 0;  // bit per decode target; all set when a structure is attached

  std::uint8_t spatial_id = 0;
  std::uint8_t temporal_id = 0;
  DecodeTargetIndications indications;
  FrameDiffs frame_diffs;
  std::array<std::uint8_t, kDecodeTargetsMax> chain_diffs{};
  Resolution resolution;  // zero when not announced

  // Derived: a receiver of this frame may go on with any higher temporal layer.
  bool temporal_up_ok = false;
};

// Parses one extension. `structure` is the stream's current one; an attached structure replaces it,
// but only if the whole descriptor is sound. nullopt: cut short, a template that the structure does
// not have (also: no structure yet), or more layers or references than the limits above.
[[nodiscard]] std::optional<DependencyDescriptor> ParseDependencyDescriptor(
    ByteSpan extension, DependencyStructure& structure);

// Overwrites the frame number of a raw extension. False when it is too short to have one.
[[nodiscard]] bool RewriteFrameNumber(MutableByteSpan extension, std::uint16_t frame_number);

}  // namespace fovea::rtp
