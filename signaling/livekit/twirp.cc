#include "signaling/livekit/twirp.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/wire/json.h"
#include "signaling/wire/proto_json.h"

namespace fovea::livekit {
namespace {

struct CodeRow {
  std::string_view name;
  int status;
};

CodeRow RowOf(TwirpCode code) {
  switch (code) {
    case TwirpCode::kMalformed:
      return {"malformed", 400};
    case TwirpCode::kCanceled:
      return {"canceled", 408};
    case TwirpCode::kInvalidArgument:
      return {"invalid_argument", 400};
    case TwirpCode::kUnauthenticated:
      return {"unauthenticated", 401};
    case TwirpCode::kPermissionDenied:
      return {"permission_denied", 403};
    case TwirpCode::kNotFound:
      return {"not_found", 404};
    case TwirpCode::kBadRoute:
      return {"bad_route", 404};
    case TwirpCode::kAlreadyExists:
      return {"already_exists", 409};
    case TwirpCode::kResourceExhausted:
      return {"resource_exhausted", 429};
    case TwirpCode::kFailedPrecondition:
      return {"failed_precondition", 412};
    case TwirpCode::kUnimplemented:
      return {"unimplemented", 501};
    case TwirpCode::kInternal:
      return {"internal", 500};
    case TwirpCode::kUnavailable:
      return {"unavailable", 503};
  }
  return {"internal", 500};
}

}  // namespace

wire::HttpResponse ToResponse(const TwirpError& error) {
  const CodeRow row = RowOf(error.code);
  const nlohmann::json body = {
      {"code", row.name}, {"msg", error.message}, {"meta", nlohmann::json::object()}};
  return wire::JsonResponse(row.status, wire::DumpJson(body));
}

Result<std::string, TwirpError> TwirpMethodOf(const wire::HttpRequest& request,
                                              std::string_view service) {
  if (request.method != wire::HttpMethod::kPost) {
    return Failure{TwirpError{TwirpCode::kBadRoute, "only POST is allowed"}};
  }
  const std::vector<std::string>& segments = request.target.segments;
  if (segments.size() != 3 || segments[0] != "twirp" || segments[1] != service) {
    return Failure{TwirpError{TwirpCode::kBadRoute, "no handler for this path"}};
  }
  if (request.body.size() > limits::kHttpBodyBytesMax) {
    return Failure{TwirpError{TwirpCode::kResourceExhausted, "request body too large"}};
  }
  return segments[2];
}

std::optional<TwirpEncoding> TwirpEncodingOf(const wire::HttpRequest& request) {
  std::string_view type = request.Header("content-type").value_or("");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  if (type == "application/protobuf") return TwirpEncoding::kProtobuf;
  if (type == "application/json") return TwirpEncoding::kJson;
  return std::nullopt;
}

bool ReadTwirp(TwirpEncoding encoding, const std::string& body, google::protobuf::Message& out) {
  if (encoding == TwirpEncoding::kProtobuf) return out.ParseFromString(body);
  return wire::ReadProtoJson(body, out);
}

wire::HttpResponse WriteTwirp(TwirpEncoding encoding, const google::protobuf::Message& message) {
  if (encoding == TwirpEncoding::kProtobuf) {
    wire::HttpResponse response;
    response.headers = {{"Content-Type", "application/protobuf"}};
    response.body = message.SerializeAsString();
    return response;
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) {
    return ToResponse({TwirpCode::kInternal, "the reply cannot be written as JSON"});
  }
  return wire::JsonResponse(200, std::move(json));
}

}  // namespace fovea::livekit
