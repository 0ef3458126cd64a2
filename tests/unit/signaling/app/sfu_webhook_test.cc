#include "signaling/app/sfu_webhook.h"

#include <gtest/gtest.h>

#include "livekit.pb.h"
#include "sfu/crypto/hmac.h"
#include "signaling/app/external_sfu.h"
#include "signaling/wire/base64.h"

namespace fovea::app {
namespace {

constexpr std::int64_t kNow = 1'790'000'000;
const wire::ApiKeys kKeys = {{"devkey", "a-secret-of-32-characters-or-more"}};

wire::HttpRequest Webhook(const std::string& body, std::string_view prefix = "") {
  wire::TokenGrants token;
  token.api_key = "devkey";
  token.expires_at_unix = kNow + 300;
  token.sha256 = wire::Base64Encode(crypto::Sha256(wire::AsBytes(body)));
  wire::HttpRequest request;
  request.method = wire::HttpMethod::kPost;
  request.body = body;
  request.headers = {{"Authorization",
                      std::string(prefix) + wire::SignToken(token, kKeys.find("devkey")->second)}};
  return request;
}

const std::string kLeft =
    R"({"event":"participant_left","room":{"name":"r+/"},"participant":{"identity":"@a:b:D",)"
    R"("disconnectReason":"CLIENT_INITIATED"},"id":"EV_1","createdAt":"1790000000"})";

TEST(ReadSfuWebhook, ReadsWhoLeftAndWhy) {
  const auto event = ReadSfuWebhook(Webhook(kLeft), kKeys, kNow);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->kind, SfuEvent::Kind::kLeft);
  EXPECT_EQ(event->key, (matrix::LeaveKey{"r+/", "@a:b:D"}));
  EXPECT_EQ(event->disconnect_reason, ::livekit::DisconnectReason::CLIENT_INITIATED);
}

TEST(ReadSfuWebhook, ReadsTheOtherKinds) {
  const auto kind = [](const std::string& name) {
    const auto event = ReadSfuWebhook(
        Webhook(R"({"event":")" + name +
                R"(","room":{"name":"r"},"participant":{"identity":"i","disconnectReason":7}})"),
        kKeys, kNow);
    return event.has_value() ? std::optional(event->kind) : std::nullopt;
  };
  EXPECT_EQ(kind("participant_joined"), SfuEvent::Kind::kJoined);
  EXPECT_EQ(kind("participant_connection_aborted"), SfuEvent::Kind::kAborted);
  EXPECT_EQ(kind("room_started"), std::nullopt);
}

TEST(ReadSfuWebhook, AcceptsABearerPrefix) {
  EXPECT_TRUE(ReadSfuWebhook(Webhook(kLeft, "Bearer "), kKeys, kNow).has_value());
}

TEST(ReadSfuWebhook, BelievesNothingThatIsNotSigned) {
  wire::HttpRequest changed = Webhook(kLeft);
  changed.body[10] ^= 1;
  EXPECT_FALSE(ReadSfuWebhook(changed, kKeys, kNow).has_value());
  wire::HttpRequest bare = Webhook(kLeft);
  bare.headers.clear();
  EXPECT_FALSE(ReadSfuWebhook(bare, kKeys, kNow).has_value());
  EXPECT_FALSE(ReadSfuWebhook(Webhook(kLeft), {{"devkey", "another"}}, kNow).has_value());
  EXPECT_FALSE(ReadSfuWebhook(Webhook(kLeft), kKeys, kNow + 1000).has_value());
}

TEST(ReadSfuWebhook, ANakedTokenOfAClientIsNoWebhook) {
  wire::TokenGrants token;
  token.api_key = "devkey";
  token.identity = "alice";
  token.expires_at_unix = kNow + 300;
  wire::HttpRequest request = Webhook(kLeft);
  request.headers = {{"Authorization", wire::SignToken(token, kKeys.find("devkey")->second)}};
  EXPECT_FALSE(ReadSfuWebhook(request, kKeys, kNow).has_value());
}

TEST(ReadSfuWebhook, TakesNothingFromABodyWithoutRoomOrParticipant) {
  for (const char* body :
       {"", "[]", "{}", R"({"event":"participant_left"})", R"({"event":1})",
        R"({"event":"participant_left","room":null,"participant":{"identity":"i"}})",
        R"({"event":"participant_left","room":{"name":"r"},"participant":{}})"}) {
    EXPECT_FALSE(ReadSfuWebhook(Webhook(body), kKeys, kNow).has_value()) << body;
  }
}

TEST(RoomServiceUrl, IsBesideTheAddressOfTheWebSocket) {
  EXPECT_EQ(RoomServiceUrl("ws://127.0.0.1:9"), "http://127.0.0.1:9/twirp/livekit.RoomService/");
  EXPECT_EQ(RoomServiceUrl("wss://sfu.example.com/livekit/"),
            "https://sfu.example.com/livekit/twirp/livekit.RoomService/");
  EXPECT_EQ(RoomServiceUrl("https://a"), "https://a/twirp/livekit.RoomService/");
  EXPECT_EQ(RoomServiceUrl("ftp://a"), std::nullopt);
  EXPECT_EQ(RoomServiceUrl(""), std::nullopt);
}

}  // namespace
}  // namespace fovea::app
