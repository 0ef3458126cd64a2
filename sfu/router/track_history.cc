// Packet store for retransmission. See track_history.h.
#include "sfu/router/track_history.h"

#include <bit>
#include <cstring>

#include "sfu/core/check.h"

namespace fovea::router {

TrackHistory::TrackHistory(const Config& config)
    : config_(config), ring_(config.bytes), index_(config.layers * config.packets_per_layer) {
  FOVEA_CHECK(std::has_single_bit(config.bytes));
  FOVEA_CHECK(std::has_single_bit(config.packets_per_layer));
  FOVEA_CHECK(config.bytes >
              sizeof(Record) + limits::kDependencyDescriptorBytesMax + limits::kDatagramBytesMax);
}

std::uint64_t& TrackHistory::IndexOf(std::uint8_t layer, ExtSeq seq) {
  const auto slot = static_cast<std::uint64_t>(seq.value()) & (config_.packets_per_layer - 1);
  return index_[layer * config_.packets_per_layer + slot];
}

const std::uint64_t& TrackHistory::IndexOf(std::uint8_t layer, ExtSeq seq) const {
  const auto slot = static_cast<std::uint64_t>(seq.value()) & (config_.packets_per_layer - 1);
  return index_[layer * config_.packets_per_layer + slot];
}

bool TrackHistory::Store(const PacketMeta& meta, ByteSpan payload, ByteSpan dependency_descriptor) {
  if (meta.layer >= config_.layers || payload.size() > limits::kDatagramBytesMax) return false;
  if (dependency_descriptor.size() > limits::kDependencyDescriptorBytesMax) return false;

  const std::size_t need = sizeof(Record) + dependency_descriptor.size() + payload.size();
  const std::size_t offset = head_ & (config_.bytes - 1);
  if (offset + need > config_.bytes) head_ += config_.bytes - offset;  // never split a record

  // Zeroed first: the padding inside Record is copied too and must not be indeterminate.
  Record record;
  std::memset(static_cast<void*>(&record), 0, sizeof(record));
  record.meta = meta;
  record.extension_bytes = static_cast<std::uint16_t>(dependency_descriptor.size());
  record.payload_bytes = static_cast<std::uint16_t>(payload.size());
  ByteWriter writer(MutableByteSpan(ring_).subspan(head_ & (config_.bytes - 1), need));
  writer.Bytes(ByteSpan(reinterpret_cast<const std::uint8_t*>(&record), sizeof(record)));
  writer.Bytes(dependency_descriptor);
  writer.Bytes(payload);
  FOVEA_CHECK(!writer.failed());

  IndexOf(meta.layer, meta.seq) = head_ + 1;
  head_ += need;
  return true;
}

std::optional<StoredPacket> TrackHistory::Find(std::uint8_t layer, ExtSeq seq) const {
  if (layer >= config_.layers) return std::nullopt;
  const std::uint64_t entry = IndexOf(layer, seq);
  if (entry == 0) return std::nullopt;
  const std::uint64_t position = entry - 1;
  if (head_ - position > config_.bytes) return std::nullopt;  // overwritten

  const std::size_t offset = position & (config_.bytes - 1);
  Record record;
  std::memcpy(static_cast<void*>(&record), &ring_[offset], sizeof(record));
  if (record.meta.seq != seq || record.meta.layer != layer) return std::nullopt;
  const ByteSpan body = ByteSpan(ring_).subspan(
      offset + sizeof(record), std::size_t{record.extension_bytes} + record.payload_bytes);
  StoredPacket out;
  out.meta = record.meta;
  out.dependency_descriptor = body.first(record.extension_bytes);
  out.payload = body.subspan(record.extension_bytes);
  return out;
}

}  // namespace fovea::router
