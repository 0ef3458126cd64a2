// Which of two events under the same state key is the later one, when deliveries may be repeated,
// late or swapped and the clocks of the sending servers differ. Thread: plain values, any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sfu/core/limits.h"
#include "sfu/core/time.h"
#include "signaling/matrix/event.h"

namespace fovea::matrix {

// A homeserver's workers answer from copies that may be this much behind what was already pushed.
inline constexpr Duration kReplicationLagMax = Seconds(1);

enum class StateOrder : std::uint8_t {
  kFirst,      // nothing stood here
  kSame,       // the event that stands
  kProven,     // names the event that stands as the one before it
  kPlausible,  // names none, and is the later one by its timestamp
  kOlder,      // came before what stands
  kDoubtful,   // names another one, or none and has no later timestamp
};

// The event that stands under one state key. The homeserver's `replaces_state` decides; without it
// a timestamp may raise a doubt, but never settles one.
class StateVersion {
 public:
  [[nodiscard]] StateOrder Compare(const Event& event) const {
    if (event_id_.empty()) return StateOrder::kFirst;
    if (event.event_id == event_id_) return StateOrder::kSame;
    if (IsPast(event.event_id)) return StateOrder::kOlder;
    if (!event.replaces_state.empty()) {
      // Something between the two did not reach us, or it is from before what stands.
      return event.replaces_state == event_id_ ? StateOrder::kProven : StateOrder::kDoubtful;
    }
    return event.origin_server_ts_ms > timestamp_ms_ ? StateOrder::kPlausible
                                                     : StateOrder::kDoubtful;
  }

  void Set(Instant now, const Event& event) {
    if (event.event_id != event_id_) {
      Remember(event_id_);
      Remember(event.replaces_state);
      std::replace(past_.begin(), past_.end(), event.event_id, std::string());
    }
    event_id_ = event.event_id;
    timestamp_ms_ = event.origin_server_ts_ms;
    received_at_ = now;
  }

  // It came before what stands.
  void SetPast(const std::string& event_id) {
    if (event_id != event_id_) Remember(event_id);
  }

  [[nodiscard]] bool IsPast(std::string_view event_id) const {
    return !event_id.empty() && std::find(past_.begin(), past_.end(), event_id) != past_.end();
  }
  [[nodiscard]] const std::string& event_id() const { return event_id_; }
  [[nodiscard]] Instant received_at() const { return received_at_; }

 private:
  void Remember(const std::string& event_id) {
    if (event_id.empty() || IsPast(event_id)) return;
    past_[next_past_] = event_id;
    next_past_ = (next_past_ + 1) % limits::kPastVersionsMax;
  }

  std::string event_id_;
  std::int64_t timestamp_ms_ = 0;
  Instant received_at_{};
  std::array<std::string, limits::kPastVersionsMax> past_;
  std::size_t next_past_ = 0;
};

}  // namespace fovea::matrix
