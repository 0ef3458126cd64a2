// Puts the packets of a batch that go to one destination next to each other, so that they can leave
// as one segmented message. Thread: the owning worker.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "sfu/core/limits.h"
#include "sfu/worker/batches.h"

namespace fovea::io {

// Destinations stand in the order of their first packet, packets of one destination in the order of
// the batch: nothing is reordered for a receiver. O(n): chains per destination, whose heads are
// found through a hash table (sorting was a quarter of what a send cost beside the kernel).
class DestinationOrder {
 public:
  // Indices into `batch`; valid until the next call.
  [[nodiscard]] std::span<const std::uint16_t> Of(const worker::TxBatch& batch);

 private:
  static constexpr std::size_t kPackets = limits::kTxBatchPackets;
  // Twice what can be in it, so that probes stay short. A power of two.
  static constexpr std::size_t kBuckets = 2 * kPackets;
  static constexpr std::uint16_t kNone = 0xffff;
  static_assert((kBuckets & (kBuckets - 1)) == 0 && kPackets < kNone);

  struct Chain {
    std::uint16_t first;
    std::uint16_t last;
    std::uint16_t bucket;
  };

  std::array<std::uint16_t, kBuckets> chain_of_bucket_ = [] {
    std::array<std::uint16_t, kBuckets> empty;
    empty.fill(kNone);
    return empty;
  }();
  std::array<Chain, kPackets> chains_;
  std::array<std::uint16_t, kPackets> next_;  // in the chain
  std::array<std::uint16_t, kPackets> order_;
};

}  // namespace fovea::io
