// ACL and slots of a room, where a backlog of pushes and an answer about the room's state cross: a
// state of the past must put nobody out.
// Thread: test.
#include "signaling/matrix/room_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "sfu/core/limits.h"

namespace fovea::matrix {
namespace {

constexpr const char* kSlot = "m.call#ROOM";

class RoomStateTest : public ::testing::Test {
 protected:
  Event Of(EventKind kind, std::string key, nlohmann::json content, const Event* before) {
    return {.kind = kind,
            .room_id = "!room:hs",
            .event_id = "$" + std::to_string(++events_),
            .sender = "@alice:hs",
            .state_key = std::move(key),
            .origin_server_ts_ms = 1000 * events_,
            .content = std::move(content),
            .replaces_state = before == nullptr ? "" : before->event_id};
  }
  Event Acl(const std::string& denied, const Event* before = nullptr) {
    return Of(EventKind::kServerAcl, "", {{"allow", {"*"}}, {"deny", {denied}}}, before);
  }
  Event Slot(const std::string& status, const Event* before = nullptr) {
    return SlotOf(kSlot, status, before);
  }
  Event SlotOf(const std::string& slot_id, const std::string& status,
               const Event* before = nullptr) {
    return Of(EventKind::kRtcSlot, slot_id,
              {{"status", status}, {"application", {{"type", "m.call"}}}}, before);
  }
  Event Membership(const std::string& device) {
    return Of(EventKind::kCallMember, "_@alice:hs_" + device,
              {{"application", "m.call"}, {"device_id", device}, {"expires", 1'000'000}}, nullptr);
  }
  void Push(const Event& event) { room_.HandleEvent({now_, 0}, event, false, evidence_); }
  // The answer to a question asked at `asked_at`. Says whether a further look is wanted.
  bool Answer(std::vector<Event> events, Instant asked_at) {
    events.push_back(create_);
    EXPECT_TRUE(room_.HandleState({now_, 0}, asked_at, "", events, evidence_));
    return room_.wants_look();
  }
  // Knows the room since long ago.
  void Know(std::vector<Event> events) {
    Answer(std::move(events), now_);
    Wait(Seconds(60));
  }
  void Wait(Duration duration) { now_ += duration; }
  // Since the last call.
  std::size_t Saw(EvidenceKind kind) {
    const auto count = std::count_if(evidence_.begin(), evidence_.end(),
                                     [kind](const Evidence& item) { return item.kind == kind; });
    evidence_.clear();
    return static_cast<std::size_t>(count);
  }

  int events_ = 0;
  Instant now_{Seconds(1000)};
  RoomState room_{"!room:hs", "hs"};
  std::vector<Evidence> evidence_;
  const Event create_ = Of(EventKind::kCreate, "", nlohmann::json::object(), nullptr);
};

TEST_F(RoomStateTest, ObeysAnAclThatIsPushedInARoomItKnows) {
  Know({});
  Push(Acl("evil"));
  EXPECT_EQ(Saw(EvidenceKind::kServerAclChanged), 1U);
  EXPECT_FALSE(room_.Permits("evil"));
  EXPECT_TRUE(room_.Permits("far"));
}

TEST_F(RoomStateTest, AsksBeforeItObeysAnAclOfARoomThatItDoesNotKnowYet) {
  const Event old = Acl("far");
  const Event current = Acl("evil", &old);
  Push(old);  // a backlog begins
  EXPECT_TRUE(room_.Permits("far"));
  EXPECT_EQ(Saw(EvidenceKind::kUserDoubtful), 1U);
  Answer({current}, now_);
  EXPECT_TRUE(room_.Permits("far"));
  EXPECT_FALSE(room_.Permits("evil"));
}

TEST_F(RoomStateTest, NeverObeysAnAclThatAnAnswerHasOvertaken) {
  const Event first = Acl("nobody");
  const Event second = Acl("nobody", &first);
  const Event mistake = Acl("far", &second);
  const Event remedy = Acl("evil", &mistake);
  Know({first});
  const Instant asked_at = now_;
  Push(second);  // the backlog begins while the question is under way
  EXPECT_TRUE(Answer({remedy}, asked_at));
  Push(mistake);
  EXPECT_TRUE(room_.Permits("far"));
  Push(remedy);
  EXPECT_TRUE(room_.Permits("far"));
  Wait(Seconds(5));
  EXPECT_FALSE(Answer({remedy}, now_));
  EXPECT_TRUE(room_.Permits("far"));
  EXPECT_FALSE(room_.Permits("evil"));
}

TEST_F(RoomStateTest, NeverObeysAPushBehindAnAnswerWhereNobodyTellsTheOrder) {
  const Event mistake = Acl("far");
  Event remedy = Acl("evil");
  remedy.origin_server_ts_ms = 1;  // another server's clock
  Know({remedy});
  Push(mistake);
  EXPECT_TRUE(room_.Permits("far"));
  EXPECT_EQ(Saw(EvidenceKind::kUserDoubtful), 1U);
  Push(remedy);
  EXPECT_TRUE(room_.Permits("far"));
}

TEST_F(RoomStateTest, BelievesTheAnswerAboutAnAclThatWasReset) {
  const Event first = Acl("nobody");
  const Event second = Acl("far", &first);
  Know({first});
  Push(second);
  EXPECT_FALSE(room_.Permits("far"));
  Wait(Seconds(60));
  Answer({first}, now_);
  EXPECT_TRUE(room_.Permits("far"));
}

TEST_F(RoomStateTest, LooksAgainWhereAnAnswerMayBeOlderThanThePush) {
  const Event first = Acl("nobody");
  const Event second = Acl("far", &first);
  Know({first});
  Push(second);
  EXPECT_TRUE(Answer({first}, now_));
  EXPECT_FALSE(room_.Permits("far"));
}

TEST_F(RoomStateTest, ObeysAnAclThatALaggingAnswerLacks) {
  const Event first = Acl("nobody");
  const Event second = Acl("far", &first);
  Push(second);  // nothing is known yet: a doubt
  EXPECT_TRUE(room_.Permits("far"));
  EXPECT_FALSE(Answer({first}, now_ + Millis(20)));
  EXPECT_FALSE(room_.Permits("far"));
}

TEST_F(RoomStateTest, RemembersThatAnAclIsOfThePast) {
  const Event first = Acl("nobody");
  const Event mistake = Acl("far", &first);
  const Event unseen = Acl("nobody", &mistake);
  const Event remedy = Acl("evil", &unseen);
  Push(mistake);
  Wait(Seconds(2));
  EXPECT_FALSE(Answer({remedy}, now_));
  Wait(Seconds(2));
  EXPECT_FALSE(Answer({first}, now_));  // a reset
  Push(mistake);                        // once more, under another transaction's name
  EXPECT_TRUE(room_.Permits("far"));
}

TEST_F(RoomStateTest, AsksBeforeItClosesASlotAtAnyStepOfABacklog) {
  const Event open = Slot("open");
  const Event other = Slot("open", &open);
  const Event closed = Slot("closed", &other);
  for (const Event& event : {open, other, closed}) Push(event);
  EXPECT_EQ(Saw(EvidenceKind::kUserDoubtful), 1U);
  EXPECT_EQ(room_.Slot(kSlot), SlotStatus::kOpen);
}

TEST_F(RoomStateTest, AsksBeforeItClosesASlotOfABacklogThatAResetMayHaveUndone) {
  const Event open = Slot("open");
  const Event other = Slot("open", &open);
  Know({open});
  Push(other);
  EXPECT_TRUE(Answer({open}, now_));
  Push(Slot("closed", &other));
  EXPECT_EQ(Saw(EvidenceKind::kSlotClosed), 0U);
}

// The simulator's seed 7209.
TEST_F(RoomStateTest, DoesNotCloseASlotByTwoStepsOfABacklogThatComeTogether) {
  const Event open = Slot("open");
  const Event other = Slot("open", &open);
  const Event closed = Slot("closed", &other);
  const Event again = Slot("open", &closed);
  Push(open);
  EXPECT_TRUE(Answer({again}, now_));
  Push(closed);
  Push(other);
  EXPECT_EQ(Saw(EvidenceKind::kSlotClosed), 0U);
}

TEST_F(RoomStateTest, ClosesASlotAtOnceInARoomItKnows) {
  const Event open = Slot("open");
  const Event closed = Slot("closed", &open);
  Know({open});
  Push(closed);
  EXPECT_EQ(Saw(EvidenceKind::kSlotClosed), 1U);
  Push(Slot("open", &closed));
  EXPECT_EQ(Saw(EvidenceKind::kSlotOpened), 1U);
}

TEST_F(RoomStateTest, DoesNotCloseASlotThatIsOpenAgainAlready) {
  const Event open = Slot("open");
  const Event closed = Slot("closed", &open);
  const Event again = Slot("open", &closed);
  Push(open);  // the backlog begins in a room of which nothing is known
  EXPECT_EQ(room_.Slot(kSlot), SlotStatus::kOpen);
  Push(closed);
  EXPECT_EQ(room_.Slot(kSlot), SlotStatus::kOpen);
  Answer({again}, now_);
  Push(again);
  EXPECT_EQ(Saw(EvidenceKind::kSlotClosed), 0U);
}

TEST_F(RoomStateTest, ForgetsADoubtThatTheStateDoesNotBear) {
  Push(Slot("closed"));
  Push(Acl("far"));
  EXPECT_TRUE(Answer({}, now_));  // may be older than the pushes
  Wait(Seconds(5));
  EXPECT_FALSE(Answer({}, now_));
  room_.AcceptDoubts(now_, evidence_);
  EXPECT_TRUE(room_.Permits("far"));
  EXPECT_EQ(room_.Slot(kSlot), SlotStatus::kMissing);
}

TEST_F(RoomStateTest, BelievesTheOrderOfArrivalWhereNobodyMayAsk) {
  Know({});
  const Event first = Acl("nobody");
  Event second = Acl("far");  // does not tell what it replaces, and by a clock that is behind
  second.origin_server_ts_ms = 1;
  Push(first);
  Push(second);
  EXPECT_TRUE(room_.Permits("far"));
  room_.AcceptDoubts(now_, evidence_);
  EXPECT_FALSE(room_.Permits("far"));
}

TEST_F(RoomStateTest, BelievesNothingOfARoomThatItNeverKnew) {
  Push(Acl("far"));
  Push(Slot("closed"));
  room_.AcceptDoubts(now_, evidence_);
  EXPECT_TRUE(room_.Permits("far"));
  EXPECT_EQ(room_.Slot(kSlot), SlotStatus::kMissing);
}

TEST_F(RoomStateTest, RemembersOnlySoManySlots) {
  std::vector<Event> slots;
  for (std::size_t i = 0; i < limits::kRoomSlotsMax; ++i) {
    slots.push_back(SlotOf(std::to_string(i), "closed"));
  }
  slots.push_back(SlotOf("answered", "closed"));
  Know(slots);
  EXPECT_EQ(Saw(EvidenceKind::kSlotClosed), limits::kRoomSlotsMax);
  Push(SlotOf("pushed", "closed"));
  EXPECT_EQ(Saw(EvidenceKind::kSlotClosed), 0U);
  EXPECT_EQ(room_.Slot("answered"), SlotStatus::kMissing);
  EXPECT_EQ(room_.Slot("pushed"), SlotStatus::kMissing);
  Push(SlotOf("0", "open", slots.data()));
  EXPECT_EQ(Saw(EvidenceKind::kSlotOpened), 1U) << "those it has are followed";
  EXPECT_TRUE(room_.IsConsistent());
}

TEST_F(RoomStateTest, RefusesMembershipsBeyondItsBoundOnceNoneIsEmpty) {
  Event member = Membership("0");
  for (std::size_t i = 0; i < limits::kRoomStateMembersMax; ++i) {
    member.event_id = "$m" + std::to_string(i);
    member.state_key = "_@alice:hs_" + std::to_string(i);
    Push(member);
  }
  EXPECT_EQ(Saw(EvidenceKind::kMemberJoined), limits::kRoomStateMembersMax);
  Push(Membership("one more"));
  EXPECT_EQ(Saw(EvidenceKind::kMemberJoined), 0U);
  EXPECT_EQ(room_.rtc().Members().size(), limits::kRoomStateMembersMax);
  Push(Of(EventKind::kCallMember, "_@alice:hs_0", nlohmann::json::object(), nullptr));
  EXPECT_EQ(Saw(EvidenceKind::kMemberLeft), 1U);
  Push(Membership("one more"));
  EXPECT_EQ(Saw(EvidenceKind::kMemberJoined), 1U) << "the emptied state key went";
  Push(Membership("another"));
  EXPECT_EQ(Saw(EvidenceKind::kMemberJoined), 0U);
}

TEST_F(RoomStateTest, BelievesNoEventThatFollowsAnotherThanTheOneItWasTold) {
  const Event first = Acl("nobody");
  const Event mistake = Acl("far", &first);
  const Event second = Acl("nobody", &mistake);
  const Event remedy = Acl("evil", &second);
  Know({remedy});
  Push(mistake);
  room_.AcceptDoubts(now_, evidence_);
  EXPECT_TRUE(room_.Permits("far"));
  EXPECT_FALSE(room_.Permits("evil"));
}

}  // namespace
}  // namespace fovea::matrix
