// The token service: gives a LiveKit access token to whom a homeserver vouches for. Routes
// /sfu/get, /get_token and /delegate_delayed_leave under any path prefix, and those that a
// homeserver proxies. matrixrtc reference, section 4. Thread: signaling.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/log.h"
#include "signaling/app/config.h"
#include "signaling/app/federation_client.h"
#include "signaling/app/metrics.h"
#include "signaling/app/rate_limiter.h"
#include "signaling/app/token_ports.h"
#include "signaling/io/http_server.h"
#include "signaling/matrix/egress_policy.h"
#include "signaling/matrix/token_request.h"

namespace fovea::app {

// Outlived by everything it is given. Nothing of a request is kept once it is answered.
class TokenService {
 public:
  struct Ports {
    FederationClient& federation;
    MintPolicy& policy;
    HomeserverPort* homeserver = nullptr;  // null: not ours to ask
    OpenRoomFn open_room;
    DelegationPort* delegation = nullptr;  // null: not offered
    LogSink& log;
    std::function<std::int64_t()> now_unix;
    std::function<void()> on_answered;  // something may be due now; do it later
  };
  // REQUIRES: config has a key, and outlives this object.
  TokenService(const Config& config, Ports ports);

  // Whether the path is one of ours. Preflight requests are too: each answer has its own headers.
  [[nodiscard]] static bool Handles(const wire::RequestTarget& target);
  // What such a request gets if its body is larger than limits::kHttpBodyBytesMax.
  [[nodiscard]] static wire::HttpResponse RefuseBody();
  // What such a request gets when the service is no more: 503, with its headers and as Matrix says
  // it, so that a page can read why. Requests that still wait at the end get the same.
  [[nodiscard]] static wire::HttpResponse AnswerClosing(wire::HttpMethod method);
  // REQUIRES: Handles(request.http.target).
  void Handle(Instant now, io::IncomingRequest request, io::ResponseWriter writer);
  // For what is built after this.
  void SetDelegation(DelegationPort* delegation) { ports_.delegation = delegation; }
  // From now on every request is answered with 503.
  void StopServing() { stopped_ = true; }

  [[nodiscard]] std::uint64_t minted_total() const { return minted_total_; }
  [[nodiscard]] std::uint64_t relayed_total() const { return relayed_total_; }
  [[nodiscard]] std::uint64_t refused_total() const { return refused_total_; }
  [[nodiscard]] std::uint64_t limited_total() const { return limited_total_; }
  [[nodiscard]] TokenFacts CountTokens() const {
    return {.minted = minted_total_, .refused = refused_total_, .limited = limited_total_};
  }

 private:
  enum class Route : std::uint8_t {
    kNone,
    kSfuGet,
    kGetToken,
    kDelegate,
    kProxiedGetToken,
    kProxiedFederation,
    kProxiedDelegate
  };
  // One request on its way to an answer.
  struct Pending;
  using PendingPtr = std::shared_ptr<Pending>;

  [[nodiscard]] static Route RouteOf(std::string_view path);
  [[nodiscard]] NetAddress ClientOf(const io::IncomingRequest& request) const;
  [[nodiscard]] std::string UrlFor(const wire::HttpRequest& request) const;

  void HandleOpenId(Instant now, const io::IncomingRequest& request, PendingPtr pending);
  void HandleUser(const PendingPtr& pending, const Result<matrix::UserId, LookupError>& user);
  void HandleProxied(Instant now, const wire::HttpRequest& request, PendingPtr pending);
  [[nodiscard]] std::optional<matrix::MatrixError> CheckHomeserver(
      const wire::HttpRequest& request) const;
  [[nodiscard]] std::optional<matrix::MatrixError> CheckPlace(const matrix::ProxiedRequest& body,
                                                              Pending& pending) const;
  [[nodiscard]] std::optional<matrix::MatrixError> TakeAsker(const wire::HttpRequest& request,
                                                             const matrix::ProxiedRequest& body,
                                                             Pending& pending) const;
  // The steps behind the user's name, each calling the next.
  void Decide(const PendingPtr& pending);
  void CheckDelegation(const PendingPtr& pending);
  void CheckDelayedEvent(const PendingPtr& pending);
  void Relay(const PendingPtr& pending);
  void OpenRoom(const PendingPtr& pending);
  void Answer(const PendingPtr& pending);
  [[nodiscard]] std::string Mint(Instant now, Pending& pending);

  void Refuse(const PendingPtr& pending, const matrix::MatrixError& error);
  void Send(Pending& pending, int status, std::string body);

  const Config& config_;
  Ports ports_;
  RateLimiter limiter_;
  std::vector<matrix::Cidr> proxies_;
  bool stopped_ = false;
  std::uint64_t minted_total_ = 0;
  std::uint64_t relayed_total_ = 0;  // given by the focus of another homeserver
  std::uint64_t refused_total_ = 0;
  std::uint64_t limited_total_ = 0;
};

}  // namespace fovea::app
