// The packet memory of one worker: fixed slots, handed out and taken back by the owner only.
//
// Thread: every method is called by the owning worker. Other workers read a slot's bytes between
// popping its PacketRef from a media lane and pushing its index to the return lane; the lanes'
// release/acquire pairs order those accesses. No atomic read-modify-write anywhere.
// Invariants:
//  (1) refs == 0 exactly for slots on the free list.
//  (2) A slot is written only while refs == 1 and before its first Share().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sfu/core/bytes.h"
#include "sfu/core/check.h"
#include "sfu/core/limits.h"

namespace fovea::ring {

using SlotIndex = std::uint32_t;
inline constexpr SlotIndex kNoSlot = 0xffffffffU;

// `Meta` is what the owner learned by parsing, so that no consumer parses again.
template <class Meta>
class PacketSlab {
 public:
  struct alignas(64) Slot {
    Meta meta{};
    std::uint16_t size = 0;
    std::array<std::uint8_t, limits::kDatagramBytesMax + limits::kSrtpTrailerBytesMax> bytes{};
  };

  explicit PacketSlab(std::size_t slots)
      : slots_(std::make_unique<Slot[]>(slots)), refs_(slots, 0) {
    free_.reserve(slots);
    for (std::size_t i = slots; i > 0; --i) free_.push_back(static_cast<SlotIndex>(i - 1));
  }

  // kNoSlot when empty; the caller counts it.
  [[nodiscard]] SlotIndex Acquire() {
    if (free_.empty()) return kNoSlot;
    const SlotIndex index = free_.back();
    free_.pop_back();
    FOVEA_CHECK(refs_[index] == 0);
    refs_[index] = 1;
    return index;
  }
  // One more holder (a lane). REQUIRES: held.
  void Share(SlotIndex index) {
    FOVEA_CHECK(refs_[index] > 0);
    ++refs_[index];
  }
  // One holder less; the last one frees the slot.
  void Release(SlotIndex index) {
    FOVEA_CHECK(index < refs_.size() && refs_[index] > 0);
    if (--refs_[index] == 0) free_.push_back(index);
  }

  [[nodiscard]] Slot& operator[](SlotIndex index) { return slots_[index]; }
  [[nodiscard]] const Slot& operator[](SlotIndex index) const { return slots_[index]; }
  [[nodiscard]] std::size_t free_count() const { return free_.size(); }
  [[nodiscard]] std::size_t capacity() const { return refs_.size(); }

 private:
  const std::unique_ptr<Slot[]> slots_;
  std::vector<std::uint16_t> refs_;
  std::vector<SlotIndex> free_;
};

}  // namespace fovea::ring
