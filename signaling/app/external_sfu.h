// Another LiveKit server as the SFU of our tokens and jobs: asks its RoomService, and reads its
// webhooks. matrixrtc reference, sections 4.8, 4.9 and 8. Thread: signaling.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sfu/core/log.h"
#include "signaling/app/leave_ports.h"
#include "signaling/app/presence_lookup.h"
#include "signaling/io/http_client.h"
#include "signaling/io/timer.h"
#include "signaling/wire/token_grants.h"

namespace fovea::app {

struct ExternalSfuConfig {
  std::string url;  // ws, wss, http or https
  std::string api_key;
  std::string secret;
  Duration sanity_interval = Duration::zero();  // zero: webhooks alone tell who went away
};

// RoomService's address at the server that clients reach at `url`; nothing for another scheme.
[[nodiscard]] std::optional<std::string> RoomServiceUrl(const std::string& url);

class ExternalSfu : public SfuControl {
 public:
  // What a lookup found. `present` false: gone, by the server's own word.
  using OnPresence = std::function<void(Instant, const matrix::LeaveKey&, bool present)>;

  // REQUIRES: RoomServiceUrl(config.url) is something.
  ExternalSfu(uv_loop_t* loop, ExternalSfuConfig config, io::HttpClientOptions http, LogSink& log);
  // Before anything is watched.
  void SetListener(OnPresence on_presence) { on_presence_ = std::move(on_presence); }

  void CreateRoom(const std::string& room_name, OnCreated on_created) override;
  void Watch(Instant now, const matrix::LeaveKey& key, Duration wait) override;
  void Unwatch(const matrix::LeaveKey& key) override;
  // From webhooks.
  void HandleConnected(Instant now, const matrix::LeaveKey& key);
  void HandleSuperseded(Instant now, const matrix::LeaveKey& key);

 private:
  using OnDone = io::HttpClient::OnDone;
  void Call(std::string_view method, std::string body, const wire::VideoGrants& grants,
            OnDone on_done);
  void Pump(Instant now);
  void LookUp(const Lookup& lookup);
  void HandleLookup(LookupId id, LookupAnswer answer);

  // Constant after construction.
  const ExternalSfuConfig config_;
  const std::string service_url_;
  LogSink& log_;

  OnPresence on_presence_;
  PresenceLookup lookups_;
  io::HttpClient http_;
  io::Timer timer_;
};

// Our own rooms, by what the composition root can do with them.
class OwnSfu : public SfuControl {
 public:
  struct Rooms {
    std::function<void(const std::string& room_name)> create;
    std::function<bool(const matrix::LeaveKey&)> is_connected;
    std::function<void(Instant, const matrix::LeaveKey&)> on_connected;
  };
  explicit OwnSfu(Rooms rooms) : rooms_(std::move(rooms)) {}

  void CreateRoom(const std::string& room_name, OnCreated on_created) override {
    rooms_.create(room_name);
    on_created(true);
  }
  // Later news comes from the rooms themselves.
  void Watch(Instant now, const matrix::LeaveKey& key, Duration) override {
    if (rooms_.is_connected(key)) rooms_.on_connected(now, key);
  }
  void Unwatch(const matrix::LeaveKey&) override {}

 private:
  const Rooms rooms_;
};

}  // namespace fovea::app
