// Bodies of the token routes, through to the token that they would be answered with.
// fuzz-deps: signaling_matrix
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "signaling/matrix/derive.h"
#include "signaling/matrix/ids.h"
#include "signaling/matrix/mint.h"
#include "signaling/matrix/token_request.h"

namespace {

using fovea::matrix::TokenRequest;

void CheckMint(const std::string& identity, const TokenRequest& request) {
  const std::string token = fovea::matrix::MintToken(
      {.api_key = "devkey",
       .identity = identity,
       .room_name = fovea::matrix::RoomName(request.room_id, request.slot_id),
       .issued_unix = 1'700'000'000,
       .expires_unix = 1'700'003'600},
      "secret");
  const std::size_t first = token.find('.');
  const std::string payload = token.substr(first + 1, token.rfind('.') - first - 1);
  FOVEA_CHECK(payload.find_first_of("-_") == std::string::npos);
}

void CheckRequest(const TokenRequest& request) {
  FOVEA_CHECK(fovea::matrix::IsOpaqueId(request.room_id));
  FOVEA_CHECK(fovea::matrix::IsOpaqueId(request.slot_id));
  FOVEA_CHECK(!request.openid.access_token.empty());
  FOVEA_CHECK(!request.openid.matrix_server_name.empty());
  if (request.delay) {
    FOVEA_CHECK(!request.delay->delay_id.empty() && request.delay->timeout > fovea::Duration(0));
    FOVEA_CHECK(request.delay->timeout <= fovea::limits::kDelayTimeoutMax);
  }
  CheckMint(fovea::matrix::LegacyIdentity("@alice:example.com", request.device_id), request);
  CheckMint(
      fovea::matrix::MemberIdentity("@alice:example.com", request.device_id, request.member_id),
      request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using fovea::matrix::ProxiedRoute;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto request = fovea::matrix::ParseSfuGet(body)) {
    CheckRequest(*request);
    FOVEA_CHECK(request->device_id.find(':') == std::string::npos);
  }
  if (const auto request = fovea::matrix::ParseGetToken(body)) CheckRequest(*request);
  if (const auto request = fovea::matrix::ParseDelegate(body)) {
    CheckRequest(*request);
    FOVEA_CHECK(request->delay.has_value());
  }
  for (const ProxiedRoute route :
       {ProxiedRoute::kGetToken, ProxiedRoute::kFederationGetToken, ProxiedRoute::kDelegate}) {
    const auto request = fovea::matrix::ParseProxied(route, body);
    if (request) FOVEA_CHECK(fovea::matrix::IsOpaqueId(request->member_id));
  }
  return 0;
}
