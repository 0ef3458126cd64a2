#include "signaling/app/matrix_focus.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "sfu/core/limits.h"
#include "sfu/core/overloaded.h"
#include "sfu/io/system_clock.h"
#include "signaling/app/calls_api.h"
#include "signaling/livekit/ids.h"

namespace fovea::app {
namespace {

constexpr Duration kPingAgainAfter = Seconds(10);
// A homeserver waits up to nine minutes before it tries a push again that failed, unless it is
// pinged. So long may a failure of that one direction last longer than it has to.
constexpr Duration kPingEvery = Seconds(60);

focus::ConductorOptions OptionsOf(const Config& config) {
  focus::ConductorOptions options;
  const Watching watching = WatchingOf(config);
  // Without a word from the homeserver, whoever it vouches for is let in.
  options.homeserver = watching == Watching::kNothing ? "" : config.homeserver.name;
  options.reads_as_itself = watching == Watching::kSync;
  options.unknown_room_allowed = !config.access.deny_unknown_rooms;
  options.slots_bind_openid = config.access.slots_bind_openid;
  options.restricted_can_publish = config.access.restricted_can_publish.value_or(false);
  return options;
}

const char* EventOf(focus::CallChangeKind kind) {
  switch (kind) {
    case focus::CallChangeKind::kStarted:
      return "call_started";
    case focus::CallChangeKind::kNoPublisher:
      return "call_without_publisher";
    case focus::CallChangeKind::kEnded:
      return "call_ended";
  }
  return "";
}

focus::DepartureReason ReasonOf(pb::DisconnectReason reason) {
  switch (reason) {
    case pb::DisconnectReason::CLIENT_INITIATED:
      return focus::DepartureReason::kClientLeft;
    case pb::DisconnectReason::DUPLICATE_IDENTITY:
      return focus::DepartureReason::kReplaced;
    case pb::DisconnectReason::SERVER_SHUTDOWN:
      return focus::DepartureReason::kFocusStopping;
    case pb::DisconnectReason::PARTICIPANT_REMOVED:
    case pb::DisconnectReason::ROOM_DELETED:
      return focus::DepartureReason::kEvicted;
    case pb::DisconnectReason::CONNECTION_TIMEOUT:
    case pb::DisconnectReason::SIGNAL_CLOSE:
      return focus::DepartureReason::kConnectionLost;
    default:
      return focus::DepartureReason::kOther;
  }
}

}  // namespace

MatrixFocus::MatrixFocus(const Parts& parts)
    : config_(parts.config),
      log_(parts.log),
      context_(parts.context),
      rooms_(parts.rooms),
      store_(parts.store),
      turn_soon_(parts.turn_soon),
      conductor_(OptionsOf(parts.config), parts.context.wall_offset,
                 Rng(parts.context.rng.Next64())),
      appservice_(parts.config.appservice.hs_token, *this),
      homeserver_(parts.loop, parts.config.homeserver, parts.config.appservice, parts.tls),
      ping_again_(parts.loop, [this] { PingIfQuiet(); }) {
  if (WatchingOf(config_) != Watching::kSync) return;
  const auto on_account = [this](const std::string& user_id) { conductor_.SetAccount(user_id); };
  const auto on_answer = [this](std::string_view body) {
    const Instant now = io::MonotonicNow();
    evidence_at_ = now;
    std::optional<std::string> next = conductor_.HandleSync(now, body);
    DoActions(now);
    turn_soon_();
    return next;
  };
  sync_.emplace(parts.loop, config_.homeserver, parts.tls, log_, on_account, on_answer);
}

void MatrixFocus::Start(Instant now) {
  const std::int64_t now_unix = context_.Wall(now).value / 1'000'000;
  store_.PurgeExpired(now_unix);
  store_.LoadInto(rooms_.revocations());
  for (const matrix::MintedIdentity& minted : store_.Identities()) {
    conductor_.RestoreMinted(now, minted);
  }
  for (const StoredRevocation& row : store_.Revocations()) {
    conductor_.RestoreRevocation(now, {row.room_name, row.identity, row.not_before_unix});
  }
  for (const std::string& id : store_.TransactionIds()) conductor_.RestoreTransactionId(id);
  if (WatchingOf(config_) == Watching::kAppservice) {
    conductor_.SetAccount("@" + config_.appservice.sender_localpart + ":" +
                          config_.homeserver.name);
  }
  conductor_.Start(now);
  switch (WatchingOf(config_)) {
    case Watching::kAppservice:
      return ping_again_.StartOnce(Duration::zero());
    case Watching::kSync:
      return sync_->Start();
    case Watching::kNothing:
      log_.Log(LogLevel::kWarn,
               "no appservice and no homeserver.access_token: whoever has a Matrix account gets a "
               "token for any room, and nobody is put out when they leave it");
  }
}

void MatrixFocus::Ping() {
  homeserver_.Ping("fovea-" + std::to_string(context_.rng.Next32()),
                   [this](const std::string& error) {
                     const bool is_news = ping_error_ != error;
                     ping_error_ = error;
                     if (is_news && error.empty()) {
                       log_.Log(LogLevel::kInfo, "the homeserver pushes to this focus");
                     } else if (is_news) {
                       log_.Log(LogLevel::kWarn, "membership is not pushed, calls go on: " + error);
                     }
                     ping_again_.StartOnce(error.empty() ? kPingEvery : kPingAgainAfter);
                   });
}

// Whether no push comes because nothing happens or because they fail does not show here.
void MatrixFocus::PingIfQuiet() {
  const std::optional<Instant> heard = conductor_.last_heard();
  const bool is_quiet = !heard.has_value() || io::MonotonicNow() - *heard >= kPingEvery;
  if (ping_error_ == "" && (!is_quiet || conductor_.admissions() == 0)) {
    return ping_again_.StartOnce(kPingEvery);
  }
  Ping();
}

void MatrixFocus::OnPing(Instant /*now*/) {}

bool MatrixFocus::Handles(const wire::RequestTarget& target) const {
  return !config_.appservice.hs_token.empty() && Appservice::Handles(target);
}

wire::HttpResponse MatrixFocus::Handle(Instant now, const wire::HttpRequest& request) {
  return appservice_.Handle(now, request);
}

focus::TransactionOutcome MatrixFocus::OnTransaction(Instant now, const std::string& id,
                                                     std::string_view body) {
  evidence_at_ = now;
  const focus::TransactionOutcome outcome = conductor_.HandleTransaction(now, id, body);
  DoActions(now);
  return outcome;
}

// --- Tokens --------------------------------------------------------------------------------------

void MatrixFocus::DecideMint(Instant now, const focus::MintQuery& query, OnDecided on_decided) {
  focus::MintQuery asked = query;
  // Where there is no place to wait, by what is known now: as if the homeserver had not answered.
  asked.was_asked = waiting_.size() >= limits::kWaitingMintsMax;
  const focus::MintDecision decision = conductor_.MayMint(now, asked);
  if (decision.verdict != matrix::MintVerdict::kAskHomeserver) return Tell(decision, on_decided);
  waiting_.push_back({.query = query,
                      .on_decided = std::move(on_decided),
                      .give_up_at = now + kAskMax,
                      .awaits_is_joined = decision.asks_is_joined});
  waiting_.back().query.was_asked = true;
  DoActions(now);  // the question leaves now
  turn_soon_();    // or in a moment, if another one just did: nothing else may wake this thread
}

void MatrixFocus::DecideWaiting(Instant now) {
  const auto is_due = [now](const WaitingMint& mint) {
    return mint.give_up_at <= now || (!mint.awaits_state && !mint.awaits_is_joined);
  };
  const auto first = std::stable_partition(waiting_.begin(), waiting_.end(),
                                           [&](const WaitingMint& mint) { return !is_due(mint); });
  std::vector<WaitingMint> due(std::make_move_iterator(first),
                               std::make_move_iterator(waiting_.end()));
  waiting_.erase(first, waiting_.end());
  for (const WaitingMint& mint : due) Tell(conductor_.MayMint(now, mint.query), mint.on_decided);
}

void MatrixFocus::Tell(const focus::MintDecision& decision, const OnDecided& on_decided) {
  ++counted_.decisions[static_cast<std::size_t>(decision.reason)];
  on_decided(decision);
}

void MatrixFocus::RecordMint(Instant now, const matrix::MintedIdentity& minted) {
  conductor_.RecordMint(now, minted);
  KeepChanges();
}

// --- Presence ------------------------------------------------------------------------------------

void MatrixFocus::OnActive(Instant now, const std::string& room, const std::string& identity) {
  conductor_.HandleConnected(now, room, identity);
}

void MatrixFocus::OnGone(Instant now, const std::string& room, const std::string& identity,
                         pb::DisconnectReason reason, bool was_active) {
  if (!was_active) return conductor_.HandleAborted(now, room, identity);
  conductor_.HandleLeft(now, room, identity, ReasonOf(reason));
}

void MatrixFocus::OnPublishing(Instant now, const std::string& room, const std::string& identity,
                               std::size_t audio_tracks, std::size_t video_tracks) {
  conductor_.HandlePublishing(now, room, identity, audio_tracks, video_tracks);
}

// --- Deeds ---------------------------------------------------------------------------------------

void MatrixFocus::Pump(Instant now) {
  if (conductor_.NextDeadline() <= now) {
    evidence_at_ = now;
    conductor_.HandleTimeout(now);
  }
  const bool is_failing = conductor_.is_homeserver_failing();
  // While it was away its pushes failed as well, and those wait for longer and longer.
  if (was_failing_ && !is_failing && WatchingOf(config_) == Watching::kAppservice) Ping();
  was_failing_ = is_failing;
  DecideWaiting(now);
  DoActions(now);
}

Deadline MatrixFocus::NextDeadline() const {
  Deadline next{conductor_.NextDeadline()};
  for (const WaitingMint& mint : waiting_) next = Soonest(next, Deadline{mint.give_up_at});
  return next;
}

void MatrixFocus::DoActions(Instant now) {
  while (const std::optional<focus::ConductorAction> action = conductor_.PollAction()) {
    std::visit([&](const auto& one) { Do(now, one); }, *action);
  }
  KeepChanges();
}

void MatrixFocus::KeepChanges() {
  while (const std::optional<focus::ConductorStoreChange> change = conductor_.PollStoreChange()) {
    std::visit(
        Overloaded{
            [&](const focus::PutMinted& put) { store_.PutIdentity(put.minted); },
            [&](const focus::RemoveMinted& gone) {
              store_.RemoveIdentity(gone.room_name, gone.identity);
              store_.RemoveRevocation(gone.room_name, gone.identity);
            },
            [&](const focus::PutRevocation& put) {
              store_.PutRevocation({put.revocation.room_name, put.revocation.identity,
                                    put.revocation.tokens_before_unix});
            },
            [&](const focus::PutTransactionId& put) { store_.PutTransactionId(put.id); },
            [](const focus::RemoveTransactionId&) {},  // the store keeps the latest by itself
        },
        *change);
  }
}

void MatrixFocus::Do(Instant now, const focus::Evict& action) {
  ++eviction_times_.evictions;
  ++counted_.evictions[static_cast<std::size_t>(action.reason)];
  const auto fence =
      rooms_.Evict(now, action.room_name, action.identity, action.tokens_before_unix);
  if (!fence.has_value()) return;
  fences_[*fence] = evidence_at_;
  log_.Log(LogLevel::kInfo, "a member was put out: " + std::string(ToString(action.reason)));
}

void MatrixFocus::HandleFence(Instant now, std::uint64_t fence) {
  const auto it = fences_.find(fence);
  if (it == fences_.end()) return;
  EvictionTimes& times = eviction_times_;
  ++times.fenced;
  times.last = now - it->second;
  times.longest = std::max(times.longest, times.last);
  times.total += times.last;
  fences_.erase(it);
}

void MatrixFocus::Do(Instant now, const focus::RestrictPublish& action) {
  SetMayPublish(now, action.room_name, action.identity, false);
}

void MatrixFocus::Do(Instant now, const focus::RestorePublish& action) {
  SetMayPublish(now, action.room_name, action.identity, true);
}

void MatrixFocus::SetMayPublish(Instant now, const std::string& room_name,
                                const std::string& identity, bool may) {
  livekit::Room* room = rooms_.Find(room_name);
  livekit::Participant* participant = room == nullptr ? nullptr : room->Find(identity);
  if (participant == nullptr) return;
  pb::UpdateParticipantRequest request;
  *request.mutable_permission() = participant->info.permission();
  request.mutable_permission()->set_can_publish(may);
  room->UpdateParticipant(now, *participant, request);
  room->Flush(now);
}

void MatrixFocus::Do(Instant now, const focus::CloseRoom& action) {
  rooms_.Delete(now, action.room_name);
}

void MatrixFocus::Do(Instant /*now*/, const focus::FetchRoomState& action) {
  homeserver_.FetchRoomState(action, [this](const focus::RoomStateAnswer& answer) {
    const Instant now = io::MonotonicNow();
    evidence_at_ = now;
    if (answer.status == focus::RoomStateAnswer::Status::kNotAs &&
        !std::exchange(has_warned_, true)) {
      log_.Log(
          LogLevel::kWarn,
          "the homeserver does not let this focus ask as users of its own: the registration has "
          "to cover them, see fovea doctor; nobody is admitted or put out but by what is pushed");
    }
    conductor_.HandleRoomState(now, answer);
    // After a refusal somebody else is asked as; what came too late is not what they wait for.
    const bool is_asking = conductor_.IsAsking(now, answer.room_id);
    for (WaitingMint& mint : waiting_) {
      if (mint.query.room_id == answer.room_id && !is_asking) mint.awaits_state = false;
    }
    DecideWaiting(now);
    DoActions(now);
    turn_soon_();
  });
}

void MatrixFocus::Do(Instant /*now*/, const focus::AskIsJoined& action) {
  homeserver_.AskIsJoined(
      action.room_id, action.user_id, [this, action](matrix::JoinedAnswer answer) {
        const Instant now = io::MonotonicNow();
        conductor_.HandleIsJoined(now, action, answer);
        for (WaitingMint& mint : waiting_) {
          if (mint.query.room_id == action.room_id && mint.query.user_id == action.user_id) {
            mint.awaits_is_joined = false;
          }
        }
        DecideWaiting(now);
        DoActions(now);
        turn_soon_();
      });
}

void MatrixFocus::Do(Instant /*now*/, const focus::AskDevice& action) {
  homeserver_.AskDevice(action.device.user_id, action.device.device_id,
                        [this, device = action.device](matrix::DeviceAnswer answer) {
                          const Instant now = io::MonotonicNow();
                          evidence_at_ = now;
                          conductor_.HandleDevice(now, device, answer);
                          DoActions(now);
                          turn_soon_();
                        });
}

void MatrixFocus::Do(Instant now, const focus::SendDelayedLeave& action) {
  if (on_put_out_) on_put_out_(now, action.room_name, action.identity);
}

void MatrixFocus::Do(Instant now, const focus::CallChanged& action) {
  const std::optional<focus::CallFacts> facts = conductor_.Facts(action.room_name);
  if (action.kind == focus::CallChangeKind::kStarted) ++counted_.calls_started;
  if (action.kind == focus::CallChangeKind::kEnded) {
    const auto reason = facts.has_value() && facts->last_departure.has_value()
                            ? *facts->last_departure
                            : focus::DepartureReason::kOther;
    ++counted_.calls_ended[static_cast<std::size_t>(reason)];
  }
  pb::WebhookEvent event;
  event.set_event(EventOf(action.kind));
  event.set_id(livekit::NewId(context_.rng, livekit::kEventPrefix));
  event.set_created_at(context_.Wall(now).value / 1'000'000);
  event.mutable_room()->set_name(action.room_name);
  // LiveKit's message has no place for the Matrix side; metadata is the application's own.
  if (facts.has_value()) event.mutable_room()->set_metadata(CallJson(*facts));
  context_.webhooks.Notify(event);
}

MembershipFacts MatrixFocus::CountMembership(Instant now) const {
  MembershipFacts facts = counted_;
  if (const std::optional<Instant> heard = conductor_.last_heard()) {
    facts.push_age_s = static_cast<double>(ToMicros(now - *heard)) / 1e6;
  }
  facts.is_answering = !conductor_.is_homeserver_failing();
  facts.transactions = appservice_.transactions_total();
  facts.transactions_repeated = appservice_.replays_total();
  facts.transactions_unreadable = appservice_.unreadable_total();
  facts.transactions_refused = appservice_.refused_total();
  facts.admissions = conductor_.admissions();
  facts.watched_rooms = conductor_.watched_rooms();
  facts.calls = facts.calls_started -
                std::accumulate(facts.calls_ended.begin(), facts.calls_ended.end(), 0ULL);
  facts.eviction_total = eviction_times_.total;
  facts.eviction_longest = eviction_times_.longest;
  facts.evictions_fenced = eviction_times_.fenced;
  return facts;
}

}  // namespace fovea::app
