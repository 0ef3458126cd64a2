// The recent packets of one published track, kept once for all its subscribers: retransmissions are
// answered from here, and so is what a subscriber missed while a key frame was incomplete.
// Thread: owned by one worker (each worker that serves subscribers of the track has its own).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sfu/core/bytes.h"
#include "sfu/core/limits.h"
#include "sfu/router/packet_meta.h"

namespace fovea::router {

// Views into the history, valid until the next Store().
struct StoredPacket {
  PacketMeta meta;
  ByteSpan payload;                // without RTP header
  ByteSpan dependency_descriptor;  // raw extension, empty when there was none
};

// A byte ring with an index per layer. The oldest packets give way to new ones.
//
// Invariants:
//  (1) A record lies contiguously in the ring; it is found only while it is within one ring size of
//  head_. (2) Nothing is allocated after construction. Store and Find are O(1) but for the copy.
class TrackHistory {
 public:
  struct Config {
    std::size_t bytes;  // power of two
    std::size_t layers;
    std::size_t packets_per_layer;  // power of two
  };
  static constexpr Config kVideo{limits::kHistoryBytesVideo, limits::kSpatialLayersMax,
                                 limits::kHistoryPacketsPerLayerVideo};
  static constexpr Config kAudio{limits::kHistoryBytesAudio, 1,
                                 limits::kHistoryPacketsPerLayerAudio};

  explicit TrackHistory(const Config& config);

  // False, and nothing kept, for a layer out of range, a payload longer than a datagram, or an
  // extension longer than kDependencyDescriptorBytesMax.
  bool Store(const PacketMeta& meta, ByteSpan payload, ByteSpan dependency_descriptor);

  // nullopt when it was never stored or has been overwritten.
  [[nodiscard]] std::optional<StoredPacket> Find(std::uint8_t layer, ExtSeq seq) const;

 private:
  struct Record {
    PacketMeta meta;
    std::uint16_t extension_bytes;
    std::uint16_t payload_bytes;
  };

  std::uint64_t& IndexOf(std::uint8_t layer, ExtSeq seq);
  [[nodiscard]] const std::uint64_t& IndexOf(std::uint8_t layer, ExtSeq seq) const;

  // Constant after construction.
  Config config_;

  std::vector<std::uint8_t> ring_;
  // Position of a record in the endless byte sequence plus one; 0 means none.
  std::vector<std::uint64_t> index_;
  std::uint64_t head_ = 0;  // bytes written so far
};

}  // namespace fovea::router
