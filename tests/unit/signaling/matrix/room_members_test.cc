// Who is joined, where a backlog of pushes and an answer about the room's state cross.
// Thread: test.
#include "signaling/matrix/room_members.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sfu/core/limits.h"

namespace fovea::matrix {
namespace {

// Only clocks tell the order, except where a test sets `replaces_state`.
class RoomMembersTest : public ::testing::Test {
 protected:
  Event Member(const std::string& membership, std::int64_t sent_ms) {
    Event event{.kind = EventKind::kRoomMember,
                .room_id = "!room:hs",
                .event_id = "$" + std::to_string(++events_),
                .sender = "@bob:far",
                .state_key = "@bob:far",
                .origin_server_ts_ms = sent_ms,
                .content = {{"membership", membership}}};
    return event;
  }
  void Push(const Event& event) { members_.HandleEvent(now_, event, false, evidence_); }
  // The answer to a question asked at `asked_at`. Says whether a further look is wanted.
  bool Answer(const Event& event, Instant asked_at) {
    return members_.HandleState(now_, asked_at, {&event}, evidence_);
  }
  [[nodiscard]] bool Saw(EvidenceKind kind) const {
    return std::any_of(evidence_.begin(), evidence_.end(),
                       [kind](const Evidence& item) { return item.kind == kind; });
  }
  [[nodiscard]] bool IsJoined() const {
    const UserRecord* record = members_.Find("@bob:far");
    return record != nullptr && record->membership == Membership::kJoin;
  }

  Instant now_{Seconds(1000)};
  RoomMembers members_{"!room:hs", "hs"};
  std::vector<Evidence> evidence_;
  int events_ = 0;
};

TEST_F(RoomMembersTest, AsksAboutALeaveOfABacklogThatAnAnswerHasOvertaken) {
  const Event first_join = Member("join", 1000);
  const Event leave = Member("leave", 2000);
  const Event rejoin = Member("join", 3000);
  members_.Pin("@bob:far");
  const Instant asked_at = now_;
  Push(first_join);  // the backlog begins while the question is under way
  EXPECT_TRUE(Answer(rejoin, asked_at));
  Push(leave);
  Push(rejoin);
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(Saw(EvidenceKind::kUserLeft));
}

TEST_F(RoomMembersTest, AsksAboutEveryStepOfABacklogThatAnAnswerHasOvertaken) {
  const Event join = Member("join", 1000);
  Event renamed = Member("join", 2000);
  renamed.replaces_state = join.event_id;
  Event leave = Member("leave", 3000);
  leave.replaces_state = renamed.event_id;
  Event rejoin = Member("join", 4000);
  rejoin.replaces_state = leave.event_id;
  Event last = Member("join", 5000);
  last.replaces_state = rejoin.event_id;
  members_.Pin("@bob:far");
  const Instant asked_at = now_;
  Push(join);
  EXPECT_TRUE(Answer(last, asked_at));
  for (const Event& event : {renamed, leave, rejoin, last}) Push(event);
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(Saw(EvidenceKind::kUserLeft));
}

TEST_F(RoomMembersTest, AsksAboutALeaveBehindAnInviteThatAnAnswerHasOvertaken) {
  const Event invite = Member("invite", 1000);
  const Event join = Member("join", 2000);
  const Event leave = Member("leave", 3000);
  const Event rejoin = Member("join", 4000);
  const Instant asked_at = now_;
  Push(invite);
  EXPECT_TRUE(Answer(rejoin, asked_at));
  Push(join);
  members_.Pin("@bob:far");
  Push(leave);
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(Saw(EvidenceKind::kUserLeft));
}

TEST_F(RoomMembersTest, AsksAboutALeaveThatIsOlderThanTheToken) {
  const Event join = Member("join", 1000);
  Event leave = Member("leave", 2000);
  Event late_leave = Member("leave", 3000);
  leave.replaces_state = late_leave.replaces_state = join.event_id;
  members_.Pin("@bob:far");
  static_cast<void>(Answer(join, now_));
  members_.NoteToken("@bob:far", 2001);
  Push(join);
  Push(leave);
  EXPECT_TRUE(IsJoined());
  EXPECT_TRUE(Saw(EvidenceKind::kUserDoubtful));
  Push(late_leave);
  EXPECT_FALSE(IsJoined());
  EXPECT_TRUE(Saw(EvidenceKind::kUserLeft));
}

// A reset made an invited user joined again, and the homeserver said so when they wanted a token.
TEST_F(RoomMembersTest, AsksAboutABanThatIsOlderThanTheTokenOfWhoWasToldToBeJoined) {
  const Event invite = Member("invite", 1000);
  Event ban = Member("ban", 2000);
  ban.replaces_state = invite.event_id;
  members_.Pin("@bob:far");
  static_cast<void>(Answer(invite, now_));
  Push(invite);
  members_.NoteToken("@bob:far", 2001);
  Push(ban);
  EXPECT_FALSE(Saw(EvidenceKind::kUserBanned));
  EXPECT_TRUE(Saw(EvidenceKind::kUserDoubtful));
}

TEST_F(RoomMembersTest, AsksAboutALeaveBehindAJoinThatComesBeforeTheFirstAnswer) {
  const Event join = Member("join", 1000);
  Event leave = Member("leave", 2000);
  leave.replaces_state = join.event_id;
  Event rejoin = Member("join", 3000);
  rejoin.replaces_state = leave.event_id;
  members_.Pin("@bob:far");  // by a token from before a restart
  const Instant asked_at = now_;
  Push(join);
  Push(leave);
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(Saw(EvidenceKind::kUserLeft));
  static_cast<void>(Answer(rejoin, asked_at));
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(Saw(EvidenceKind::kUserLeft));
}

TEST_F(RoomMembersTest, AsksAboutALeaveThatOnlyAClockPutsBehindAnAnswer) {
  const Event leave = Member("leave", 2000);
  const Event rejoin = Member("join", 1000);  // the clock of the server that joins is behind
  members_.Pin("@bob:far");
  EXPECT_FALSE(Answer(rejoin, now_));
  now_ += Seconds(5);
  Push(leave);
  EXPECT_TRUE(IsJoined());
  EXPECT_TRUE(Saw(EvidenceKind::kUserDoubtful));
  EXPECT_TRUE(Answer(rejoin, now_));  // may be from before the push
  EXPECT_TRUE(members_.has_doubts());
  now_ += kReplicationLagMax;
  EXPECT_FALSE(Answer(rejoin, now_));
  EXPECT_FALSE(members_.has_doubts());
  EXPECT_FALSE(Saw(EvidenceKind::kUserLeft));
}

TEST_F(RoomMembersTest, AsksAboutEveryLeaveOfABacklogBehindAnAnswer) {
  const Event stale_join = Member("join", 2000);
  const Event leave = Member("leave", 3000);
  const Event rejoin = Member("join", 1000);
  members_.Pin("@bob:far");
  EXPECT_FALSE(Answer(rejoin, now_));
  now_ += Seconds(5);
  Push(stale_join);
  Push(leave);
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(Saw(EvidenceKind::kUserLeft));
}

TEST_F(RoomMembersTest, BelievesTheAnswerToTheQuestionAboutALeave) {
  const Event join = Member("join", 1000);
  const Event kick = Member("leave", 2000);
  members_.Pin("@bob:far");
  EXPECT_FALSE(Answer(join, now_));
  now_ += Seconds(5);
  Push(kick);
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(Answer(kick, now_));
  EXPECT_FALSE(IsJoined());
  EXPECT_TRUE(Saw(EvidenceKind::kUserLeft));
  EXPECT_FALSE(members_.has_doubts());
}

TEST_F(RoomMembersTest, BelievesALeaveAtOnceWhereThePushesHaveCaughtUp) {
  const Event join = Member("join", 1000);
  members_.Pin("@bob:far");
  EXPECT_FALSE(Answer(join, now_));
  now_ += Seconds(5);
  Push(join);
  Push(Member("leave", 2000));
  EXPECT_FALSE(IsJoined());
  EXPECT_TRUE(Saw(EvidenceKind::kUserLeft));
}

TEST_F(RoomMembersTest, ForgetsALeaveBehindAnAnswerThatNobodyCanBeAskedAbout) {
  const Event join = Member("join", 1000);
  Event ban = Member("ban", 2000);
  ban.replaces_state = join.event_id;
  Event rejoin = Member("join", 4000);
  rejoin.replaces_state = "$unban";
  members_.Pin("@bob:far");
  EXPECT_FALSE(Answer(rejoin, now_));
  Push(ban);  // the backlog; nobody of ours may see the room meanwhile
  EXPECT_TRUE(Saw(EvidenceKind::kUserDoubtful));
  members_.AcceptDoubts(now_, evidence_);
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(members_.has_doubts());
  Event leave = Member("leave", 5000);
  leave.replaces_state = rejoin.event_id;
  Push(leave);
  EXPECT_FALSE(IsJoined());
}

TEST_F(RoomMembersTest, BelievesALeaveThatNobodyCanBeAskedAboutWherePushesAreAllThereIs) {
  Push(Member("join", 1000));
  Event leave = Member("leave", 2000);
  leave.replaces_state = "$unseen";
  Push(leave);
  EXPECT_TRUE(IsJoined());
  members_.AcceptDoubts(now_, evidence_);
  EXPECT_FALSE(IsJoined());
}

TEST_F(RoomMembersTest, BelievesAtOnceALeaveThatNamesWhatAnAnswerShowed) {
  const Event join = Member("join", 1000);
  Event kick = Member("leave", 500);
  kick.replaces_state = join.event_id;
  members_.Pin("@bob:far");
  EXPECT_FALSE(Answer(join, now_));
  Push(kick);
  EXPECT_FALSE(IsJoined());
  EXPECT_FALSE(Saw(EvidenceKind::kUserDoubtful));
}

// The simulator's seed 2572.
TEST_F(RoomMembersTest, RemembersThatALeaveIsOfThePast) {
  const Event first_join = Member("join", 1000);
  Event ban = Member("ban", 2000);
  ban.replaces_state = first_join.event_id;
  Event rejoin = Member("join", 3000);
  rejoin.replaces_state = "$unban";
  members_.Pin("@bob:far");
  Push(ban);
  now_ += Seconds(2);
  EXPECT_FALSE(Answer(rejoin, now_));
  now_ += Seconds(2);
  EXPECT_FALSE(Answer(first_join, now_));  // a reset
  Push(ban);                               // once more, under another transaction's name
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(Saw(EvidenceKind::kUserBanned));
}

TEST_F(RoomMembersTest, BelievesALeaveThatALaggingAnswerLacks) {
  const Event join = Member("join", 1000);
  Event ban = Member("ban", 2000);
  ban.replaces_state = join.event_id;
  members_.Pin("@bob:far");
  Push(ban);  // nothing is known yet: a doubt
  EXPECT_FALSE(Saw(EvidenceKind::kUserBanned));
  EXPECT_FALSE(Answer(join, now_ + Millis(20)));  // a worker that is behind the push
  EXPECT_FALSE(IsJoined());
  EXPECT_TRUE(Saw(EvidenceKind::kUserBanned));
}

// The simulator's seed 5164.
TEST_F(RoomMembersTest, AsksAboutTwoStepsOfABacklogThatComeTogether) {
  const Event join = Member("join", 1000);
  Event leave = Member("leave", 2000);
  leave.replaces_state = join.event_id;
  Event invite = Member("invite", 3000);
  invite.replaces_state = leave.event_id;
  Event rejoin = Member("join", 4000);
  rejoin.replaces_state = invite.event_id;
  members_.Pin("@bob:far");
  Push(join);
  EXPECT_TRUE(Answer(rejoin, now_));
  Push(invite);
  Push(leave);
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(Saw(EvidenceKind::kUserLeft));
}

// The simulator's seed 13117.
TEST_F(RoomMembersTest, KeepsTheMeasureOfABacklogThroughOneStateWithoutIt) {
  const Event leave = Member("leave", 1000);
  Event join = Member("join", 2000);
  join.replaces_state = leave.event_id;
  Event second_leave = Member("leave", 3000);
  second_leave.replaces_state = join.event_id;
  Event rejoin = Member("join", 4000);
  rejoin.replaces_state = second_leave.event_id;
  Push(leave);
  EXPECT_TRUE(Answer(rejoin, now_));
  now_ += Seconds(2);
  EXPECT_FALSE(members_.HandleState(now_, now_, {}, evidence_));  // a lie
  Push(join);
  members_.Pin("@bob:far");
  evidence_.clear();
  Push(second_leave);
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(Saw(EvidenceKind::kUserLeft));
}

// The simulator's seed 10249: a state without somebody who has a token, and a backlog behind it.
TEST_F(RoomMembersTest, AsksAboutALeaveBehindAJoinThatACompleteStateLacked) {
  members_.Pin("@bob:far");
  EXPECT_TRUE(members_.HandleState(now_, now_, {}, evidence_));
  Push(Member("join", 1000));
  Push(Member("leave", 2000));
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(Saw(EvidenceKind::kUserLeft));
}

// The simulator's seed 11606.
TEST_F(RoomMembersTest, AsksAboutALeaveOfABacklogThatAResetMayHaveUndone) {
  const Event join = Member("join", 1000);
  Event renamed = Member("join", 2000);
  renamed.replaces_state = join.event_id;
  Event leave = Member("leave", 3000);
  leave.replaces_state = renamed.event_id;
  members_.Pin("@bob:far");
  EXPECT_FALSE(Answer(join, now_));
  now_ += Seconds(5);
  Push(renamed);
  EXPECT_TRUE(Answer(join, now_));
  Push(leave);
  EXPECT_TRUE(IsJoined());
  EXPECT_FALSE(Saw(EvidenceKind::kUserLeft));
  now_ += Seconds(2);
  EXPECT_FALSE(Answer(leave, now_));  // the answer was behind the pushes
  EXPECT_TRUE(Saw(EvidenceKind::kUserLeft));
}

// --- More users than can be remembered ---------------------------------------------------------

class LargeRoomTest : public RoomMembersTest {
 protected:
  static constexpr int kMax = static_cast<int>(limits::kRoomUsersMax);

  Event MemberOf(const std::string& user, const std::string& membership) {
    Event event = Member(membership, 1000);
    event.sender = user;
    event.state_key = user;
    return event;
  }
  static std::string User(int i) { return "@u" + std::to_string(i) + ":far"; }
  // Users of these numbers have that membership.
  void Add(int from, int to, const std::string& membership) {
    for (int i = from; i < to; ++i) state_.push_back(MemberOf(User(i), membership));
  }
  void AnswerState() {
    now_ += Seconds(60);
    std::vector<const Event*> members;
    for (const Event& event : state_) members.push_back(&event);
    static_cast<void>(members_.HandleState(now_, now_, members, evidence_));
    EXPECT_TRUE(members_.IsConsistent());
  }
  [[nodiscard]] bool IsJoined(const std::string& user) const {
    const UserRecord* record = members_.Find(user);
    return record != nullptr && record->membership == Membership::kJoin;
  }

  std::vector<Event> state_;
};

TEST_F(LargeRoomTest, RemembersTheJoinedBeforeTheOthers) {
  Add(0, kMax, "leave");
  AnswerState();
  EXPECT_EQ(members_.size(), limits::kRoomUsersMax);
  Add(kMax, kMax + 100, "join");
  AnswerState();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(IsJoined(User(kMax + i))) << i;
  EXPECT_EQ(members_.size(), limits::kRoomUsersMax);
}

TEST_F(LargeRoomTest, RemembersWhoeverWantsATokenOrHasOne) {
  Add(0, kMax + 2, "join");
  AnswerState();
  EXPECT_FALSE(IsJoined(User(kMax)));
  members_.Reserve(User(kMax));
  members_.Pin(User(kMax + 1));
  AnswerState();
  EXPECT_TRUE(IsJoined(User(kMax)));
  EXPECT_TRUE(IsJoined(User(kMax + 1)));
  EXPECT_EQ(members_.size(), limits::kRoomUsersMax + 1);
  members_.Unpin(User(kMax + 1));
  EXPECT_EQ(members_.size(), limits::kRoomUsersMax);
}

TEST_F(LargeRoomTest, KeepsWhoHasATokenWhereverSomebodyHasToGo) {
  Add(0, kMax, "leave");
  AnswerState();
  members_.Pin(User(7));
  for (int i = 0; i < 3 * kMax; ++i) members_.Reserve("@w" + std::to_string(i) + ":far");
  EXPECT_EQ(members_.size(), limits::kRoomUsersMax);
  ASSERT_NE(members_.Find(User(7)), nullptr);
  EXPECT_EQ(members_.Find(User(7))->membership, Membership::kLeave);
}

// It may be from before the ban that was forgotten.
TEST_F(LargeRoomTest, BelievesNoJoinOfAStranger) {
  Add(0, kMax, "leave");
  AnswerState();
  state_[0] = MemberOf(User(kMax), "ban");  // no place, until it is seen that another one is gone
  AnswerState();
  EXPECT_EQ(members_.Find(User(kMax)), nullptr);
  EXPECT_LT(members_.size(), limits::kRoomUsersMax);
  Push(MemberOf(User(kMax), "join"));
  EXPECT_FALSE(IsJoined(User(kMax)));
}

TEST_F(LargeRoomTest, ConcludesNothingFromTheLastLocalUserWhomItRemembers) {
  Add(0, kMax - 1, "join");
  state_.push_back(MemberOf("@a:hs", "join"));
  state_.push_back(MemberOf("@b:hs", "join"));
  AnswerState();
  ASSERT_EQ(members_.local_joined(), 1U);
  Event leave = MemberOf("@a:hs", "leave");
  leave.origin_server_ts_ms = 2000;
  Push(state_[static_cast<std::size_t>(kMax) - 1]);
  Push(leave);
  EXPECT_EQ(members_.local_joined(), 0U);
  EXPECT_FALSE(Saw(EvidenceKind::kHomeserverGone));
}

TEST_F(LargeRoomTest, ForgetsNobodyOnceTheRoomIsSmall) {
  Add(0, kMax + 1, "join");
  AnswerState();
  state_.erase(state_.begin() + 10, state_.end());
  for (int look = 0; look < 3; ++look) AnswerState();  // the first ones only missed the others
  Push(MemberOf("@new:far", "join"));
  EXPECT_TRUE(IsJoined("@new:far"));
}

}  // namespace
}  // namespace fovea::matrix
