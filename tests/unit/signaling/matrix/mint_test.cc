#include "signaling/matrix/mint.h"

#include <gmock/gmock.h>

#include "signaling/matrix/matrix_error.h"
#include "signaling/wire/json.h"
#include "signaling/wire/token_grants.h"

namespace fovea::matrix {
namespace {

MintClaims Claims() {
  return {.api_key = "devkey",
          .identity = "@alice:example.com:DEVICE",
          .room_name = "krj2dgxw2K6EOm9he4GfQJ6JsSVWfJ8a7BkyjZcSmxs",
          .can_publish = true,
          .can_update_own_metadata = true,
          .issued_unix = 1'700'000'000,
          .expires_unix = 1'700'003'600};
}

std::string PayloadOf(const std::string& token) {
  const std::size_t first = token.find('.');
  return token.substr(first + 1, token.rfind('.') - first - 1);
}

TEST(Mint, SaysExactlyWhatTheReferenceServiceSays) {
  const auto json = wire::ParseJson(ClaimsJson(Claims()));
  EXPECT_EQ(*json, *wire::ParseJson(R"({
      "iss": "devkey", "sub": "@alice:example.com:DEVICE", "nbf": 1700000000, "exp": 1700003600,
      "video": {"room": "krj2dgxw2K6EOm9he4GfQJ6JsSVWfJ8a7BkyjZcSmxs", "roomJoin": true,
                "roomCreate": false, "canPublish": true, "canSubscribe": true,
                "canUpdateOwnMetadata": true}})"));
}

TEST(Mint, IsBelievedByOurOwnCheck) {
  MintClaims claims = Claims();
  claims.can_publish = false;
  const auto grants =
      wire::VerifyToken(MintToken(claims, "secret"), {{"devkey", "secret"}}, 1'700'000'001);
  ASSERT_TRUE(grants.ok());
  EXPECT_EQ(grants->identity, "@alice:example.com:DEVICE");
  EXPECT_FALSE(grants->video->CanPublish());
  EXPECT_TRUE(grants->video->CanSubscribe());
  EXPECT_FALSE(grants->video->room_create);
}

// Every byte that gives '-' or '_' in base64url, at each of the three places in a group.
TEST(Mint, SurvivesAtobWhateverTheIdentityHolds) {
  for (const char* bytes : {"~~~", "???", ">>>", "\x7f\x7f\x7f", "\xc3\xbf\xc3\xbf", "<&>",
                            "\xf0\x9f\x90\xb1\xf0\x9f\x90\xb1", "\xff\xfe"}) {
    for (int shift = 0; shift < 3; ++shift) {
      MintClaims claims = Claims();
      claims.identity = std::string(static_cast<std::size_t>(shift), 'x') + bytes;
      const std::string payload = PayloadOf(MintToken(claims, "secret"));
      EXPECT_EQ(payload.find_first_of("-_"), std::string::npos) << payload;
      const bool is_utf8 = bytes[0] != '\xff';
      const auto json = wire::ParseJson(ClaimsJson(claims));
      ASSERT_TRUE(json);
      if (is_utf8) {
        EXPECT_EQ((*json)["sub"], claims.identity);
      }
    }
  }
}

TEST(MatrixError, IsAStatusACodeAndAText) {
  const MatrixError error = NotAuthorised();
  EXPECT_EQ(error.status, 401);
  EXPECT_EQ(*wire::ParseJson(error.ToJson()),
            *wire::ParseJson(
                R"({"errcode":"M_UNAUTHORIZED","error":"The request could not be authorised."})"));
  const MatrixError limited{.status = 429,
                            .code = ErrCode::kLimitExceeded,
                            .message = "Too many requests.",
                            .retry_after_ms = 250};
  EXPECT_EQ((*wire::ParseJson(limited.ToJson()))["retry_after_ms"], 250);
  EXPECT_EQ((*wire::ParseJson(BadJson("x").ToJson()))["errcode"], "M_BAD_JSON");
  EXPECT_EQ((*wire::ParseJson(NotJson().ToJson()))["errcode"], "M_NOT_JSON");
}

}  // namespace
}  // namespace fovea::matrix
