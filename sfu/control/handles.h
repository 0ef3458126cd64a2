// Names of things that live on a worker, as signaling holds them. A handle outlives its object
// without harm: the worker compares the generation and counts a late command as a no-op.
// Thread: plain values, any thread.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace fovea::control {

// worker:8 | slot:24 | generation:32. Signaling allocates slots and raises the generation on reuse;
// generation 0 is never used, so a default handle is invalid.
template <class Tag>
class Handle {
 public:
  constexpr Handle() = default;
  constexpr Handle(std::uint8_t worker, std::uint32_t slot, std::uint32_t generation)
      : bits_((std::uint64_t{worker} << 56) | (std::uint64_t{slot & 0xffffffU} << 32) |
              generation) {}

  [[nodiscard]] constexpr std::uint8_t worker() const {
    return static_cast<std::uint8_t>(bits_ >> 56);
  }
  [[nodiscard]] constexpr std::uint32_t slot() const {
    return static_cast<std::uint32_t>(bits_ >> 32) & 0xffffffU;
  }
  [[nodiscard]] constexpr std::uint32_t generation() const {
    return static_cast<std::uint32_t>(bits_);
  }
  [[nodiscard]] constexpr bool valid() const { return generation() != 0; }
  [[nodiscard]] constexpr std::uint64_t bits() const { return bits_; }
  constexpr auto operator<=>(const Handle&) const = default;

 private:
  std::uint64_t bits_ = 0;
};

// One peer connection. Lives on the worker whose UDP port the client was told.
using SessionHandle = Handle<struct SessionTag>;
// One published track. Lives on its publisher's worker.
using PublicationHandle = Handle<struct PublicationTag>;
// One downlink track. Lives on its subscriber's worker.
using SubscriptionHandle = Handle<struct SubscriptionTag>;

}  // namespace fovea::control

template <class Tag>
struct std::hash<fovea::control::Handle<Tag>> {
  std::size_t operator()(fovea::control::Handle<Tag> handle) const noexcept {
    return std::hash<std::uint64_t>{}(handle.bits());
  }
};
