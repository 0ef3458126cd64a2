// The recent packets of one published track, kept once for all its subscribers: retransmissions are
// answered from here, and so is what a subscriber missed while a key frame was incomplete.
// Thread: owned by one worker (each worker that serves subscribers of the track has its own).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sfu/core/bytes.h"
#include "sfu/core/limits.h"
#include "sfu/core/time.h"
#include "sfu/router/packet_meta.h"

namespace fovea::router {

// Views into the history, valid until the next Store().
struct StoredPacket {
  PacketMeta meta;
  ByteSpan payload;                // without RTP header
  ByteSpan dependency_descriptor;  // raw extension, empty when there was none
};

// A byte ring with an index per layer. The oldest packets give way to new ones; while they are
// younger than kKept the ring grows instead, as far as it may. So its size follows the bitrate.
//
// Invariants:
//  (1) [tail_, head_) is a sequence of whole records, none of which wraps around the ring's end.
//  (2) A record is found exactly while its position is in [tail_, head_) and its index slot is its
//      own.
//  (3) Ring and indices only grow, by doubling: a steady stream soon allocates nothing.
// Store and Find are O(1) but for the copy, and for the growth.
class TrackHistory {
 public:
  struct Config {
    std::size_t bytes_max;  // power of two, kBytesStart at least
    std::size_t layers;
    std::size_t packets_per_layer_max;  // power of two
  };
  static constexpr Config kVideo{limits::kHistoryBytesVideo, limits::kSpatialLayersMax,
                                 limits::kHistoryPacketsPerLayerVideo};
  static constexpr Config kAudio{limits::kHistoryBytesAudio, 1,
                                 limits::kHistoryPacketsPerLayerAudio};

  // Larger: costs memory per track and worker. Smaller: a NACK that comes late, or again, finds
  // nothing. Several round trips of any path on which one still wants to talk.
  static constexpr Duration kKept = Seconds(1);
  // Larger: more memory for tracks that hardly send. Smaller: more steps of growth. Two of the
  // longest records fit, which is the least.
  static constexpr std::size_t kBytesStart = 4096;
  static constexpr std::size_t kPacketsStart = 16;

  explicit TrackHistory(const Config& config);

  // False, and nothing kept, for a layer out of range, a payload longer than a datagram, or an
  // extension longer than kDependencyDescriptorBytesMax.
  bool Store(const PacketMeta& meta, ByteSpan payload, ByteSpan dependency_descriptor);

  // nullopt when it was never stored or has been overwritten.
  [[nodiscard]] std::optional<StoredPacket> Find(std::uint8_t layer, ExtSeq seq) const;

  // Bytes allocated.
  [[nodiscard]] std::size_t footprint() const;

 private:
  // Both lie in the ring at multiples of kAlign. Filler has no PacketMeta and reaches to the ring's
  // end.
  struct Head {
    std::uint16_t bytes;  // of the whole record, this included
    std::uint16_t extension_bytes;
    std::uint16_t payload_bytes;
    std::uint16_t is_filler;
  };
  struct Record {
    Head head;
    PacketMeta meta;
  };
  static constexpr std::size_t kAlign = sizeof(Head);
  // By sequence number modulo its size: position plus one; 0 means none.
  using Index = std::vector<std::uint64_t>;

  template <class T>
  [[nodiscard]] T Read(std::uint64_t position) const;
  void Write(std::uint64_t position, ByteSpan bytes);
  void MakeRoom(Instant now, std::size_t need);
  [[nodiscard]] bool MayGrow(Instant now) const;
  void Grow();
  std::uint64_t& IndexSlot(const PacketMeta& meta);
  void GrowIndex(Index& index) const;

  // Constant after construction.
  Config config_;

  std::unique_ptr<std::uint8_t[]> ring_;  // none before the first packet
  std::size_t ring_bytes_ = 0;
  std::array<Index, limits::kSpatialLayersMax> indices_;  // empty before the layer's first packet
  // Positions in the endless sequence of bytes ever written; modulo ring_bytes_, in the ring.
  std::uint64_t tail_ = 0;
  std::uint64_t head_ = 0;
};

}  // namespace fovea::router
