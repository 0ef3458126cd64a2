#include "signaling/app/calls_api.h"

#include <gtest/gtest.h>

#include <optional>

#include "signaling/matrix/derive.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

class CallsApi : public testing::Test {
 protected:
  CallsApi()
      : conductor_(
            {.homeserver = "hs"}, [] { return kNow * 1'000'000; }, Rng(1)) {
    matrix::MintedIdentity alice;
    alice.room_name = matrix::RoomName("!room:hs", "m.call#ROOM");
    alice.identity = "@alice:hs:DEV";
    alice.room_id = "!room:hs";
    alice.slot_id = "m.call#ROOM";
    alice.user_id = "@alice:hs";
    alice.device_id = "DEV";
    alice.server_name = "hs";
    alice.issued_unix = kNow;
    alice.expires_unix = kNow + 3600;
    room_ = alice.room_name;
    conductor_.RecordMint(now_, alice);
    conductor_.HandleConnected(now_, room_, alice.identity);
    conductor_.HandlePublishing(now_, room_, alice.identity, 1, 1);
  }

  std::string Token(bool room_list) const {
    wire::TokenGrants grants;
    grants.api_key = "key";
    grants.not_before_unix = kNow;
    grants.expires_at_unix = kNow + 60;
    grants.video.emplace().room_list = room_list;
    return wire::SignToken(grants, keys_.at("key"));
  }
  wire::HttpResponse Get(const std::string& target, const std::optional<std::string>& token) {
    wire::HttpRequest request;
    request.target = *wire::ParseRequestTarget(target);
    if (token) request.headers.emplace_back("Authorization", "Bearer " + *token);
    EXPECT_TRUE(IsCallsPath(request.target));
    return AnswerCalls(request, keys_, kNow, conductor_, {.push_age_s = 1.5, .transactions = 7});
  }

  const wire::ApiKeys keys_{{"key", "a-secret-of-more-than-thirty-two-characters"}};
  Instant now_{};
  focus::Conductor conductor_;
  std::string room_;
};

TEST_F(CallsApi, TellsOfACallToWhoMayListRooms) {
  const auto response = Get("/fovea/v1/calls", Token(true));
  ASSERT_EQ(response.status, 200);
  const auto calls = nlohmann::json::parse(response.body)["calls"];
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0]["room_id"], "!room:hs");
  EXPECT_EQ(calls[0]["on"], true);
  EXPECT_EQ(calls[0]["opened_by"], "@alice:hs");
  EXPECT_EQ(calls[0]["intent"], "video");
  EXPECT_EQ(calls[0]["connected"], 1);
  EXPECT_EQ(calls[0]["media_without_member"], 1);
}

TEST_F(CallsApi, TellsWhatWasHeardOfTheHomeserver) {
  const auto answer = nlohmann::json::parse(Get("/fovea/v1/calls", Token(true)).body);
  const nlohmann::json heard = {{"answers", true}, {"transactions", 7}, {"heard_seconds_ago", 1.5}};
  EXPECT_EQ(answer["homeserver"], heard);
  const auto one = nlohmann::json::parse(Get("/fovea/v1/calls/%21room%3Ahs", Token(true)).body);
  EXPECT_FALSE(one.contains("homeserver"));
}

TEST_F(CallsApi, FindsACallByMatrixRoomAndByRoomName) {
  EXPECT_EQ(Get("/fovea/v1/calls/%21room%3Ahs", Token(true)).status, 200);
  EXPECT_EQ(Get("/fovea/v1/calls/" + wire::PercentEncode(room_), Token(true)).status, 200);
  EXPECT_EQ(Get("/fovea/v1/calls/%21other%3Ahs", Token(true)).status, 404);
}

TEST_F(CallsApi, TellsNothingToParticipantsAndStrangers) {
  EXPECT_EQ(Get("/fovea/v1/calls", std::nullopt).status, 401);
  EXPECT_EQ(Get("/fovea/v1/calls", "x.y.z").status, 401);
  EXPECT_EQ(Get("/fovea/v1/calls", Token(false)).status, 403);
}

TEST_F(CallsApi, SaysWhenAndWhyACallEnded) {
  conductor_.HandleLeft(now_ + Seconds(5), room_, "@alice:hs:DEV",
                        focus::DepartureReason::kConnectionLost);
  const auto call = nlohmann::json::parse(Get("/fovea/v1/calls", Token(true)).body)["calls"][0];
  EXPECT_EQ(call["on"], false);
  EXPECT_EQ(call["ended_ms"], (kNow + 5) * 1000);
  EXPECT_EQ(call["last_left"], "connection_lost");
}

}  // namespace
}  // namespace fovea::app
