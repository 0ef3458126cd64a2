// The routes that a homeserver proxies: whose focus is meant, which delayed events are taken, and
// what is said when the homeserver is silent.
#include "tests/unit/signaling/app/token_service_fixture.h"

namespace fovea::app {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kPrefix = "/_matrix/client/unstable/io.element.msc4195/rtc/livekit/";

class ProxiedTokensTest : public TokenServiceTest {
 protected:
  // The answer's first line and its body.
  std::string Post(const std::string& route, const nlohmann::json& body) {
    io::RawClient client(&loop_, address_);
    const std::string text = body.dump();
    client.Send("POST " + std::string(kPrefix) + route +
                " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer secret\r\n"
                "X-Matrix-User-Identifier: @bob:hs\r\nContent-Length: " +
                std::to_string(text.size()) + "\r\n\r\n" + text);
    EXPECT_TRUE(RunUntil([&] { return client.ended || client.failed; }));
    const std::string& all = client.received;
    return all.substr(0, all.find('\r')) + " " + all.substr(all.find("\r\n\r\n") + 4);
  }
  static nlohmann::json Body(const nlohmann::json& more = nlohmann::json::object()) {
    nlohmann::json body{{"room_id", "!r:hs"}, {"slot_id", "m.call#ROOM"}, {"member_id", "m"}};
    body.update(more);
    return body;
  }
};

TEST_F(ProxiedTokensTest, OpenTheRoomAndRememberTheHolder) {
  EXPECT_THAT(Post("get_token", Body()), HasSubstr("200"));
  EXPECT_THAT(rooms_, SizeIs(1));
  EXPECT_THAT(policy_.recorded, SizeIs(1));
  EXPECT_THAT(homeserver_.relays, IsEmpty());
}

TEST_F(ProxiedTokensTest, OfAnotherFocusAreAskedForByTheHomeserver) {
  const std::string answer = Post(
      "get_token", Body({{"server_name", "far.example:8448"}, {"url", "wss://theirs.example"}}));
  EXPECT_THAT(answer, HasSubstr("200"));
  EXPECT_THAT(answer, HasSubstr(R"("jwt":"theirs")"));
  EXPECT_THAT(answer, HasSubstr(R"("url":"wss://theirs.example")"));
  ASSERT_THAT(homeserver_.relays, SizeIs(1));
  EXPECT_EQ(homeserver_.relays[0].server_name, "far.example:8448");
  EXPECT_EQ(homeserver_.relays[0].user_id, "@bob:hs");
  EXPECT_EQ(homeserver_.relays[0].url, "wss://theirs.example");
  EXPECT_EQ(homeserver_.relays[0].room_id, "!r:hs");
  EXPECT_THAT(policy_.asked, SizeIs(1));
  // Nothing of it is ours.
  EXPECT_THAT(policy_.recorded, IsEmpty());
  EXPECT_THAT(rooms_, IsEmpty());
}

TEST_F(ProxiedTokensTest, AreNotRelayedForWhomTheRoomDoesNotHave) {
  policy_.answer = {.allowed = false};
  EXPECT_THAT(Post("get_token", Body({{"server_name", "far.example"}})), HasSubstr("403"));
  EXPECT_THAT(homeserver_.relays, IsEmpty());
}

TEST_F(ProxiedTokensTest, PassOnTheRefusalOfTheOtherFocus) {
  homeserver_.token = {
      .error = {.status = 403, .code = matrix::ErrCode::kForbidden, .message = "no"}};
  EXPECT_THAT(Post("get_token", Body({{"server_name", "far.example"}})), HasSubstr("403"));
  homeserver_.token = {.error = matrix::NoHomeserver()};
  const std::string answer = Post("get_token", Body({{"server_name", "far.example"}}));
  EXPECT_THAT(answer, HasSubstr("502"));
  EXPECT_THAT(answer, HasSubstr("M_UNKNOWN"));
}

TEST_F(ProxiedTokensTest, NameAServerThatIsOneAndCanBeAsked) {
  EXPECT_THAT(Post("get_token", Body({{"server_name", "no server"}})),
              HasSubstr("M_INVALID_PARAM"));
  Make(nullptr);
  EXPECT_THAT(Post("get_token", Body({{"server_name", "far.example"}})),
              HasSubstr("M_INVALID_PARAM"));
  EXPECT_THAT(Post("get_token", Body({{"server_name", "hs"}})), HasSubstr("200"));
}

TEST_F(ProxiedTokensTest, TellARefusalFromASilentHomeserver) {
  policy_.answer = {.allowed = false};
  EXPECT_THAT(Post("get_token", Body()), HasSubstr("403 "));
  policy_.answer = {.allowed = false, .is_unanswered = true};
  const std::string answer = Post("get_token", Body());
  EXPECT_THAT(answer, HasSubstr("502 "));
  EXPECT_THAT(answer, HasSubstr("M_UNKNOWN"));
}

TEST_F(ProxiedTokensTest, TakeOverADelayedEventThatIsThere) {
  EXPECT_THAT(Post("delegate_delayed_leave", Body({{"delay_id", "d1"}})), HasSubstr("200"));
  EXPECT_THAT(homeserver_.asked, testing::ElementsAre("@bob:hs d1"));
  ASSERT_THAT(delegation_.jobs, SizeIs(1));
  EXPECT_EQ(delegation_.jobs[0].delay_id, "d1");
  EXPECT_EQ(delegation_.jobs[0].timeout, Seconds(7200));
}

TEST_F(ProxiedTokensTest, TakeOverNoOtherDelayedEvent) {
  using Status = matrix::DelayedEventStatus;
  const struct {
    matrix::DelayedEventAnswer event;
    const char* expected;
  } kCases[] = {
      {{.status = Status::kMissing}, "M_INVALID_PARAM"},
      {{.status = Status::kFound, .room_id = "!other:hs", .delay = Seconds(7200)},
       "M_INVALID_PARAM"},
      {{.status = Status::kFound, .room_id = "!r:hs", .delay = Seconds(3600) - Millis(1)},
       "M_INVALID_PARAM"},
      {{.status = Status::kUnknown}, "502"},
      {{.status = Status::kNoRoute}, "502"},
  };
  for (const auto& [event, expected] : kCases) {
    homeserver_.event = event;
    EXPECT_THAT(Post("delegate_delayed_leave", Body({{"delay_id", "d1"}})), HasSubstr(expected));
  }
  EXPECT_THAT(delegation_.jobs, IsEmpty());
}

}  // namespace
}  // namespace fovea::app
