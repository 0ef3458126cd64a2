#include "signaling/matrix/mint.h"

#include <nlohmann/json.hpp>

#include "signaling/wire/jwt.h"

namespace fovea::matrix {

std::string ClaimsJson(const MintClaims& claims) {
  nlohmann::json json;
  json["iss"] = claims.api_key;
  json["sub"] = claims.identity;
  json["nbf"] = claims.issued_unix;
  json["exp"] = claims.expires_unix;
  nlohmann::json& video = json["video"];
  video["room"] = claims.room_name;
  video["roomJoin"] = true;
  // Rooms are opened here, before the token is given out: a participant never needs the right to.
  video["roomCreate"] = false;
  video["canPublish"] = claims.can_publish;
  video["canSubscribe"] = true;
  video["canUpdateOwnMetadata"] = claims.can_update_own_metadata;
  const std::string ascii =
      json.dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
  std::string out;
  out.reserve(ascii.size());
  // None of the three is part of JSON's own syntax, so each stands inside a string.
  for (const char c : ascii) {
    switch (c) {
      case '>':
        out += "\\u003e";
        break;
      case '?':
        out += "\\u003f";
        break;
      case '~':
        out += "\\u007e";
        break;
      default:
        out += c;
    }
  }
  return out;
}

bool MayPublish(const MintedIdentity& who, bool restricted_can_publish) {
  return who.route != TokenRoute::kFederation && (who.full_access || restricted_can_publish);
}

std::string MintToken(const MintClaims& claims, std::string_view secret) {
  return wire::SignJwt(ClaimsJson(claims), secret);
}

}  // namespace fovea::matrix
