// Twirp version 7, the server's side of one call: protobuf or JSON in, the same out, errors as
// JSON. livekit-protocol reference section 5.1. Thread: pure functions, any thread.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <string_view>

#include "sfu/core/result.h"
#include "signaling/wire/http_message.h"

namespace fovea::livekit {

enum class TwirpCode {
  kMalformed,
  kCanceled,
  kInvalidArgument,
  kUnauthenticated,
  kPermissionDenied,
  kNotFound,
  kBadRoute,
  kAlreadyExists,
  kResourceExhausted,
  kFailedPrecondition,
  kUnimplemented,
  kInternal,
  kUnavailable,
};

struct TwirpError {
  TwirpCode code = TwirpCode::kInternal;
  std::string message;
};

[[nodiscard]] wire::HttpResponse ToResponse(const TwirpError& error);

// The method a request names ("/twirp/<service>/<Method>"), or why it names none.
[[nodiscard]] Result<std::string, TwirpError> TwirpMethodOf(const wire::HttpRequest& request,
                                                            std::string_view service);

enum class TwirpEncoding { kProtobuf, kJson };

// Nothing for a Content-Type that is neither.
[[nodiscard]] std::optional<TwirpEncoding> TwirpEncodingOf(const wire::HttpRequest& request);

// False for a body that is no such message. JSON may use either spelling of the field names;
// unknown fields are ignored, because callers may be newer than we are.
[[nodiscard]] bool ReadTwirp(TwirpEncoding encoding, const std::string& body,
                             google::protobuf::Message& out);

// JSON has the names of the schema, and zeros are written out: Go's Twirp does so, and callers in
// languages without presence rely on it.
[[nodiscard]] wire::HttpResponse WriteTwirp(TwirpEncoding encoding,
                                            const google::protobuf::Message& message);

}  // namespace fovea::livekit
