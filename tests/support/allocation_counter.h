// Counts heap allocations of the calling program, those of C libraries included: the test asserts
// that a path has none. Thread: the count is process-wide; use it in single-threaded stretches.
#pragma once

#include <cstdint>
#include <optional>

namespace fovea::test {

// How often malloc, calloc and realloc were called so far. nullopt where a sanitizer owns the heap.
[[nodiscard]] std::optional<std::uint64_t> AllocationCount();

}  // namespace fovea::test
