#include <gmock/gmock.h>

#include "signaling/wire/base64.h"
#include "signaling/wire/jwt.h"
#include "signaling/wire/token_grants.h"

namespace fovea::wire {
namespace {

using testing::ElementsAre;
using Kind = TokenError::Kind;

constexpr std::int64_t kNow = 1'700'000'000;
const ApiKeys kKeys{{"devkey", "secret"}, {"other", "another secret"}};

std::string Signed(std::string_view payload) { return SignJwt(payload, "secret"); }

std::string TokenWith(std::string_view header, std::string_view payload) {
  std::string token = Base64UrlEncode(AsBytes(header)) + "." + Base64UrlEncode(AsBytes(payload));
  // The signature is right whatever the header says: only the header may be the reason to refuse.
  const std::string whole = SignJwt(payload, "secret");
  return token + whole.substr(whole.rfind('.'));
}

Kind KindOf(std::string_view token) {
  const auto grants = VerifyToken(token, kKeys, kNow);
  EXPECT_FALSE(grants) << token;
  return grants ? Kind::kBadHeader : grants.error().kind;
}

TEST(Jwt, SignsTheExampleOfJwtIo) {
  EXPECT_EQ(
      SignJwt(R"({"sub":"1234567890","name":"John Doe","iat":1516239022})", "your-256-bit-secret"),
      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
      "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ."
      "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c");
}

TEST(Jwt, ChecksTheExampleOfRfc7515AppendixA1) {
  const auto key = Base64UrlDecode(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  const auto token = ParseJwt(
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->issuer, "joe");
  EXPECT_TRUE(HasValidSignature(*token, *key));
  EXPECT_FALSE(HasValidSignature(*token, "secret"));
}

TEST(Jwt, RefusesEveryAlgorithmButHs256) {
  for (const char* header : {R"({"alg":"none"})", R"({"alg":"RS256","typ":"JWT"})",
                             R"({"alg":"HS512"})", R"({"alg":"hs256"})", R"({"alg":["HS256"]})",
                             R"({"typ":"JWT"})", R"({"alg":"HS256","crit":["exp"]})"}) {
    const auto token = ParseJwt(TokenWith(header, R"({"iss":"devkey"})"));
    ASSERT_FALSE(token) << header;
    EXPECT_EQ(token.error(), JwtError::kUnsupportedAlgorithm);
  }
}

TEST(Jwt, RefusesTruncationAtEveryLength) {
  const std::string token = Signed(R"({"iss":"devkey","exp":1700000600})");
  for (std::size_t n = 0; n < token.size(); ++n) {
    EXPECT_FALSE(VerifyToken(std::string_view(token).substr(0, n), kKeys, kNow)) << n;
  }
  EXPECT_TRUE(VerifyToken(token, kKeys, kNow));
}

TEST(Jwt, RefusesWhatIsNotThreePartsOfJsonObjects) {
  for (const std::string& token :
       {std::string(), std::string("a.b"), std::string(".."), std::string("a.b.c"),
        TokenWith("[]", "{}"), TokenWith(R"({"alg":"HS256"})", "[]"),
        TokenWith(R"({"alg":"HS256"})", "{"), Signed(R"({"iss":"devkey"})") + ".x",
        TokenWith(R"({"alg":"HS256"})", std::string(100, '['))}) {
    const auto parsed = ParseJwt(token);
    ASSERT_FALSE(parsed) << token;
    EXPECT_EQ(parsed.error(), JwtError::kMalformed);
  }
}

TEST(VerifyToken, ReadsEverythingLkJwtServiceWrites) {
  const auto grants =
      VerifyToken(Signed(R"({"exp":1700003600,"iss":"devkey","nbf":1700000000,"sub":"@a:hs:DEV",
                 "video":{"canPublish":true,"canSubscribe":true,"canUpdateOwnMetadata":true,
                          "room":"R","roomJoin":true}})"),
                  kKeys, kNow);
  ASSERT_TRUE(grants);
  EXPECT_EQ(grants->api_key, "devkey");
  EXPECT_EQ(grants->identity, "@a:hs:DEV");
  EXPECT_EQ(grants->expires_at_unix, 1'700'003'600);
  EXPECT_EQ(grants->not_before_unix, 1'700'000'000);
  ASSERT_TRUE(grants->video);
  EXPECT_TRUE(grants->video->room_join);
  EXPECT_EQ(grants->video->room, "R");
  EXPECT_TRUE(grants->video->CanUpdateOwnMetadata());
  EXPECT_FALSE(RefuseJoin(*grants));
}

TEST(VerifyToken, AbsentPermissionsHaveTheirDefaults) {
  const auto bare =
      VerifyToken(Signed(R"({"iss":"devkey","exp":1700000001,"video":{}})"), kKeys, kNow);
  ASSERT_TRUE(bare);
  EXPECT_TRUE(bare->video->CanPublish());
  EXPECT_TRUE(bare->video->CanSubscribe());
  EXPECT_TRUE(bare->video->CanPublishData());
  EXPECT_FALSE(bare->video->CanUpdateOwnMetadata());
  EXPECT_FALSE(bare->video->room_join);

  const auto listener = VerifyToken(
      Signed(R"({"iss":"devkey","exp":1700000001,"video":{"canPublish":false}})"), kKeys, kNow);
  ASSERT_TRUE(listener);
  EXPECT_FALSE(listener->video->CanPublishData());
  EXPECT_FALSE(listener->video->CanPublishSource(::livekit::CAMERA));

  const auto talker = VerifyToken(Signed(R"({"iss":"devkey","exp":1700000001,)"
                                         R"("video":{"canPublish":false,"canPublishData":true}})"),
                                  kKeys, kNow);
  ASSERT_TRUE(talker);
  EXPECT_TRUE(talker->video->CanPublishData());
}

TEST(VerifyToken, SourcesNarrowWhatMayBePublished) {
  const auto grants = VerifyToken(Signed(R"({"iss":"devkey","exp":1700000001,)"
                                         R"("video":{"canPublishSources":["microphone","holo"]}})"),
                                  kKeys, kNow);
  ASSERT_TRUE(grants);
  EXPECT_THAT(grants->video->can_publish_sources,
              ElementsAre(::livekit::MICROPHONE, ::livekit::UNKNOWN));
  EXPECT_TRUE(grants->video->CanPublishSource(::livekit::MICROPHONE));
  EXPECT_FALSE(grants->video->CanPublishSource(::livekit::CAMERA));
  EXPECT_FALSE(grants->video->CanPublishSource(::livekit::UNKNOWN));
}

TEST(VerifyToken, TakesTheIdentityFromJtiWhereSubIsMissing) {
  const auto grants =
      VerifyToken(Signed(R"({"iss":"devkey","exp":1700000001,"jti":"old"})"), kKeys, kNow);
  ASSERT_TRUE(grants);
  EXPECT_EQ(grants->identity, "old");
}

TEST(VerifyToken, ExpiryAndNotBeforeHaveAMinuteOfLeeway) {
  const std::string token = Signed(R"({"iss":"devkey","exp":1700000000,"nbf":1699999000})");
  EXPECT_TRUE(VerifyToken(token, kKeys, 1'700'000'060));
  EXPECT_EQ(VerifyToken(token, kKeys, 1'700'000'061).error().kind, Kind::kExpired);
  EXPECT_TRUE(VerifyToken(token, kKeys, 1'699'998'940));
  EXPECT_EQ(VerifyToken(token, kKeys, 1'699'998'939).error().kind, Kind::kNotYetValid);
}

TEST(VerifyToken, RequiresAnExpiry) {
  EXPECT_EQ(KindOf(Signed(R"({"iss":"devkey"})")), Kind::kInvalidToken);
  EXPECT_EQ(KindOf(Signed(R"({"iss":"devkey","exp":"soon"})")), Kind::kInvalidToken);
  EXPECT_EQ(KindOf(Signed(R"({"iss":"devkey","exp":1e300})")), Kind::kInvalidToken);
}

TEST(VerifyToken, TellsUnknownKeysFromWrongSecrets) {
  EXPECT_EQ(KindOf(Signed(R"({"iss":"nobody","exp":1700000001})")), Kind::kUnknownKey);
  EXPECT_EQ(KindOf(Signed(R"({"exp":1700000001})")), Kind::kUnknownKey);
  EXPECT_EQ(KindOf(Signed(R"({"iss":"other","exp":1700000001})")), Kind::kInvalidToken);
}

TEST(VerifyToken, RefusesClaimsOfTheWrongType) {
  for (const char* claim : {R"("sub":1)", R"("video":[])", R"("video":{"roomJoin":"yes"})",
                            R"("video":{"canPublishSources":"camera"})", R"("attributes":{"a":1})",
                            R"("kindDetails":[1])", R"("roomConfig":{"emptyTimeout":"soon"})"}) {
    EXPECT_EQ(KindOf(Signed(std::string(R"({"iss":"devkey","exp":1700000001,)") + claim + "}")),
              Kind::kInvalidToken)
        << claim;
  }
}

TEST(RefuseJoin, WantsRoomJoinARoomAndAnIdentity) {
  TokenGrants grants;
  grants.identity = "a";
  EXPECT_EQ(RefuseJoin(grants)->kind, Kind::kNoPermission);
  grants.video.emplace().room = "r";
  EXPECT_EQ(RefuseJoin(grants)->kind, Kind::kNoPermission);
  grants.video->room_join = true;
  EXPECT_FALSE(RefuseJoin(grants));
  grants.video->room.clear();
  EXPECT_EQ(RefuseJoin(grants)->status(), 401);
  grants.video->room = "r";
  grants.identity.clear();
  EXPECT_EQ(RefuseJoin(grants)->status(), 400);
}

TEST(SignToken, IsReadBackAsTheSameGrants) {
  TokenGrants grants;
  grants.api_key = "devkey";
  grants.identity = "a";
  grants.expires_at_unix = kNow + 600;
  grants.not_before_unix = kNow;
  grants.name = "An\xc3\xa4";
  grants.metadata = R"({"x":1})";
  grants.attributes = {{"k", "v"}};
  grants.kind = "agent";
  grants.room_preset = "p";
  grants.room_config.emplace().set_empty_timeout(300);
  VideoGrants& video = grants.video.emplace();
  video.room_join = true;
  video.room = "r";
  video.can_publish = false;
  video.can_publish_sources = {::livekit::SCREEN_SHARE_AUDIO};

  const auto back = VerifyToken(SignToken(grants, "secret"), kKeys, kNow);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->identity, "a");
  EXPECT_EQ(back->not_before_unix, kNow);
  EXPECT_EQ(back->name, grants.name);
  EXPECT_EQ(back->metadata, grants.metadata);
  EXPECT_EQ(back->attributes, grants.attributes);
  EXPECT_EQ(back->kind, "agent");
  EXPECT_EQ(back->room_config->empty_timeout(), 300U);
  EXPECT_TRUE(back->video->room_join);
  EXPECT_EQ(back->video->can_publish, false);
  EXPECT_EQ(back->video->can_subscribe, std::nullopt);
  EXPECT_EQ(back->video->can_publish_sources, video.can_publish_sources);
}

TEST(TokenOf, PrefersTheHeaderToTheQuery) {
  HttpRequest request;
  EXPECT_EQ(TokenOf(request).error().kind, Kind::kNoPermission);
  request.target = *ParseRequestTarget("/rtc?access_token=q");
  EXPECT_EQ(*TokenOf(request), "q");
  request.headers.emplace_back("authorization", "Bearer h");
  EXPECT_EQ(*TokenOf(request), "h");
  request.headers[0].second = "Basic h";
  EXPECT_EQ(TokenOf(request).error().kind, Kind::kBadHeader);
}

TEST(TokenError, BodiesHoldTheTextsOperatorsSearchFor) {
  EXPECT_THAT(std::string(TokenError{Kind::kBadHeader}.body()),
              testing::HasSubstr("invalid authorization header"));
  for (const Kind kind : {Kind::kInvalidToken, Kind::kExpired, Kind::kNotYetValid}) {
    EXPECT_THAT(std::string(TokenError{kind}.body()),
                testing::HasSubstr("invalid authorization token"));
  }
  EXPECT_EQ(TokenError{Kind::kUnknownKey}.body(), "invalid API key");
  EXPECT_EQ(TokenError{Kind::kNoPermission}.body(), "permissions denied");
}

}  // namespace
}  // namespace fovea::wire
