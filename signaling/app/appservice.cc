#include "signaling/app/appservice.h"

#include <optional>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/crypto/hmac.h"
#include "signaling/matrix/matrix_error.h"
#include "signaling/wire/http_parser.h"

namespace fovea::app {
namespace {

using wire::HttpMethod;

// The segments behind "/_matrix/app/v1", or all of them for the paths of before v1, which Synapse
// tries when the others answer 404.
std::optional<std::vector<std::string>> RouteOf(const wire::RequestTarget& target) {
  const std::vector<std::string>& all = target.segments;
  if (all.size() >= 4 && all[0] == "_matrix" && all[1] == "app" && all[2] == "v1") {
    return std::vector<std::string>(all.begin() + 3, all.end());
  }
  if (all.size() == 2 && (all[0] == "transactions" || all[0] == "users" || all[0] == "rooms")) {
    return all;
  }
  return std::nullopt;
}

wire::HttpResponse Refuse(int status, matrix::ErrCode code, std::string message) {
  const matrix::MatrixError error{status, code, std::move(message)};
  return wire::JsonResponse(status, error.ToJson());
}

std::optional<std::string_view> TokenOf(const wire::HttpRequest& request) {
  if (const auto header = request.Header("Authorization")) {
    constexpr std::string_view kBearer = "Bearer ";
    return header->starts_with(kBearer) ? header->substr(kBearer.size()) : std::string_view();
  }
  return request.target.Query("access_token");  // older homeservers
}

ByteSpan BytesOf(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

bool Appservice::Handles(const wire::RequestTarget& target) { return RouteOf(target).has_value(); }

bool Appservice::IsFromHomeserver(const wire::HttpRequest& request) const {
  const auto token = TokenOf(request);
  return token.has_value() && !hs_token_.empty() &&
         crypto::ConstantTimeEquals(BytesOf(*token), BytesOf(hs_token_));
}

std::size_t Appservice::LargeBodyBytesMax(const wire::HttpRequest& head) const {
  return Handles(head.target) && IsFromHomeserver(head) ? limits::kTransactionBytesMax : 0;
}

wire::HttpResponse Appservice::Handle(Instant now, const wire::HttpRequest& request) {
  if (!TokenOf(request).has_value()) {
    ++refused_;
    return Refuse(401, matrix::ErrCode::kMissingToken, "The homeserver's token is missing.");
  }
  if (!IsFromHomeserver(request)) {
    ++refused_;
    return Refuse(403, matrix::ErrCode::kForbidden,
                  "This is not the hs_token of the registration.");
  }
  const std::vector<std::string> route = *RouteOf(request.target);
  if (route.size() == 2 && route[0] == "transactions") {
    if (request.method != HttpMethod::kPut) {
      return Refuse(405, matrix::ErrCode::kUnrecognized, "Transactions are PUT.");
    }
    return TakeTransaction(now, request, route[1]);
  }
  if (route.size() == 1 && route[0] == "ping") {
    if (request.method != HttpMethod::kPost) {
      return Refuse(405, matrix::ErrCode::kUnrecognized, "A ping is POST.");
    }
    sink_.OnPing(now);
    return wire::JsonResponse(200, "{}");
  }
  const bool is_query = route.size() == 2 && (route[0] == "users" || route[0] == "rooms");
  // Fovea makes no users and no room aliases.
  return Refuse(404, is_query ? matrix::ErrCode::kNotFound : matrix::ErrCode::kUnrecognized,
                is_query ? "There is none of that name here." : "No such route.");
}

wire::HttpResponse Appservice::TakeTransaction(Instant now, const wire::HttpRequest& request,
                                               const std::string& id) {
  ++transactions_;
  switch (sink_.OnTransaction(now, id, request.body)) {
    case focus::TransactionOutcome::kTaken:
      break;
    case focus::TransactionOutcome::kRepeated:
      ++replays_;
      break;
    case focus::TransactionOutcome::kMalformed:
      ++unreadable_;
      break;
  }
  return wire::JsonResponse(200, "{}");
}

}  // namespace fovea::app
