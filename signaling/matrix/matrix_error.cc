#include "signaling/matrix/matrix_error.h"

#include "signaling/wire/json.h"

namespace fovea::matrix {

std::string_view ToString(ErrCode code) {
  switch (code) {
    case ErrCode::kNotJson:
      return "M_NOT_JSON";
    case ErrCode::kBadJson:
      return "M_BAD_JSON";
    case ErrCode::kInvalidParam:
      return "M_INVALID_PARAM";
    case ErrCode::kUnauthorized:
      return "M_UNAUTHORIZED";
    case ErrCode::kMissingToken:
      return "M_MISSING_TOKEN";
    case ErrCode::kUnknownToken:
      return "M_UNKNOWN_TOKEN";
    case ErrCode::kForbidden:
      return "M_FORBIDDEN";
    case ErrCode::kNotFound:
      return "M_NOT_FOUND";
    case ErrCode::kUnrecognized:
      return "M_UNRECOGNIZED";
    case ErrCode::kTooLarge:
      return "M_TOO_LARGE";
    case ErrCode::kLimitExceeded:
      return "M_LIMIT_EXCEEDED";
    case ErrCode::kUnknown:
      return "M_UNKNOWN";
  }
  return "M_UNKNOWN";
}

std::string MatrixError::ToJson() const {
  nlohmann::json body;
  body["errcode"] = std::string(ToString(code));
  body["error"] = message;
  if (retry_after_ms) body["retry_after_ms"] = *retry_after_ms;
  return wire::DumpJson(body);
}

MatrixError NotJson() {
  return {.status = 400,
          .code = ErrCode::kNotJson,
          .message = "The request body is not JSON of the expected form."};
}

MatrixError BadJson(std::string_view message) {
  return {.status = 400, .code = ErrCode::kBadJson, .message = std::string(message)};
}

MatrixError NotAuthorised() {
  return {.status = 401,
          .code = ErrCode::kUnauthorized,
          .message = "The request could not be authorised."};
}

}  // namespace fovea::matrix
