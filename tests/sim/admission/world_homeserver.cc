// What the homeserver sends, loses, repeats and answers.
#include <algorithm>
#include <utility>

#include "signaling/matrix/ids.h"
#include "tests/sim/admission/world_parts.h"

namespace fovea::test::admission {

using focus::RoomStateAnswer;

void World::Send(const std::string& room_id, const std::string& type,
                 std::optional<std::string> key, const std::string& sender, Json content,
                 std::optional<std::int64_t> sticky_ms) {
  const std::int64_t skew = server_skew_ms_[std::string(matrix::ServerNameOf(sender))];
  hs_.Send(TrueMs() + skew, room_id, type, std::move(key), sender, std::move(content), sticky_ms);
  NoteTruth(room_id);
}

void World::Deliver(const SimTransaction& transaction, const std::string& id) {
  std::string body = hs_.BodyOf(transaction);
  if (run_.mutant.forgets_order) body = Forget(body);
  const auto outcome = focus_->HandleTransaction(now_, id, body);
  if (outcome == focus::TransactionOutcome::kMalformed) Fail("transaction was not understood");
  if (outcome == focus::TransactionOutcome::kTaken) {
    for (const std::size_t position : transaction.positions) Learn(position);
  }
  for (const std::size_t position : transaction.positions) delivered_at_[position] = now_;
  Drain();
  CheckOut();
}

std::string World::Forget(const std::string& body) {
  Json json = Json::parse(body);
  for (Json& event : json["events"]) {
    event.erase("unsigned");
    event["event_id"] = "$new" + std::to_string(++forgotten_);
    event["origin_server_ts"] = TrueMs();
  }
  return json.dump();
}

std::string World::Describe(const SimTransaction& transaction) const {
  std::string text = "transaction " + transaction.id;
  for (const std::size_t position : transaction.positions) {
    const LogEntry& entry = hs_.log()[position];
    text += " [" + std::to_string(position) + " " + entry.room_id + " " + entry.key + " " +
            matrix::StringIn(entry.event["content"], "membership") + "]";
  }
  return text;
}

void World::PushSome(bool calm) {
  if (!is_focus_up_ || !hs_.HasQueue()) return;
  if (!calm && (hs_down_until_ > now_ || push_after_ > now_)) return;
  if (!calm && Chance(20)) {  // lost on its way; the homeserver backs off
    push_after_ = now_ + Seconds(1 << rng_.Below(5));
    return Op("transaction lost, backing off");
  }
  if (!calm && hs_.tells_order() && Chance(15)) {
    const auto two = hs_.TakeTwo();
    for (auto it = two.rbegin(); it != two.rend(); ++it) {
      Op(Describe(*it) + " out of order");
      Deliver(*it, it->id);
      past_.push_back(*it);
    }
    return;
  }
  const SimTransaction* next = hs_.Transaction();
  if (next == nullptr) return;
  const SimTransaction transaction = *next;
  Op(Describe(transaction));
  Deliver(transaction, transaction.id);
  if (!calm && Chance(10)) return Op("its answer lost");  // comes again with the same id
  hs_.Acknowledge();
  past_.push_back(transaction);
}

void World::Ask(const focus::FetchRoomState& what) {
  ++result_.questions;
  Question question;
  question.what = what;
  question.asked_at = now_;
  question.answer_at = now_ + Millis(10 + rng_.Below(200));
  if (!is_calm_ && Chance(50)) {  // later than any patience; perhaps when it has asked again
    question.answer_at = now_ + Seconds(30) + Millis(rng_.Below(2000));
  }
  if (Chance(2)) Read(question);
  questions_.push_back(std::move(question));
}

void World::Read(Question& question) {
  const focus::FetchRoomState& what = question.what;
  question.is_read = true;
  question.position = hs_.log().size();
  if (!is_calm_ && (hs_down_until_ > now_ || Chance(10))) {
    question.status = RoomStateAnswer::Status::kFailed;
  } else if (what.as_user.empty() || hs_.MembershipOf(what.room_id, what.as_user) != "join") {
    question.status = RoomStateAnswer::Status::kRefused;
  } else {
    const std::string truth = hs_.StateOf(what.room_id).dump();
    question.status = RoomStateAnswer::Status::kAnswered;
    question.body = is_calm_ ? truth : Page(what);
    question.is_honest = question.body == truth;
  }
}

void World::AnswerSome() {
  for (std::size_t i = 0; i < questions_.size();) {
    if (questions_[i].answer_at > now_) {
      ++i;
      continue;
    }
    Question question = std::move(questions_[i]);
    questions_.erase(questions_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!question.is_read) Read(question);
    AnswerOne(question);
  }
}

void World::AnswerOne(const Question& question) {
  const std::string& room_id = question.what.room_id;
  const RoomStateAnswer answer{.room_id = room_id,
                               .as_user = question.what.as_user,
                               .id = question.what.id,
                               .status = question.status,
                               .body = question.body};
  focus_->HandleRoomState(now_, answer);
  if (now_ - question.asked_at >= Seconds(30)) {
    Op("the state of " + room_id + " comes too late");
  } else if (question.is_honest) {
    LearnState(room_id, question.asked_at, question.position);
  } else if (answer.status == RoomStateAnswer::Status::kAnswered) {
    // A lie about one user may well be the truth, and news, about the others.
    for (const std::string& user : Users()) {
      known_[{room_id, user}].is_provable = false;
      known_[{room_id, user}].told_at = now_;
    }
  }
  Drain();
  if (!focus_->IsAsking(now_, room_id)) RetryMints(room_id);
}

void World::AskAboutUser(const focus::AskIsJoined& what) {
  UserQuestion question{.what = what, .answer_at = now_ + Millis(10 + rng_.Below(200))};
  const bool answers = is_calm_ || (hs_down_until_ <= now_ && !Chance(4));
  if (answers && hs_.IsIn(what.room_id)) {
    question.answer = hs_.MembershipOf(what.room_id, what.user_id) == "join"
                          ? matrix::JoinedAnswer::kJoined
                          : matrix::JoinedAnswer::kNotJoined;
  }
  user_questions_.push_back(std::move(question));
}

void World::AnswerAboutUsers() {
  for (std::size_t i = 0; i < user_questions_.size();) {
    if (user_questions_[i].answer_at > now_) {
      ++i;
      continue;
    }
    const UserQuestion question = user_questions_[i];
    user_questions_.erase(user_questions_.begin() + static_cast<std::ptrdiff_t>(i));
    focus_->HandleIsJoined(now_, question.what, question.answer);
    if (question.answer == matrix::JoinedAnswer::kJoined) {
      known_[{question.what.room_id, question.what.user_id}].is_provable = false;
    }
    Drain();
  }
}

std::string World::Page(const focus::FetchRoomState& what) {
  Json state = hs_.StateOf(what.room_id);
  if (Chance(12)) return "[]";
  if (Chance(12)) {
    const std::string whole = state.dump();
    return whole.substr(0, rng_.Below(static_cast<std::uint32_t>(whole.size())));
  }
  if (Chance(12)) {  // a page that lost its beginning
    state.erase(std::remove_if(state.begin(), state.end(),
                               [](const Json& e) { return e["type"] == "m.room.create"; }),
                state.end());
  } else if (!std::exchange(has_lied_[what.room_id], false) && Chance(2)) {
    const std::string& victim = Pick(Users());
    if (victim == what.as_user) return state.dump();
    Op("the state of " + what.room_id + " is told without " + victim);
    has_lied_[what.room_id] = true;  // the next whole one is true
    state.erase(std::remove_if(state.begin(), state.end(),
                               [&](const Json& e) {
                                 return e["type"] == "m.room.member" && e["state_key"] == victim;
                               }),
                state.end());
  }
  return state.dump();
}

}  // namespace fovea::test::admission
