#include "signaling/wire/url.h"

#include <algorithm>
#include <charconv>

namespace fovea::wire {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::optional<std::string> Decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = HexValue(text[i + 1]);
    const int low = HexValue(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

bool DecodePath(std::string_view path, RequestTarget& out) {
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) {
      auto segment = Decode(path.substr(0, end), /*plus_is_space=*/false);
      if (!segment) return false;
      out.path += '/';
      out.path += *segment;
      out.segments.push_back(*std::move(segment));
    }
    const bool trailing_slash = end + 1 == path.size();
    if (trailing_slash && !out.path.empty()) out.path += '/';
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  if (out.path.empty()) out.path = "/";
  return true;
}

bool DecodeQuery(std::string_view query, RequestTarget& out) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = Decode(pair.substr(0, equals), /*plus_is_space=*/true);
    auto value = Decode(pair.substr(std::min(equals + 1, pair.size())), /*plus_is_space=*/true);
    if (!name || !value) return false;
    out.query.emplace_back(*std::move(name), *std::move(value));
  }
  return true;
}

// RFC 9112 section 3.2.2: a server has to accept the absolute form although only proxies get it.
std::string_view WithoutOrigin(std::string_view target) {
  if (target.starts_with('/')) return target;
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::size_t path = target.find_first_of("/?", scheme + 3);
  return path == std::string_view::npos ? std::string_view{"/"} : target.substr(path);
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    if (c != prefix[i]) return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

bool ParsePort(std::string_view text, std::uint16_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && out != 0;
}

}  // namespace

std::optional<std::string_view> RequestTarget::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<RequestTarget> ParseRequestTarget(std::string_view target) {
  RequestTarget out;
  if (target == "*") {
    out.path = "*";
    return out;
  }
  target = WithoutOrigin(target);
  if (target.empty()) return std::nullopt;
  target = target.substr(0, target.find('#'));
  const std::size_t question = std::min(target.find('?'), target.size());
  if (!DecodePath(target.substr(0, question), out)) return std::nullopt;
  if (!DecodeQuery(target.substr(std::min(question + 1, target.size())), out)) return std::nullopt;
  return out;
}

std::optional<std::string> PercentDecode(std::string_view text) {
  return Decode(text, /*plus_is_space=*/false);
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (IsAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
  }
  return out;
}

std::string HttpUrl::HostHeader() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) out += ":" + std::to_string(port);
  return out;
}

std::optional<HttpUrl> ParseHttpUrl(std::string_view url) {
  HttpUrl out;
  if (TakePrefix(url, "https://")) {
    out.tls = true;
  } else if (!TakePrefix(url, "http://")) {
    return std::nullopt;
  }
  const bool printable = std::all_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
  });
  if (!printable) return std::nullopt;
  url = url.substr(0, url.find('#'));

  std::string_view authority = url.substr(0, url.find_first_of("/?"));
  const std::string_view rest = url.substr(authority.size());
  out.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  if (authority.find('@') != std::string_view::npos) return std::nullopt;

  std::string_view after_host;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    out.host = authority.substr(1, end - 1);
    after_host = authority.substr(end + 1);
  } else {
    out.host = authority.substr(0, authority.find(':'));
    after_host = authority.substr(out.host.size());
  }
  if (out.host.empty()) return std::nullopt;
  out.port = out.tls ? 443 : 80;
  if (after_host.empty()) return out;
  if (!after_host.starts_with(':') || !ParsePort(after_host.substr(1), out.port)) {
    return std::nullopt;
  }
  return out;
}

}  // namespace fovea::wire
