// Single-producer single-consumer ring of trivially copyable values.
//
// Thread safety: exactly one thread calls the producer methods, exactly one the consumer methods.
// Invariants:
//  (1) head_ - tail_ <= capacity; both only grow (64-bit, they do not wrap in practice).
//  (2) A slot in [tail_, head_) belongs to the consumer, every other one to the producer.
// A full ring never blocks: TryPush returns false and the caller counts it.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "sfu/core/check.h"

namespace fovea::ring {

inline constexpr std::size_t kCacheLineBytes = 64;

template <class T>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<T>, "values cross threads by copy");

 public:
  // REQUIRES: capacity is a power of two.
  explicit SpscRing(std::size_t capacity)
      : mask_(capacity - 1), slots_(std::make_unique_for_overwrite<T[]>(capacity)) {
    FOVEA_CHECK(std::has_single_bit(capacity));
  }
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  // --- Producer ---

  [[nodiscard]] bool TryPush(const T& value) {
    const std::uint64_t head = producer_.head.load(std::memory_order_relaxed);  // own index
    if (head - producer_.cached_tail > mask_) {
      // Pairs with the release in Drain(): slots before tail are free to overwrite.
      producer_.cached_tail = consumer_.tail.load(std::memory_order_acquire);
      if (head - producer_.cached_tail > mask_) {
        ++producer_.full_count;
        return false;
      }
    }
    slots_[head & mask_] = value;
    // Publishes the slot; pairs with the acquire in Drain().
    producer_.head.store(head + 1, std::memory_order_release);
    return true;
  }

  // How often TryPush found the ring full. Producer thread only.
  [[nodiscard]] std::uint64_t full_count() const { return producer_.full_count; }

  // --- Consumer ---

  // Calls `consume(T&)` for at most `budget` values, oldest first; returns how many. The reference
  // is valid during the call only.
  template <class F>
  std::size_t Drain(std::size_t budget, F&& consume) {
    const std::uint64_t tail = consumer_.tail.load(std::memory_order_relaxed);  // own index
    if (consumer_.cached_head - tail < budget) {
      // Pairs with the release in TryPush(): slots before head are written.
      consumer_.cached_head = producer_.head.load(std::memory_order_acquire);
    }
    std::uint64_t count = consumer_.cached_head - tail;
    if (count > budget) count = budget;
    for (std::uint64_t i = 0; i < count; ++i) consume(slots_[(tail + i) & mask_]);
    // Returns the slots; pairs with the acquire in TryPush().
    if (count > 0) consumer_.tail.store(tail + count, std::memory_order_release);
    return static_cast<std::size_t>(count);
  }

  // --- Either side; a guess for the other one ---

  // Consumer: never empty by mistake after it saw the parked flag. Producer: may be stale.
  [[nodiscard]] bool Empty() const {
    return producer_.head.load(std::memory_order_acquire) ==
           consumer_.tail.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::size_t SizeGuess() const {
    return static_cast<std::size_t>(producer_.head.load(std::memory_order_acquire) -
                                    consumer_.tail.load(std::memory_order_acquire));
  }
  [[nodiscard]] std::size_t capacity() const { return mask_ + 1; }

 private:
  struct alignas(kCacheLineBytes) Producer {
    std::atomic<std::uint64_t> head{0};
    std::uint64_t cached_tail = 0;  // producer's last view of tail
    std::uint64_t full_count = 0;
  };
  struct alignas(kCacheLineBytes) Consumer {
    std::atomic<std::uint64_t> tail{0};
    std::uint64_t cached_head = 0;  // consumer's last view of head
  };

  // Constant after construction.
  const std::uint64_t mask_;
  const std::unique_ptr<T[]> slots_;
  Producer producer_;
  Consumer consumer_;
};

}  // namespace fovea::ring
