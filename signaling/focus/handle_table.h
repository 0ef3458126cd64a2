// Hands out slots of one worker's table with a generation that rises on every reuse, so that a late
// command names nothing. Thread: signaling.
#pragma once

#include <cstdint>
#include <vector>

#include "sfu/control/handles.h"

namespace fovea::focus {

template <class H>
class HandleTable {
 public:
  HandleTable(std::uint8_t worker, std::size_t capacity) : worker_(worker), capacity_(capacity) {}

  // An invalid handle when all slots are taken.
  [[nodiscard]] H Acquire() {
    std::uint32_t slot = 0;
    if (!free_.empty()) {
      slot = free_.back();
      free_.pop_back();
    } else if (generations_.size() < capacity_) {
      slot = static_cast<std::uint32_t>(generations_.size());
      generations_.push_back(0);
    } else {
      return H{};
    }
    std::uint32_t& generation = generations_[slot];
    if (++generation == 0) ++generation;  // 0 means "no handle"
    ++in_use_;
    return H(worker_, slot, generation);
  }

  // False for a handle that is not current: releasing twice is harmless.
  bool Release(H handle) {
    if (handle.slot() >= generations_.size() || generations_[handle.slot()] != handle.generation())
      return false;
    ++generations_[handle.slot()];  // from now on the old handle is stale
    free_.push_back(handle.slot());
    --in_use_;
    return true;
  }

  [[nodiscard]] bool IsCurrent(H handle) const {
    return handle.slot() < generations_.size() &&
           generations_[handle.slot()] == handle.generation();
  }
  [[nodiscard]] std::size_t in_use() const { return in_use_; }
  [[nodiscard]] std::size_t free() const { return capacity_ - in_use_; }

 private:
  const std::uint8_t worker_;
  const std::size_t capacity_;
  std::vector<std::uint32_t> generations_;
  std::vector<std::uint32_t> free_;
  std::size_t in_use_ = 0;
};

}  // namespace fovea::focus
