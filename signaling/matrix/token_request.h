// The bodies of the token routes: what is asked for, checked for form and nothing else. matrixrtc
// reference, sections 4.1 (OpenID routes) and 4.6 (routes that a homeserver proxies).
// Thread: pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sfu/core/result.h"
#include "sfu/core/time.h"
#include "signaling/matrix/matrix_error.h"
#include "signaling/matrix/minted_identity.h"

namespace fovea::matrix {

struct OpenIdToken {
  std::string access_token;
  std::string matrix_server_name;  // as the client says; not parsed yet
};

// A delayed event (MSC4140) that the focus is asked to look after.
struct DelayParams {
  std::string delay_id;
  Duration timeout{};  // positive, at most kDelayTimeoutMax
};

// One request of an OpenID route.
struct TokenRequest {
  TokenRoute route = TokenRoute::kLegacy;
  std::string room_id;
  std::string slot_id;
  OpenIdToken openid;
  std::string device_id;        // may be empty on kLegacy
  std::string member_id;        // empty on kLegacy
  std::string claimed_user_id;  // empty on kLegacy; else the OpenID answer has to be this user
  std::optional<DelayParams> delay;
};

// Unknown fields are no mistake: clients grow some. null stands for an absent field.
// POST /sfu/get. The slot is always the room's own call. A device id may not hold ':': "@a:b" with
// device "1:X" and "@a:b:1" with device "X" would be one identity.
[[nodiscard]] Result<TokenRequest, MatrixError> ParseSfuGet(std::string_view body);
// POST /get_token.
[[nodiscard]] Result<TokenRequest, MatrixError> ParseGetToken(std::string_view body);
// POST /delegate_delayed_leave: as /get_token, but `delay` is mandatory.
[[nodiscard]] Result<TokenRequest, MatrixError> ParseDelegate(std::string_view body);

// One request that a homeserver passes on, having authenticated who asks.
struct ProxiedRequest {
  std::string url;          // of the focus, as the client knows it; may be absent
  std::string server_name;  // whose focus is meant; empty: the homeserver's own
  std::string user_id;      // federation only: there the header names a server
  std::string room_id;
  std::string slot_id;
  std::string member_id;
  std::string device_id;  // claimed; may be empty
  std::string delay_id;   // of delegation only
};

enum class ProxiedRoute : std::uint8_t { kGetToken, kFederationGetToken, kDelegate };
[[nodiscard]] Result<ProxiedRequest, MatrixError> ParseProxied(ProxiedRoute route,
                                                               std::string_view body);

}  // namespace fovea::matrix
