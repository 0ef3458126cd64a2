// Wrap-around arithmetic in one place. RFC 1982 serial numbers, unwrapped to 64 bits at the edge.
#pragma once

#include <cstdint>
#include <type_traits>

#include "sfu/core/strong_id.h"

namespace fovea {

// a comes after b on the circle (RFC 1982 section 3.2). Undefined order at exactly half: false.
template <class U>
  requires std::is_unsigned_v<U>
[[nodiscard]] constexpr bool IsNewer(U a, U b) {
  const U diff = static_cast<U>(a - b);
  return diff != 0 && diff < static_cast<U>(U{1} << (sizeof(U) * 8 - 1));
}

// Unwraps a wrapping counter to int64, following the closest value to the last one seen.
template <class U>
  requires std::is_unsigned_v<U>
class Unwrapper {
 public:
  using Signed = std::make_signed_t<U>;
  // Records `value` and returns it unwrapped. The first value is returned as itself + one cycle, so
  // that a packet slightly older than the first one does not become negative.
  constexpr std::int64_t Unwrap(U value) {
    last_ = Peek(value);
    started_ = true;
    return last_;
  }
  // The same without recording.
  [[nodiscard]] constexpr std::int64_t Peek(U value) const {
    if (!started_) return static_cast<std::int64_t>(value) + kCycle;
    return last_ + static_cast<Signed>(static_cast<U>(value - static_cast<U>(last_)));
  }
  [[nodiscard]] constexpr bool started() const { return started_; }
  constexpr void Reset() { started_ = false; }

  static constexpr std::int64_t kCycle = std::int64_t{1} << (sizeof(U) * 8);

 private:
  std::int64_t last_ = 0;
  bool started_ = false;
};

class SeqUnwrapper {
 public:
  ExtSeq Unwrap(std::uint16_t seq) { return ExtSeq{inner_.Unwrap(seq)}; }
  [[nodiscard]] ExtSeq Peek(std::uint16_t seq) const { return ExtSeq{inner_.Peek(seq)}; }
  // What Unwrap() makes of `seq` if nothing came before it.
  [[nodiscard]] static constexpr ExtSeq First(std::uint16_t seq) {
    return ExtSeq{std::int64_t{seq} + Unwrapper<std::uint16_t>::kCycle};
  }
  [[nodiscard]] bool started() const { return inner_.started(); }
  void Reset() { inner_.Reset(); }

 private:
  Unwrapper<std::uint16_t> inner_;
};

[[nodiscard]] constexpr std::uint16_t ToWire(ExtSeq seq) {
  return static_cast<std::uint16_t>(seq.value());
}

}  // namespace fovea
