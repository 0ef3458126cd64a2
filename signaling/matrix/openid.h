// Who an OpenID token belongs to, as its homeserver says. Matrix specification, server-server API
// section "OpenID": GET /_matrix/federation/v1/openid/userinfo. Thread: pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sfu/core/result.h"
#include "signaling/matrix/ids.h"

namespace fovea::matrix {

// The target of the request. Holds the token: never log it.
[[nodiscard]] std::string UserInfoTarget(std::string_view access_token);

enum class UserInfoError : std::uint8_t {
  kRefused,    // the homeserver does not know the token
  kMalformed,  // the answer is no JSON object with a user id as `sub`
  kForeign,    // `sub` belongs to another server than the one asked: a lie or a mistake
  kServer      // any other status
};
[[nodiscard]] std::string_view ToString(UserInfoError error);

// `asked` is the server name that the client gave: it is what `sub` has to be of, letter by letter,
// wherever the request was delegated to.
[[nodiscard]] Result<UserId, UserInfoError> ReadUserInfo(int status, std::string_view body,
                                                         const ServerName& asked);

}  // namespace fovea::matrix
