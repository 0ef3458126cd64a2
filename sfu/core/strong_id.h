// Integers that must not be confused with one another. `Rep` is the wire or table width.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace fovea {

template <class Tag, class Rep>
class StrongId {
 public:
  using rep = Rep;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}
  [[nodiscard]] constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  Rep value_ = 0;
};

using Ssrc = StrongId<struct SsrcTag, std::uint32_t>;
using PayloadType = StrongId<struct PayloadTypeTag, std::uint8_t>;
using RtpTimestamp = StrongId<struct RtpTimestampTag, std::uint32_t>;
// A 16-bit sequence number unwrapped to 64 bits; see seq.h. The low 16 bits are the wire value.
using ExtSeq = StrongId<struct ExtSeqTag, std::int64_t>;

}  // namespace fovea

template <class Tag, class Rep>
struct std::hash<fovea::StrongId<Tag, Rep>> {
  std::size_t operator()(fovea::StrongId<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
