// Outgoing numbers and what they stood for. See outgoing_log.h.
#include "sfu/router/outgoing_log.h"

#include <bit>

#include "sfu/core/check.h"

namespace fovea::router {

OutgoingLog::OutgoingLog(std::size_t capacity) : slots_(capacity) {
  FOVEA_CHECK(std::has_single_bit(capacity));
  FOVEA_CHECK(capacity <= 32768);  // a slot is found by the low bits of a 16-bit number
}

OutgoingSlot& OutgoingLog::Claim(std::int64_t position) {
  OutgoingSlot& slot = slots_[static_cast<std::size_t>(position) & (slots_.size() - 1)];
  slot = OutgoingSlot{};
  slot.seq = static_cast<std::uint16_t>(position);
  return slot;
}

OutgoingSlot* OutgoingLog::Find(std::uint16_t seq) {
  OutgoingSlot& slot = slots_[seq & (slots_.size() - 1)];
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
