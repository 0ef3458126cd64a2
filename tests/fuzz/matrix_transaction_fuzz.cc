// What an application service is pushed, as far as it changes a room: any body is read, and what it
// holds is folded into a room's state, once as pushed and once as a complete state.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sfu/core/check.h"
#include "signaling/matrix/tracker.h"
#include "signaling/matrix/transaction.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto transaction = matrix::ParseTransaction(body);
  const auto state = matrix::ParseRoomState(body, "!r:hs");
  matrix::Tracker tracker("hs");
  FOVEA_CHECK(tracker.Watch("!r:hs") != nullptr);
  tracker.Find("!r:hs")->members().Pin("@bob:other.example");
  matrix::Moment at{Instant(Seconds(10)), 1'700'000'000'000};
  std::vector<matrix::Evidence> evidence;
  if (transaction) {
    for (const matrix::Event& event : transaction->events) {
      tracker.HandleEvent(at, event, false, evidence);
    }
  }
  at.now += Seconds(5);
  if (state) {
    static_cast<void>(tracker.HandleState(at, at.now, "", "!r:hs", *state, evidence));
  }
  if (transaction) {
    for (const matrix::Event& event : transaction->events) {
      tracker.HandleEvent(at, event, true, evidence);
    }
  }
  FOVEA_CHECK(tracker.IsConsistent());
  while (tracker.NextDeadline() != kNever) {
    const Instant due = tracker.NextDeadline();
    tracker.HandleTimeout(due, evidence);
    FOVEA_CHECK(tracker.NextDeadline() > due);
  }
  FOVEA_CHECK(tracker.IsConsistent());
  return 0;
}
