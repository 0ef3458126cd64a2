// Random people, a homeserver that fails at random, restarts of the focus at any moment: whatever
// happens, nobody in a call is announced as gone by us, and everybody who left is announced.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "signaling/matrix/delayed_leave.h"

namespace fovea::matrix {
namespace {

constexpr std::int64_t kWallOffsetUs = 1'790'000'000'000'000;

// The homeserver's side of a delayed event: fires by itself unless it is restarted.
struct DelayedEvent {
  Instant fires_at;
  Duration delay;
  bool fired = false;
  int sends_confirmed = 0;
  bool replaced = false;
  bool is_over_for_us = false;  // we were told: sent, or unknown
};

struct Person {
  LeaveKey key;
  bool is_connected = false;
  Instant connected_at{};
  std::optional<std::string> delay_id;  // of the newest job
};

class World {
 public:
  World(std::uint64_t seed, bool has_faults)
      : rng_(seed), is_always_sound_(!has_faults), has_faults_(has_faults) {
    Boot();
    for (int i = 0; i < 6; ++i) {
      people_.push_back({{"room" + std::to_string(i % 2), "person" + std::to_string(i / 2)},
                         false,
                         Instant{},
                         std::nullopt});
    }
  }

  void Step() {
    Person& person = people_[rng_.Below(static_cast<std::uint32_t>(people_.size()))];
    switch (rng_.Below(9)) {
      case 0:
        Delegate(person);
        break;
      case 1:
      case 2:
        Connect(person);
        break;
      case 3:
        Leave(person, LeftReason::kGone);
        break;
      case 4:
        Leave(person, LeftReason::kConnectionLost);
        break;
      case 5:
        if (!person.is_connected) leaves_->HandleAborted(now_, person.key);
        break;
      case 6:
        leaves_->HandleLeft(now_, person.key, LeftReason::kSuperseded);
        break;
      case 7:
        if (rng_.Below(20) == 0) Restart();
        break;
      default:
        break;
    }
    Pump();
    Advance(Millis(rng_.Below(4) == 0 ? rng_.Below(40'000) : rng_.Below(900)));
  }

  // Everybody leaves, the homeserver recovers, and time passes.
  void Finish() {
    has_faults_ = false;
    for (Person& person : people_) {
      if (person.is_connected) Leave(person, LeftReason::kGone);
    }
    Pump();
    Advance(Seconds(2 * 3600));
    EXPECT_EQ(leaves_->size(), 0u);
    EXPECT_TRUE(stored_.empty());
    EXPECT_TRUE(under_way_.empty());
    for (const auto& [id, event] : events_) {
      EXPECT_TRUE(event.fired) << id;
      EXPECT_LE(event.sends_confirmed, 1) << id;
    }
  }

  // The event of a person who was connected all the time fired by itself.
  [[nodiscard]] int lost_events() const { return lost_events_; }

 private:
  void Boot() {
    leaves_.emplace(
        DelayedLeaveOptions{}, [] { return kWallOffsetUs; }, Rng(rng_.Next64()));
  }

  void Restart() {
    Boot();
    under_way_.clear();
    const std::map<LeaveKey, LeaveJob> rows = stored_;
    for (const auto& [key, job] : rows) leaves_->RestoreJob(now_, job);
    // Whoever was in the call has to connect again.
    for (Person& person : people_) person.is_connected = false;
    // A job that comes back waits for its owner first, also if it was being sent.
    leaving_since_.clear();
  }

  void Delegate(Person& person) {
    if (person.delay_id.has_value()) events_[*person.delay_id].replaced = true;
    const std::string id = "delay" + std::to_string(events_.size());
    const Duration delay = Millis(1000 + rng_.Below(60'000));
    LeaveJob job;
    job.key = person.key;
    job.user_id = "@" + person.key.identity + ":example.com";
    job.server_name = "example.com";
    job.delay_id = id;
    job.delay_timeout = delay;
    const AddJobResult result = leaves_->AddJob(now_, job);
    ASSERT_TRUE(result == AddJobResult::kAdded || result == AddJobResult::kReplaced);
    events_[id] = {now_ + delay, delay, false, 0, false, false};
    person.delay_id = id;
    if (person.is_connected) leaves_->HandleConnected(now_, person.key);
  }

  void Connect(Person& person) {
    if (!person.is_connected) person.connected_at = now_;
    person.is_connected = true;
    leaves_->HandleConnected(now_, person.key);
  }

  void Leave(Person& person, LeftReason reason) {
    if (!person.is_connected) return;
    person.is_connected = false;
    leaves_->HandleLeft(now_, person.key, reason);
  }

  void Pump() {
    while (const auto call = leaves_->PollCall(now_)) {
      CheckCall(*call);
      // Most answers come soon; some after the time a call may take.
      const Duration delay = Millis(1 + (has_faults_ ? rng_.Below(5000) : rng_.Below(50)));
      under_way_.emplace(std::pair{now_ + delay, call->id.value()}, *call);
    }
    while (const auto operation = leaves_->PollStoreOperation()) {
      if (const auto* put = std::get_if<PutJob>(&*operation)) {
        stored_[put->job.key] = put->job;
      } else {
        stored_.erase(std::get<RemoveJob>(*operation).key);
      }
    }
    EXPECT_EQ(stored_.size(), leaves_->size());
    ASSERT_TRUE(leaves_->IsConsistent());
  }

  void CheckCall(const DelayedCall& call) {
    const Person* owner = nullptr;
    for (const Person& person : people_) {
      if (person.delay_id == call.delay_id) owner = &person;
    }
    ASSERT_NE(owner, nullptr) << "a call for a job that was replaced: " << call.delay_id;
    EXPECT_EQ(owner->is_connected, call.verb == DelayedCallVerb::kRestart) << call.delay_id;
    EXPECT_FALSE(events_[call.delay_id].is_over_for_us) << call.delay_id;
  }

  // The homeserver works on the request; nothing says that the answer reaches us.
  DelayedCallResult Serve(const DelayedCall& call) {
    DelayedEvent& event = events_[call.delay_id];
    if (has_faults_ && rng_.Below(3) == 0) {
      const std::uint32_t kind = rng_.Below(3);
      if (kind == 0) return {429, Millis(rng_.Below(9000))};
      return {kind == 1 ? 503 : 0, std::nullopt};
    }
    if (event.fired) return {404, std::nullopt};
    if (call.verb == DelayedCallVerb::kRestart) {
      event.fires_at = now_ + event.delay;
    } else {
      event.fired = true;
    }
    if (has_faults_ && rng_.Below(10) == 0) return {0, std::nullopt};
    if (event.fired) ++event.sends_confirmed;
    return {200, std::nullopt};
  }

  void Advance(Duration duration) {
    const Instant end = now_ + duration;
    while (true) {
      Instant next = std::min(end, leaves_->NextDeadline().at);
      if (!under_way_.empty()) next = std::min(next, under_way_.begin()->first.first);
      now_ = std::max(now_, next);
      FireDue();
      while (!under_way_.empty() && under_way_.begin()->first.first <= now_) {
        const DelayedCall call = under_way_.begin()->second;
        under_way_.erase(under_way_.begin());
        const DelayedCallResult result = Serve(call);
        const bool is_over =
            result.status == 404 || (result.status == 200 && call.verb == DelayedCallVerb::kSend);
        // A response that came too late to be believed settles nothing for the job.
        const std::size_t before = leaves_->size();
        leaves_->HandleResponse(now_, call.id, result);
        if (is_over && leaves_->size() < before) events_[call.delay_id].is_over_for_us = true;
      }
      leaves_->HandleTimeout(now_);
      Pump();
      CheckPromptness();
      if (now_ >= end) return;
    }
  }

  // A homeserver that works has the leave soon after.
  void CheckPromptness() {
    for (const Person& person : people_) {
      if (!is_always_sound_ || leaves_->StateOf(person.key) != LeaveState::kDisconnected) {
        leaving_since_.erase(person.key);
        continue;
      }
      const Instant since = leaving_since_.try_emplace(person.key, now_).first->second;
      EXPECT_LT(now_ - since, Millis(100)) << person.key.identity;
    }
  }

  void FireDue() {
    for (auto& [id, event] : events_) {
      if (event.fired || event.fires_at > now_) continue;
      event.fired = true;
      for (const Person& person : people_) {
        if (person.delay_id != id || !person.is_connected) continue;
        // Too late for anybody: the first restart was still on its way.
        if (now_ - person.connected_at < Millis(100)) continue;
        if (leaves_->StateOf(person.key).has_value()) ++lost_events_;
      }
    }
  }

  Rng rng_;
  const bool is_always_sound_;
  bool has_faults_;
  Instant now_ = Instant{} + Seconds(1000);
  std::optional<DelayedLeaves> leaves_;
  std::vector<Person> people_;
  std::map<std::string, DelayedEvent> events_;
  std::map<LeaveKey, LeaveJob> stored_;
  std::map<std::pair<Instant, std::uint64_t>, DelayedCall> under_way_;
  std::map<LeaveKey, Instant> leaving_since_;
  int lost_events_ = 0;
};

TEST(DelayedLeavesProperty, NobodyInACallIsAnnouncedAsGoneAndEverybodyWhoLeftIs) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, /*has_faults=*/true);
    for (int i = 0; i < 120; ++i) {
      world.Step();
      if (testing::Test::HasFailure()) return;
    }
    world.Finish();
    if (testing::Test::HasFailure()) return;
  }
}

TEST(DelayedLeavesProperty, NoEventFiresDuringACallWhileTheHomeserverWorks) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, /*has_faults=*/false);
    for (int i = 0; i < 120; ++i) {
      world.Step();
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_EQ(world.lost_events(), 0);
    world.Finish();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace fovea::matrix
