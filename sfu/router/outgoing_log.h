// What each outgoing sequence number of a subscription stood for. Answers NACKs (outgoing number →
// packet of the track) and places packets that arrive late (packet of the track → outgoing number).
// Thread: owned by the subscription's worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"
#include "sfu/rtp/picture_ids.h"

namespace fovea::router {

// 16 bytes, four to a cache line: forwarding writes one per packet and subscriber.
struct OutgoingSlot {
  enum class State : std::uint8_t {
    kEmpty,  // never given to a packet
    kHole,   // kept free for a packet that has not arrived
    kSent,
    kBlanked,  // sent without payload, because what arrived was not wanted
  };

  std::uint32_t source_low = 0;  // low bits of the track's ExtSeq
  std::uint32_t timestamp = 0;   // outgoing; of a hole: of the packet before it
  std::uint16_t seq = 0;         // outgoing
  rtp::PictureIds ids;           // outgoing; meaningful when patched
  std::uint8_t resent_at = 0;    // in kResendTick, wraps
  State state : 2 = State::kEmpty;
  std::uint8_t layer : 2 = 0;
  std::uint8_t resends : 2 = 0;
  std::uint8_t marker : 1 = 0;
  std::uint8_t patched : 1 = 0;

  // Larger: coarser resend spacing. Smaller: wraps sooner than the longest round trip; this is 2 s.
  static constexpr Duration kResendTick = Millis(8);
};
static_assert(sizeof(OutgoingSlot) == 16);

// A ring over consecutive outgoing numbers; position p lies at p modulo the capacity. It starts
// small and doubles, up to its limit, rather than forget a number of the last `ticks_kept`: its
// size follows the packet rate.
class OutgoingLog {
 public:
  struct Config {
    std::size_t slots_max;     // power of two
    std::uint32_t ticks_kept;  // of the RTP clock
  };
  // Larger: more memory for each subscription of a quiet track. Smaller: more steps of growth.
  static constexpr std::size_t kSlotsStart = 32;

  explicit OutgoingLog(const Config& config);

  // Takes the slot of `position` for a new owner whose outgoing timestamp is (about) `timestamp`.
  // REQUIRES: position is the one after the last claimed.
  OutgoingSlot& Claim(std::int64_t position, std::uint32_t timestamp);

  // The slot whose outgoing number this is, or null when it has been overwritten or never used.
  [[nodiscard]] OutgoingSlot* Find(std::uint16_t seq);

  // The slot given to packet `source` of `layer`, or null. Looks backwards from `newest` and stops
  // at the first older packet of the layer: O(1) for packets that are a little late, at worst
  // O(capacity).
  [[nodiscard]] OutgoingSlot* FindSource(std::int64_t newest, std::uint8_t layer, ExtSeq source);

  [[nodiscard]] std::size_t capacity() const { return slots_.size(); }
  [[nodiscard]] std::size_t capacity_max() const { return config_.slots_max; }

 private:
  [[nodiscard]] OutgoingSlot& At(std::int64_t position) {
    return slots_[static_cast<std::size_t>(position) & (slots_.size() - 1)];
  }
  void Grow(std::int64_t next);

  // Constant after construction.
  Config config_;

  std::vector<OutgoingSlot> slots_;
};

}  // namespace fovea::router
