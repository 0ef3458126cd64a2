#include "sfu/io/destination_order.h"

#include <functional>

namespace fovea::io {

std::span<const std::uint16_t> DestinationOrder::Of(const worker::TxBatch& batch) {
  std::size_t chains = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const worker::TxBatch::Entry& entry = batch.entry(i);
    std::size_t bucket = std::hash<NetAddress>{}(entry.remote) & (kBuckets - 1);
    // Linear probing ends: at most half of the buckets are taken.
    while (chain_of_bucket_[bucket] != kNone &&
           !batch.entry(chains_[chain_of_bucket_[bucket]].first).SamePath(entry)) {
      bucket = (bucket + 1) & (kBuckets - 1);
    }
    const auto index = static_cast<std::uint16_t>(i);
    next_[i] = kNone;
    if (chain_of_bucket_[bucket] == kNone) {
      chain_of_bucket_[bucket] = static_cast<std::uint16_t>(chains);
      chains_[chains++] = {index, index, static_cast<std::uint16_t>(bucket)};
    } else {
      Chain& chain = chains_[chain_of_bucket_[bucket]];
      next_[chain.last] = index;
      chain.last = index;
    }
  }
  std::size_t ordered = 0;
  for (std::size_t c = 0; c < chains; ++c) {
    chain_of_bucket_[chains_[c].bucket] = kNone;  // empty again for the next call
    for (std::uint16_t i = chains_[c].first; i != kNone; i = next_[i]) order_[ordered++] = i;
  }
  return std::span<const std::uint16_t>(order_).first(ordered);
}

}  // namespace fovea::io
