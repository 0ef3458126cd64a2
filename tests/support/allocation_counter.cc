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

#include <malloc.h>

#include <cerrno>
#include <cstring>

namespace {

std::atomic<std::uint64_t> allocation_count{0};
std::atomic<bool> searches{false};
std::span<const fovea::ByteSpan> searched_for;
std::atomic<std::size_t> found_blocks{0};

void Search(void* block) {
  const std::size_t size = malloc_usable_size(block);
  for (const fovea::ByteSpan secret : searched_for) {
    if (memmem(block, size, secret.data(), secret.size()) == nullptr) continue;
    ++found_blocks;
    return;
  }
}

}  // namespace

// glibc's allocator under its other names; operator new ends here too.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* block);

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
// operator new of types with an alignment of their own.
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  *out = __libc_memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}
void free(void* block) {
  if (block != nullptr && searches.load(std::memory_order_relaxed)) Search(block);
  __libc_free(block);
}
}

std::optional<std::uint64_t> fovea::test::AllocationCount() {
  return allocation_count.load(std::memory_order_relaxed);
}

fovea::test::FreedMemorySearch::FreedMemorySearch(std::span<const ByteSpan> secrets) {
  searched_for = secrets;
  found_blocks = 0;
  searches = true;
}
fovea::test::FreedMemorySearch::~FreedMemorySearch() { searches = false; }
std::size_t fovea::test::FreedMemorySearch::found() const { return found_blocks; }

#else

std::optional<std::uint64_t> fovea::test::AllocationCount() { return std::nullopt; }
fovea::test::FreedMemorySearch::FreedMemorySearch(std::span<const ByteSpan>) {}
fovea::test::FreedMemorySearch::~FreedMemorySearch() = default;
std::size_t fovea::test::FreedMemorySearch::found() const { return 0; }

#endif
