// Errors as Matrix's HTTP APIs give them: a status and {"errcode", "error"}. Matrix specification,
// client-server API section 2.1. Thread: plain values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fovea::matrix {

enum class ErrCode : std::uint8_t {
  kNotJson,
  kBadJson,
  kInvalidParam,
  kUnauthorized,
  kMissingToken,
  kUnknownToken,
  kForbidden,
  kNotFound,
  kUnrecognized,
  kTooLarge,
  kLimitExceeded,
  kUnknown
};
[[nodiscard]] std::string_view ToString(ErrCode code);  // "M_NOT_JSON", ...

// The text is for developers of clients; it never repeats what the client sent.
struct MatrixError {
  int status = 400;
  ErrCode code = ErrCode::kUnknown;
  std::string message;
  std::optional<std::int64_t> retry_after_ms = std::nullopt;

  [[nodiscard]] std::string ToJson() const;
};

// The ones that several routes share.
[[nodiscard]] MatrixError NotJson();
[[nodiscard]] MatrixError BadJson(std::string_view message);
// One text for every reason, so that it tells nobody which users, rooms or servers exist.
[[nodiscard]] MatrixError NotAuthorised();

}  // namespace fovea::matrix
