// Dependency descriptor. See dependency_descriptor.h; function names follow the syntax tables of
// appendix A.8 so that the two can be read side by side.
#include "sfu/rtp/dependency_descriptor.h"

#include <algorithm>

namespace fovea::rtp {
namespace {

constexpr std::size_t kMandatoryBytes = 3;

// Reads bits from the most significant down. Past the end it yields zero and sets failed().
class BitReader {
 public:
  explicit BitReader(ByteSpan bytes) : bytes_(bytes) {}

  // REQUIRES: count <= 32.
  std::uint32_t Bits(std::size_t count) {
    if (failed_ || count > bytes_.size() * 8 - at_) {
      failed_ = true;
      return 0;
    }
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i, ++at_) {
      value = (value << 1) | ((bytes_[at_ / 8] >> (7 - at_ % 8)) & 1U);
    }
    return value;
  }
  std::uint8_t Small(std::size_t count) { return static_cast<std::uint8_t>(Bits(count)); }
  bool Flag() { return Bits(1) != 0; }

  // A.8.1: a value in [0, n) in a minimal number of bits.
  std::uint32_t NonSymmetric(std::uint32_t n) {
    std::size_t width = 0;
    for (std::uint32_t x = n; x != 0; x >>= 1) ++width;
    if (width == 0) return 0;
    const std::uint32_t short_codes = (std::uint32_t{1} << width) - n;
    const std::uint32_t value = Bits(width - 1);
    if (value < short_codes) return value;
    return (value << 1) - short_codes + Bits(1);
  }

  [[nodiscard]] bool failed() const { return failed_; }

 private:
  ByteSpan bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

bool TemplateLayers(BitReader& reader, DependencyStructure& out) {
  std::uint8_t spatial = 0;
  std::uint8_t temporal = 0;
  for (;;) {
    if (out.template_count == kDdTemplatesMax || spatial >= kDdSpatialMax ||
        temporal >= kDdTemporalMax) {
      return false;
    }
    FrameDependencyTemplate& entry = out.templates[out.template_count++];
    entry.spatial_id = spatial;
    entry.temporal_id = temporal;
    switch (reader.Bits(2)) {  // next_layer_idc
      case 1:
        ++temporal;
        break;
      case 2:
        temporal = 0;
        ++spatial;
        break;
      case 3:
        out.spatial_count = static_cast<std::uint8_t>(spatial + 1);
        return !reader.failed();
      default:
        break;
    }
    if (reader.failed()) return false;
  }
}

bool TemplateDtisAndFdiffs(BitReader& reader, DependencyStructure& out) {
  for (std::size_t t = 0; t < out.template_count; ++t) {
    for (std::size_t d = 0; d < out.decode_target_count; ++d) {
      out.templates[t].indications.Set(d, reader.Small(2));
    }
  }
  for (std::size_t t = 0; t < out.template_count; ++t) {
    while (reader.Flag()) {
      const auto diff = static_cast<std::uint16_t>(reader.Bits(4) + 1);
      if (!out.templates[t].frame_diffs.TryPush(diff)) return false;
    }
  }
  return !reader.failed();
}

void TemplateChains(BitReader& reader, DependencyStructure& out) {
  out.chain_count = static_cast<std::uint8_t>(
      reader.NonSymmetric(static_cast<std::uint32_t>(out.decode_target_count) + 1));
  if (out.chain_count == 0) return;
  for (std::size_t d = 0; d < out.decode_target_count; ++d) {
    out.protected_by[d] = static_cast<std::uint8_t>(reader.NonSymmetric(out.chain_count));
  }
  for (std::size_t t = 0; t < out.template_count; ++t) {
    for (std::size_t c = 0; c < out.chain_count; ++c) {
      out.templates[t].chain_diffs[c] = reader.Small(4);
    }
  }
}

// A.8.3.5: no bits; a target reaches as high as the templates that are present in it.
void DecodeTargetLayers(DependencyStructure& out) {
  for (std::size_t d = 0; d < out.decode_target_count; ++d) {
    for (std::size_t t = 0; t < out.template_count; ++t) {
      const FrameDependencyTemplate& entry = out.templates[t];
      if (entry.indications.Get(d) == DecodeTargetIndication::kNotPresent) continue;
      out.target_spatial[d] = std::max(out.target_spatial[d], entry.spatial_id);
      out.target_temporal[d] = std::max(out.target_temporal[d], entry.temporal_id);
    }
  }
}

bool TemplateDependencyStructure(BitReader& reader, DependencyStructure& out) {
  out.template_id_offset = reader.Small(6);
  out.decode_target_count = static_cast<std::uint8_t>(reader.Bits(5) + 1);
  if (!TemplateLayers(reader, out) || !TemplateDtisAndFdiffs(reader, out)) return false;
  TemplateChains(reader, out);
  DecodeTargetLayers(out);
  out.has_resolutions = reader.Flag();
  if (out.has_resolutions) {
    for (std::size_t s = 0; s < out.spatial_count; ++s) {
      // A width of 65536 does not fit and is no video; it becomes 0, unknown.
      out.resolutions[s].width = static_cast<std::uint16_t>(reader.Bits(16) + 1);
      out.resolutions[s].height = static_cast<std::uint16_t>(reader.Bits(16) + 1);
    }
  }
  return !reader.failed();
}

struct CustomFlags {
  bool indications = false;
  bool frame_diffs = false;
  bool chains = false;
};

bool FrameDependencyDefinition(BitReader& reader, CustomFlags custom,
                               const DependencyStructure& structure, DependencyDescriptor& out) {
  const std::size_t index = (out.template_id + 64U - structure.template_id_offset) % 64U;
  if (index >= structure.template_count) return false;
  const FrameDependencyTemplate& entry = structure.templates[index];
  out.spatial_id = entry.spatial_id;
  out.temporal_id = entry.temporal_id;
  out.indications = entry.indications;
  out.frame_diffs = entry.frame_diffs;
  out.chain_diffs = entry.chain_diffs;
  if (custom.indications) {
    for (std::size_t d = 0; d < structure.decode_target_count; ++d) {
      out.indications.Set(d, reader.Small(2));
    }
  }
  if (custom.frame_diffs) {
    out.frame_diffs.Clear();
    for (std::size_t size = reader.Bits(2); size != 0; size = reader.Bits(2)) {
      const auto diff = static_cast<std::uint16_t>(reader.Bits(4 * size) + 1);
      if (!out.frame_diffs.TryPush(diff)) return false;
    }
  }
  if (custom.chains) {
    for (std::size_t c = 0; c < structure.chain_count; ++c) out.chain_diffs[c] = reader.Small(8);
  }
  if (structure.has_resolutions) out.resolution = structure.resolutions[out.spatial_id];
  return !reader.failed();
}

// True when every higher temporal target of the frame's own spatial layer may begin behind it.
bool CanGoUpBehind(const DependencyStructure& structure, const DependencyDescriptor& frame) {
  bool higher_exists = false;
  for (std::size_t d = 0; d < structure.decode_target_count; ++d) {
    if (structure.target_spatial[d] != frame.spatial_id) continue;
    if (structure.target_temporal[d] <= frame.temporal_id) continue;
    if (frame.indications.Get(d) != DecodeTargetIndication::kSwitch) return false;
    higher_exists = true;
  }
  return higher_exists;
}

}  // namespace

std::optional<DependencyDescriptor> ParseDependencyDescriptor(ByteSpan extension,
                                                              DependencyStructure& structure) {
  if (extension.size() < kMandatoryBytes) return std::nullopt;
  BitReader reader(extension);
  DependencyDescriptor out;
  out.starts_frame = reader.Flag();
  out.ends_frame = reader.Flag();
  out.template_id = reader.Small(6);
  out.frame_number = static_cast<std::uint16_t>(reader.Bits(16));

  CustomFlags custom;
  if (extension.size() > kMandatoryBytes) {
    out.has_structure = reader.Flag();
    out.has_active_targets = reader.Flag();
    custom.indications = reader.Flag();
    custom.frame_diffs = reader.Flag();
    custom.chains = reader.Flag();
  }
  // A structure is 4 KB, so it is built aside only for the packets that carry one.
  if (out.has_structure) {
    DependencyStructure attached;
    if (!TemplateDependencyStructure(reader, attached)) return std::nullopt;
    out.active_targets =
        static_cast<std::uint32_t>((std::uint64_t{1} << attached.decode_target_count) - 1);
    if (out.has_active_targets) out.active_targets = reader.Bits(attached.decode_target_count);
    if (!FrameDependencyDefinition(reader, custom, attached, out)) return std::nullopt;
    structure = attached;
  } else {
    if (out.has_active_targets) out.active_targets = reader.Bits(structure.decode_target_count);
    if (!FrameDependencyDefinition(reader, custom, structure, out)) return std::nullopt;
  }
  out.temporal_up_ok = CanGoUpBehind(structure, out);
  return out;
}

bool RewriteFrameNumber(MutableByteSpan extension, std::uint16_t frame_number) {
  if (extension.size() < kMandatoryBytes) return false;
  StoreBe16(&extension[1], frame_number);
  return true;
}

}  // namespace fovea::rtp
