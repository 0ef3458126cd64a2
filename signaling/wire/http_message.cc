#include "signaling/wire/http_message.h"

#include <algorithm>
#include <array>

namespace fovea::wire {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

void AppendField(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  out += "\r\n";
}

// Only for people who read traces: no client looks at the phrase. Unknown statuses have none.
std::string_view ReasonPhrase(int status) {
  constexpr std::array<std::pair<int, std::string_view>, 23> kPhrases{{
      {101, "Switching Protocols"},
      {200, "OK"},
      {204, "No Content"},
      {302, "Found"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {426, "Upgrade Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
  }};
  for (const auto& [known, phrase] : kPhrases) {
    if (known == status) return phrase;
  }
  return {};
}

// RFC 9110 section 8.6: these never have a body, and a 204 may not even name its length.
bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

std::optional<std::string_view> FindHeader(const HttpHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return std::nullopt;
}

bool HeaderListHas(const HttpHeaders& headers, std::string_view name, std::string_view token) {
  for (const auto& [key, value] : headers) {
    if (!EqualsIgnoringCase(key, name)) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      if (EqualsIgnoringCase(Trim(rest.substr(0, end)), token)) return true;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return false;
}

HttpResponse TextResponse(int status, std::string_view text) {
  return {.status = status,
          .headers = {{"Content-Type", "text/plain; charset=utf-8"},
                      {"X-Content-Type-Options", "nosniff"}},
          .body = std::string(text)};
}

HttpResponse JsonResponse(int status, std::string json) {
  return {
      .status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(json)};
}

void AddCorsHeaders(HttpResponse& response) {
  response.headers.emplace_back("Access-Control-Allow-Origin", "*");
  response.headers.emplace_back("Access-Control-Expose-Headers", "*");
}

bool IsCorsPreflight(const HttpRequest& request) {
  return request.method == HttpMethod::kOptions &&
         request.Header("access-control-request-method").has_value();
}

HttpResponse CorsPreflightResponse(const HttpRequest& request) {
  // "*" would not cover Authorization, so what was asked for is repeated.
  const std::string_view wanted = request.Header("access-control-request-headers").value_or("*");
  HttpResponse response{
      .status = 204,
      .headers = {{"Access-Control-Allow-Origin", "*"},
                  {"Access-Control-Allow-Methods", "OPTIONS, HEAD, GET, POST, PATCH, DELETE, PUT"},
                  {"Access-Control-Allow-Headers", std::string(wanted)},
                  {"Access-Control-Max-Age", "86400"}},
      .body = {}};
  // Chromium asks before a public page may reach a private address, such as a focus on a LAN.
  if (request.Header("access-control-request-private-network")) {
    response.headers.emplace_back("Access-Control-Allow-Private-Network", "true");
  }
  return response;
}

std::string SerializeResponse(const HttpResponse& response, ResponseFraming framing) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += ReasonPhrase(response.status);
  out += "\r\n";
  for (const auto& [name, value] : response.headers) AppendField(out, name, value);
  if (HasBody(response.status)) {
    AppendField(out, "Content-Length", std::to_string(response.body.size()));
  }
  if (response.status != 101)
    AppendField(out, "Connection", framing.keep_alive ? "keep-alive" : "close");
  out += "\r\n";
  if (HasBody(response.status) && !framing.head_only) out += response.body;
  return out;
}

std::string_view MethodName(HttpMethod method) {
  switch (method) {
    case HttpMethod::kGet:
      return "GET";
    case HttpMethod::kHead:
      return "HEAD";
    case HttpMethod::kPost:
      return "POST";
    case HttpMethod::kPut:
      return "PUT";
    case HttpMethod::kPatch:
      return "PATCH";
    case HttpMethod::kDelete:
      return "DELETE";
    case HttpMethod::kOptions:
      return "OPTIONS";
    case HttpMethod::kOther:
      break;
  }
  return "OTHER";
}

std::string SerializeRequest(const OutgoingRequest& request) {
  std::string out(MethodName(request.method));
  out += " " + request.url.target + " HTTP/1.1\r\n";
  AppendField(out, "Host", request.url.HostHeader());
  for (const auto& [name, value] : request.headers) AppendField(out, name, value);
  const bool has_body = request.method != HttpMethod::kGet && request.method != HttpMethod::kHead;
  if (has_body) AppendField(out, "Content-Length", std::to_string(request.body.size()));
  if (!FindHeader(request.headers, "Connection").has_value()) {
    AppendField(out, "Connection", request.keep_alive ? "keep-alive" : "close");
  }
  out += "\r\n";
  if (has_body) out += request.body;
  return out;
}

}  // namespace fovea::wire
