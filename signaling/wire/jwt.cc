#include "signaling/wire/jwt.h"

#include <optional>

#include "sfu/crypto/hmac.h"
#include "signaling/wire/base64.h"
#include "signaling/wire/json.h"

namespace fovea::wire {
namespace {

constexpr std::string_view kHeaderJson = R"({"alg":"HS256","typ":"JWT"})";

std::optional<nlohmann::json> ParseObject(std::string_view text) {
  auto value = ParseJson(text);
  if (!value || !value->is_object()) return std::nullopt;
  return value;
}

bool IsHs256(const nlohmann::json& header) {
  const auto alg = header.find("alg");
  // RFC 7515 section 4.1.11: a token with critical extensions we do not know has to be refused.
  return alg != header.end() && *alg == "HS256" && !header.contains("crit");
}

}  // namespace

Result<UnverifiedJwt, JwtError> ParseJwt(std::string_view token) {
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last) return Failure{JwtError::kMalformed};
  const auto header_text = Base64UrlDecode(token.substr(0, first));
  auto payload_text = Base64UrlDecode(token.substr(first + 1, last - first - 1));
  auto signature = Base64UrlDecode(token.substr(last + 1));
  if (!header_text || !payload_text || !signature) return Failure{JwtError::kMalformed};

  const auto header = ParseObject(*header_text);
  const auto payload = ParseObject(*payload_text);
  if (!header || !payload) return Failure{JwtError::kMalformed};
  if (!IsHs256(*header)) return Failure{JwtError::kUnsupportedAlgorithm};

  UnverifiedJwt out;
  if (const auto iss = payload->find("iss"); iss != payload->end() && iss->is_string()) {
    out.issuer = iss->get<std::string>();
  }
  out.payload_json = *std::move(payload_text);
  out.signing_input = token.substr(0, last);
  out.signature = *std::move(signature);
  return out;
}

bool HasValidSignature(const UnverifiedJwt& token, std::string_view secret) {
  const auto expected = crypto::HmacSha256(AsBytes(secret), AsBytes(token.signing_input));
  return crypto::ConstantTimeEquals(expected, AsBytes(token.signature));
}

std::string SignJwt(std::string_view payload_json, std::string_view secret) {
  std::string token = Base64UrlEncode(AsBytes(kHeaderJson));
  token += '.';
  token += Base64UrlEncode(AsBytes(payload_json));
  const auto signature = crypto::HmacSha256(AsBytes(secret), AsBytes(token));
  token += '.';
  token += Base64UrlEncode(signature);
  return token;
}

}  // namespace fovea::wire
