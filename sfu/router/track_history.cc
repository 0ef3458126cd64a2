// Packet store for retransmission. See track_history.h.
#include "sfu/router/track_history.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "sfu/core/check.h"

namespace fovea::router {

TrackHistory::TrackHistory(const Config& config) : config_(config) {
  constexpr std::size_t kRecordBytesMax =
      sizeof(Record) + limits::kDependencyDescriptorBytesMax + limits::kDatagramBytesMax + kAlign;
  static_assert(kBytesStart >= 2 * kRecordBytesMax);  // a record, and the filler it may need
  FOVEA_CHECK(std::has_single_bit(config.bytes_max) && config.bytes_max >= kBytesStart);
  FOVEA_CHECK(std::has_single_bit(config.packets_per_layer_max));
  FOVEA_CHECK(config.layers <= indices_.size());
}

template <class T>
T TrackHistory::Read(std::uint64_t position) const {
  static_assert(std::is_trivially_copyable_v<T>);
  T out;
  std::memcpy(static_cast<void*>(&out), &ring_[position & (ring_bytes_ - 1)], sizeof(T));
  return out;
}

void TrackHistory::Write(std::uint64_t position, ByteSpan bytes) {
  if (bytes.empty()) return;
  std::memcpy(&ring_[position & (ring_bytes_ - 1)], bytes.data(), bytes.size());
}

bool TrackHistory::Store(const PacketMeta& meta, ByteSpan payload, ByteSpan dependency_descriptor) {
  if (meta.layer >= config_.layers || payload.size() > limits::kDatagramBytesMax) return false;
  if (dependency_descriptor.size() > limits::kDependencyDescriptorBytesMax) return false;

  const std::size_t content = sizeof(Record) + dependency_descriptor.size() + payload.size();
  const std::size_t need = (content + kAlign - 1) / kAlign * kAlign;
  MakeRoom(meta.arrived_at, need);

  // Zeroed first: the padding inside Record is copied too and must not be indeterminate.
  Record record;
  std::memset(static_cast<void*>(&record), 0, sizeof(record));
  record.head = {static_cast<std::uint16_t>(need),
                 static_cast<std::uint16_t>(dependency_descriptor.size()),
                 static_cast<std::uint16_t>(payload.size()), 0};
  record.meta = meta;
  const std::uint64_t position = head_;
  Write(position, {reinterpret_cast<const std::uint8_t*>(&record), sizeof(record)});
  Write(position + sizeof(record), dependency_descriptor);
  Write(position + sizeof(record) + dependency_descriptor.size(), payload);
  IndexSlot(meta) = position + 1;
  head_ += need;
  return true;
}

// Afterwards a record of `need` bytes can be written at head_.
void TrackHistory::MakeRoom(Instant now, std::size_t need) {
  if (ring_ == nullptr) {
    ring_bytes_ = kBytesStart;
    ring_ = std::make_unique_for_overwrite<std::uint8_t[]>(ring_bytes_);
  }
  for (;;) {
    const std::size_t to_end = ring_bytes_ - (head_ & (ring_bytes_ - 1));
    const std::size_t filler = to_end < need ? to_end : 0;
    if (head_ + filler + need - tail_ <= ring_bytes_) {
      if (filler == 0) return;
      const Head head{static_cast<std::uint16_t>(filler), 0, 0, 1};
      Write(head_, {reinterpret_cast<const std::uint8_t*>(&head), sizeof(head)});
      head_ += filler;
      return;
    }
    if (MayGrow(now))
      Grow();
    else
      tail_ += Read<Head>(tail_).bytes;
  }
}

// Whether the oldest record is too young to go.
bool TrackHistory::MayGrow(Instant now) const {
  if (ring_bytes_ == config_.bytes_max || Read<Head>(tail_).is_filler != 0) return false;
  return now - Read<Record>(tail_).meta.arrived_at < kKept;
}

void TrackHistory::Grow() {
  const std::size_t bytes = 2 * ring_bytes_;
  auto ring = std::make_unique_for_overwrite<std::uint8_t[]>(bytes);
  // What does not cross a multiple of the old size does not cross one of the new size either, so
  // that records stay in one piece.
  for (std::uint64_t at = tail_; at != head_;) {
    const std::size_t offset = at & (ring_bytes_ - 1);
    const std::size_t piece = std::min<std::size_t>(head_ - at, ring_bytes_ - offset);
    std::memcpy(&ring[at & (bytes - 1)], &ring_[offset], piece);
    at += piece;
  }
  ring_ = std::move(ring);
  ring_bytes_ = bytes;
}

// Two numbers of one slot: the newer packet gets it, but while there may be more slots, both do.
std::uint64_t& TrackHistory::IndexSlot(const PacketMeta& meta) {
  Index& index = indices_[meta.layer];
  if (index.empty()) index.resize(std::min(kPacketsStart, config_.packets_per_layer_max), 0);
  const auto seq = static_cast<std::uint64_t>(meta.seq.value());
  while (index.size() < config_.packets_per_layer_max) {
    const std::uint64_t taken = index[seq & (index.size() - 1)];
    if (taken == 0 || taken - 1 < tail_) break;
    if (Read<Record>(taken - 1).meta.seq == meta.seq) break;
    GrowIndex(index);
  }
  return index[seq & (index.size() - 1)];
}

void TrackHistory::GrowIndex(Index& index) const {
  Index grown(2 * index.size(), 0);
  for (const std::uint64_t entry : index) {
    if (entry == 0 || entry - 1 < tail_) continue;
    const auto seq = static_cast<std::uint64_t>(Read<Record>(entry - 1).meta.seq.value());
    grown[seq & (grown.size() - 1)] = entry;
  }
  index = std::move(grown);
}

std::optional<StoredPacket> TrackHistory::Find(std::uint8_t layer, ExtSeq seq) const {
  if (layer >= config_.layers || indices_[layer].empty()) return std::nullopt;
  const Index& index = indices_[layer];
  const std::uint64_t entry = index[static_cast<std::uint64_t>(seq.value()) & (index.size() - 1)];
  if (entry == 0 || entry - 1 < tail_) return std::nullopt;  // none, or overwritten

  const Record record = Read<Record>(entry - 1);
  if (record.meta.seq != seq) return std::nullopt;
  const std::size_t offset = ((entry - 1) & (ring_bytes_ - 1)) + sizeof(Record);
  StoredPacket out;
  out.meta = record.meta;
  out.dependency_descriptor = ByteSpan(&ring_[offset], record.head.extension_bytes);
  out.payload = ByteSpan(&ring_[offset] + record.head.extension_bytes, record.head.payload_bytes);
  return out;
}

std::size_t TrackHistory::footprint() const {
  std::size_t bytes = ring_bytes_;
  for (const Index& index : indices_) bytes += index.capacity() * sizeof(std::uint64_t);
  return bytes;
}

}  // namespace fovea::router
