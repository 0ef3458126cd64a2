// Time-limited credentials for a TURN server that shares a secret with us: coturn's
// use-auth-secret, draft-uberti-behave-turn-rest-00 section 2.2. Thread: pure function, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fovea::livekit {

struct TurnCredential {
  std::string username;    // "<expiry>:<user>"
  std::string credential;  // Base64 of HMAC-SHA1 of the username
};

// `user` is for the TURN server's log; it decides nothing.
[[nodiscard]] TurnCredential MakeTurnCredential(std::string_view secret, std::string_view user,
                                                std::int64_t expires_unix);

}  // namespace fovea::livekit
