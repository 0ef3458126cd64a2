// Objects of a worker by handle: a vector indexed by the handle's slot, checked by its generation.
// Thread: the owning worker.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "sfu/core/check.h"

namespace fovea::worker {

template <class H, class T>
class SlotMap {
 public:
  explicit SlotMap(std::size_t capacity) : capacity_(capacity) {}

  // Null for a slot beyond the capacity or an invalid handle. REQUIRES: Occupant(handle) is null.
  T* Put(H handle, std::unique_ptr<T> object) {
    if (handle.slot() >= capacity_ || !handle.valid()) return nullptr;
    if (handle.slot() >= entries_.size()) entries_.resize(handle.slot() + 1);
    Entry& entry = entries_[handle.slot()];
    FOVEA_CHECK(entry.object == nullptr);
    ++size_;
    entry.handle = handle;
    entry.object = std::move(object);
    return entry.object.get();
  }
  // What stands in the handle's slot, of whatever generation; null when it is free.
  [[nodiscard]] T* Occupant(H handle) {
    return handle.slot() < entries_.size() ? entries_[handle.slot()].object.get() : nullptr;
  }
  // Null for a stale or unknown handle.
  [[nodiscard]] T* Find(H handle) {
    if (handle.slot() >= entries_.size()) return nullptr;
    const Entry& entry = entries_[handle.slot()];
    return entry.handle == handle ? entry.object.get() : nullptr;
  }
  void Erase(H handle) {
    if (Find(handle) == nullptr) return;
    entries_[handle.slot()] = Entry{};
    --size_;
  }
  // Calls visit(T&) for each object; `visit` may not add or erase.
  template <class F>
  void ForEach(F&& visit) {
    for (Entry& entry : entries_) {
      if (entry.object != nullptr) visit(*entry.object);
    }
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Entry {
    H handle;
    std::unique_ptr<T> object;
  };
  const std::size_t capacity_;
  std::vector<Entry> entries_;
  std::size_t size_ = 0;
};

}  // namespace fovea::worker
