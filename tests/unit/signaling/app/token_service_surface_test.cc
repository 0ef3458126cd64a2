// What every answer of the token routes has, whatever became of the request. matrixrtc reference,
// sections 4.1 and 4.6.
#include <algorithm>
#include <array>

#include "sfu/core/limits.h"
#include "tests/unit/signaling/app/token_service_fixture.h"

namespace fovea::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

struct Route {
  const char* path;
  const char* asker = nullptr;  // the header by which a homeserver says who asks
  const char* body = nullptr;
};

const std::array<Route, 6> kRoutes{{
    {"/sfu/get", nullptr,
     R"({"room":"!r:hs","device_id":"D",
         "openid_token":{"access_token":"t","matrix_server_name":"hs"}})"},
    {"/prefix/get_token", nullptr,
     R"({"room_id":"!r:hs","slot_id":"m.call#ROOM",
         "openid_token":{"access_token":"t","matrix_server_name":"hs"},
         "member":{"id":"m","claimed_user_id":"@bob:hs","claimed_device_id":"D"}})"},
    {"/delegate_delayed_leave", nullptr,
     R"({"room_id":"!r:hs","slot_id":"m.call#ROOM","delay_id":"d","delay_timeout":7200000,
         "openid_token":{"access_token":"t","matrix_server_name":"hs"},
         "member":{"id":"m","claimed_user_id":"@bob:hs","claimed_device_id":"D"}})"},
    {"/_matrix/client/unstable/io.element.msc4195/rtc/livekit/get_token",
     "X-Matrix-User-Identifier: @bob:hs",
     R"({"room_id":"!r:hs","slot_id":"m.call#ROOM","member_id":"m"})"},
    {"/_matrix/client/unstable/io.element.msc4195/rtc/livekit/delegate_delayed_leave",
     "X-Matrix-User-Identifier: @bob:hs",
     R"({"room_id":"!r:hs","slot_id":"m.call#ROOM","member_id":"m","delay_id":"d"})"},
    {"/_matrix/federation/unstable/io.element.msc4195/rtc/livekit/get_token",
     "X-Matrix-Origin: far",
     R"({"room_id":"!r:hs","slot_id":"m.call#ROOM","member_id":"m","user_id":"@eve:far"})"},
}};

struct Answer {
  int status = 0;
  std::vector<std::string> headers;  // those of content and of CORS
  std::string body;
};

Answer Parse(const std::string& received) {
  Answer out;
  const std::size_t end = received.find("\r\n\r\n");
  if (!received.starts_with("HTTP/1.1 ") || end == std::string::npos) return out;
  out.status = std::stoi(received.substr(9, 3));
  out.body = received.substr(end + 4);
  for (std::size_t at = received.find("\r\n") + 2; at < end;) {
    const std::size_t line_end = received.find("\r\n", at);
    const std::string line = received.substr(at, line_end - at);
    if (line.starts_with("Content-Type") || line.starts_with("Access-Control")) {
      out.headers.push_back(line);
    }
    at = line_end + 2;
  }
  return out;
}

// Exactly these, each once.
void ExpectTokenHeaders(const Answer& answer) {
  EXPECT_THAT(
      answer.headers,
      UnorderedElementsAre("Content-Type: application/json", "Access-Control-Allow-Origin: *",
                           "Access-Control-Allow-Methods: POST",
                           "Access-Control-Allow-Headers: Accept, Content-Type, Content-Length, "
                           "Accept-Encoding, X-CSRF-Token"));
}

std::string ErrorCode(const Answer& answer) {
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  if (!body.is_object() || !body.contains("error")) return "no Matrix error: " + answer.body;
  return body.value("errcode", "none");
}

class TokenSurface : public TokenServiceTest {
 protected:
  static std::string Request(const std::string& method, const Route& route, const std::string& body,
                             const std::string& hs_token = "secret") {
    std::string out = method + " " + route.path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    if (route.asker != nullptr) {
      out += std::string(route.asker) + "\r\n";
      if (!hs_token.empty()) out += "Authorization: Bearer " + hs_token + "\r\n";
    }
    return out + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  Answer Ask(const std::string& request) {
    io::RawClient client(&loop_, address_);
    client.Send(request);
    EXPECT_TRUE(RunUntil([&] { return client.ended || client.failed; }));
    return Parse(client.received);
  }
};

TEST_F(TokenSurface, ATokenOrAnEmptyObjectIsJsonForEverybody) {
  for (const Route& route : kRoutes) {
    SCOPED_TRACE(route.path);
    const Answer answer = Ask(Request("POST", route, route.body));
    EXPECT_EQ(answer.status, 200) << answer.body;
    ExpectTokenHeaders(answer);
    const auto body = nlohmann::json::parse(answer.body, nullptr, false);
    const bool delegates = std::string_view(route.path).ends_with("delayed_leave");
    EXPECT_EQ(body.contains("jwt"), !delegates);
    EXPECT_EQ(body == nlohmann::json::object(), delegates);
  }
  EXPECT_THAT(delegation_.jobs, SizeIs(2));
}

TEST_F(TokenSurface, ARefusalHasTheSameHeaders) {
  for (const Route& route : kRoutes) {
    SCOPED_TRACE(route.path);
    const Answer no_json = Ask(Request("POST", route, "{"));
    EXPECT_EQ(no_json.status, 400);
    EXPECT_EQ(ErrorCode(no_json), "M_NOT_JSON");
    ExpectTokenHeaders(no_json);
    const Answer incomplete = Ask(Request("POST", route, "{}"));
    EXPECT_EQ(incomplete.status, 400);
    EXPECT_EQ(ErrorCode(incomplete), "M_BAD_JSON");
    ExpectTokenHeaders(incomplete);
    policy_.answer.allowed = false;
    const Answer forbidden = Ask(Request("POST", route, route.body));
    policy_.answer.allowed = true;
    EXPECT_EQ(forbidden.status, 403);
    EXPECT_EQ(ErrorCode(forbidden), "M_FORBIDDEN");
    ExpectTokenHeaders(forbidden);
  }
  const wire::HttpResponse too_large = TokenService::RefuseBody();
  ExpectTokenHeaders(Parse(wire::SerializeResponse(too_large, {})));
}

TEST_F(TokenSurface, OtherMethodsAreAnsweredWithoutABody) {
  for (const Route& route : kRoutes) {
    for (const char* method : {"GET", "PUT", "DELETE", "PATCH"}) {
      SCOPED_TRACE(std::string(method) + " " + route.path);
      const Answer answer = Ask(Request(method, route, ""));
      EXPECT_EQ(answer.status, 405);
      EXPECT_EQ(answer.body, "");
      ExpectTokenHeaders(answer);
    }
    const Answer preflight = Ask(Request("OPTIONS", route, ""));
    EXPECT_EQ(preflight.status, 200) << route.path;
    EXPECT_EQ(preflight.body, "");
    ExpectTokenHeaders(preflight);
  }
}

TEST_F(TokenSurface, ProxiedRoutesAreTheHomeserversAlone) {
  for (const Route& route : kRoutes) {
    if (route.asker == nullptr) continue;
    SCOPED_TRACE(route.path);
    const Answer missing = Ask(Request("POST", route, route.body, ""));
    EXPECT_EQ(missing.status, 401);
    EXPECT_EQ(ErrorCode(missing), "M_MISSING_TOKEN");
    ExpectTokenHeaders(missing);
    for (const char* wrong : {"secre", "secrets", "Secret"}) {
      const Answer unknown = Ask(Request("POST", route, route.body, wrong));
      EXPECT_EQ(unknown.status, 401) << wrong;
      EXPECT_EQ(ErrorCode(unknown), "M_UNKNOWN_TOKEN") << wrong;
      ExpectTokenHeaders(unknown);
    }
  }
  EXPECT_TRUE(policy_.asked.empty());
}

void ExpectClosing(const Answer& answer) {
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(ErrorCode(answer), "M_UNKNOWN");
  ExpectTokenHeaders(answer);
}

TEST_F(TokenSurface, WhileTheServerStopsItIsUnavailable) {
  service_->StopServing();
  for (const Route& route : kRoutes) {
    SCOPED_TRACE(route.path);
    ExpectClosing(Ask(Request("POST", route, route.body)));
  }
  service_.reset();
  for (const Route& route : kRoutes) {
    SCOPED_TRACE(route.path);
    ExpectClosing(Ask(Request("POST", route, route.body)));
    const Answer preflight = Ask(Request("OPTIONS", route, ""));
    EXPECT_EQ(preflight.status, 200);
    ExpectTokenHeaders(preflight);
    const Answer get = Ask(Request("GET", route, ""));
    EXPECT_EQ(get.status, 405);
    EXPECT_EQ(get.body, "");
    ExpectTokenHeaders(get);
  }
}

TEST_F(TokenSurface, AnIdentityThatNoCallTakesIsRefused) {
  const auto ask = [&](std::size_t device_id_bytes) {
    const nlohmann::json body{
        {"room", "!r:hs"},
        {"device_id", std::string(device_id_bytes, 'D')},
        {"openid_token", {{"access_token", "t"}, {"matrix_server_name", "hs"}}}};
    return Ask(Request("POST", kRoutes[0], body.dump()));
  };
  const std::size_t longest = limits::kIdentityCharsMax - std::string_view("@bob:hs:").size();
  EXPECT_EQ(ask(longest).status, 200);
  const Answer answer = ask(longest + 1);
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("The device id is too long."));
}

TEST_F(TokenSurface, WhoWaitsWhileTheServerStopsIsToldSo) {
  holds_ = true;
  io::RawClient client(&loop_, address_);
  client.Send(Request("POST", kRoutes[0], kRoutes[0].body));
  ASSERT_TRUE(RunUntil([&] { return held_.size() == 1; }));
  service_.reset();
  federation_.reset();
  ASSERT_TRUE(RunUntil([&] { return client.ended || client.failed; }));
  ExpectClosing(Parse(client.received));
}

}  // namespace
}  // namespace fovea::app
