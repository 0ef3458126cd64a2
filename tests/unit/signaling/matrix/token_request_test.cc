#include "signaling/matrix/token_request.h"
#include "sfu/core/limits.h"

#include <gmock/gmock.h>

#include "signaling/wire/json.h"

namespace fovea::matrix {
namespace {

using nlohmann::json;
using ParseFn = Result<TokenRequest, MatrixError> (*)(std::string_view);

json SfuGet() {
  return *wire::ParseJson(R"({"room":"!room:example.com","device_id":"DEVICE",
      "openid_token":{"access_token":"secret","token_type":"Bearer",
                      "matrix_server_name":"example.com","expires_in":3600}})");
}
json GetToken() {
  return *wire::ParseJson(R"({"room_id":"!room:example.com","slot_id":"m.call#ROOM",
      "member":{"id":"member","claimed_user_id":"@alice:example.com","claimed_device_id":"DEVICE"},
      "openid_token":{"access_token":"secret","token_type":"Bearer",
                      "matrix_server_name":"example.com","expires_in":3600}})");
}

ErrCode CodeOf(const Result<TokenRequest, MatrixError>& result) {
  EXPECT_FALSE(result.ok());
  if (result.ok()) return ErrCode::kUnknown;
  EXPECT_EQ(result.error().status, 400);
  return result.error().code;
}

TEST(TokenRequest, OfGenerationOne) {
  const auto request = ParseSfuGet(SfuGet().dump());
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->route, TokenRoute::kLegacy);
  EXPECT_EQ(request->room_id, "!room:example.com");
  EXPECT_EQ(request->slot_id, "m.call#ROOM");
  EXPECT_EQ(request->device_id, "DEVICE");
  EXPECT_EQ(request->openid.access_token, "secret");
  EXPECT_EQ(request->openid.matrix_server_name, "example.com");
  EXPECT_FALSE(request->delay);
}

TEST(TokenRequest, OfGenerationTwo) {
  const auto request = ParseGetToken(GetToken().dump());
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->route, TokenRoute::kOpenId);
  EXPECT_EQ(request->member_id, "member");
  EXPECT_EQ(request->claimed_user_id, "@alice:example.com");
  EXPECT_EQ(request->device_id, "DEVICE");
}

TEST(TokenRequest, MayHaveNoDeviceInGenerationOne) {
  json body = SfuGet();
  body.erase("device_id");
  EXPECT_TRUE(ParseSfuGet(body.dump()).ok());
  body["device_id"] = nullptr;
  EXPECT_TRUE(ParseSfuGet(body.dump()).ok());
}

TEST(TokenRequest, ToleratesFieldsOfLaterClients) {
  json body = GetToken();
  body["new_field"] = {{"a", 1}};
  body["member"]["another"] = true;
  body["openid_token"]["third"] = "x";
  EXPECT_TRUE(ParseGetToken(body.dump()).ok());
}

TEST(TokenRequest, ThatIsNoJsonObjectIsNotJson) {
  for (const char* body :
       {"", "{", "[]", "\"text\"", "null", "{\"room\":}", "{} trailing", "\xff"}) {
    for (const ParseFn parse : {ParseSfuGet, ParseGetToken, ParseDelegate}) {
      EXPECT_EQ(CodeOf(parse(body)), ErrCode::kNotJson) << body;
    }
  }
}

TEST(TokenRequest, OfWrongTypesIsNotJson) {
  const std::vector<std::pair<std::string, json>> wrong{{"/room_id", 1},
                                                        {"/slot_id", json::array()},
                                                        {"/member", "x"},
                                                        {"/member/id", true},
                                                        {"/openid_token", "x"},
                                                        {"/openid_token/access_token", 5},
                                                        {"/openid_token/expires_in", "3600"},
                                                        {"/delay_id", 5},
                                                        {"/delay_timeout", "5000"},
                                                        {"/delay_timeout", 1.5},
                                                        {"/delay_timeout", UINT64_MAX},
                                                        {"/delay_cs_api_url", 1}};
  for (const auto& [path, value] : wrong) {
    json body = GetToken();
    body[json::json_pointer(path)] = value;
    EXPECT_EQ(CodeOf(ParseGetToken(body.dump())), ErrCode::kNotJson) << path;
  }
}

TEST(TokenRequest, WithoutAMandatoryFieldIsBadJson) {
  for (const char* path : {"/room_id", "/slot_id", "/member", "/member/id",
                           "/member/claimed_user_id", "/member/claimed_device_id", "/openid_token",
                           "/openid_token/access_token", "/openid_token/matrix_server_name"}) {
    for (const json& nothing : {json(nullptr), json("")}) {
      json body = GetToken();
      const json::json_pointer pointer(path);
      if (nothing == "" && body[pointer].is_object()) continue;
      body[pointer] = nothing;
      EXPECT_EQ(CodeOf(ParseGetToken(body.dump())), ErrCode::kBadJson) << path;
    }
  }
  json body = SfuGet();
  body.erase("room");
  EXPECT_EQ(CodeOf(ParseSfuGet(body.dump())), ErrCode::kBadJson);
}

TEST(TokenRequest, NeedsBothHalvesOfADelayOrNone) {
  json body = SfuGet();
  body["delay_id"] = "delay";
  EXPECT_EQ(CodeOf(ParseSfuGet(body.dump())), ErrCode::kBadJson);
  body["delay_timeout"] = 0;
  EXPECT_EQ(CodeOf(ParseSfuGet(body.dump())), ErrCode::kBadJson);
  body["delay_timeout"] = -5;
  EXPECT_EQ(CodeOf(ParseSfuGet(body.dump())), ErrCode::kBadJson);
  body["delay_timeout"] = 1000;
  const auto request = ParseSfuGet(body.dump());
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->delay->delay_id, "delay");
  EXPECT_EQ(request->delay->timeout, Seconds(1));
  body.erase("delay_id");
  EXPECT_EQ(CodeOf(ParseSfuGet(body.dump())), ErrCode::kBadJson);
  body["delay_id"] = "";
  body["delay_timeout"] = 0;
  EXPECT_TRUE(ParseSfuGet(body.dump()).ok());
}

TEST(TokenRequest, BoundsTheTimeout) {
  json body = SfuGet();
  body["delay_id"] = "delay";
  body["delay_timeout"] = INT64_MAX;
  EXPECT_EQ(ParseSfuGet(body.dump())->delay->timeout, limits::kDelayTimeoutMax);
}

TEST(TokenRequest, ToDelegateNeedsADelay) {
  json body = GetToken();
  EXPECT_EQ(CodeOf(ParseDelegate(body.dump())), ErrCode::kBadJson);
  body["delay_id"] = "delay";
  body["delay_timeout"] = 5000;
  EXPECT_TRUE(ParseDelegate(body.dump()).ok());
}

TEST(TokenRequest, RefusesADeviceThatWouldMakeTwoUsersOne) {
  json body = SfuGet();
  body["device_id"] = "8448:X";
  EXPECT_EQ(CodeOf(ParseSfuGet(body.dump())), ErrCode::kBadJson);
}

TEST(TokenRequest, RefusesWhatNoIdentifierIs) {
  json body = GetToken();
  body["member"]["id"] = std::string(256, 'a');
  EXPECT_EQ(CodeOf(ParseGetToken(body.dump())), ErrCode::kBadJson);
  body = GetToken();
  body["openid_token"]["access_token"] = "a\r\nHost: b";
  EXPECT_EQ(CodeOf(ParseGetToken(body.dump())), ErrCode::kBadJson);
}

TEST(TokenRequest, RefusesAnOpenIdTokenThatIsTooLong) {
  json first = SfuGet();
  json second = GetToken();
  const std::string longest(limits::kAccessTokenBytesMax, 'a');
  first["openid_token"]["access_token"] = longest;
  second["openid_token"]["access_token"] = longest;
  EXPECT_TRUE(ParseSfuGet(first.dump()).ok());
  EXPECT_TRUE(ParseGetToken(second.dump()).ok());
  first["openid_token"]["access_token"] = longest + "a";
  second["openid_token"]["access_token"] = longest + "a";
  EXPECT_EQ(CodeOf(ParseSfuGet(first.dump())), ErrCode::kBadJson);
  EXPECT_EQ(CodeOf(ParseGetToken(second.dump())), ErrCode::kBadJson);
}

TEST(TokenRequest, RefusesBodiesBeyondTheBound) {
  json body = SfuGet();
  body["padding"] = std::string(limits::kHttpBodyBytesMax, 'x');
  EXPECT_EQ(CodeOf(ParseSfuGet(body.dump())), ErrCode::kNotJson);
  EXPECT_EQ(CodeOf(ParseSfuGet(std::string(5000, '['))), ErrCode::kNotJson);
}

TEST(TokenRequest, EveryTruncationIsNotJson) {
  const std::string body = GetToken().dump();
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_EQ(CodeOf(ParseGetToken(std::string_view(body).substr(0, size))), ErrCode::kNotJson);
  }
}

TEST(ProxiedRequest, NamesTheMemberInEitherWay) {
  for (const char* body :
       {R"({"room_id":"!r:x","slot_id":"m.call#ROOM","member_id":"m","url":"wss://f"})",
        R"({"room_id":"!r:x","slot_id":"m.call#ROOM","member":{"id":"m","new":"D"}})"}) {
    const auto request = ParseProxied(ProxiedRoute::kGetToken, body);
    ASSERT_TRUE(request.ok()) << body;
    EXPECT_EQ(request->member_id, "m");
  }
}

TEST(ProxiedRequest, NeedsWhatItsRouteNeeds) {
  const std::string body = R"({"room_id":"!r:x","slot_id":"s","member_id":"m"})";
  EXPECT_TRUE(ParseProxied(ProxiedRoute::kGetToken, body).ok());
  EXPECT_EQ(ParseProxied(ProxiedRoute::kFederationGetToken, body).error().code, ErrCode::kBadJson);
  EXPECT_EQ(ParseProxied(ProxiedRoute::kDelegate, body).error().code, ErrCode::kBadJson);
  EXPECT_EQ(ParseProxied(ProxiedRoute::kGetToken, "[").error().code, ErrCode::kNotJson);
  EXPECT_EQ(ParseProxied(ProxiedRoute::kGetToken, "{}").error().code, ErrCode::kBadJson);
}

TEST(ProxiedRequest, NamesAFocusByAUrlOfBoundedLength) {
  json body = *wire::ParseJson(R"({"room_id":"!r:x","slot_id":"s","member_id":"m"})");
  body["url"] = std::string(limits::kDelegationUrlBytesMax, 'u');
  EXPECT_TRUE(ParseProxied(ProxiedRoute::kGetToken, body.dump()).ok());
  body["url"] = std::string(limits::kDelegationUrlBytesMax + 1, 'u');
  const auto refused = ParseProxied(ProxiedRoute::kGetToken, body.dump());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrCode::kBadJson);
}

}  // namespace
}  // namespace fovea::matrix
