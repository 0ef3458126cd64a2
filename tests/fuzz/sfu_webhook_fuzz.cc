// Webhooks of another SFU, signed as they have to be: the body is what its rooms' participants may
// have put there.
// fuzz-deps: signaling_app signaling_wire sfu_crypto
#include <cstddef>
#include <cstdint>
#include <string>

#include "sfu/core/check.h"
#include "sfu/crypto/hmac.h"
#include "signaling/app/sfu_webhook.h"
#include "signaling/wire/base64.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  constexpr std::int64_t kNow = 1'790'000'000;
  static const wire::ApiKeys kKeys = {{"key", "a-secret-of-32-characters-or-more"}};
  wire::HttpRequest request;
  request.method = wire::HttpMethod::kPost;
  request.body.assign(reinterpret_cast<const char*>(data), size);
  FOVEA_CHECK(!app::ReadSfuWebhook(request, kKeys, kNow).has_value());
  wire::TokenGrants token;
  token.api_key = "key";
  token.expires_at_unix = kNow + 60;
  token.sha256 = wire::Base64Encode(crypto::Sha256(wire::AsBytes(request.body)));
  request.headers = {{"Authorization", wire::SignToken(token, kKeys.begin()->second)}};
  const auto event = app::ReadSfuWebhook(request, kKeys, kNow);
  if (event) FOVEA_CHECK(!event->key.room_name.empty() && !event->key.identity.empty());
  return 0;
}
