#include "tests/support/allocation_counter.h"

#include <atomic>
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define FOVEA_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define FOVEA_COUNTS_ALLOCATIONS 0
#else
#define FOVEA_COUNTS_ALLOCATIONS 1
#endif
#else
#define FOVEA_COUNTS_ALLOCATIONS 1
#endif

#if FOVEA_COUNTS_ALLOCATIONS

namespace {
std::atomic<std::uint64_t> allocation_count{0};
}  // namespace

// glibc's allocator under its other names; operator new ends here too.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);

void* malloc(std::size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(old, size);
}
}

std::optional<std::uint64_t> fovea::test::AllocationCount() {
  return allocation_count.load(std::memory_order_relaxed);
}

#else

std::optional<std::uint64_t> fovea::test::AllocationCount() { return std::nullopt; }

#endif
