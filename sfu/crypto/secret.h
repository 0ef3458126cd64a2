// Bytes that are overwritten when they go away, and the random source that makes them.
// Thread: plain values, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sfu/core/bytes.h"

namespace fovea::crypto {

// Overwrites `bytes`; the compiler may not leave it out.
void Wipe(MutableByteSpan bytes);

// Fills `out` from the system's cryptographic generator. Stops the process if that is impossible.
void RandomBytes(MutableByteSpan out);

// N secret bytes. Copies are secrets too, and each wipes itself.
template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { Wipe(bytes_); }

  [[nodiscard]] std::uint8_t* data() { return bytes_.data(); }
  [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }
  [[nodiscard]] MutableByteSpan span() { return bytes_; }
  [[nodiscard]] ByteSpan span() const { return bytes_; }
  static constexpr std::size_t size() { return N; }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

}  // namespace fovea::crypto
