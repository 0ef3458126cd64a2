#include "signaling/matrix/ids.h"

#include <algorithm>
#include <charconv>

#include "sfu/core/net_address.h"

namespace fovea::matrix {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Whatever the form. NUL among others must not reach the functions that take C strings.
bool IsServerNameChar(char c) {
  return IsDigit(c) || IsLetter(c) || c == '-' || c == '.' || c == ':' || c == '[' || c == ']';
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), IsDigit)) {
    return std::nullopt;
  }
  unsigned port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  if (port == 0 || port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

// What inet_aton would read as (part of) an address: decimal, octal or hexadecimal.
bool LooksNumeric(std::string_view label) {
  if (label.starts_with("0x") || label.starts_with("0X")) return true;
  return !label.empty() && std::all_of(label.begin(), label.end(), IsDigit);
}

bool IsDnsName(std::string_view host) {
  if (host.empty() || host.size() > kIdBytesMax) return false;
  const bool charset = std::all_of(host.begin(), host.end(), [](char c) {
    return IsDigit(c) || IsLetter(c) || c == '-' || c == '.';
  });
  if (!charset || host.front() == '.' || host.find("..") != std::string_view::npos) return false;
  std::string_view labels = host;
  if (labels.ends_with('.')) labels.remove_suffix(1);
  const std::size_t dot = labels.rfind('.');
  return !LooksNumeric(dot == std::string_view::npos ? labels : labels.substr(dot + 1));
}

}  // namespace

std::optional<ServerName> ServerName::Parse(std::string_view text) {
  if (text.empty() || text.size() > kServerNameBytesMax) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), IsServerNameChar)) return std::nullopt;
  ServerName name;
  name.text = text;
  std::string_view rest = text;
  if (text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    name.host = text.substr(1, end - 1);
    // "[1.2.3.4]" parses as an address too, but is no IPv6 one.
    if (name.host.find(':') == std::string::npos) return std::nullopt;
    if (!NetAddress::Parse(name.host, 0)) return std::nullopt;
    name.is_address = true;
    rest.remove_prefix(end + 1);
  } else {
    name.host = text.substr(0, text.find(':'));
    rest.remove_prefix(name.host.size());
    name.is_address = NetAddress::Parse(name.host, 0).has_value();
    if (!name.is_address && !IsDnsName(name.host)) return std::nullopt;
  }
  if (rest.empty()) return name;
  if (rest.front() != ':') return std::nullopt;
  name.port = ParsePort(rest.substr(1));
  if (!name.port) return std::nullopt;
  return name;
}

std::optional<UserId> UserId::Parse(std::string_view text) {
  if (text.size() > kIdBytesMax || !text.starts_with('@')) return std::nullopt;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 1) return std::nullopt;
  const std::string_view localpart = text.substr(1, colon - 1);
  const bool printable =
      std::all_of(localpart.begin(), localpart.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!printable) return std::nullopt;
  const std::optional<ServerName> server = ServerName::Parse(text.substr(colon + 1));
  if (!server) return std::nullopt;
  return UserId{std::string(text), std::string(localpart), server->text};
}

std::string_view ServerNameOf(std::string_view user_id) {
  const std::size_t colon = user_id.find(':');
  if (!user_id.starts_with('@') || colon == std::string_view::npos) return {};
  return user_id.substr(colon + 1);
}

bool IsOpaqueId(std::string_view text) {
  return !text.empty() && text.size() <= kIdBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte >= 0x20 && byte != 0x7f;
         });
}

}  // namespace fovea::matrix
