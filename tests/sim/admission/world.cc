#include "tests/sim/admission/world.h"

#include <algorithm>

#include "tests/sim/admission/world_parts.h"

namespace fovea::test::admission {
namespace {

constexpr std::size_t kOpsKept = 400;

}  // namespace

const std::vector<std::string>& Users() {
  static const std::vector<std::string> kUsers{"@ann:hs",  "@bob:hs",   "@cal:hs",
                                               "@dan:far", "@eve:evil", "@fay:far"};
  return kUsers;
}

const std::vector<std::string>& Rooms() {
  static const std::vector<std::string> kRooms{"!one:hs", "!two:hs"};
  return kRooms;
}

World::World(const AdmissionRun& run)
    : run_(run),
      rng_(run.seed * 0x9e3779b97f4a7c15ULL + 1),
      hs_(run.seed + 77, rng_.Below(4) != 0),
      focus_skew_ms_(Skew()) {
  for (const char* server : {"hs", "far", "evil"}) {
    server_skew_ms_[server] = Skew();
  }
  server_skew_ms_["hs"] = 0;
  for (const std::string& room_id : Rooms()) {
    Send(room_id, "m.room.create", "", "@admin:hs", Json::object());
    Send(room_id, "m.room.member", "@admin:hs", "@admin:hs", {{"membership", "join"}});
    for (const std::string& user : Users()) {
      if (rng_.Below(3) != 0) {
        Send(room_id, "m.room.member", user, user, {{"membership", "join"}});
      }
    }
  }
  StartFocus();
}

AdmissionResult World::Run() {
  const Instant end = now_ + run_.duration;
  while (now_ < end && Holds()) {
    Step(Millis(20 + rng_.Below(300)), false);
    RandomOp();
  }
  if (Holds()) Converge();
  if (Holds()) DrainEverything();
  result_.failure = failure_;
  for (const std::string& op : ops_) result_.ops += op + "\n";
  return result_;
}

void World::Op(std::string text) {
  ops_.push_back(At() + std::move(text));
  if (ops_.size() > kOpsKept) ops_.pop_front();
}

void World::Step(Duration duration, bool calm) {
  const Instant end = now_ + duration;
  while (Holds()) {
    Instant next = end;
    if (is_focus_up_) next = std::min(next, focus_->NextDeadline());
    for (const Question& question : questions_) next = std::min(next, question.answer_at);
    for (const UserQuestion& question : user_questions_) next = std::min(next, question.answer_at);
    now_ = std::max(now_, next);
    if (is_focus_up_) {
      focus_->HandleTimeout(now_);
      Drain();
      AnswerAboutUsers();
      AnswerSome();
      RetryMints({});
    }
    if (now_ >= end) break;
  }
  if (!is_focus_up_ && focus_up_at_ <= now_) {
    Op("focus starts");
    StartFocus();
  }
  PushSome(calm);
}

void World::Converge() {
  Op("the faults end");
  is_calm_ = true;
  std::erase_if(questions_, [this](const Question& question) {
    return question.answer_at > now_ + Seconds(1);  // one that was to come too late
  });
  hs_down_until_ = now_;
  if (!is_focus_up_) StartFocus();
  const Instant end = now_ + Seconds(60);
  while (now_ < end && Holds()) Step(Millis(500), true);
  for (const auto& [identity, connection] : connections_) {
    const MintedIdentity& who = connection.token.minted;
    if (CanSee(who.room_id) && !hs_.Entitles(who.room_id, who.user_id, Binds(who.route))) {
      FailToEvict("S3: " + identity + " is still connected");
    }
  }
  for (const std::string& room_id : Rooms()) {
    for (const std::string& user : Users()) {
      for (std::uint32_t device = 0; device < 3 && Holds(); ++device) {
        CheckAdmission(Identity(room_id, user, device));
      }
    }
  }
}

void World::CheckAdmission(const MintedIdentity& who) {
  RequestToken(who, false);
  const Instant end = now_ + Seconds(5);
  while (!waiting_.empty() && now_ < end && Holds()) Step(Millis(100), true);
  // Where the focus cannot see the room, it goes by the option and by what was pushed.
  if (!hs_.IsIn(who.room_id) || !CanSee(who.room_id)) return;
  const bool entitled = hs_.Entitles(who.room_id, who.user_id, Binds(who.route));
  // Of a room of which it knows nobody of ours, the focus cannot ask.
  const bool unknown = last_case_ == matrix::MintCase::kUnknownAllowed;
  const bool full = last_case_ == matrix::MintCase::kTableFull;
  if (!full && !unknown && entitled != (last_verdict_ == MintVerdict::kAllow)) {
    Fail("S3: " + who.identity + (entitled ? " gets no token, case " : " gets a token, case ") +
         std::to_string(static_cast<int>(last_case_)));
  }
  if (!entitled || full || unknown || !Holds()) return;
  Connect(Token(tokens_.back()));
  if (!connections_.contains(who.identity)) Fail("S3: " + who.identity + " cannot connect");
}

void World::DrainEverything() {
  Op("everybody leaves");
  while (!connections_.empty()) {
    Disconnect(connections_.begin(), focus::DepartureReason::kClientLeft);
  }
  Drain();
  const Instant end = now_ + Seconds(3600 + Conductor::kTokenSlackSeconds + 600);
  while (now_ < end && Holds()) Step(Seconds(300), true);
  if (focus_->admissions() != 0 || focus_->watched_rooms() != 0) Fail("S3: something is left");
  if (!stored_.empty() || !stored_revocations_.empty()) Fail("S3: something is still stored");
}

}  // namespace fovea::test::admission

namespace fovea::test {

AdmissionResult RunAdmission(const AdmissionRun& run) { return admission::World(run).Run(); }

}  // namespace fovea::test
