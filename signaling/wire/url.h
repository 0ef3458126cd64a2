// Request targets and URLs, RFC 3986 and RFC 9112 section 3.2. Thread: pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::wire {

// The target of a request line, taken apart once.
//  path      decoded, with runs of slashes made one: clients join base URL and path carelessly.
//  segments  the path split at its slashes *before* decoding, so that an encoded slash inside a
//            segment (a Matrix id may hold one) stays inside it. Empty for "/".
//  query     decoded pairs in order; '+' is a space.
struct RequestTarget {
  std::string path;
  std::vector<std::string> segments;
  std::vector<std::pair<std::string, std::string>> query;

  // The first value of that name. The view lives as long as this target.
  [[nodiscard]] std::optional<std::string_view> Query(std::string_view name) const;
};

// Accepts origin form ("/a?b=c"), absolute form ("http://host/a") and "*". Nothing for a broken
// percent escape or an encoded NUL.
[[nodiscard]] std::optional<RequestTarget> ParseRequestTarget(std::string_view target);

[[nodiscard]] std::optional<std::string> PercentDecode(std::string_view text);
// Encodes everything except RFC 3986's unreserved characters: fit for a segment or a query value.
[[nodiscard]] std::string PercentEncode(std::string_view text);

// An http or https URL as our own client calls it. `target` is origin form and never empty.
struct HttpUrl {
  bool tls = false;
  std::string host;  // no brackets around IPv6
  std::uint16_t port = 0;
  std::string target;

  // "host" or "host:port", brackets included: the value of the Host header.
  [[nodiscard]] std::string HostHeader() const;
};

// Nothing for another scheme, user info, an empty host or a bad port. A fragment is dropped.
[[nodiscard]] std::optional<HttpUrl> ParseHttpUrl(std::string_view url);

}  // namespace fovea::wire
