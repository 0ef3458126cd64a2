#include "signaling/matrix/appservice_answers.h"

#include <gtest/gtest.h>

#include <string>

namespace fovea::matrix {
namespace {

TEST(IsJoined, BelievesNothingButAPlainAnswer) {
  EXPECT_EQ(ReadIsJoined(200, R"({"joined":true})"), JoinedAnswer::kJoined);
  EXPECT_EQ(ReadIsJoined(200, R"({"joined":false,"more":1})"), JoinedAnswer::kNotJoined);
  for (const char* body : {"", "{}", "[]", "true", R"({"joined":"true"})", R"({"joined":1})",
                           R"({"joined":null})", R"({"joined":true)"}) {
    EXPECT_EQ(ReadIsJoined(200, body), JoinedAnswer::kUnknown) << body;
  }
  // Without the scope, without the route, without a homeserver.
  for (const int status : {0, 401, 403, 404, 500}) {
    EXPECT_EQ(ReadIsJoined(status, R"({"joined":true})"), JoinedAnswer::kUnknown);
  }
}

TEST(WhoAmI, IsAUserIdOrNothing) {
  EXPECT_EQ(ReadWhoAmI(200, R"({"user_id":"@focus:hs","device_id":"D"})"), "@focus:hs");
  for (const char* body : {"", "{}", "[]", R"({"user_id":7})", R"({"user_id":"focus"})"}) {
    EXPECT_EQ(ReadWhoAmI(200, body), "") << body;
  }
  EXPECT_EQ(ReadWhoAmI(401, R"({"user_id":"@focus:hs"})"), "");
}

TEST(Device, IsGoneOnlyWhereTheHomeserverSaysSo) {
  EXPECT_EQ(ReadDevice(200, R"({"device_id":"D","display_name":null})", "D"), DeviceAnswer::kThere);
  EXPECT_EQ(ReadDevice(404, R"({"errcode":"M_NOT_FOUND"})", "D"), DeviceAnswer::kGone);
  EXPECT_EQ(ReadDevice(404, R"({"errcode":"M_UNRECOGNIZED"})", "D"), DeviceAnswer::kUnknown);
  EXPECT_EQ(ReadDevice(404, "<html>", "D"), DeviceAnswer::kUnknown);
  EXPECT_EQ(ReadDevice(200, R"({"device_id":"E"})", "D"), DeviceAnswer::kUnknown);
  for (const int status : {0, 200, 401, 403, 429, 500, 502}) {
    EXPECT_EQ(ReadDevice(status, R"({"errcode":"M_NOT_FOUND"})", "D"), DeviceAnswer::kUnknown);
  }
}

constexpr std::string_view kEvent =
    R"({"delay_id":"d1","room_id":"!r:hs","type":"t","delay_ms":3600000,"content":{}})";

TEST(DelayedEvent, TellsItsRoomAndDelay) {
  const auto found = ReadDelayedEvent(200, kEvent);
  EXPECT_EQ(found.status, DelayedEventStatus::kFound);
  EXPECT_EQ(found.room_id, "!r:hs");
  EXPECT_EQ(found.delay, Seconds(3600));
  const auto older = ReadDelayedEvent(200, R"({"room_id":"!r:hs","delay":5000})");
  EXPECT_EQ(older.delay, Seconds(5));
}

TEST(DelayedEvent, CannotOverflow) {
  const auto found = ReadDelayedEvent(200, R"({"delay_ms":18446744073709551615})");
  EXPECT_EQ(found.status, DelayedEventStatus::kFound);
  EXPECT_EQ(found.delay, Seconds(365LL * 24 * 3600));
  EXPECT_EQ(ReadDelayedEvent(200, R"({"delay_ms":-1})").status, DelayedEventStatus::kUnknown);
}

TEST(DelayedEvent, TellsAMissingEventFromAMissingRoute) {
  using Status = DelayedEventStatus;
  EXPECT_EQ(ReadDelayedEvent(404, R"({"errcode":"M_NOT_FOUND"})").status, Status::kMissing);
  EXPECT_EQ(ReadDelayedEvent(404, R"({"errcode":"M_UNRECOGNIZED"})").status, Status::kNoRoute);
  EXPECT_EQ(ReadDelayedEvent(404, "<html>").status, Status::kUnknown);
  EXPECT_EQ(ReadDelayedEvent(403, R"({"errcode":"M_FORBIDDEN"})").status, Status::kUnknown);
  EXPECT_EQ(ReadDelayedEvent(200, "[]").status, Status::kUnknown);
}

TEST(DelayedEvent, IsFoundInAList) {
  const std::string list =
      R"({"delayed_events":[7,{"delay_id":"d0"},)" + std::string(kEvent) + "]}";
  EXPECT_EQ(FindDelayedEvent(200, list, "d1").delay, Seconds(3600));
  EXPECT_EQ(FindDelayedEvent(200, list, "d2").status, DelayedEventStatus::kMissing);
  EXPECT_EQ(FindDelayedEvent(200, list, "d0").status, DelayedEventStatus::kUnknown);
  EXPECT_EQ(FindDelayedEvent(200, "{}", "d1").status, DelayedEventStatus::kUnknown);
}

TEST(DelayedEvent, IsNeverFoundInHalfAnAnswer) {
  for (std::size_t size = 0; size < kEvent.size(); ++size) {
    EXPECT_EQ(ReadDelayedEvent(200, kEvent.substr(0, size)).status, DelayedEventStatus::kUnknown);
  }
}

TEST(Refusal, IsTheHomeserversOwnWordOnly) {
  EXPECT_TRUE(IsRefusal(403, R"({"errcode":"M_FORBIDDEN","error":"not in the room"})"));
  EXPECT_TRUE(IsRefusal(404, R"({"errcode":"M_NOT_FOUND"})"));
  EXPECT_TRUE(IsRefusal(403, R"({"errcode":"M_USER_DEACTIVATED"})"));
  for (const char* body : {"", "404 page not found", "<html>403 Forbidden</html>", "{}", "[]",
                           R"({"errcode":"M_UNRECOGNIZED"})", R"({"errcode":"M_LIMIT_EXCEEDED"})",
                           R"({"errcode":7})", R"({"errcode":"M_FORBIDDEN")"}) {
    EXPECT_FALSE(IsRefusal(403, body)) << body;
    EXPECT_FALSE(IsRefusal(404, body)) << body;
  }
  EXPECT_FALSE(IsRefusal(401, R"({"errcode":"M_FORBIDDEN"})"));
  EXPECT_FALSE(IsRefusal(502, R"({"errcode":"M_FORBIDDEN"})"));
  EXPECT_FALSE(IsRefusal(200, R"({"errcode":"M_FORBIDDEN"})"));
}

TEST(RelayedToken, PassesOnATokenAndARefusal) {
  const auto token =
      ReadRelayedToken(200, R"({"status":200,"content":{"jwt":"a.b.c","url":"wss://other"}})");
  EXPECT_EQ(token.jwt, "a.b.c");
  EXPECT_EQ(token.url, "wss://other");
  const auto refusal = ReadRelayedToken(
      200, R"({"status":400,"content":{"errcode":"M_BAD_JSON","error":"<script>"}})");
  EXPECT_TRUE(refusal.jwt.empty());
  EXPECT_EQ(refusal.error.status, 400);
  EXPECT_EQ(refusal.error.code, ErrCode::kBadJson);
  EXPECT_EQ(refusal.error.message.find("script"), std::string::npos);
  const auto odd = ReadRelayedToken(200, R"({"status":403,"content":{"errcode":"M_SURPRISE"}})");
  EXPECT_EQ(odd.error.status, 403);
  EXPECT_EQ(odd.error.code, ErrCode::kForbidden);
}

TEST(RelayedToken, IsABadGatewayOtherwise) {
  for (const char* body :
       {"", "{}", R"({"status":200})", R"({"status":200,"content":null})",
        R"({"status":200,"content":{}})", R"({"status":200,"content":{"jwt":7}})",
        R"({"status":404,"content":{"errcode":"M_UNRECOGNIZED"}})",
        R"({"status":500,"content":{}})", R"({"status":"200","content":{"jwt":"a"}})"}) {
    const auto answer = ReadRelayedToken(200, body);
    EXPECT_TRUE(answer.jwt.empty()) << body;
    EXPECT_EQ(answer.error.status, 502) << body;
  }
  const auto refused = ReadRelayedToken(403, R"({"status":200,"content":{"jwt":"a"}})");
  EXPECT_TRUE(refused.jwt.empty());
  EXPECT_EQ(refused.error.status, 502);
}

}  // namespace
}  // namespace fovea::matrix
