// HTTP requests and responses as values. RFC 9110. Thread: plain values, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "signaling/wire/url.h"

namespace fovea::wire {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// The first field of that name, whatever the case of its letters. The view lives as long as
// `headers`.
[[nodiscard]] std::optional<std::string_view> FindHeader(const HttpHeaders& headers,
                                                         std::string_view name);

// Whether the comma list in every field `name` holds `token`, whatever the case.
[[nodiscard]] bool HeaderListHas(const HttpHeaders& headers, std::string_view name,
                                 std::string_view token);

// A method none of our routes serves is kOther: it is answered with 405, never with a parse error.
enum class HttpMethod { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  RequestTarget target;
  HttpHeaders headers;
  std::string body;
  bool keep_alive = true;

  [[nodiscard]] std::optional<std::string_view> Header(std::string_view name) const {
    return FindHeader(headers, name);
  }
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;  // without Content-Length, Connection and Date: the writer adds what is due
  std::string body;

  [[nodiscard]] std::optional<std::string_view> Header(std::string_view name) const {
    return FindHeader(headers, name);
  }
};

[[nodiscard]] HttpResponse TextResponse(int status, std::string_view text);
[[nodiscard]] HttpResponse JsonResponse(int status, std::string json);

// CORS as LiveKit answers it: any origin, any header, no credentials (tokens travel in the request
// itself). Due on errors too: a browser whose WebSocket failed reads the reason cross-origin.
void AddCorsHeaders(HttpResponse& response);
[[nodiscard]] bool IsCorsPreflight(const HttpRequest& request);
[[nodiscard]] HttpResponse CorsPreflightResponse(const HttpRequest& request);

struct ResponseFraming {
  bool keep_alive = true;
  bool head_only = false;  // the answer to HEAD: headers as for GET, no body
};

// The bytes of a response. Control characters in header values become spaces, so that no value can
// start a header of its own.
[[nodiscard]] std::string SerializeResponse(const HttpResponse& response, ResponseFraming framing);

[[nodiscard]] std::string_view MethodName(HttpMethod method);

// The bytes of a request our own client makes. Asks for the connection to be closed afterwards,
// unless it is to be used again or `headers` has a Connection field of its own.
struct OutgoingRequest {
  HttpMethod method = HttpMethod::kGet;
  HttpUrl url;
  HttpHeaders headers = {};
  std::string body = {};
  bool keep_alive = false;
};
[[nodiscard]] std::string SerializeRequest(const OutgoingRequest& request);

}  // namespace fovea::wire
