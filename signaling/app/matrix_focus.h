// The homeserver's word made deed: carries what the homeserver pushes and answers to the Conductor,
// and does what the Conductor says, to rooms, tokens, the store and the homeserver. Decides
// nothing. Thread: signaling.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sfu/core/deadline.h"
#include "sfu/core/log.h"
#include "signaling/app/appservice.h"
#include "signaling/app/config.h"
#include "signaling/app/homeserver_client.h"
#include "signaling/app/metrics.h"
#include "signaling/app/state_store.h"
#include "signaling/app/sync_client.h"
#include "signaling/focus/conductor.h"
#include "signaling/io/timer.h"
#include "signaling/livekit/room_manager.h"

namespace fovea::app {

// How long evictions took, from the transaction to the acknowledged fence.
struct EvictionTimes {
  std::uint64_t evictions = 0;  // identities put out or whose tokens were refused
  std::uint64_t fenced = 0;     // those that were connected and whose fence is acknowledged
  Duration last{};
  Duration longest{};
  Duration total{};
};

// Outlived by everything it is given.
class MatrixFocus : private TransactionSink {
 public:
  struct Parts {
    uv_loop_t* loop = nullptr;
    const Config& config;
    LogSink& log;
    livekit::Context& context;
    livekit::RoomManager& rooms;
    StateStore& store;
    std::function<void()> turn_soon;     // an answer came, and timers may have moved
    const io::TlsClient* tls = nullptr;  // null: https to the homeserver will fail
  };
  explicit MatrixFocus(const Parts& parts);

  // Takes up what the store kept; then asks the homeserver about every room with tokens, and to
  // push what it held back.
  void Start(Instant now);

  // Routes of the application service API.
  [[nodiscard]] bool Handles(const wire::RequestTarget& target) const;
  [[nodiscard]] wire::HttpResponse Handle(Instant now, const wire::HttpRequest& request);
  [[nodiscard]] const Appservice& appservice() const { return appservice_; }

  // Who looks after delayed leaves; called for whoever is put out.
  using OnPutOut = std::function<void(Instant, const std::string& room, const std::string& id)>;
  void SetOnPutOut(OnPutOut on_put_out) { on_put_out_ = std::move(on_put_out); }

  // Whether a token may be minted. `on_decided` is called once: now, or when the homeserver has
  // said more, or after kAskMax without a word of it.
  static constexpr Duration kAskMax = Seconds(3);
  using OnDecided = std::function<void(const focus::MintDecision&)>;
  void DecideMint(Instant now, const focus::MintQuery& query, OnDecided on_decided);
  // Before the token leaves.
  void RecordMint(Instant now, const matrix::MintedIdentity& minted);

  // As livekit::PresencePort says.
  void OnActive(Instant now, const std::string& room, const std::string& identity);
  void OnGone(Instant now, const std::string& room, const std::string& identity,
              pb::DisconnectReason reason, bool was_active);
  void OnPublishing(Instant now, const std::string& room, const std::string& identity,
                    std::size_t audio_tracks, std::size_t video_tracks);

  // False: no homeserver says who is in a room.
  [[nodiscard]] bool is_watching() const { return WatchingOf(config_) != Watching::kNothing; }

  // A fence that RoomManager::Evict posted is complete; others are ignored.
  void HandleFence(Instant now, std::uint64_t fence);
  // Once per turn, after every input: timers, and what they and the inputs have made due.
  void Pump(Instant now);
  [[nodiscard]] Deadline NextDeadline() const;

  [[nodiscard]] const focus::Conductor& conductor() const { return conductor_; }
  [[nodiscard]] const EvictionTimes& eviction_times() const { return eviction_times_; }
  [[nodiscard]] MembershipFacts CountMembership(Instant now) const;

 private:
  struct WaitingMint {
    focus::MintQuery query;
    OnDecided on_decided;
    Instant give_up_at;
    bool awaits_state = true;
    bool awaits_is_joined = false;
  };

  // TransactionSink
  focus::TransactionOutcome OnTransaction(Instant now, const std::string& id,
                                          std::string_view body) override;
  void OnPing(Instant now) override;

  void Ping();
  void PingIfQuiet();
  void DoActions(Instant now);
  void KeepChanges();
  void Do(Instant now, const focus::Evict& action);
  void Do(Instant now, const focus::RestrictPublish& action);
  void Do(Instant now, const focus::RestorePublish& action);
  void Do(Instant now, const focus::CloseRoom& action);
  void Do(Instant now, const focus::FetchRoomState& action);
  void Do(Instant now, const focus::AskIsJoined& action);
  void Do(Instant now, const focus::AskDevice& action);
  void Do(Instant now, const focus::SendDelayedLeave& action);
  void Do(Instant now, const focus::CallChanged& action);
  void SetMayPublish(Instant now, const std::string& room, const std::string& identity, bool may);
  void DecideWaiting(Instant now);
  void Tell(const focus::MintDecision& decision, const OnDecided& on_decided);

  const Config& config_;
  LogSink& log_;
  livekit::Context& context_;
  livekit::RoomManager& rooms_;
  StateStore& store_;
  const std::function<void()> turn_soon_;
  focus::Conductor conductor_;
  Appservice appservice_;
  HomeserverClient homeserver_;
  std::optional<SyncClient> sync_;  // where there is no application service
  io::Timer ping_again_;
  std::optional<std::string> ping_error_;  // of the last ping; empty: it came back to us
  bool was_failing_ = false;               // as the Conductor said last turn
  OnPutOut on_put_out_;
  std::vector<WaitingMint> waiting_;                   // at most kWaitingMintsMax
  std::unordered_map<std::uint64_t, Instant> fences_;  // fence: when its evidence came
  Instant evidence_at_{};
  bool has_warned_ = false;  // that we may not ask as users
  EvictionTimes eviction_times_;
  // Counted since the start; the rest of it is filled in by CountMembership.
  MembershipFacts counted_;
};

}  // namespace fovea::app
