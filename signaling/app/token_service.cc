#include "signaling/app/token_service.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "sfu/io/system_clock.h"
#include "signaling/app/token_service_pending.h"
#include "signaling/matrix/derive.h"
#include "signaling/matrix/mint.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

using matrix::ErrCode;
using matrix::MatrixError;

constexpr std::int64_t kBusyRetryMs = 1000;

MatrixError TooMany(std::int64_t retry_after_ms) {
  return {.status = 429,
          .code = ErrCode::kLimitExceeded,
          .message = "Too many requests.",
          .retry_after_ms = retry_after_ms};
}

MatrixError NoDelegation(bool own_route) {
  if (own_route) {
    return {.status = 403,
            .code = ErrCode::kForbidden,
            .message = "Delayed events of this homeserver's users are not looked after."};
  }
  return matrix::BadJson("Delayed events of this homeserver's users are not looked after.");
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// The last of a comma list: what the proxy next to us wrote, not what it was told.
std::string_view LastOf(std::string_view list) {
  const std::size_t comma = list.rfind(',');
  return Trim(comma == std::string_view::npos ? list : list.substr(comma + 1));
}

bool IsHostHeader(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == ':' || c == '[' || c == ']';
  });
}

// What the reference service sends on every answer of these routes; browsers ask for no more.
wire::HttpResponse TokenResponse(int status, std::string body) {
  wire::HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  response.headers.emplace_back("Content-Type", "application/json");
  response.headers.emplace_back("Access-Control-Allow-Origin", "*");
  response.headers.emplace_back("Access-Control-Allow-Methods", "POST");
  response.headers.emplace_back(
      "Access-Control-Allow-Headers",
      "Accept, Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token");
  return response;
}

// The status of what is no request for a token.
std::optional<int> AnswerToMethod(wire::HttpMethod method) {
  if (method == wire::HttpMethod::kOptions) return 200;
  if (method != wire::HttpMethod::kPost) return 405;
  return std::nullopt;
}

MatrixError Closing() {
  return {.status = 503, .code = ErrCode::kUnknown, .message = "The service is shutting down."};
}

}  // namespace

TokenService::TokenService(const Config& config, Ports ports)
    : config_(config),
      ports_(std::move(ports)),
      limiter_(config.access.rate_limit.per_second, config.access.rate_limit.burst) {
  for (const std::string& range : config.access.trusted_proxies) {
    if (const auto parsed = matrix::Cidr::Parse(range)) proxies_.push_back(*parsed);
  }
}

TokenService::Route TokenService::RouteOf(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const bool client = path.find("/_matrix/client/") != std::string_view::npos;
  const bool federation = path.find("/_matrix/federation/") != std::string_view::npos;
  if (client || federation) {
    if (path.ends_with("/rtc/livekit/get_token")) {
      return client ? Route::kProxiedGetToken : Route::kProxiedFederation;
    }
    if (client && path.ends_with("/rtc/livekit/delegate_delayed_leave")) {
      return Route::kProxiedDelegate;
    }
    return Route::kNone;
  }
  if (path.ends_with("/sfu/get")) return Route::kSfuGet;
  if (path.ends_with("/get_token")) return Route::kGetToken;
  if (path.ends_with("/delegate_delayed_leave")) return Route::kDelegate;
  return Route::kNone;
}

bool TokenService::Handles(const wire::RequestTarget& target) {
  return RouteOf(target.path) != Route::kNone;
}

wire::HttpResponse TokenService::RefuseBody() {
  const MatrixError error{
      .status = 413, .code = ErrCode::kTooLarge, .message = "The body is larger than a mebibyte."};
  return TokenResponse(error.status, error.ToJson());
}

wire::HttpResponse TokenService::AnswerClosing(wire::HttpMethod method) {
  if (const auto answered = AnswerToMethod(method)) return TokenResponse(*answered, "");
  const MatrixError error = Closing();
  return TokenResponse(error.status, error.ToJson());
}

TokenService::Pending::~Pending() {
  // No answer is dropped but at the end of the service.
  if (writer.client_is_there()) writer.Send(AnswerClosing(wire::HttpMethod::kPost));
}

void TokenService::Handle(Instant now, io::IncomingRequest request, io::ResponseWriter writer) {
  auto pending = std::make_shared<Pending>(std::move(writer));
  pending->route = RouteOf(request.http.target.path);
  if (const auto status = AnswerToMethod(request.http.method)) return Send(*pending, *status, "");
  if (stopped_) return Refuse(pending, Closing());
  const bool delegates =
      pending->route == Route::kDelegate || pending->route == Route::kProxiedDelegate;
  if (delegates && (ports_.delegation == nullptr || !ports_.delegation->IsOffered())) {
    return Refuse(pending, {.status = 404,
                            .code = ErrCode::kUnrecognized,
                            .message = "Delegation of delayed events is not offered."});
  }
  pending->url = UrlFor(request.http);
  switch (pending->route) {
    case Route::kSfuGet:
    case Route::kGetToken:
    case Route::kDelegate:
      return HandleOpenId(now, request, std::move(pending));
    case Route::kProxiedGetToken:
    case Route::kProxiedFederation:
    case Route::kProxiedDelegate:
      return HandleProxied(now, request.http, std::move(pending));
    case Route::kNone:
      return Send(*pending, 404, "");
  }
}

// A reverse proxy's requests all come from its own address; it says whose they are.
NetAddress TokenService::ClientOf(const io::IncomingRequest& request) const {
  const bool is_proxy = std::any_of(proxies_.begin(), proxies_.end(), [&](const auto& range) {
    return range.Contains(request.peer);
  });
  const auto forwarded = request.http.Header("x-forwarded-for");
  if (!is_proxy || !forwarded) return request.peer;
  return NetAddress::Parse(LastOf(*forwarded), 0).value_or(request.peer);
}

// As configured; else where this very request came to, less the route's own part of the path.
std::string TokenService::UrlFor(const wire::HttpRequest& request) const {
  if (!config_.external.url.empty()) return config_.external.url;
  if (!config_.access.public_url.empty()) return config_.access.public_url;
  std::string_view host = request.Header("x-forwarded-host").value_or("");
  host = LastOf(host);
  if (!IsHostHeader(host)) host = request.Header("host").value_or("");
  if (!IsHostHeader(host)) return {};
  const std::string_view proto = LastOf(request.Header("x-forwarded-proto").value_or(""));
  const bool tls_here =
      !config_.tls.cert_file.empty() &&
      (config_.tls.port == 0 || host.ends_with(":" + std::to_string(config_.tls.port)));
  const bool secure = proto.empty() ? tls_here : (proto == "https" || proto == "wss");
  std::string prefix = request.target.path;
  for (const std::string_view route : {"/sfu/get", "/get_token", "/delegate_delayed_leave"}) {
    const std::size_t at = prefix.rfind(route);
    if (at != std::string::npos) prefix.resize(at);
  }
  return (secure ? "wss://" : "ws://") + std::string(host) + prefix;
}

void TokenService::HandleOpenId(Instant now, const io::IncomingRequest& request,
                                PendingPtr pending) {
  auto parse = matrix::ParseSfuGet;
  if (pending->route == Route::kGetToken) parse = matrix::ParseGetToken;
  if (pending->route == Route::kDelegate) parse = matrix::ParseDelegate;
  Result<matrix::TokenRequest, MatrixError> parsed = parse(request.http.body);
  if (!parsed.ok()) return Refuse(pending, parsed.error());
  // What costs a look-up counts; what is refused for its form costs next to nothing.
  if (const Duration wait = limiter_.Take(now, ClientOf(request)); wait > Duration::zero()) {
    ++limited_total_;
    return Refuse(pending, TooMany(ToMillis(wait) + 1));
  }
  pending->request = *std::move(parsed);
  const matrix::OpenIdToken openid = std::exchange(pending->request.openid, {});
  ports_.federation.LookUpUser(now, openid.matrix_server_name, openid.access_token,
                               [this, pending](const Result<matrix::UserId, LookupError>& user) {
                                 HandleUser(pending, user);
                               });
}

void TokenService::HandleUser(const PendingPtr& pending,
                              const Result<matrix::UserId, LookupError>& user) {
  if (!user.ok()) {
    if (user.error() == LookupError::kBusy) {
      ++limited_total_;
      return Refuse(pending, TooMany(kBusyRetryMs));
    }
    return Refuse(pending, matrix::NotAuthorised());
  }
  const matrix::TokenRequest& request = pending->request;
  if (request.route != matrix::TokenRoute::kLegacy && request.claimed_user_id != user->text) {
    return Refuse(pending, matrix::NotAuthorised());
  }
  matrix::MintedIdentity& who = pending->who;
  who.route = request.route;
  who.room_id = request.room_id;
  who.slot_id = request.slot_id;
  who.user_id = user->text;
  who.device_id = request.device_id;
  who.member_id = request.member_id;
  who.server_name = user->server_name;
  who.full_access = HasFullAccess(config_, who.server_name);
  who.room_name = matrix::RoomName(who.room_id, who.slot_id);
  who.identity = request.route == matrix::TokenRoute::kLegacy
                     ? matrix::LegacyIdentity(who.user_id, who.device_id)
                     : matrix::MemberIdentity(who.user_id, who.device_id, who.member_id);
  if (who.identity.size() > config_.server.identity_chars_max) {
    return Refuse(pending, matrix::BadJson("The device id is too long."));
  }
  if (request.delay) {
    const bool offered = ports_.delegation != nullptr && ports_.delegation->IsOffered();
    if (!who.full_access || !offered) {
      return Refuse(pending, NoDelegation(pending->route == Route::kDelegate));
    }
  }
  Decide(pending);
}

void TokenService::Decide(const PendingPtr& pending) {
  ports_.policy.DecideMint(
      io::MonotonicNow(), pending->who, [this, pending](const MintAnswer& answer) {
        if (!answer.allowed && answer.is_unanswered && matrix::IsProxied(pending->who.route)) {
          return Refuse(pending, matrix::NoHomeserver());
        }
        // One answer whether the room is unknown, closed, or just not theirs.
        if (!answer.allowed) {
          return Refuse(pending, {.status = 403,
                                  .code = ErrCode::kForbidden,
                                  .message = "The user may not be in this call."});
        }
        pending->not_before_unix = answer.not_before_unix;
        if (!pending->relay_to.empty()) return Relay(pending);
        CheckDelegation(pending);
      });
}

void TokenService::CheckDelegation(const PendingPtr& pending) {
  if (!pending->request.delay) return OpenRoom(pending);
  if (pending->route == Route::kProxiedDelegate) return CheckDelayedEvent(pending);
  ports_.delegation->FindClientApi(pending->who.server_name, [this, pending](bool known) {
    if (known) return OpenRoom(pending);
    Refuse(pending, matrix::BadJson("The homeserver's client-server API cannot be found."));
  });
}

void TokenService::OpenRoom(const PendingPtr& pending) {
  // Nobody to answer: then no room either.
  if (!pending->writer.client_is_there()) return;
  const bool delegates =
      pending->route == Route::kDelegate || pending->route == Route::kProxiedDelegate;
  const bool opens = pending->who.full_access || config_.access.open_room_creation ||
                     pending->who.route == matrix::TokenRoute::kFederation;
  if (delegates || !opens) return Answer(pending);
  ports_.open_room(pending->who.room_name, [this, pending](bool opened) {
    if (opened) return Answer(pending);
    Refuse(pending,
           {.status = 500, .code = ErrCode::kUnknown, .message = "The room could not be opened."});
  });
}

void TokenService::Answer(const PendingPtr& pending) {
  const Instant now = io::MonotonicNow();
  if (pending->request.delay) {
    const matrix::DelayParams& delay = *pending->request.delay;
    const Delegation job{pending->who, delay.delay_id, delay.timeout};
    if (!ports_.delegation->AddJob(now, job)) {
      return Refuse(pending, matrix::BadJson("The delayed event cannot be looked after."));
    }
  }
  nlohmann::json body = nlohmann::json::object();
  if (pending->route != Route::kDelegate && pending->route != Route::kProxiedDelegate) {
    body["jwt"] = Mint(now, *pending);
    body["url"] = pending->url;
    ++minted_total_;
  }
  Send(*pending, 200, wire::DumpJson(body));
}

std::string TokenService::Mint(Instant now, Pending& pending) {
  matrix::MintedIdentity& who = pending.who;
  const auto& [key, secret] = *config_.keys.begin();
  who.issued_unix = std::max(ports_.now_unix(), pending.not_before_unix);
  who.expires_unix = who.issued_unix + config_.access.token_ttl / Seconds(1);
  ports_.policy.RecordMint(now, who);
  const bool restricted_publish = config_.access.restricted_can_publish.value_or(false);
  return matrix::MintToken({.api_key = key,
                            .identity = who.identity,
                            .room_name = who.room_name,
                            .can_publish = matrix::MayPublish(who, restricted_publish),
                            .can_update_own_metadata = config_.access.can_update_own_metadata,
                            .issued_unix = who.issued_unix,
                            .expires_unix = who.expires_unix},
                           secret);
}

void TokenService::Refuse(const PendingPtr& pending, const MatrixError& error) {
  ++refused_total_;
  // The code alone: neither who asked nor for what.
  ports_.log.Log(LogLevel::kDebug, "a token request was answered with " +
                                       std::to_string(error.status) + " " +
                                       std::string(matrix::ToString(error.code)));
  Send(*pending, error.status, error.ToJson());
}

void TokenService::Send(Pending& pending, int status, std::string body) {
  pending.writer.Send(TokenResponse(status, std::move(body)));
  ports_.on_answered();
}

}  // namespace fovea::app
