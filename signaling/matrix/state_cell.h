// The event that stands under one state key of a room (its ACL, a slot), where pushes may be a
// backlog that an answer about the room's state has overtaken. What is not certain waits for the
// next answer. RoomMembers has the same rules for users, and more of them. Thread: signaling.
#pragma once

#include <optional>

#include "sfu/core/time.h"
#include "signaling/matrix/event.h"
#include "signaling/matrix/state_version.h"

namespace fovea::matrix {

class StateCell {
 public:
  struct Outcome {
    std::optional<Event> applied{};  // what stands now, if that changed
    bool wants_look = false;         // the room's state should be asked for
  };

  // An event as pushed. `is_harmless`: it can put nobody out. `is_complete`: a complete state of
  // the room was seen, so that what it did not have is new.
  [[nodiscard]] Outcome HandleEvent(Instant now, const Event& event, bool is_harmless,
                                    bool is_complete);

  // A complete state, asked for at `requested_at`, has `event` here.
  [[nodiscard]] Outcome HandleState(Instant now, Instant requested_at, const Event& event);
  // It has nothing here. Says whether a further look is needed.
  [[nodiscard]] bool HandleAbsence(Instant requested_at);

  // Nobody can be asked: the order of arrival is the best guess where all of it was seen. Returns
  // what stands now, if that changed.
  [[nodiscard]] std::optional<Event> AcceptDoubt(Instant now);

  [[nodiscard]] const StateVersion& version() const { return version_; }

 private:
  Outcome Apply(Instant now, Event event);
  Outcome ApplyTold(Instant now, Instant requested_at, const Event& event);
  // A complete state says what stands: the doubtful event is part of the past, or comes next. Wants
  // a look where it cannot tell, because it came within kReplicationLagMax of the question.
  Outcome SettleDoubt(Instant now, Instant requested_at);
  Outcome Doubt(Instant now, const Event& event);

  StateVersion version_;
  std::optional<Event> doubt_;  // the latest event whose place is not certain
  Instant doubted_at_{};
  bool is_undecided_ = false;  // what stands may have been overtaken already
  bool is_ahead_ = false;      // told by a complete state; pushes may still be behind it
};

}  // namespace fovea::matrix
