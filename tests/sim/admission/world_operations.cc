// What happens next, drawn at random.
#include <algorithm>
#include <utility>

#include "signaling/matrix/ids.h"
#include "tests/sim/admission/world_parts.h"

namespace fovea::test::admission {

void World::RandomOp() {
  if (!Holds()) return;
  if (!is_focus_up_) {
    RoomOp();
    return;
  }
  switch (rng_.Below(10)) {
    case 0:
    case 1:
    case 2:
      return ClientOp();
    case 3:
    case 4:
    case 5:
      return RoomOp();
    case 6:
      return RtcOp();
    case 7:
      return FaultOp();
    default:
      return;
  }
}

void World::ClientOp() {
  const std::uint32_t kind = rng_.Below(6);
  if (kind <= 2) {
    return RequestToken(Identity(Pick(Rooms()), Pick(Users()), rng_.Below(3)), false);
  }
  if (kind <= 4 && !tokens_.empty()) return Connect(Token(Pick(tokens_)));
  if (connections_.empty()) return;
  auto it = connections_.begin();
  std::advance(it, rng_.Below(static_cast<std::uint32_t>(connections_.size())));
  if (Chance(2)) {  // a refreshed token
    Token token = it->second.token;
    token.nbf = std::max(token.nbf, FocusUnix());
    tokens_.push_back(token);
    it->second.token = token;
    return;
  }
  Op("disconnect " + it->first);
  Disconnect(it, focus::DepartureReason::kClientLeft);
  Drain();
}

void World::RoomOp() {
  const std::string& room_id = Pick(Rooms());
  const std::string& user = Pick(Users());
  const std::string before = hs_.MembershipOf(room_id, user);
  const auto member = [&](const char* membership, const std::string& sender) {
    Op(room_id + " " + user + " " + membership + " by " + sender);
    Send(room_id, "m.room.member", user, sender, {{"membership", membership}});
  };
  switch (rng_.Below(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
      if (before == "leave" || before == "invite") member("join", user);
      return;
    case 4:
      if (before == "join") member("leave", user);
      return;
    case 5:
      if (before == "join") member("leave", "@admin:hs");
      return;
    case 6:
      if (before != "ban") member("ban", "@admin:hs");
      return;
    case 7:
      if (before == "ban") member("leave", "@admin:hs");
      return;
    case 8:
      if (before == "leave") member("invite", "@admin:hs");
      return;
    case 9:
      if (before == "join" && Chance(2)) {  // there and back, quicker than it is pushed
        member("leave", user);
        member("join", user);
      }
      return;
    case 10: {
      const Json deny = Chance(2) ? Json::array({"ev*"}) : Json::array();
      Op(room_id + " acl " + deny.dump());
      return Send(room_id, "m.room.server_acl", "", "@admin:hs",
                  {{"allow", {"*"}}, {"deny", deny}});
    }
    default: {
      const char* status = Chance(2) ? "closed" : "open";
      Op(room_id + " slot " + status);
      return Send(room_id, "m.rtc.slot", std::string(kSlot), "@admin:hs",
                  {{"status", status}, {"application", {{"type", "m.call"}}}});
    }
  }
}

void World::RtcOp() {
  MintedIdentity who = Identity(Pick(Rooms()), Pick(Users()), rng_.Below(3));
  if (!connections_.empty() && !Chance(3)) {
    auto it = connections_.begin();
    std::advance(it, rng_.Below(static_cast<std::uint32_t>(connections_.size())));
    who = it->second.token.minted;
  }
  if (hs_.MembershipOf(who.room_id, who.user_id) != "join") return;
  if (who.route != TokenRoute::kLegacy) {
    Json content{{"slot_id", kSlot}, {"msc4354_sticky_key", who.member_id}};
    if (!Chance(3)) {
      content["member"] = {{"id", who.member_id}};
      content["application"] = {{"type", "m.call"}};
    }
    Op("sticky of " + who.identity);
    return Send(who.room_id, "org.matrix.msc4143.rtc.member", std::nullopt, who.user_id, content,
                3'600'000);
  }
  const std::string key = "_" + who.user_id + "_" + who.device_id + "_m.call";
  if (Chance(4)) {
    Op("legacy leave of " + who.identity);
    has_left_[who.identity] = true;
    return Send(who.room_id, "org.matrix.msc3401.call.member", key, who.user_id, Json::object());
  }
  if (Chance(6)) {
    Op("legacy of " + who.identity + " overwritten");
    return Send(who.room_id, "org.matrix.msc3401.call.member", key, "@admin:hs", Json::object());
  }
  Json content{{"application", "m.call"}, {"call_id", ""}, {"device_id", who.device_id}};
  if (Chance(2)) {  // runs out soon, by some clock
    content["created_ts"] = TrueMs() - 3'000'000;
    content["expires"] = 2'420'000 + static_cast<std::int64_t>(rng_.Below(600'000));
  }
  Op("legacy of " + who.identity);
  Send(who.room_id, "org.matrix.msc3401.call.member", key, who.user_id, content);
}

void World::FaultOp() {
  switch (rng_.Below(12)) {
    case 0:
      return StopFocus();
    case 1:
    case 2:
    case 3:
      hs_down_until_ = now_ + Seconds(1 + rng_.Below(40));
      return Op("homeserver down");
    case 4:
      if (!Chance(3)) return;
      Op("pushes lost");
      return hs_.LoseQueue();
    case 5: {
      const std::string& room_id = Pick(Rooms());
      const std::string& user = Pick(Users());
      Op("reset of " + user + " in " + room_id);
      hs_.Reset(room_id, "m.room.member", user);
      return NoteTruth(room_id);
    }
    default:
      return Replay();
  }
}

void World::Replay() {
  if (past_.empty()) return;
  const SimTransaction& old = Pick(past_);
  const bool knows =
      std::find(stored_txns_.begin(), stored_txns_.end(), old.id) != stored_txns_.end();
  if (!knows) return;
  Op("transaction " + old.id + " again");
  const auto evictions = focus_->evictions_total();
  if (focus_->HandleTransaction(now_, old.id, hs_.BodyOf(old)) !=
          focus::TransactionOutcome::kRepeated ||
      focus_->evictions_total() != evictions || focus_->PollAction()) {
    Fail("S5: a repeated transaction did something");
  }
  // The homeserver lost its count: the same events under a number that is new. Recent ones only:
  // nobody remembers every event for ever.
  if (!hs_.tells_order() || !Chance(2)) return;
  const SimTransaction& recent =
      past_[past_.size() - 1 -
            rng_.Below(std::min<std::uint32_t>(3, static_cast<std::uint32_t>(past_.size())))];
  Op("transaction " + recent.id + " again, under a new name");
  std::string body = hs_.BodyOf(recent);
  if (run_.mutant.forgets_order) body = Forget(body);
  static_cast<void>(focus_->HandleTransaction(now_, "again" + std::to_string(++replays_), body));
  for (const std::size_t position : recent.positions) {
    const LogEntry& entry = hs_.log()[position];
    if (entry.type == "m.room.member") known_[{entry.room_id, entry.key}].told_at = now_;
  }
  Drain();
}

}  // namespace fovea::test::admission
