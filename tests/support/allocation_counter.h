// Counts heap allocations of the calling program, those of C libraries included: the test asserts
// that a path has none. Thread: the count is process-wide; use it in single-threaded stretches.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sfu/core/bytes.h"

namespace fovea::test {

// How often malloc and its kind were called so far. nullopt where a sanitizer owns the heap.
[[nodiscard]] std::optional<std::uint64_t> AllocationCount();

// While it lives, every block that is given back to the heap is searched for `secrets`, which must
// outlive it. One at a time. Finds nothing where AllocationCount() is nullopt.
class FreedMemorySearch {
 public:
  explicit FreedMemorySearch(std::span<const ByteSpan> secrets);
  ~FreedMemorySearch();
  FreedMemorySearch(const FreedMemorySearch&) = delete;
  FreedMemorySearch& operator=(const FreedMemorySearch&) = delete;

  // Blocks that held one.
  [[nodiscard]] std::size_t found() const;
};

}  // namespace fovea::test
