// Dependency descriptors: the input is a series of extensions, each behind its length, read with
// one structure as in a live stream. fuzz-deps: sfu_rtp
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "sfu/core/check.h"
#include "sfu/rtp/dependency_descriptor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using fovea::rtp::DependencyStructure;
  using fovea::rtp::kDdTemporalMax;
  using fovea::rtp::ParseDependencyDescriptor;
  DependencyStructure structure;
  std::size_t at = 0;
  while (at < size) {
    const std::size_t length = std::min<std::size_t>(data[at], size - at - 1);
    const fovea::ByteSpan extension(data + at + 1, length);
    const std::uint8_t had_templates = structure.template_count;
    const auto dd = ParseDependencyDescriptor(extension, structure);
    if (dd) {
      FOVEA_CHECK(structure.template_count > 0 && structure.decode_target_count > 0);
      FOVEA_CHECK(dd->spatial_id < structure.spatial_count);
      FOVEA_CHECK(dd->temporal_id < kDdTemporalMax);
    } else {
      FOVEA_CHECK(structure.template_count == had_templates);
    }
    at += 1 + length;
  }
  return 0;
}
