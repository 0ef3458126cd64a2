// The ports of the room logic, faked: everything that goes out is kept, in order, and nothing comes
// back by itself. And a World that puts rooms on them, with a clock that only moves when told.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sfu/core/log.h"
#include "sfu/core/rng.h"
#include "signaling/livekit/context.h"
#include "signaling/livekit/ports.h"
#include "signaling/livekit/room_manager.h"

namespace fovea::livekit {

class FakeSignalPort : public SignalPort {
 public:
  struct Connection {
    std::vector<pb::SignalResponse> sent;
    std::optional<CloseCode> closed;
    bool aborted = false;
    [[nodiscard]] bool open() const { return !closed.has_value() && !aborted; }
  };

  void Send(ConnectionId connection, const pb::SignalResponse& message) override {
    Connection& to = connections[connection];
    if (to.open()) to.sent.push_back(message);
  }
  void Close(ConnectionId connection, CloseCode code, std::string_view /*reason*/) override {
    Connection& to = connections[connection];
    if (to.open()) to.closed = code;
  }
  void Abort(ConnectionId connection) override { connections[connection].aborted = true; }

  std::map<ConnectionId, Connection> connections;
};

class FakeMediaPort : public MediaPort {
 public:
  struct Data {
    control::SessionHandle session;
    DataLane lane = DataLane::kReliable;
    std::vector<std::uint8_t> message;
  };

  FakeMediaPort() {
    transport_.candidates = {{"192.0.2.7", 7882, false}, {"192.0.2.7", 7881, true}};
    transport_.fingerprint = "0F";
    for (int i = 1; i < 32; ++i) transport_.fingerprint += ":0F";
  }
  [[nodiscard]] std::optional<std::uint8_t> PickWorker(std::size_t /*sessions*/) const override {
    return full ? std::nullopt : std::optional<std::uint8_t>(0);
  }
  [[nodiscard]] const WorkerTransport& Transport(std::uint8_t /*worker*/) const override {
    return transport_;
  }
  [[nodiscard]] control::SessionHandle NewSession(std::uint8_t worker) override {
    return full ? control::SessionHandle{} : control::SessionHandle(worker, ++slot_, 1);
  }
  [[nodiscard]] control::PublicationHandle NewPublication(std::uint8_t worker) override {
    return full ? control::PublicationHandle{} : control::PublicationHandle(worker, ++slot_, 1);
  }
  [[nodiscard]] control::SubscriptionHandle NewSubscription(std::uint8_t worker) override {
    return full ? control::SubscriptionHandle{} : control::SubscriptionHandle(worker, ++slot_, 1);
  }
  void Post(const control::WorkerCommand& command) override { commands.push_back(command); }
  std::uint64_t PostFence() override { return ++fences; }
  void OpenDataChannels(control::SessionHandle session) override { opened.push_back(session); }
  bool SendData(control::SessionHandle session, DataLane lane, ByteSpan message) override {
    if (closed_lanes.contains(session)) return false;
    data.push_back({session, lane, {message.begin(), message.end()}});
    return true;
  }

  // The commands of one kind, in order.
  template <class Command>
  [[nodiscard]] std::vector<Command> Posted() const {
    std::vector<Command> out;
    for (const control::WorkerCommand& command : commands) {
      if (const auto* match = std::get_if<Command>(&command)) out.push_back(*match);
    }
    return out;
  }

  bool full = false;                              // the workers' tables
  std::set<control::SessionHandle> closed_lanes;  // whose data channels take nothing
  std::vector<control::WorkerCommand> commands;
  std::vector<control::SessionHandle> opened;
  std::vector<Data> data;
  std::uint64_t fences = 0;

 private:
  WorkerTransport transport_;
  std::uint32_t slot_ = 0;
};

class FakeWebhookPort : public WebhookPort {
 public:
  void Notify(const pb::WebhookEvent& event) override { events.push_back(event); }
  [[nodiscard]] std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const pb::WebhookEvent& event : events) names.push_back(event.event());
    return names;
  }
  std::vector<pb::WebhookEvent> events;
};

class FakeTokenPort : public TokenPort {
 public:
  [[nodiscard]] std::string Refresh(const wire::TokenGrants& /*token*/, const std::string& room,
                                    const pb::ParticipantInfo& participant,
                                    std::int64_t ttl_seconds) override {
    return "token for " + participant.identity() + " in " + room + ", " +
           std::to_string(ttl_seconds) + " s";
  }
};

class FakeLog : public LogSink {
 public:
  void Log(LogLevel /*level*/, std::string_view message) override { lines.emplace_back(message); }
  std::vector<std::string> lines;
};

// Not random: every call gives other bytes, the same in every run of one test.
inline void CountingBytes(MutableByteSpan out) {
  static std::uint8_t next = 0;
  for (std::uint8_t& byte : out) byte = ++next;
}

// All rooms of a server, without the server.
struct World {
  ServerOptions options;
  FakeSignalPort signal;
  FakeMediaPort media;
  FakeWebhookPort webhooks;
  FakeTokenPort tokens;
  FakeLog log;
  Rng rng{1};
  Context context{options,  signal,         media,
                  webhooks, tokens,         log,
                  rng,      &CountingBytes, [] { return kWallOffsetUs; }};
  RoomManager manager{context};
  Instant now = Instant{} + Seconds(1000);
  std::uint64_t last_connection = 0;

  static constexpr std::int64_t kWallOffsetUs = 1'700'000'000'000'000;
  [[nodiscard]] std::int64_t WallSeconds() const { return context.Wall(now).value / 1'000'000; }

  [[nodiscard]] static JoinParams Params(const std::string& room, const std::string& identity) {
    JoinParams params;
    params.token.api_key = "devkey";
    params.room = room;
    params.identity = identity;
    params.single_peer_connection = true;
    params.permission.set_can_publish(true);
    params.permission.set_can_subscribe(true);
    params.permission.set_can_publish_data(true);
    params.request.mutable_client_info()->set_protocol(17);
    params.request.mutable_connection_settings()->set_auto_subscribe(true);
    return params;
  }
  ConnectionId Open(const JoinParams& params) {
    const ConnectionId connection{++last_connection};
    manager.StartSession(now, connection, params);
    return connection;
  }
  // Lets time pass, with every timer on the way.
  void Advance(Duration duration) {
    FOVEA_CHECK(KnowsDeadlines());
    const Instant end = now + duration;
    for (Instant at = manager.NextDeadline().at; at <= end; at = manager.NextDeadline().at) {
      // A timer that stays due would spin here; that is a bug this must show, not hide.
      now = std::max(now, at);
      manager.HandleTimeout(now);
      FOVEA_CHECK(manager.NextDeadline().at > now && KnowsDeadlines());
    }
    now = end;
  }
  // The schedule of the rooms agrees with a look at each of them.
  [[nodiscard]] bool KnowsDeadlines() {
    Instant soonest = kNever;
    for (const auto& [name, room] : manager.rooms()) {
      soonest = std::min(soonest, room->NextDeadline().at);
    }
    return manager.IsConsistent() && manager.NextDeadline().at == soonest;
  }
  [[nodiscard]] bool IsConsistent() {
    return KnowsDeadlines() &&
           std::all_of(manager.rooms().begin(), manager.rooms().end(),
                       [](const auto& entry) { return entry.second->IsConsistent(); });
  }
};

}  // namespace fovea::livekit
