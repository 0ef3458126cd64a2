// Asks homeservers whose OpenID token it was given. Finds them, connects to vetted addresses only,
// and lets no slow server hold the others up. reliability reference, D18 and D20.
// Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "signaling/app/leave_ports.h"
#include "signaling/app/server_finder.h"
#include "signaling/io/http_client.h"
#include "signaling/io/timer.h"
#include "signaling/io/tls.h"
#include "signaling/matrix/egress_policy.h"
#include "signaling/matrix/ids.h"
#include "signaling/matrix/openid.h"

namespace fovea::app {

enum class LookupError : std::uint8_t {
  kBadServerName,  // no server has that name
  kRefused,        // the server does not vouch for the token, or not for a user of its own
  kUnreachable,    // no usable answer in time
  kBusy            // too many ask at once
};

// Whom the operator trusts to be reached, and how; made from the configuration.
struct FederationClientOptions {
  std::string own_server_name;
  std::string own_server_url;  // asked first about its own users; empty: like any other server
  std::map<std::string, std::string> servers;  // configured https URLs
  matrix::EgressPolicy policy;
  // Servers whose look-ups do not count towards kOpenIdChecksMax: strangers cannot hold them up.
  std::function<bool(const std::string& server_name)> is_trusted;
  // For one look-up from its start, over all ways to the server together.
  Duration lookup_timeout = Seconds(10);
};

// Limits: kOpenIdChecksPerServerMax look-ups of one server under way, kOpenIdChecksMax of
// strangers; behind them kOpenIdQueuedMax wait, each lookup_timeout at most from its start. A
// stranger that could not be reached is not asked again for kUnreachableFor.
class FederationClient : public GuardedHttp {
 public:
  static constexpr Duration kUnreachableFor = Seconds(10);

  // `federation_tls` and `own_tls` verify other servers and our own; null: https fails. They
  // outlive this object.
  FederationClient(uv_loop_t* loop, FederationClientOptions options,
                   const io::TlsClient* federation_tls, const io::TlsClient* own_tls);
  ~FederationClient() override;
  FederationClient(const FederationClient&) = delete;
  FederationClient& operator=(const FederationClient&) = delete;

  // Calls back once, at once or later. The token appears in the request only.
  using OnUser = std::function<void(Result<matrix::UserId, LookupError>)>;
  void LookUpUser(Instant now, const std::string& server_name, const std::string& access_token,
                  OnUser on_user);

  // GuardedHttp: one request to an address that a stranger named, within the egress policy and
  // with the certificate checked.
  void Start(wire::OutgoingRequest request, Duration timeout, OnDone on_done) override;

  [[nodiscard]] std::size_t in_flight() const { return lookups_.size(); }
  [[nodiscard]] std::size_t queued() const { return queued_; }

 private:
  struct Lookup;
  struct Server {
    std::size_t in_flight = 0;
    std::deque<std::unique_ptr<Lookup>> queue;
  };
  void Begin(std::unique_ptr<Lookup> lookup);
  void AskOwnServer(std::uint64_t id);
  void AskConfigured(std::uint64_t id, const std::string& url);
  void Discover(std::uint64_t id);
  void AskNextEndpoint(std::uint64_t id);
  void Call(std::uint64_t id, io::HttpClient& http, wire::OutgoingRequest request,
            io::HttpCallOptions options, std::function<void()> otherwise);
  void End(std::uint64_t id, Result<matrix::UserId, LookupError> result);
  void BeginQueued(const std::string& server_name);
  [[nodiscard]] bool HasRoom(const Server& server, bool trusted) const;
  [[nodiscard]] Lookup* Find(std::uint64_t id);
  void RememberUnreachable(const Lookup& lookup);

  uv_loop_t* const loop_;
  const FederationClientOptions options_;
  io::HttpClient http_;      // other servers
  io::HttpClient own_http_;  // our homeserver, by its configured URL
  ServerFinder finder_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Lookup>> lookups_;  // under way
  std::map<std::string, Server> servers_;  // with look-ups under way or waiting
  std::map<std::string, Instant> unreachable_until_;
  std::size_t strangers_in_flight_ = 0;
  std::size_t queued_ = 0;
  std::uint64_t next_id_ = 1;
};

}  // namespace fovea::app
