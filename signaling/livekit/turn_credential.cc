#include "signaling/livekit/turn_credential.h"

#include "sfu/crypto/hmac.h"
#include "signaling/wire/base64.h"

namespace fovea::livekit {

TurnCredential MakeTurnCredential(std::string_view secret, std::string_view user,
                                  std::int64_t expires_unix) {
  TurnCredential out;
  out.username = std::to_string(expires_unix) + ":" + std::string(user);
  out.credential =
      wire::Base64Encode(crypto::HmacSha1(wire::AsBytes(secret), wire::AsBytes(out.username)));
  return out;
}

}  // namespace fovea::livekit
