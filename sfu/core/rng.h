// Seeded pseudo-random numbers for everything that is not a secret (SSRCs, sequence offsets,
// jittered timers). Secrets come from the crypto module. SplitMix64, public domain algorithm.
#pragma once

#include <cstdint>

namespace fovea {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next64() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint32_t Next32() { return static_cast<std::uint32_t>(Next64() >> 32); }
  std::uint16_t Next16() { return static_cast<std::uint16_t>(Next64() >> 48); }
  // Uniform in [0, bound). REQUIRES: bound > 0. The modulo bias is below 2^-32 for our bounds.
  std::uint32_t Below(std::uint32_t bound) { return static_cast<std::uint32_t>(Next64() % bound); }
  // Uniform in [0, 1).
  double Unit() { return static_cast<double>(Next64() >> 11) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace fovea
