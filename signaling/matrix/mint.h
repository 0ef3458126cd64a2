// The access token that admits a Matrix user to a LiveKit room. Thread: pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "signaling/matrix/minted_identity.h"

namespace fovea::matrix {

struct MintClaims {
  std::string api_key;
  std::string identity;
  std::string room_name;
  bool can_publish = true;
  bool can_update_own_metadata = true;
  std::int64_t issued_unix = 0;
  std::int64_t expires_unix = 0;
};

// Those from elsewhere watch, unless the operator lets them publish.
[[nodiscard]] bool MayPublish(const MintedIdentity& who, bool restricted_can_publish);

// The claims as JSON in which every byte is ASCII and none is '>', '?', '~' or DEL: the base64url
// text of it then has neither '-' nor '_'. Element Call decodes it with atob(), which takes
// neither.
[[nodiscard]] std::string ClaimsJson(const MintClaims& claims);

[[nodiscard]] std::string MintToken(const MintClaims& claims, std::string_view secret);

}  // namespace fovea::matrix
