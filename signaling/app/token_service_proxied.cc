// TokenService: the routes that a homeserver proxies, having authenticated the user or the server
// that asks. matrixrtc reference, section 4.6.
#include <optional>
#include <utility>

#include "sfu/crypto/hmac.h"
#include "signaling/app/token_service.h"
#include "signaling/app/token_service_pending.h"
#include "signaling/matrix/derive.h"
#include "signaling/matrix/ids.h"
#include "signaling/wire/base64.h"

namespace fovea::app {
namespace {

using matrix::ErrCode;
using matrix::MatrixError;

// The released SDK's hour; what the homeserver holds the delayed event for is its own business.
constexpr Duration kProxiedDelay = Seconds(3600);

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
  const bool own_server =
      parsed->server_name.empty() || parsed->server_name == config_.homeserver.name;
  if (!own_server) return Refuse(pending, InvalidParam("server_name is not this focus's."));
  // Only where we know how we are called; behind a proxy that rewrites it we may not.
  const std::string& own_url = config_.access.public_url;
  if (!parsed->url.empty() && !own_url.empty() &&
      WithoutSlash(parsed->url) != WithoutSlash(own_url)) {
    return Refuse(pending, InvalidParam("url is not this focus's."));
  }
  matrix::MintedIdentity& who = pending->who;
  who.room_id = parsed->room_id;
  who.slot_id = parsed->slot_id;
  who.member_id = parsed->member_id;
  who.device_id = parsed->device_id;
  who.room_name = matrix::RoomName(who.room_id, who.slot_id);
  who.identity = matrix::HomeserverIdentity(who.user_id, who.member_id);
  if (pending->route == Route::kProxiedDelegate) {
    pending->request.delay = matrix::DelayParams{parsed->delay_id, kProxiedDelay};
  }
  Decide(pending);
}

}  // namespace fovea::app
