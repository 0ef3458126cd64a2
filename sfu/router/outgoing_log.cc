// Outgoing numbers and what they stood for. See outgoing_log.h.
#include "sfu/router/outgoing_log.h"

#include <algorithm>
#include <bit>

#include "sfu/core/check.h"

namespace fovea::router {

OutgoingLog::OutgoingLog(const Config& config)
    : config_(config), slots_(std::min(kSlotsStart, config.slots_max)) {
  FOVEA_CHECK(std::has_single_bit(config.slots_max));
  FOVEA_CHECK(config.slots_max <= 32768);  // a slot is found by the low bits of a 16-bit number
}

OutgoingSlot& OutgoingLog::Claim(std::int64_t position, std::uint32_t timestamp) {
  const auto is_young = [&](const OutgoingSlot& slot) {
    return slot.state != OutgoingSlot::State::kEmpty &&
           timestamp - slot.timestamp < config_.ticks_kept;
  };
  if (slots_.size() < config_.slots_max && is_young(At(position))) Grow(position);
  OutgoingSlot& slot = At(position);
  slot = OutgoingSlot{};
  slot.seq = static_cast<std::uint16_t>(position);
  slot.timestamp = timestamp;
  return slot;
}

// `next` is the position after the newest one.
void OutgoingLog::Grow(std::int64_t next) {
  std::vector<OutgoingSlot> grown(2 * slots_.size());
  for (std::int64_t position = next - static_cast<std::int64_t>(slots_.size()); position < next;
       ++position) {
    grown[static_cast<std::size_t>(position) & (grown.size() - 1)] = At(position);
  }
  slots_ = std::move(grown);
}

OutgoingSlot* OutgoingLog::Find(std::uint16_t seq) {
  OutgoingSlot& slot = At(seq);
  if (slot.state == OutgoingSlot::State::kEmpty || slot.seq != seq) return nullptr;
  return &slot;
}

OutgoingSlot* OutgoingLog::FindSource(std::int64_t newest, std::uint8_t layer, ExtSeq source) {
  const auto source_low = static_cast<std::uint32_t>(source.value());
  for (std::size_t back = 0; back < slots_.size(); ++back) {
    const std::int64_t position = newest - static_cast<std::int64_t>(back);
    OutgoingSlot* slot = Find(static_cast<std::uint16_t>(position));
    if (slot == nullptr || slot->layer != layer) continue;
    const auto ahead = static_cast<std::int32_t>(slot->source_low - source_low);
    if (ahead == 0) return slot;
    if (ahead < 0) return nullptr;
  }
  return nullptr;
}

}  // namespace fovea::router
