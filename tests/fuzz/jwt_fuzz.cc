// Access tokens. The input is a token first, and then the payload of one that we sign: otherwise no
// mutation would ever get past the signature.
// fuzz-deps: signaling_wire
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sfu/core/check.h"
#include "signaling/wire/jwt.h"
#include "signaling/wire/token_grants.h"

namespace {

constexpr std::int64_t kNow = 1'700'000'000;

void CheckAccepted(const fovea::wire::TokenGrants& grants, const fovea::wire::ApiKeys& keys) {
  FOVEA_CHECK(grants.api_key == "devkey");
  FOVEA_CHECK(grants.expires_at_unix >= kNow - fovea::wire::kTokenLeewaySeconds);
  // A refreshed token permits what the first one did, no more.
  const auto again = fovea::wire::VerifyToken(fovea::wire::SignToken(grants, "secret"), keys, kNow);
  FOVEA_CHECK(again.ok());
  FOVEA_CHECK(again->identity == grants.identity);
  FOVEA_CHECK(again->video.has_value() == grants.video.has_value());
  FOVEA_CHECK(fovea::wire::RefuseJoin(grants).has_value() ==
              fovea::wire::RefuseJoin(*again).has_value());
  if (!grants.video) return;
  FOVEA_CHECK(again->video->CanPublish() == grants.video->CanPublish());
  FOVEA_CHECK(again->video->CanPublishData() == grants.video->CanPublishData());
  FOVEA_CHECK(again->video->can_publish_sources == grants.video->can_publish_sources);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fovea::wire::ApiKeys keys{{"devkey", "secret"}};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto grants = fovea::wire::VerifyToken(text, keys, kNow)) CheckAccepted(*grants, keys);
  const std::string signed_token = fovea::wire::SignJwt(text, "secret");
  if (const auto grants = fovea::wire::VerifyToken(signed_token, keys, kNow)) {
    CheckAccepted(*grants, keys);
  }
  return 0;
}
