// JSON Web Tokens with HS256 and nothing else: RFC 7519, RFC 7515. Thread: pure functions, any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "sfu/core/result.h"

namespace fovea::wire {

enum class JwtError {
  kMalformed,             // not three base64url parts, or header or payload is no JSON object
  kUnsupportedAlgorithm,  // anything but HS256, "none" among them, or a `crit` header
};

// A token that was taken apart but whose signature nobody has checked: `issuer` may be used to pick
// a secret, nothing else may be believed.
struct UnverifiedJwt {
  std::string issuer;
  std::string payload_json;
  std::string signing_input;
  std::string signature;  // raw bytes
};

[[nodiscard]] Result<UnverifiedJwt, JwtError> ParseJwt(std::string_view token);

// In constant time, so that a forger cannot find the signature byte by byte.
[[nodiscard]] bool HasValidSignature(const UnverifiedJwt& token, std::string_view secret);

[[nodiscard]] std::string SignJwt(std::string_view payload_json, std::string_view secret);

}  // namespace fovea::wire
