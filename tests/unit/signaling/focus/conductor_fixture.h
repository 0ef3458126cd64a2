// The vocabulary of the Conductor's tests: a homeserver's events as JSON, a Conductor, and what it
// did.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "signaling/focus/conductor.h"
#include "signaling/matrix/derive.h"
#include "signaling/wire/json.h"

namespace fovea::focus::test {

using Json = nlohmann::json;
using matrix::EvidenceKind;
using matrix::MintCase;
using matrix::MintedIdentity;
using matrix::MintVerdict;
using matrix::TokenRoute;

inline constexpr std::string_view kRoom = "!room:hs";
inline constexpr std::string_view kSlot = "m.call#ROOM";
inline constexpr std::int64_t kWallSeconds = 1'800'000'000;

class ConductorTest : public ::testing::Test {
 protected:
  ConductorTest() { Reset({.homeserver = "hs"}); }

  void Reset(ConductorOptions options) {
    conductor_.emplace(
        std::move(options), [this] { return wall_offset_us_; }, Rng(1));
    Drain();
  }

  // --- Time.
  void Pass(Duration duration) {
    const Instant end = now_ + duration;
    while (conductor_->NextDeadline() <= end) {
      now_ = std::max(now_, conductor_->NextDeadline());
      conductor_->HandleTimeout(now_);
      Drain();
    }
    now_ = end;
  }
  [[nodiscard]] std::int64_t Unix() const {
    return (wall_offset_us_ + ToMicros(now_.time_since_epoch())) / 1'000'000;
  }

  // --- Events. Each replaces the last one of its key, as the homeserver says, unless `tells_order`
  // is off.
  Json State(const std::string& type, const std::string& key, const std::string& sender,
             Json content) {
    Json event{{"type", type},
               {"state_key", key},
               {"sender", sender},
               {"room_id", kRoom},
               {"event_id", "$" + std::to_string(++events_)},
               {"origin_server_ts", (kWallSeconds * 1000) + ToMillis(now_.time_since_epoch())},
               {"content", std::move(content)}};
    Json& current = state_[{type, key}];
    if (tells_order_ && !current.is_null()) {
      event["unsigned"]["replaces_state"] = current["event_id"];
    }
    current = event;
    return event;
  }
  Json Member(const std::string& user, const std::string& membership, std::string sender = {}) {
    if (sender.empty()) sender = user;
    return State("m.room.member", user, sender, {{"membership", membership}});
  }
  Json Legacy(const std::string& user, const std::string& device) {
    return State("org.matrix.msc3401.call.member", "_" + user + "_" + device + "_m.call", user,
                 {{"application", "m.call"},
                  {"call_id", ""},
                  {"device_id", device},
                  {"expires", 14'400'000},
                  {"focus_active", {{"type", "livekit"}}},
                  {"foci_preferred", Json::array()}});
  }
  Json LegacyLeave(const std::string& user, const std::string& device, const std::string& sender) {
    return State("org.matrix.msc3401.call.member", "_" + user + "_" + device + "_m.call", sender,
                 Json::object());
  }
  Json Sticky(const std::string& user, const std::string& member_id, bool joins = true) {
    Json content{{"slot_id", kSlot}, {"msc4354_sticky_key", member_id}};
    if (joins) {
      content["member"] = {{"id", member_id}, {"user_id", user}, {"device_id", "DEV"}};
      content["application"] = {{"type", "m.call"}};
    }
    return {{"type", "org.matrix.msc4143.rtc.member"},
            {"sender", user},
            {"room_id", kRoom},
            {"event_id", "$" + std::to_string(++events_)},
            {"origin_server_ts", (kWallSeconds * 1000) + ToMillis(now_.time_since_epoch())},
            {"msc4354_sticky", {{"duration_ms", 3'600'000}}},
            {"content", content}};
  }
  Json Slot(const std::string& status) {
    return State("m.rtc.slot", std::string(kSlot), "@admin:hs",
                 {{"status", status}, {"application", {{"type", "m.call"}}}});
  }

  // --- The homeserver's side.
  TransactionOutcome Push(const std::vector<Json>& events, std::string txn_id = {}) {
    if (txn_id.empty()) txn_id = std::to_string(++txn_);
    const auto outcome =
        conductor_->HandleTransaction(now_, txn_id, Json{{"events", events}}.dump());
    Drain();
    return outcome;
  }
  [[nodiscard]] Json RoomState() const {
    Json state = Json::array();
    for (const auto& [key, event] : state_) {
      if (!event.is_null()) state.push_back(event);
    }
    return state;
  }
  void Answer(RoomStateAnswer::Status status, const std::string& body = {}) {
    ASSERT_FALSE(asked_.empty());
    const FetchRoomState question = asked_.front();
    asked_.erase(asked_.begin());
    conductor_->HandleRoomState(now_, {.room_id = question.room_id,
                                       .as_user = question.as_user,
                                       .id = question.id,
                                       .status = status,
                                       .body = body});
    Drain();
  }
  void AnswerState() { Answer(RoomStateAnswer::Status::kAnswered, RoomState().dump()); }
  // Answers everything for so long.
  void Settle(Duration duration = Seconds(20)) {
    const Instant end = now_ + duration;
    while (now_ < end) {
      while (!asked_.empty()) AnswerState();
      Pass(Millis(100));
    }
    while (!asked_.empty()) AnswerState();
  }

  // --- The focus's side.
  MintDecision MayMint(const std::string& user, bool was_asked = false,
                       TokenRoute route = TokenRoute::kLegacy) {
    const auto decision = conductor_->MayMint(now_, {.room_id = std::string(kRoom),
                                                     .slot_id = std::string(kSlot),
                                                     .user_id = user,
                                                     .route = route,
                                                     .was_asked = was_asked});
    Drain();
    return decision;
  }
  MintedIdentity Minted(const std::string& user, const std::string& device,
                        TokenRoute route = TokenRoute::kLegacy,
                        const std::string& member_id = {}) const {
    MintedIdentity minted{.room_name = matrix::RoomName(kRoom, kSlot),
                          .identity = {},
                          .room_id = std::string(kRoom),
                          .slot_id = std::string(kSlot),
                          .user_id = user,
                          .device_id = device,
                          .member_id = member_id,
                          .server_name = user.substr(user.find(':') + 1),
                          .full_access = true,
                          .route = route,
                          .issued_unix = Unix(),
                          .expires_unix = Unix() + 3600};
    minted.identity = route == TokenRoute::kLegacy ? user + ":" + device : member_id + "!" + user;
    return minted;
  }
  MintedIdentity Mint(const std::string& user, const std::string& device,
                      TokenRoute route = TokenRoute::kLegacy, const std::string& member_id = {}) {
    const MintedIdentity minted = Minted(user, device, route, member_id);
    conductor_->RecordMint(now_, minted);
    Drain();
    return minted;
  }
  MintedIdentity Connect(const std::string& user, const std::string& device,
                         TokenRoute route = TokenRoute::kLegacy,
                         const std::string& member_id = {}) {
    MintedIdentity minted = Mint(user, device, route, member_id);
    conductor_->HandleConnected(now_, minted.room_name, minted.identity);
    Drain();
    return minted;
  }
  void Leave(const MintedIdentity& who) {
    conductor_->HandleLeft(now_, who.room_name, who.identity, DepartureReason::kClientLeft);
    Drain();
  }

  // A room of ours with its state known: @admin:hs and those named are joined.
  void StartRoom(const std::vector<std::string>& users) {
    static_cast<void>(State("m.room.create", "", "@admin:hs", Json::object()));
    static_cast<void>(Member("@admin:hs", "join"));
    for (const std::string& user : users) static_cast<void>(Member(user, "join"));
    static_cast<void>(Mint("@admin:hs", "ADMIN"));
    Settle(Millis(500));
    evicted_.clear();
  }

  // --- What was done.
  void Drain() {
    EXPECT_TRUE(conductor_->IsConsistent());
    while (const auto action = conductor_->PollAction()) Note(*action);
    while (const auto change = conductor_->PollStoreChange()) {
      if (const auto* put = std::get_if<PutMinted>(&*change)) {
        stored_[put->minted.identity] = put->minted;
      } else if (const auto* removed = std::get_if<RemoveMinted>(&*change)) {
        stored_.erase(removed->identity);
        stored_revocations_.erase(removed->identity);
      } else if (const auto* revoked = std::get_if<PutRevocation>(&*change)) {
        stored_revocations_[revoked->revocation.identity] = revoked->revocation;
      } else if (const auto* txn = std::get_if<PutTransactionId>(&*change)) {
        stored_txns_.push_back(txn->id);
      }
    }
  }
  void Note(const ConductorAction& action) {
    if (const auto* evict = std::get_if<Evict>(&action)) {
      evicted_.push_back(*evict);
      deeds_.push_back("evict " + evict->identity);
    } else if (const auto* restrict_it = std::get_if<RestrictPublish>(&action)) {
      restricted_.push_back(restrict_it->identity);
    } else if (const auto* restore = std::get_if<RestorePublish>(&action)) {
      restored_.push_back(restore->identity);
    } else if (const auto* close = std::get_if<CloseRoom>(&action)) {
      closed_.push_back(close->room_name);
    } else if (const auto* fetch = std::get_if<FetchRoomState>(&action)) {
      asked_.push_back(*fetch);
    } else if (const auto* ask = std::get_if<AskIsJoined>(&action)) {
      asked_about_.push_back(*ask);
    } else if (const auto* device = std::get_if<AskDevice>(&action)) {
      asked_devices_.push_back(device->device);
    } else if (const auto* leave = std::get_if<SendDelayedLeave>(&action)) {
      leaves_.push_back(leave->identity);
      deeds_.push_back("leave " + leave->identity);
    } else if (const auto* change = std::get_if<CallChanged>(&action)) {
      changes_.push_back(change->kind);
    }
  }
  [[nodiscard]] std::vector<std::string> Evicted() const {
    std::vector<std::string> identities;
    for (const Evict& evict : evicted_) identities.push_back(evict.identity);
    return identities;
  }

  Instant now_{Seconds(1000)};
  std::int64_t wall_offset_us_ = kWallSeconds * 1'000'000;
  std::optional<Conductor> conductor_;
  bool tells_order_ = true;
  std::map<std::pair<std::string, std::string>, Json> state_;
  int events_ = 0;
  int txn_ = 0;

  std::vector<Evict> evicted_;
  std::vector<std::string> restricted_;
  std::vector<std::string> restored_;
  std::vector<std::string> closed_;
  std::vector<std::string> leaves_;
  std::vector<std::string> deeds_;  // evictions and leaves, in their order
  std::vector<FetchRoomState> asked_;
  std::vector<AskIsJoined> asked_about_;
  std::vector<DeviceKey> asked_devices_;
  std::vector<CallChangeKind> changes_;
  std::map<std::string, MintedIdentity> stored_;
  std::map<std::string, Revocation> stored_revocations_;
  std::vector<std::string> stored_txns_;
};

}  // namespace fovea::focus::test
