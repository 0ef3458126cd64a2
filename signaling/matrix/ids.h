// Matrix identifiers: server names, user ids and the opaque ids beside them. Matrix specification,
// appendix "Identifier grammar". Thread: pure functions and plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fovea::matrix {

// The specification's bound for user ids, room ids and state keys; what we derive from them stays
// in bounds with it.
inline constexpr std::size_t kIdBytesMax = 255;
// The specification's advice for complete server names.
inline constexpr std::size_t kServerNameBytesMax = 230;

// hostname [":" port], where hostname is an IPv4 address, an IPv6 address in brackets, or a DNS
// name. Never changed in case or spelling: two spellings of one host are two servers to Matrix.
struct ServerName {
  std::string text;                   // as given
  std::string host;                   // without brackets and port
  std::optional<std::uint16_t> port;  // where the text has one
  bool is_address = false;            // host is an IP address

  // Besides the grammar, refuses DNS names whose last label is a number ("127.1", "0x7f.1"): some
  // resolvers take them for addresses.
  [[nodiscard]] static std::optional<ServerName> Parse(std::string_view text);

  friend bool operator==(const ServerName& a, const ServerName& b) { return a.text == b.text; }
};

// "@localpart:server". The localpart may use the historical character set: printable ASCII but ':'.
struct UserId {
  std::string text;
  std::string localpart;
  std::string server_name;

  [[nodiscard]] static std::optional<UserId> Parse(std::string_view text);
};

// The server part of what already passed as a user id; empty if it is none.
[[nodiscard]] std::string_view ServerNameOf(std::string_view user_id);

// Whether `text` may stand for a room, slot, device or member: 1 to kIdBytesMax bytes, no control
// characters.
[[nodiscard]] bool IsOpaqueId(std::string_view text);

}  // namespace fovea::matrix
