#include "signaling/matrix/state_cell.h"

#include <utility>

namespace fovea::matrix {

StateCell::Outcome StateCell::Apply(Instant now, Event event) {
  version_.Set(now, event);
  doubt_.reset();
  is_undecided_ = false;
  is_ahead_ = false;
  return {.applied = std::move(event)};
}

StateCell::Outcome StateCell::ApplyTold(Instant now, Instant requested_at, const Event& event) {
  const std::optional<Event> doubt = doubt_;
  const bool was_pushed = doubt && doubt->event_id == event.event_id;
  Outcome outcome = Apply(now, event);
  is_ahead_ = !was_pushed;
  if (!doubt || was_pushed) return outcome;
  doubt_ = doubt;
  Outcome settled = SettleDoubt(now, requested_at);
  return settled.applied ? settled : Outcome{std::move(outcome.applied), settled.wants_look};
}

StateCell::Outcome StateCell::SettleDoubt(Instant now, Instant requested_at) {
  if (!doubt_) return {};
  if (doubted_at_ + kReplicationLagMax <= requested_at) {
    version_.SetPast(doubt_->event_id);  // the homeserver knew it when it answered
    doubt_.reset();
    return {};
  }
  if (doubt_->replaces_state == version_.event_id()) return Apply(now, *doubt_);
  return {.wants_look = true};
}

StateCell::Outcome StateCell::Doubt(Instant now, const Event& event) {
  doubt_ = event;
  doubted_at_ = now;
  return {.wants_look = true};
}

StateCell::Outcome StateCell::HandleEvent(Instant now, const Event& event, bool is_harmless,
                                          bool is_complete) {
  switch (version_.Compare(event)) {
    case StateOrder::kSame:
      is_ahead_ = false;  // the pushes have come to where the complete state was
      return {};
    case StateOrder::kOlder:
      return {};
    case StateOrder::kDoubtful:
      return Doubt(now, event);
    case StateOrder::kFirst: {
      if (!is_complete && !is_harmless) return Doubt(now, event);
      Outcome outcome = Apply(now, event);
      is_undecided_ = !is_complete;  // and there may be later ones
      return outcome;
    }
    case StateOrder::kPlausible:
      return is_undecided_ || is_ahead_ ? Doubt(now, event) : Apply(now, event);
    case StateOrder::kProven: {
      // What comes behind it may have overtaken it: the two together are one step.
      const bool is_chain = doubt_ && doubt_->replaces_state == event.event_id;
      const Event last = is_chain ? *doubt_ : event;
      const bool was_undecided = is_undecided_;
      if (was_undecided && (is_chain || !is_harmless)) return Doubt(now, last);
      Outcome outcome = Apply(now, last);
      is_undecided_ = was_undecided;  // a further step of a backlog, for all that is known
      return outcome;
    }
  }
  return {};
}

StateCell::Outcome StateCell::HandleState(Instant now, Instant requested_at, const Event& event) {
  // An answer that was asked for after an event came in is right about what stands now.
  const bool asked_later = version_.received_at() + kReplicationLagMax <= requested_at;
  switch (version_.Compare(event)) {
    case StateOrder::kFirst:
    case StateOrder::kProven:
      return ApplyTold(now, requested_at, event);
    case StateOrder::kSame:
      is_undecided_ = false;
      return SettleDoubt(now, requested_at);
    case StateOrder::kOlder:
      if (!asked_later) {
        is_undecided_ = true;  // the answer is behind the pushes, or the room was reset
        return {.wants_look = true};
      }
      return ApplyTold(now, requested_at, event);
    case StateOrder::kPlausible:
    case StateOrder::kDoubtful:
      if (!asked_later && !(doubt_ && doubt_->event_id == event.event_id)) {
        is_undecided_ = true;
        return {.wants_look = true};
      }
      return ApplyTold(now, requested_at, event);
  }
  return {};
}

bool StateCell::HandleAbsence(Instant requested_at) {
  if (!doubt_) return false;
  if (doubted_at_ + kReplicationLagMax > requested_at) return true;
  doubt_.reset();
  return false;
}

std::optional<Event> StateCell::AcceptDoubt(Instant now) {
  if (!doubt_) return std::nullopt;
  Event event = *std::exchange(doubt_, std::nullopt);
  // Behind what a complete state told, or of a time of which nothing is known, it is as likely from
  // before what stands.
  const bool may_be_past = is_ahead_ || is_undecided_ || version_.event_id().empty();
  if (may_be_past || version_.IsPast(event.event_id)) return std::nullopt;
  return Apply(now, std::move(event)).applied;
}

}  // namespace fovea::matrix
