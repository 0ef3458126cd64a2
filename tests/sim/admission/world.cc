#include "tests/sim/admission/world.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <variant>

#include "signaling/matrix/derive.h"
#include "signaling/matrix/ids.h"

namespace fovea::test {
namespace {

using focus::AdmissionKey;
using focus::Conductor;
using focus::RoomStateAnswer;
using matrix::MintedIdentity;
using matrix::MintVerdict;
using matrix::TokenRoute;
using Json = nlohmann::json;
using UserInRoom = std::pair<std::string, std::string>;  // room, user

constexpr std::string_view kSlot = "m.call#ROOM";
constexpr std::int64_t kWallSeconds = 1'800'000'000;
constexpr std::size_t kOpsKept = 400;

const std::vector<std::string> kUsers{"@ann:hs",  "@bob:hs",   "@cal:hs",
                                      "@dan:far", "@eve:evil", "@fay:far"};
const std::vector<std::string> kRooms{"!one:hs", "!two:hs"};

struct Token {
  MintedIdentity minted;
  Instant given_at;  // the token that it was refreshed from, at first
  std::int64_t nbf = 0;
  std::size_t known = 0;  // the log up to here was known to the focus when it was given
};

struct Connection {
  Token token;
  bool is_restricted = false;
};

// What the focus was told about one user, by the homeserver's own order.
struct Knowledge {
  std::optional<std::size_t> position;  // of the latest m.room.member it was told of
  bool is_provable = false;             // by an event whose predecessor it knew
  std::optional<Instant> told_at;       // by a push
  std::optional<Instant> out_at;        // when it provably learned that the user is out
};

class World {
 public:
  explicit World(const AdmissionRun& run)
      : run_(run),
        rng_(run.seed * 0x9e3779b97f4a7c15ULL + 1),
        hs_(run.seed + 77, rng_.Below(4) != 0),
        focus_skew_ms_(Skew()) {
    // Without the homeserver's word on the order, timestamps are all there is for a backlog:
    // servers whose clocks are wrong, too, are not covered there.
    for (const char* server : {"hs", "far", "evil"}) {
      server_skew_ms_[server] = hs_.tells_order() ? Skew() : 0;
    }
    server_skew_ms_["hs"] = 0;
    for (const std::string& room_id : kRooms) {
      Send(room_id, "m.room.create", "", "@admin:hs", Json::object());
      Send(room_id, "m.room.member", "@admin:hs", "@admin:hs", {{"membership", "join"}});
      for (const std::string& user : kUsers) {
        if (rng_.Below(3) != 0) {
          Send(room_id, "m.room.member", user, user, {{"membership", "join"}});
        }
      }
    }
    StartFocus();
  }

  AdmissionResult Run() {
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

 private:
  [[nodiscard]] bool Holds() const { return failure_.empty(); }
  void Fail(const std::string& what) {
    if (Holds()) failure_ = At() + what;
  }
  void Op(std::string text) {
    ops_.push_back(At() + std::move(text));
    if (ops_.size() > kOpsKept) ops_.pop_front();
  }
  [[nodiscard]] std::string At() const {
    return std::to_string(ToMillis(now_.time_since_epoch())) + " ms: ";
  }
  [[nodiscard]] bool Chance(std::uint32_t one_in) { return rng_.Below(one_in) == 0; }
  template <class T>
  const T& Pick(const std::vector<T>& list) {
    return list[rng_.Below(static_cast<std::uint32_t>(list.size()))];
  }
  std::int64_t Skew() { return static_cast<std::int64_t>(rng_.Below(1'200'001)) - 600'000; }
  [[nodiscard]] std::int64_t TrueMs() const {
    return kWallSeconds * 1000 + ToMillis(now_.time_since_epoch());
  }
  [[nodiscard]] std::int64_t FocusUnix() const { return (TrueMs() + focus_skew_ms_) / 1000; }

  // --- The homeserver ------------------------------------------------------------------------

  void Send(const std::string& room_id, const std::string& type, std::optional<std::string> key,
            const std::string& sender, Json content,
            std::optional<std::int64_t> sticky_ms = std::nullopt) {
    const std::int64_t skew = server_skew_ms_[std::string(matrix::ServerNameOf(sender))];
    hs_.Send(TrueMs() + skew, room_id, type, std::move(key), sender, std::move(content), sticky_ms);
    NoteTruth(room_id);
  }

  // Remembers, for everybody in that room, where in the log they were not entitled.
  void NoteTruth(const std::string& room_id) {
    const std::size_t position = hs_.log().size();
    for (const std::string& user : kUsers) {
      for (const bool binds : {false, true}) {
        if (!hs_.Entitles(room_id, user, binds)) out_[binds][{room_id, user}] = position;
      }
    }
  }
  // Whether the user was entitled in every state of the room after `position`, and is.
  [[nodiscard]] bool EntitledSince(const MintedIdentity& who, std::size_t position) const {
    const bool binds = Binds(who.route);
    if (!hs_.Entitles(who.room_id, who.user_id, binds)) return false;
    const auto& map = out_[binds];
    const auto it = map.find({who.room_id, who.user_id});
    // An entry says "out in the state after log[entry - 1]"; that state ended later.
    return it == map.end() || it->second < position;
  }
  [[nodiscard]] static bool Binds(TokenRoute route) {
    return route == TokenRoute::kHomeserver || route == TokenRoute::kFederation;
  }

  void Deliver(const SimTransaction& transaction, const std::string& id) {
    std::string body = hs_.BodyOf(transaction);
    if (run_.mutant.forgets_order) body = Forget(body);
    const auto outcome = focus_->HandleTransaction(now_, id, body);
    if (outcome == focus::TransactionOutcome::kMalformed) Fail("transaction was not understood");
    if (outcome == focus::TransactionOutcome::kTaken) {
      for (const std::size_t position : transaction.positions) Learn(position);
    }
    Drain();
    CheckOut();
  }
  std::string Forget(const std::string& body) {
    Json json = Json::parse(body);
    for (Json& event : json["events"]) {
      event.erase("unsigned");
      event["event_id"] = "$new" + std::to_string(++forgotten_);
      event["origin_server_ts"] = TrueMs();
    }
    return json.dump();
  }

  [[nodiscard]] std::string Describe(const SimTransaction& transaction) const {
    std::string text = "transaction " + transaction.id;
    for (const std::size_t position : transaction.positions) {
      const LogEntry& entry = hs_.log()[position];
      text += " [" + std::to_string(position) + " " + entry.room_id + " " + entry.key + " " +
              matrix::StringIn(entry.event["content"], "membership") + "]";
    }
    return text;
  }

  // The focus was told log[position].
  void Learn(std::size_t position) {
    delivered_.insert(position);
    const LogEntry& entry = hs_.log()[position];
    if (entry.type != "m.room.member") return;
    Knowledge& known = known_[{entry.room_id, entry.key}];
    known.told_at = now_;
    if (known.position && position <= *known.position) return;
    // Without the homeserver's word on the order, the focus may be in doubt; with it, only where
    // it does not know the event before, or has just started.
    const bool follows =
        known.position && !entry.replaced.empty() && hs_.log()[*known.position].event.is_object() &&
        hs_.log()[*known.position].event["event_id"] == entry.replaced && known.is_provable;
    known.is_provable = hs_.tells_order() && follows;
    known.position = position;
    NoteKnowledge(entry, known);
  }
  void NoteKnowledge(const LogEntry& entry, Knowledge& known) {
    const bool is_out = entry.event.is_null() || entry.event["content"]["membership"] != "join";
    if (known.is_provable && is_out && !entry.event.is_null()) known.out_at = now_;
  }

  // Immediately after a delivery: whoever is provably out has neither connection nor good token.
  void CheckOut() {
    for (const auto& [who, known] : known_) {
      if (!known.position || !known.is_provable || known.out_at != now_) continue;
      const LogEntry& entry = hs_.log()[*known.position];
      if (entry.event["content"]["membership"] == "join") continue;
      for (const auto& [identity, connection] : connections_) {
        const MintedIdentity& minted = connection.token.minted;
        if (minted.room_id == who.first && minted.user_id == who.second) {
          Fail("S1: " + identity + " is connected though out");
        }
      }
      for (const Token& token : tokens_) {
        if (token.minted.room_id != who.first || token.minted.user_id != who.second) continue;
        if (Accepts(token)) Fail("S1: a token of " + who.second + " is good though out");
      }
    }
  }

  // The log position up to which the focus knew everything of the room.
  [[nodiscard]] std::size_t KnownUpTo(const std::string& room_id) {
    std::size_t position = snapshot_[room_id];
    while (position < hs_.log().size()) {
      const LogEntry& entry = hs_.log()[position];
      if (entry.room_id == room_id && !delivered_.contains(position)) break;
      ++position;
    }
    return position;
  }

  void PushSome(bool calm) {
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

  // --- Questions -----------------------------------------------------------------------------

  struct Question {
    focus::FetchRoomState what;
    Instant asked_at;
    Instant answer_at;
  };

  void Ask(const focus::FetchRoomState& what) {
    ++result_.questions;
    questions_.push_back({what, now_, now_ + Millis(10 + rng_.Below(200))});
    if (!is_calm_ && Chance(100))
      questions_.back().answer_at = now_ + Seconds(40);  // later than any patience
  }

  void AnswerSome(bool calm) {
    for (std::size_t i = 0; i < questions_.size();) {
      if (questions_[i].answer_at > now_) {
        ++i;
        continue;
      }
      const Question question = questions_[i];
      questions_.erase(questions_.begin() + static_cast<std::ptrdiff_t>(i));
      AnswerOne(question, calm);
    }
  }

  void AnswerOne(const Question& question, bool calm) {
    const focus::FetchRoomState& what = question.what;
    RoomStateAnswer answer{.room_id = what.room_id, .as_user = what.as_user};
    std::string body;
    if (!calm && (hs_down_until_ > now_ || Chance(10))) {
      answer.status = RoomStateAnswer::Status::kFailed;
    } else if (what.as_user.empty() || hs_.MembershipOf(what.room_id, what.as_user) != "join") {
      answer.status = RoomStateAnswer::Status::kRefused;
    } else {
      answer.status = RoomStateAnswer::Status::kAnswered;
      body = calm ? hs_.StateOf(what.room_id).dump() : Page(what);
    }
    answer.body = body;
    const bool is_honest = body == hs_.StateOf(what.room_id).dump();
    focus_->HandleRoomState(now_, answer);
    if (is_honest && now_ - question.asked_at < Seconds(30)) {
      LearnState(what.room_id, question.asked_at);
    } else if (answer.status == RoomStateAnswer::Status::kAnswered) {
      // A lie about one user may well be the truth, and news, about the others.
      for (const std::string& user : kUsers) {
        known_[{what.room_id, user}].is_provable = false;
        known_[{what.room_id, user}].told_at = now_;
      }
    }
    Drain();
    RetryMints(what.room_id);
  }

  // A 200 that may be empty, cut, or once without somebody.
  std::string Page(const focus::FetchRoomState& what) {
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
      const std::string& victim = Pick(kUsers);
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

  // The focus was told the whole truth. What was pushed shortly before it asked, or since, may
  // leave it undecided about that user.
  void LearnState(const std::string& room_id, Instant asked_at) {
    snapshot_[room_id] = std::max(snapshot_[room_id], hs_.log().size());
    for (const std::string& user : kUsers) {
      Knowledge& known = known_[{room_id, user}];
      if (known.told_at && *known.told_at + Seconds(1) > asked_at) continue;
      const auto last = LastOf(room_id, user);
      // An answer is as good as a push to be undecided about shortly afterwards.
      if (last != known.position) known.told_at = now_;
      known.position = last;
      known.is_provable = hs_.tells_order() && known.position.has_value();
    }
  }
  [[nodiscard]] std::optional<std::size_t> LastOf(const std::string& room_id,
                                                  const std::string& user) const {
    for (std::size_t i = hs_.log().size(); i-- > 0;) {
      const LogEntry& entry = hs_.log()[i];
      if (entry.room_id != room_id || entry.key != user || entry.type != "m.room.member") continue;
      if (!entry.is_pushed) return std::nullopt;  // a reset: no event to go by
      return i;
    }
    return std::nullopt;
  }

  // --- The focus -----------------------------------------------------------------------------

  void StartFocus() {
    focus::ConductorOptions options{.homeserver = "hs"};
    options.reconcile_every = Seconds(20);
    options.policy = run_.mutant.policy;
    const std::int64_t offset_us = kWallSeconds * 1'000'000 + focus_skew_ms_ * 1000;
    focus_.emplace(options, offset_us, Rng(run_.seed));
    for (const auto& [identity, row] : stored_) focus_->RestoreMinted(now_, row);
    if (!run_.mutant.forgets_revocations) {
      for (const auto& [identity, row] : stored_revocations_) {
        focus_->RestoreRevocation(now_, row);
      }
    }
    for (const std::string& id : stored_txns_) focus_->RestoreTransactionId(id);
    // What it knew is gone, except what is stored.
    for (auto& [who, known] : known_) known.is_provable = false;
    delivered_.clear();
    snapshot_.clear();
    is_focus_up_ = true;
    focus_->Start(now_);
    Drain();
  }

  void StopFocus() {
    Op("focus stops");
    ++result_.restarts;
    is_focus_up_ = false;
    connections_.clear();
    revocations_.clear();  // the rooms' own list is not stored
    questions_.clear();
    waiting_.clear();
    focus_up_at_ = now_ + Seconds(rng_.Below(20));
  }

  void Drain() {
    // Costs as much as everything else together.
    if (++drains_ % 32 == 0 && !focus_->IsConsistent()) Fail("the conductor is inconsistent");
    // Evictions end connections, which the conductor hears of: more actions may follow.
    while (const auto action = focus_->PollAction()) Do(*action);
    while (const auto change = focus_->PollStoreChange()) Store(*change);
  }

  void Do(const focus::ConductorAction& action) {
    if (const auto* evict = std::get_if<focus::Evict>(&action)) {
      DoEvict(*evict);
    } else if (const auto* fetch = std::get_if<focus::FetchRoomState>(&action)) {
      Ask(*fetch);
    } else if (const auto* restrict_it = std::get_if<focus::RestrictPublish>(&action)) {
      DoRestrict(restrict_it->identity);
    } else if (const auto* restore = std::get_if<focus::RestorePublish>(&action)) {
      const auto it = connections_.find(restore->identity);
      if (it != connections_.end()) it->second.is_restricted = false;
    }
  }

  void DoEvict(const focus::Evict& evict) {
    std::int64_t& before = revocations_[evict.identity];
    const auto stored = stored_revocations_.find(evict.identity);
    const bool is_news = evict.tokens_before_unix > before &&
                         (stored == stored_revocations_.end() ||
                          evict.tokens_before_unix > stored->second.tokens_before_unix);
    Op("evict " + evict.identity + " " + std::string(ToString(evict.reason)));
    if (is_news) {
      ++result_.evictions;
      for (const Token& token : tokens_) {
        if (token.minted.identity != evict.identity || token.nbf >= evict.tokens_before_unix ||
            token.nbf < before) {
          continue;
        }
        if (EntitledSince(token.minted, token.known)) {
          Fail("S2: " + evict.identity + " was evicted (" + std::string(ToString(evict.reason)) +
               ") though entitled since its token");
        }
      }
    }
    before = std::max(before, evict.tokens_before_unix);
    const auto it = connections_.find(evict.identity);
    if (it == connections_.end()) return;
    Disconnect(it, focus::DepartureReason::kEvicted);
  }

  void DoRestrict(const std::string& identity) {
    ++result_.restrictions;
    Op("restrict " + identity);
    const auto it = connections_.find(identity);
    if (it == connections_.end()) return;
    it->second.is_restricted = true;
    const MintedIdentity& who = it->second.token.minted;
    if (who.route == TokenRoute::kLegacy && !has_left_[identity]) {
      Fail("S2: " + identity + " may not publish, though its membership was never left");
    }
  }

  void Disconnect(std::map<std::string, Connection>::iterator it, focus::DepartureReason reason) {
    const MintedIdentity who = it->second.token.minted;
    connections_.erase(it);
    focus_->HandleLeft(now_, who.room_name, who.identity, reason);
  }

  void Store(const focus::ConductorStoreChange& change) {
    if (const auto* put = std::get_if<focus::PutMinted>(&change)) {
      stored_[put->minted.identity] = put->minted;
    } else if (const auto* removed = std::get_if<focus::RemoveMinted>(&change)) {
      stored_.erase(removed->identity);
      stored_revocations_.erase(removed->identity);
    } else if (const auto* revoked = std::get_if<focus::PutRevocation>(&change)) {
      stored_revocations_[revoked->revocation.identity] = revoked->revocation;
    } else if (const auto* txn = std::get_if<focus::PutTransactionId>(&change)) {
      stored_txns_.push_back(txn->id);
    } else if (const auto* old = std::get_if<focus::RemoveTransactionId>(&change)) {
      std::erase(stored_txns_, old->id);
    }
  }

  // --- Clients -------------------------------------------------------------------------------

  [[nodiscard]] MintedIdentity Identity(const std::string& room_id, const std::string& user,
                                        std::uint32_t device) const {
    static constexpr TokenRoute kRoutes[] = {TokenRoute::kLegacy, TokenRoute::kOpenId,
                                             TokenRoute::kHomeserver};
    MintedIdentity who{.room_name = "lk" + room_id,
                       .identity = {},
                       .room_id = room_id,
                       .slot_id = std::string(kSlot),
                       .user_id = user,
                       .device_id = "D" + std::to_string(device),
                       .member_id = {},
                       .server_name = std::string(matrix::ServerNameOf(user)),
                       .route = kRoutes[device]};
    if (who.route != TokenRoute::kLegacy) who.member_id = "m" + std::to_string(device);
    who.identity = room_id + user + ":" + who.device_id;
    return who;
  }

  void RequestToken(const MintedIdentity& who, bool was_asked) {
    const auto decision = focus_->MayMint(now_, {.room_id = who.room_id,
                                                 .slot_id = who.slot_id,
                                                 .user_id = who.user_id,
                                                 .route = who.route,
                                                 .was_asked = was_asked});
    if (decision.verdict == MintVerdict::kAskHomeserver) {
      if (was_asked) Fail("asked to ask again");
      waiting_.push_back({who, now_ + Seconds(3)});
      Drain();
      return;
    }
    Op("token for " + who.identity +
       (decision.verdict == MintVerdict::kAllow ? " given" : " denied"));
    if (decision.verdict == MintVerdict::kAllow) {
      CheckMint(who, decision);
      Token token{.minted = who,
                  .given_at = now_,
                  .nbf = std::max(FocusUnix(), decision.not_before_unix),
                  .known = KnownUpTo(who.room_id)};
      token.minted.issued_unix = token.nbf;
      token.minted.expires_unix = token.nbf + 3600;
      ++result_.mints;
      tokens_.push_back(token);
      focus_->RecordMint(now_, token.minted);
    }
    last_verdict_ = decision.verdict;
    last_case_ = decision.reason;
    Drain();
  }
  void CheckMint(const MintedIdentity& who, const focus::MintDecision& decision) {
    const auto it = known_.find({who.room_id, who.user_id});
    if (it == known_.end() || !it->second.is_provable || !it->second.position) return;
    const LogEntry& entry = hs_.log()[*it->second.position];
    const bool is_out = entry.event["content"]["membership"] != "join";
    const bool was_reset = snapshot_[who.room_id] > *it->second.position;
    // Where nobody of ours is in the room any more, everybody is let in by the option.
    if (is_out && !was_reset && decision.reason == matrix::MintCase::kJoined) {
      Fail("S6: a token for " + who.identity + ", known to be out");
    }
  }
  void RetryMints(const std::string& room_id) {
    std::vector<std::pair<MintedIdentity, Instant>> due;
    for (std::size_t i = 0; i < waiting_.size();) {
      if (waiting_[i].first.room_id != room_id && waiting_[i].second > now_) {
        ++i;
        continue;
      }
      due.push_back(waiting_[i]);
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (const auto& [who, until] : due) RequestToken(who, true);
  }

  [[nodiscard]] bool Accepts(const Token& token) const {
    const auto it = revocations_.find(token.minted.identity);
    return FocusUnix() <= token.minted.expires_unix &&
           (it == revocations_.end() || token.nbf >= it->second);
  }

  void Connect(const Token& token) {
    const std::string& identity = token.minted.identity;
    if (!Accepts(token)) return;
    const auto it = known_.find({token.minted.room_id, token.minted.user_id});
    if (it != known_.end() && it->second.out_at && token.given_at < *it->second.out_at &&
        it->second.is_provable) {
      Fail("S1: " + identity + " got in with a token from before it was known to be out");
    }
    ++result_.connections;
    Op("connect " + identity);
    const bool is_again = connections_.contains(identity);
    connections_[identity] = Connection{.token = token};
    focus_->HandleConnected(now_, token.minted.room_name, identity);
    // The first of two connections hears DUPLICATE_IDENTITY.
    if (is_again) {
      focus_->HandleLeft(now_, token.minted.room_name, identity, focus::DepartureReason::kReplaced);
    }
    Drain();
  }

  // --- Operations ----------------------------------------------------------------------------

  void RandomOp() {
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

  void ClientOp() {
    const std::uint32_t kind = rng_.Below(6);
    if (kind <= 2) {
      return RequestToken(Identity(Pick(kRooms), Pick(kUsers), rng_.Below(3)), false);
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

  void RoomOp() {
    const std::string& room_id = Pick(kRooms);
    const std::string& user = Pick(kUsers);
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

  void RtcOp() {
    const MintedIdentity who = Identity(Pick(kRooms), Pick(kUsers), rng_.Below(3));
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

  void FaultOp() {
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
        const std::string& room_id = Pick(kRooms);
        const std::string& user = Pick(kUsers);
        Op("reset of " + user + " in " + room_id);
        hs_.Reset(room_id, "m.room.member", user);
        return NoteTruth(room_id);
      }
      default:
        return Replay();
    }
  }

  void Replay() {
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
    Drain();
  }

  // --- Time ----------------------------------------------------------------------------------

  void Step(Duration duration, bool calm) {
    const Instant end = now_ + duration;
    while (Holds()) {
      Instant next = end;
      if (is_focus_up_) next = std::min(next, focus_->NextDeadline());
      for (const Question& question : questions_) next = std::min(next, question.answer_at);
      now_ = std::max(now_, next);
      if (is_focus_up_) {
        focus_->HandleTimeout(now_);
        Drain();
        AnswerSome(calm);
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

  void Converge() {
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
        Fail("S3: " + identity + " is still connected");
      }
    }
    for (const std::string& room_id : kRooms) {
      for (const std::string& user : kUsers) {
        for (std::uint32_t device = 0; device < 3 && Holds(); ++device) {
          CheckAdmission(Identity(room_id, user, device));
        }
      }
    }
  }

  // Whether somebody of ours holds a token, as whom the focus can read the room. Others may be
  // strangers to it, and are admitted by the option unknown_room.
  [[nodiscard]] bool CanSee(const std::string& room_id) const {
    return std::any_of(stored_.begin(), stored_.end(), [&](const auto& entry) {
      return entry.second.room_id == room_id && entry.second.server_name == "hs" &&
             hs_.MembershipOf(room_id, entry.second.user_id) == "join";
    });
  }

  void CheckAdmission(const MintedIdentity& who) {
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

  void DrainEverything() {
    Op("everybody leaves");
    while (!connections_.empty()) {
      Disconnect(connections_.begin(), focus::DepartureReason::kClientLeft);
    }
    Drain();
    const Instant end = now_ + Seconds(4200);
    while (now_ < end && Holds()) Step(Seconds(300), true);
    if (focus_->admissions() != 0 || focus_->watched_rooms() != 0) Fail("S3: something is left");
    if (!stored_.empty() || !stored_revocations_.empty()) Fail("S3: something is still stored");
  }

  const AdmissionRun run_;
  Rng rng_;
  SimHomeserver hs_;
  const std::int64_t focus_skew_ms_;
  std::map<std::string, std::int64_t> server_skew_ms_;
  Instant now_{Seconds(1000)};
  std::optional<Conductor> focus_;
  bool is_focus_up_ = false;
  Instant focus_up_at_{};
  Instant hs_down_until_{};
  Instant push_after_{};
  std::map<std::string, bool> has_lied_;
  bool is_calm_ = false;
  std::uint64_t forgotten_ = 0;
  std::uint64_t replays_ = 0;
  std::uint64_t drains_ = 0;

  // The oracle.
  std::map<UserInRoom, std::size_t> out_[2];  // without and with slots
  std::map<UserInRoom, Knowledge> known_;
  std::set<std::size_t> delivered_;
  std::map<std::string, std::size_t> snapshot_;
  std::map<std::string, bool> has_left_;

  // The rooms, the store, the clients.
  std::map<std::string, std::int64_t> revocations_;
  std::map<std::string, Connection> connections_;
  std::vector<Token> tokens_;
  std::vector<Question> questions_;
  std::vector<std::pair<MintedIdentity, Instant>> waiting_;
  std::vector<SimTransaction> past_;
  std::map<std::string, MintedIdentity> stored_;
  std::map<std::string, focus::Revocation> stored_revocations_;
  std::vector<std::string> stored_txns_;
  MintVerdict last_verdict_ = MintVerdict::kDeny;
  matrix::MintCase last_case_ = matrix::MintCase::kNotJoined;

  std::deque<std::string> ops_;
  std::string failure_;
  AdmissionResult result_;
};

}  // namespace

AdmissionResult RunAdmission(const AdmissionRun& run) { return World(run).Run(); }

}  // namespace fovea::test
