// Answers to OpenID look-ups, from servers that may say anything.
// fuzz-deps: signaling_matrix
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sfu/core/check.h"
#include "signaling/matrix/openid.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto asked = fovea::matrix::ServerName::Parse("example.com");
  const auto user = fovea::matrix::ReadUserInfo(200, body, *asked);
  if (user.ok()) {
    FOVEA_CHECK(user->server_name == "example.com");
    FOVEA_CHECK(user->text.size() <= fovea::matrix::kIdBytesMax);
    FOVEA_CHECK(user->text.ends_with(":example.com") && user->text.starts_with('@'));
  }
  FOVEA_CHECK(!fovea::matrix::ReadUserInfo(401, body, *asked).ok());
  return 0;
}
