#include "signaling/matrix/delayed_leave.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fovea::matrix {
namespace {

constexpr std::int64_t kWallOffsetUs = 1'790'000'000'000'000;

// Tells stories: At(5s), Connected(), Expect a call, Answer(200).
class DelayedLeaveTest : public testing::Test {
 protected:
  static LeaveJob JobOf(const std::string& who, Duration delay = Seconds(3600)) {
    LeaveJob job;
    job.key = {"room", who};
    job.user_id = "@" + who + ":example.com";
    job.server_name = "example.com";
    job.delay_id = "delay-" + who;
    job.delay_timeout = delay;
    return job;
  }
  void At(Duration since_start) {
    now_ = Instant{} + since_start;
    leaves_->HandleTimeout(now_);
    ASSERT_TRUE(leaves_->IsConsistent());
  }
  AddJobResult Add(LeaveJob job) { return leaves_->AddJob(now_, std::move(job)); }
  AddJobResult Add(const std::string& who = "alice", Duration delay = Seconds(3600)) {
    return Add(JobOf(who, delay));
  }
  void Connected(const std::string& who = "alice") {
    leaves_->HandleConnected(now_, {"room", who});
    EXPECT_TRUE(leaves_->IsConsistent());
  }
  void Left(LeftReason reason = LeftReason::kGone, const std::string& who = "alice") {
    leaves_->HandleLeft(now_, {"room", who}, reason);
    EXPECT_TRUE(leaves_->IsConsistent());
  }
  void Aborted(const std::string& who = "alice") {
    leaves_->HandleAborted(now_, {"room", who});
    EXPECT_TRUE(leaves_->IsConsistent());
  }
  // "restart delay-alice", or "" where there is no call to make. The call is remembered.
  std::string Call() {
    const auto call = leaves_->PollCall(now_);
    if (!call.has_value()) return "";
    last_call_ = call->id;
    return (call->verb == DelayedCallVerb::kRestart ? "restart " : "send ") + call->delay_id;
  }
  void Answer(int status, std::optional<Duration> retry_after = std::nullopt) {
    leaves_->HandleResponse(now_, last_call_, {status, retry_after});
    EXPECT_TRUE(leaves_->IsConsistent());
  }
  // "put alice", "remove alice", in order.
  std::vector<std::string> Stored() {
    std::vector<std::string> out;
    while (const auto operation = leaves_->PollStoreOperation()) {
      if (const auto* put = std::get_if<PutJob>(&*operation)) {
        out.push_back("put " + put->job.key.identity);
        last_put_ = put->job;
      } else {
        out.push_back("remove " + std::get<RemoveJob>(*operation).key.identity);
      }
    }
    return out;
  }
  [[nodiscard]] std::optional<LeaveState> State(const std::string& who = "alice") const {
    return leaves_->StateOf({"room", who});
  }
  [[nodiscard]] Duration Next() const { return leaves_->NextDeadline().at - Instant{}; }
  // Connected, with the restart of the beginning confirmed.
  void BeInTheCall(Duration delay = Seconds(3600)) {
    Add("alice", delay);
    Connected();
    ASSERT_EQ(Call(), "restart delay-alice");
    Answer(200);
  }
  [[nodiscard]] std::uint64_t Ended(LeaveEnd end) const { return leaves_->ended_total(end); }

  Instant now_;
  DelayedLeaveOptions options_;
  std::int64_t wall_offset_us_ = kWallOffsetUs;
  std::optional<DelayedLeaves> leaves_{std::in_place, options_, [this] { return wall_offset_us_; },
                                       Rng(7)};
  DelayedCallId last_call_;
  LeaveJob last_put_;
};

using Words = std::vector<std::string>;

TEST_F(DelayedLeaveTest, CallsNobodyBeforeTheParticipantConnects) {
  EXPECT_EQ(Add(), AddJobResult::kAdded);
  EXPECT_EQ(State(), LeaveState::kWaitingForInitialConnect);
  EXPECT_EQ(Call(), "");
  At(Seconds(3599));
  EXPECT_EQ(Call(), "");
}

TEST_F(DelayedLeaveTest, RestartsAtOnceWhenTheParticipantConnects) {
  Add();
  Connected();
  EXPECT_EQ(State(), LeaveState::kConnected);
  EXPECT_EQ(Call(), "restart delay-alice");
  EXPECT_EQ(Call(), "");
}

TEST_F(DelayedLeaveTest, RestartsAtFourFifthsOfTheDelay) {
  BeInTheCall(Millis(1500));
  for (int i = 0; i < 10; ++i) {
    const Duration before = now_ - Instant{};
    EXPECT_GE(Next() - before, Millis(1155));
    EXPECT_LE(Next() - before, Millis(1200));
    At(Next());
    EXPECT_EQ(Call(), "restart delay-alice");
    Answer(200);
  }
}

TEST_F(DelayedLeaveTest, JittersTheRestartsOfACall) {
  for (const char* who : {"a", "b", "c"}) {
    Add(who);
    Connected(who);
    Call();
    Answer(200);
  }
  At(Next());
  EXPECT_NE(Call(), "");
  EXPECT_EQ(Call(), "") << "two restarts fell on the same instant";
}

TEST_F(DelayedLeaveTest, CountsTheDelayFromTheRequestNotFromItsResponse) {
  Add("alice", Seconds(100));
  Connected();
  EXPECT_EQ(Call(), "restart delay-alice");
  At(Seconds(4));
  Answer(200);
  EXPECT_LE(Next(), Seconds(80));
  Stored();
  EXPECT_EQ(last_put_.restarted_unix_ms, kWallOffsetUs / 1000);
}

TEST_F(DelayedLeaveTest, StoresDatesByTheWallClockAsItIsNow) {
  BeInTheCall(Seconds(100));
  wall_offset_us_ += ToMicros(Seconds(3600));
  At(Next());
  EXPECT_EQ(Call(), "restart delay-alice");
  Answer(200);
  Stored();
  EXPECT_EQ(last_put_.restarted_unix_ms, (wall_offset_us_ + ToMicros(now_ - Instant{})) / 1000);
}

TEST_F(DelayedLeaveTest, SendsWhenNobodyEverConnected) {
  Add("alice", Millis(1000));
  At(Millis(999));
  EXPECT_EQ(Call(), "");
  At(Millis(1000));
  EXPECT_EQ(State(), LeaveState::kDisconnected);
  EXPECT_EQ(Call(), "send delay-alice");
  Answer(200);
  EXPECT_EQ(State(), std::nullopt);
  EXPECT_EQ(Ended(LeaveEnd::kSent), 1u);
}

TEST_F(DelayedLeaveTest, WaitsNoLongerThanAnHourForTheFirstConnection) {
  Add("alice", Seconds(20 * 3600));
  EXPECT_EQ(Next(), Seconds(3600));
}

TEST_F(DelayedLeaveTest, SendsNothingWhenTheFirstConnectionFails) {
  Add();
  Stored();
  Aborted();
  EXPECT_EQ(State(), std::nullopt);
  EXPECT_EQ(Call(), "");
  EXPECT_EQ(Stored(), Words{"remove alice"});
  EXPECT_EQ(Ended(LeaveEnd::kAborted), 1u);
}

TEST_F(DelayedLeaveTest, SendsWhenTheParticipantLeaves) {
  BeInTheCall();
  Stored();
  At(Seconds(10));
  Left();
  EXPECT_EQ(State(), LeaveState::kDisconnected);
  EXPECT_EQ(Call(), "send delay-alice");
  EXPECT_EQ(Stored(), Words{});
  Answer(204);
  EXPECT_EQ(Stored(), Words{"remove alice"});
  EXPECT_EQ(leaves_->size(), 0u);
}

TEST_F(DelayedLeaveTest, SendsWhenALaterConnectionOfAConnectedParticipantFails) {
  BeInTheCall();
  Aborted();
  EXPECT_EQ(Call(), "send delay-alice");
}

TEST_F(DelayedLeaveTest, SendsEvenIfTheConnectionWasNeverReported) {
  Add();
  Left();
  EXPECT_EQ(Call(), "send delay-alice");
}

TEST_F(DelayedLeaveTest, KeepsTheEventWhileTheIdentityGoesOnElsewhere) {
  BeInTheCall();
  Left(LeftReason::kSuperseded);
  EXPECT_EQ(State(), LeaveState::kConnected);
  EXPECT_EQ(Call(), "");
}

TEST_F(DelayedLeaveTest, LeavesTheJobToOurSuccessorWhenWeStop) {
  BeInTheCall();
  Stored();
  Left(LeftReason::kFocusStopping);
  EXPECT_EQ(Call(), "");
  EXPECT_EQ(Stored(), Words{});
}

TEST_F(DelayedLeaveTest, RemembersWhoWasConnected) {
  Add();
  EXPECT_EQ(Stored(), Words{"put alice"});
  EXPECT_FALSE(last_put_.was_connected);
  Connected();
  EXPECT_EQ(Stored(), Words{"put alice"});
  EXPECT_TRUE(last_put_.was_connected);
}

TEST_F(DelayedLeaveTest, IgnoresARepeatedConnection) {
  BeInTheCall();
  Connected();
  EXPECT_EQ(Call(), "");
}

TEST_F(DelayedLeaveTest, IgnoresStrangers) {
  Connected("nobody");
  Left(LeftReason::kGone, "nobody");
  Aborted("nobody");
  EXPECT_EQ(Call(), "");
  EXPECT_EQ(Stored(), Words{});
}

// --- Resume window -----------------------------------------------------------------------------

class ResumeWindowTest : public DelayedLeaveTest {
 protected:
  ResumeWindowTest() {
    options_.resume_window = Seconds(15);
    leaves_.emplace(
        options_, [this] { return wall_offset_us_; }, Rng(7));
  }
};

TEST_F(ResumeWindowTest, DoesNotSendForAClientThatResumes) {
  BeInTheCall();
  At(Seconds(1));
  Left(LeftReason::kConnectionLost);
  EXPECT_EQ(Call(), "");
  At(Seconds(15));
  EXPECT_EQ(Call(), "");
  Connected();
  At(Seconds(17));
  EXPECT_EQ(Call(), "restart delay-alice");
  EXPECT_EQ(State(), LeaveState::kConnected);
}

TEST_F(ResumeWindowTest, SendsWhenTheWindowHasPassed) {
  BeInTheCall();
  At(Seconds(1));
  Left(LeftReason::kConnectionLost);
  Left(LeftReason::kConnectionLost);
  At(Seconds(16));
  EXPECT_EQ(Call(), "send delay-alice");
}

TEST_F(ResumeWindowTest, SendsAtOnceWhenTheLossBecomesALeave) {
  BeInTheCall();
  Left(LeftReason::kConnectionLost);
  Left(LeftReason::kGone);
  EXPECT_EQ(Call(), "send delay-alice");
  EXPECT_EQ(Call(), "");
}

TEST_F(ResumeWindowTest, DoesNotLetARestartThatWaitedBecomeAnEarlySend) {
  Add();
  Connected();
  Left(LeftReason::kConnectionLost);
  EXPECT_EQ(Call(), "");
  At(Seconds(15));
  EXPECT_EQ(Call(), "send delay-alice");
}

// --- What the homeserver answers ----------------------------------------------------------------

TEST_F(DelayedLeaveTest, GivesUpAnEventThatTheHomeserverNoLongerKnows) {
  for (const int status : {404, 409}) {
    Add();
    Connected();
    EXPECT_EQ(Call(), "restart delay-alice");
    Stored();
    Answer(status);
    EXPECT_EQ(State(), std::nullopt);
    EXPECT_EQ(Stored(), Words{"remove alice"});
    EXPECT_EQ(Call(), "");
  }
  EXPECT_EQ(Ended(LeaveEnd::kAborted), 2u);
}

TEST_F(DelayedLeaveTest, TakesAnEventThatIsGoneForSent) {
  BeInTheCall();
  Left();
  EXPECT_EQ(Call(), "send delay-alice");
  Answer(404);
  At(Seconds(4000));
  EXPECT_EQ(Call(), "");
  EXPECT_EQ(Ended(LeaveEnd::kSent), 1u);
}

TEST_F(DelayedLeaveTest, WaitsAsLongAsTheHomeserverAsks) {
  BeInTheCall();
  Left();
  Call();
  Answer(429, Seconds(7));
  EXPECT_EQ(Next(), Seconds(7));
  At(Seconds(7));
  EXPECT_EQ(Call(), "send delay-alice");
}

TEST_F(DelayedLeaveTest, DoesNotSpinWhenAskedToWaitForNothing) {
  BeInTheCall();
  Left();
  Call();
  Answer(429, Duration::zero());
  EXPECT_EQ(Call(), "");
  EXPECT_EQ(Next(), Millis(100));
}

TEST_F(DelayedLeaveTest, TriesAgainEverMoreSlowlyUpToAMinute) {
  BeInTheCall();
  Left();
  double expected_ms = 1000;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(Call(), "send delay-alice");
    Answer(i % 2 == 0 ? 500 : 0);
    const auto waited = static_cast<double>(ToMillis(Instant{} + Next() - now_));
    EXPECT_LE(waited, expected_ms + 1);
    EXPECT_GE(waited, expected_ms * 0.89);
    expected_ms = std::min(expected_ms * 1.5, 60'000.0);
    At(Next());
  }
}

TEST_F(DelayedLeaveTest, StopsTryingToSendWhenTheHomeserverHasDoneItItself) {
  BeInTheCall(Seconds(20));
  At(Seconds(5));
  Left();
  while (Call() != "") {
    Answer(503);
    At(Next());
  }
  EXPECT_EQ(now_, Instant{} + Seconds(20));
  EXPECT_EQ(State(), std::nullopt);
  EXPECT_EQ(Ended(LeaveEnd::kGivenUp), 1u);
}

TEST_F(DelayedLeaveTest, TriesToSendForASecondAtLeastAndAnHourAtMost) {
  Add("alice", Seconds(10));
  At(Seconds(10));
  EXPECT_EQ(Call(), "send delay-alice");
  Answer(500);
  EXPECT_EQ(State(), LeaveState::kDisconnected);
  At(Seconds(11));
  EXPECT_EQ(State(), std::nullopt);

  Add("bob", Seconds(24 * 3600));
  Left(LeftReason::kGone, "bob");
  while (Call() != "") {
    Answer(500);
    At(Next());
  }
  EXPECT_EQ(now_, Instant{} + Seconds(11 + 3600));
}

TEST_F(DelayedLeaveTest, StopsRestartingWhenTheEventMustHaveFired) {
  BeInTheCall(Seconds(100));
  At(Next());
  while (Call() != "") {
    Answer(500);
    At(Next());
  }
  EXPECT_EQ(now_, Instant{} + Seconds(100));
  EXPECT_EQ(State(), std::nullopt);
  EXPECT_EQ(Ended(LeaveEnd::kAborted), 1u);
}

TEST_F(DelayedLeaveTest, KeepsOnAfterARestartThatFailedForAWhile) {
  BeInTheCall(Seconds(100));
  At(Next());
  ASSERT_EQ(Call(), "restart delay-alice");
  Answer(0);
  At(Next());
  ASSERT_EQ(Call(), "restart delay-alice");
  Answer(200);
  EXPECT_GT(Next(), Seconds(150));
}

TEST_F(DelayedLeaveTest, IgnoresResponsesItDidNotAskFor) {
  BeInTheCall();
  leaves_->HandleResponse(now_, DelayedCallId(77), {404, std::nullopt});
  leaves_->HandleResponse(now_, last_call_, {404, std::nullopt});
  EXPECT_EQ(State(), LeaveState::kConnected);
}

// --- Races
// ----------------------------------------------------------------------------------------

TEST_F(DelayedLeaveTest, SendsAlthoughARestartIsUnderWay) {
  Add();
  Connected();
  EXPECT_EQ(Call(), "restart delay-alice");
  const DelayedCallId restart = last_call_;
  Left();
  EXPECT_EQ(Call(), "send delay-alice");
  leaves_->HandleResponse(now_, restart, {404, std::nullopt});
  EXPECT_EQ(State(), LeaveState::kDisconnected);
  Answer(200);
  EXPECT_EQ(Ended(LeaveEnd::kSent), 1u);
}

TEST_F(DelayedLeaveTest, EndsWhenTheParticipantReturnsTooLateToStopTheSend) {
  BeInTheCall();
  Left();
  EXPECT_EQ(Call(), "send delay-alice");
  Connected();
  EXPECT_EQ(Call(), "") << "the response is waited for";
  Answer(200);
  EXPECT_EQ(State(), std::nullopt);
}

TEST_F(DelayedLeaveTest, KeepsTheEventWhenTheParticipantReturnsAndTheSendFailed) {
  BeInTheCall();
  Left();
  EXPECT_EQ(Call(), "send delay-alice");
  Connected();
  Answer(503);
  EXPECT_EQ(Call(), "restart delay-alice");
  EXPECT_EQ(State(), LeaveState::kConnected);
}

TEST_F(DelayedLeaveTest, KeepsTheEventWhenTheParticipantReturnsBetweenTwoTries) {
  BeInTheCall();
  Left();
  Call();
  Answer(503);
  Connected();
  EXPECT_EQ(Call(), "restart delay-alice");
}

TEST_F(DelayedLeaveTest, SendsOnceForAParticipantWhoReturnsAndLeavesDuringTheSend) {
  BeInTheCall();
  Left();
  EXPECT_EQ(Call(), "send delay-alice");
  Connected();
  Left();
  EXPECT_EQ(Call(), "");
  Answer(200);
  EXPECT_EQ(Call(), "");
  EXPECT_EQ(Ended(LeaveEnd::kSent), 1u);
}

TEST_F(DelayedLeaveTest, ForgetsTheOlderJobOfAParticipant) {
  BeInTheCall();
  Stored();
  LeaveJob newer = JobOf("alice");
  newer.delay_id = "newer";
  EXPECT_EQ(Add(newer), AddJobResult::kReplaced);
  EXPECT_EQ(Stored(), Words{"put alice"});
  EXPECT_EQ(State(), LeaveState::kWaitingForInitialConnect);
  Connected();
  EXPECT_EQ(Call(), "restart newer");
  Answer(200);
  Left();
  EXPECT_EQ(Call(), "send newer");
  Answer(200);
  At(Seconds(10'000));
  EXPECT_EQ(Call(), "");
  EXPECT_EQ(Ended(LeaveEnd::kReplaced), 1u);
}

TEST_F(DelayedLeaveTest, DropsTheResponseForAJobThatWasReplaced) {
  Add();
  Connected();
  EXPECT_EQ(Call(), "restart delay-alice");
  LeaveJob newer = JobOf("alice");
  newer.delay_id = "newer";
  Add(newer);
  Answer(404);
  EXPECT_EQ(State(), LeaveState::kWaitingForInitialConnect);
}

TEST_F(DelayedLeaveTest, KeepsPeopleApart) {
  Add("alice");
  Add("bob");
  Connected("alice");
  EXPECT_EQ(Call(), "restart delay-alice");
  Answer(200);
  Left(LeftReason::kGone, "alice");
  EXPECT_EQ(Call(), "send delay-alice");
  Answer(200);
  EXPECT_EQ(State("bob"), LeaveState::kWaitingForInitialConnect);
  LeaveJob elsewhere = JobOf("bob");
  elsewhere.key.room_name = "other room";
  Add(elsewhere);
  Connected("bob");
  EXPECT_EQ(leaves_->StateOf(elsewhere.key), LeaveState::kWaitingForInitialConnect);
}

// --- Bounds -----------------------------------------------------------------------------------

TEST_F(DelayedLeaveTest, RefusesDelayIdsThatCannotBeAPathSegment) {
  for (const std::string& id : {std::string(), std::string("."), std::string(".."),
                                std::string(limits::kDelayIdBytesMax + 1, 'x')}) {
    LeaveJob job = JobOf("alice");
    job.delay_id = id;
    EXPECT_EQ(Add(job), AddJobResult::kInvalidDelayId) << id;
  }
  EXPECT_EQ(Add("alice", Duration::zero()), AddJobResult::kInvalidTimeout);
  EXPECT_EQ(Add("alice", Millis(-1)), AddJobResult::kInvalidTimeout);
}

TEST_F(DelayedLeaveTest, BringsTheDelayIntoItsRange) {
  Add("alice", Millis(1));
  EXPECT_EQ(Next(), limits::kDelayTimeoutMin);
  Add("bob", Duration::max());
  Stored();
  EXPECT_EQ(last_put_.delay_timeout, limits::kDelayTimeoutMax);
}

TEST_F(DelayedLeaveTest, HoldsOnlySoManyJobsForAUser) {
  LeaveJob job = JobOf("alice");
  for (std::size_t i = 0; i < limits::kDelayedLeavesPerUserMax; ++i) {
    job.key.identity = std::to_string(i);
    EXPECT_EQ(Add(job), AddJobResult::kAdded);
  }
  job.key.identity = "one more";
  EXPECT_EQ(Add(job), AddJobResult::kTooManyForUser);
  EXPECT_EQ(Add("bob"), AddJobResult::kAdded);
  job.key.identity = "0";
  EXPECT_EQ(Add(job), AddJobResult::kReplaced) << "a replacement needs no room";
  Aborted("0");
  job.key.identity = "one more";
  EXPECT_EQ(Add(job), AddJobResult::kAdded);
}

TEST_F(DelayedLeaveTest, HoldsOnlySoManyJobs) {
  for (std::size_t i = 0; i < limits::kDelayedLeavesMax; ++i) {
    ASSERT_EQ(Add(std::to_string(i)), AddJobResult::kAdded);
  }
  EXPECT_EQ(Add("one more"), AddJobResult::kTableFull);
  EXPECT_EQ(Add("0"), AddJobResult::kReplaced);
  EXPECT_EQ(leaves_->size(), limits::kDelayedLeavesMax);
}

TEST_F(DelayedLeaveTest, CallsASlowHomeserverOnlySoOftenAtOnce) {
  for (int i = 0; i < 20; ++i) {
    Add(std::to_string(i));
    Connected(std::to_string(i));
  }
  LeaveJob other = JobOf("zoe");
  other.server_name = "other.org";
  Add(other);
  Connected("zoe");
  Words calls;
  for (std::string call = Call(); call != ""; call = Call()) calls.push_back(call);
  EXPECT_EQ(calls.size(), limits::kDelayedCallsPerServerMax + 1);
  EXPECT_TRUE(leaves_->IsConsistent());
  Answer(200);
  EXPECT_NE(Call(), "") << "a place became free";
  EXPECT_EQ(Call(), "");
}

TEST_F(DelayedLeaveTest, CallsOnlySoManyHomeserversAtOnce) {
  for (std::size_t i = 0; i <= limits::kDelayedCallsMax; ++i) {
    const std::string who = std::to_string(i);
    LeaveJob job = JobOf(who);
    job.server_name = who + ".org";
    ASSERT_EQ(Add(job), AddJobResult::kAdded);
    leaves_->HandleConnected(now_, {"room", who});
  }
  for (std::size_t i = 0; i < limits::kDelayedCallsMax; ++i) ASSERT_NE(Call(), "");
  EXPECT_EQ(Call(), "") << "one waits";
  EXPECT_TRUE(leaves_->IsConsistent());
  Answer(200);
  EXPECT_EQ(Call(), "restart delay-" + std::to_string(limits::kDelayedCallsMax));
  EXPECT_TRUE(leaves_->IsConsistent());
}

TEST_F(DelayedLeaveTest, GivesUpWhatWaitedInAQueueUntilTheEventFired) {
  for (int i = 0; i < 9; ++i) {
    Add(std::to_string(i), Seconds(10));
    Connected(std::to_string(i));
    Call();
  }
  At(Seconds(11));
  Answer(0);
  EXPECT_EQ(Call(), "");
  EXPECT_EQ(Ended(LeaveEnd::kAborted), 1u);
}

// --- Across a restart ----------------------------------------------------------------------------

LeaveJob Restored(std::int64_t age_ms, bool was_connected) {
  LeaveJob job;
  job.key = {"room", "alice"};
  job.user_id = "@alice:example.com";
  job.server_name = "example.com";
  job.delay_id = "delay-alice";
  job.delay_timeout = Seconds(3600);
  job.restarted_unix_ms = kWallOffsetUs / 1000 - age_ms;
  job.was_connected = was_connected;
  return job;
}

TEST_F(DelayedLeaveTest, PurgesWithoutACallWhatExpiredWhileWeWereAway) {
  EXPECT_FALSE(leaves_->RestoreJob(now_, Restored(3'600'000, true)));
  EXPECT_EQ(Stored(), Words{"remove alice"});
  EXPECT_EQ(leaves_->size(), 0u);
  EXPECT_EQ(Call(), "");
}

TEST_F(DelayedLeaveTest, WaitsForTheReturnOfThoseWhoWereConnected) {
  EXPECT_TRUE(leaves_->RestoreJob(now_, Restored(1000, true)));
  EXPECT_EQ(Call(), "");
  At(Seconds(59));
  EXPECT_EQ(Call(), "");
  Connected();
  EXPECT_EQ(Call(), "restart delay-alice");
}

TEST_F(DelayedLeaveTest, SendsForThoseWhoWereConnectedAndDoNotReturn) {
  EXPECT_TRUE(leaves_->RestoreJob(now_, Restored(1000, true)));
  At(Seconds(60));
  EXPECT_EQ(Call(), "send delay-alice");
}

TEST_F(DelayedLeaveTest, WaitsForTheFirstConnectionWhereItStopped) {
  EXPECT_TRUE(leaves_->RestoreJob(now_, Restored(600'000, false)));
  EXPECT_EQ(Next(), Seconds(3000));
}

TEST_F(DelayedLeaveTest, TakesAJobFromTheFutureForNew) {
  EXPECT_TRUE(leaves_->RestoreJob(now_, Restored(-86'400'000, false)));
  EXPECT_EQ(Next(), Seconds(3600));
}

TEST_F(DelayedLeaveTest, RestoresNothingOverANewerJob) {
  Add();
  Stored();
  EXPECT_FALSE(leaves_->RestoreJob(now_, Restored(1000, true)));
  EXPECT_EQ(leaves_->size(), 1u);
}

}  // namespace
}  // namespace fovea::matrix
