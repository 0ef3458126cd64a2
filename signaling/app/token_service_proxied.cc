// TokenService: the routes that a homeserver proxies, having authenticated the user or the server
// that asks. matrixrtc reference, section 4.6.
#include <algorithm>
#include <optional>
#include <utility>

#include "sfu/core/limits.h"
#include "sfu/crypto/hmac.h"
#include "signaling/app/token_service.h"
#include "signaling/app/token_service_pending.h"
#include "signaling/matrix/derive.h"
#include "signaling/matrix/ids.h"
#include "signaling/wire/base64.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

using matrix::ErrCode;
using matrix::MatrixError;

// What the proposal asks for at least, and the released SDK's own. A focus that fails has so long
// to come back before everybody is said to have left.
constexpr Duration kProxiedDelayMin = Seconds(3600);

MatrixError InvalidParam(std::string message) {
  return {.status = 400, .code = ErrCode::kInvalidParam, .message = std::move(message)};
}

std::string_view WithoutSlash(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  return url;
}

}  // namespace

std::optional<MatrixError> TokenService::CheckHomeserver(const wire::HttpRequest& request) const {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view header = request.Header("authorization").value_or("");
  if (!header.starts_with(kBearer)) {
    return MatrixError{
        .status = 401, .code = ErrCode::kMissingToken, .message = "The access token is missing."};
  }
  const auto given = wire::AsBytes(header.substr(kBearer.size()));
  if (!crypto::ConstantTimeEquals(given, wire::AsBytes(config_.appservice.hs_token))) {
    return MatrixError{
        .status = 401, .code = ErrCode::kUnknownToken, .message = "The access token is unknown."};
  }
  return std::nullopt;
}

// Who asks stands in a header that only the homeserver can have written.
std::optional<MatrixError> TokenService::TakeAsker(const wire::HttpRequest& request,
                                                   const matrix::ProxiedRequest& body,
                                                   Pending& pending) const {
  const bool federation = pending.route == Route::kProxiedFederation;
  const auto header = request.Header(federation ? "x-matrix-origin" : "x-matrix-user-identifier");
  if (!header || header->empty()) return matrix::NotAuthorised();
  const std::string asker(*header);
  matrix::MintedIdentity& who = pending.who;
  if (federation) {
    if (!matrix::ServerName::Parse(asker)) return InvalidParam("The origin is not a server name.");
    const std::optional<matrix::UserId> user = matrix::UserId::Parse(body.user_id);
    if (!user) return InvalidParam("user_id is not a user id.");
    if (user->server_name != asker) {
      return MatrixError{.status = 403,
                         .code = ErrCode::kForbidden,
                         .message = "The user is not of the server that asks."};
    }
    who.user_id = user->text;
    who.server_name = user->server_name;
    who.route = matrix::TokenRoute::kFederation;
    who.full_access = false;
    return std::nullopt;
  }
  const std::optional<matrix::UserId> user = matrix::UserId::Parse(asker);
  if (!user) return InvalidParam("The user identifier is not a user id.");
  who.user_id = user->text;
  who.server_name = user->server_name;
  who.route = matrix::TokenRoute::kHomeserver;
  who.full_access = HasFullAccess(config_, who.server_name);
  return std::nullopt;
}

// Whose focus is meant: this one, or that of another homeserver, which ours can ask.
std::optional<MatrixError> TokenService::CheckPlace(const matrix::ProxiedRequest& body,
                                                    Pending& pending) const {
  if (!body.server_name.empty() && body.server_name != config_.homeserver.name) {
    if (pending.route != Route::kProxiedGetToken || ports_.homeserver == nullptr) {
      return InvalidParam("server_name is not this focus's.");
    }
    if (!matrix::ServerName::Parse(body.server_name)) {
      return InvalidParam("server_name is not a server name.");
    }
    pending.relay_to = body.server_name;
    pending.url = body.url;
    return std::nullopt;
  }
  // Only where we know how we are called; behind a proxy that rewrites it we may not.
  const std::string& own_url = config_.access.public_url;
  if (!body.url.empty() && !own_url.empty() && WithoutSlash(body.url) != WithoutSlash(own_url)) {
    return InvalidParam("url is not this focus's.");
  }
  return std::nullopt;
}

// The client says which event is to be sent when it is gone. Whatever else it names is not ours to
// send: somebody else's event, one of another room, or one that would fire while we restart.
void TokenService::CheckDelayedEvent(const PendingPtr& pending) {
  if (ports_.homeserver == nullptr) return Refuse(pending, matrix::NoHomeserver());
  const auto on_answer = [this, pending](const matrix::DelayedEventAnswer& answer) {
    switch (answer.status) {
      case matrix::DelayedEventStatus::kFound:
        break;
      case matrix::DelayedEventStatus::kMissing:
        return Refuse(pending, InvalidParam("delay_id is none of the user's delayed events."));
      case matrix::DelayedEventStatus::kNoRoute:
      case matrix::DelayedEventStatus::kUnknown:
        return Refuse(pending, matrix::NoHomeserver());
    }
    if (answer.room_id != pending->who.room_id) {
      return Refuse(pending, InvalidParam("The delayed event is not one of this room."));
    }
    if (answer.delay < kProxiedDelayMin) {
      return Refuse(pending, InvalidParam("The delay is shorter than an hour."));
    }
    pending->request.delay->timeout = std::min(answer.delay, limits::kDelayTimeoutMax);
    OpenRoom(pending);
  };
  ports_.homeserver->FindDelayedEvent(pending->who.user_id, pending->request.delay->delay_id,
                                      on_answer);
}

void TokenService::Relay(const PendingPtr& pending) {
  const matrix::MintedIdentity& who = pending->who;
  const TokenRelay relay{.server_name = pending->relay_to,
                         .user_id = who.user_id,
                         .url = pending->url,
                         .room_id = who.room_id,
                         .slot_id = who.slot_id,
                         .member_id = who.member_id};
  ports_.homeserver->RelayTokenRequest(relay, [this, pending](const matrix::RelayedToken& answer) {
    if (answer.jwt.empty()) return Refuse(pending, answer.error);
    nlohmann::json body;
    body["jwt"] = answer.jwt;
    const std::string& url = answer.url.empty() ? pending->url : answer.url;
    if (!url.empty()) body["url"] = url;
    ++relayed_total_;
    Send(*pending, 200, wire::DumpJson(body));
  });
}

void TokenService::HandleProxied(Instant now, const wire::HttpRequest& request,
                                 PendingPtr pending) {
  static_cast<void>(now);
  if (config_.appservice.hs_token.empty()) {
    return Refuse(pending, {.status = 404,
                            .code = ErrCode::kUnrecognized,
                            .message = "No homeserver is registered here."});
  }
  if (const auto error = CheckHomeserver(request)) return Refuse(pending, *error);
  auto form = matrix::ProxiedRoute::kGetToken;
  if (pending->route == Route::kProxiedFederation) form = matrix::ProxiedRoute::kFederationGetToken;
  if (pending->route == Route::kProxiedDelegate) form = matrix::ProxiedRoute::kDelegate;
  const Result<matrix::ProxiedRequest, MatrixError> parsed =
      matrix::ParseProxied(form, request.body);
  if (!parsed.ok()) return Refuse(pending, parsed.error());
  if (const auto error = TakeAsker(request, *parsed, *pending)) return Refuse(pending, *error);
  if (const auto error = CheckPlace(*parsed, *pending)) return Refuse(pending, *error);
  matrix::MintedIdentity& who = pending->who;
  who.room_id = parsed->room_id;
  who.slot_id = parsed->slot_id;
  who.member_id = parsed->member_id;
  who.device_id = parsed->device_id;
  who.room_name = matrix::RoomName(who.room_id, who.slot_id);
  who.identity = matrix::HomeserverIdentity(who.user_id, who.member_id);
  if (pending->route == Route::kProxiedDelegate) {
    pending->request.delay = matrix::DelayParams{parsed->delay_id, kProxiedDelayMin};
  }
  Decide(pending);
}

}  // namespace fovea::app
