// The row that a minted token leaves behind: which Matrix user and device a LiveKit identity is.
// It cannot be computed from the room (identities may be hashed, member events encrypted), so it
// is kept from the moment of minting. Thread: signaling. matrixrtc reference, section 5.4.
#pragma once

#include <cstdint>
#include <string>

namespace fovea::matrix {

// Which contract the token was asked by; it decides how the identity is derived.
enum class TokenRoute : std::uint8_t {
  kLegacy,      // POST /sfu/get: identity is "user:device"
  kOpenId,      // POST /get_token: hash of [user, device, member]
  kHomeserver,  // proxied by the homeserver: hash of [user, member]
  kFederation   // proxied by another homeserver, subscribe-only
};

// Asked for by a homeserver, which has authenticated the user and can say who is where.
[[nodiscard]] constexpr bool IsProxied(TokenRoute route) {
  return route == TokenRoute::kHomeserver || route == TokenRoute::kFederation;
}

struct MintedIdentity {
  std::string room_name;  // LiveKit room: the derived alias
  std::string identity;   // LiveKit identity, byte-exact
  std::string room_id;
  std::string slot_id;
  std::string user_id;
  std::string device_id;    // may be empty on kLegacy, unknown on kHomeserver
  std::string member_id;    // empty on kLegacy
  std::string server_name;  // the user's homeserver
  bool full_access = false;
  TokenRoute route = TokenRoute::kLegacy;
  std::int64_t issued_unix = 0;
  std::int64_t expires_unix = 0;
};

}  // namespace fovea::matrix
