// The token service in front of the focus's own rooms.
#include "signaling/app/matrix_side.h"

#include <gtest/gtest.h>

#include "signaling/matrix/derive.h"
#include "signaling/wire/json.h"
#include "tests/support/livekit_fakes.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::app {
namespace {

constexpr std::string_view kUserInfo = "/_matrix/federation/v1/openid/userinfo";

// Focus and homeserver on one port.
class MatrixSideTest : public io::LoopTest, public io::HttpHandler {
 protected:
  void SetUp() override {
    server_ = std::make_unique<io::HttpServer>(&loop_, *this);
    address_ = *server_->Listen(*NetAddress::Parse("127.0.0.1", 0));
    config_.keys = {{"key", "a-secret-of-at-least-thirty-two-characters"}};
    config_.access.full_access_homeservers = {"hs"};
    config_.federation.servers = {{"hs", "http://127.0.0.1:" + std::to_string(address_.port)},
                                  {"far", "http://127.0.0.1:" + std::to_string(address_.port)}};
    side_ = std::make_unique<MatrixSide>(MatrixSide::Parts{.loop = &loop_,
                                                           .config = config_,
                                                           .log = world_.log,
                                                           .context = world_.context,
                                                           .rooms = world_.manager,
                                                           .turn_soon = [] {}});
    ASSERT_EQ(side_->Start(Instant{}), std::nullopt);
  }
  void TearDown() override {
    side_.reset();
    server_.reset();
  }
  void OnRequest(io::IncomingRequest request, io::ResponseWriter writer) override {
    if (request.http.target.path == kUserInfo) {
      const std::string user(request.http.target.Query("access_token").value_or(""));
      return writer.Send(wire::JsonResponse(200, R"({"sub":")" + user + "\"}"));
    }
    ASSERT_TRUE(side_->Handle(Instant{}, request, writer));
  }
  void OnUpgrade(io::IncomingRequest, io::UpgradeWriter) override {}

  // The first line of the answer. A user's OpenID token is its name here.
  std::string SfuGet(const std::string& user, const std::string& server) {
    nlohmann::json body{{"room", "!r:hs"}, {"device_id", "D"}};
    body["openid_token"] = {{"access_token", user}, {"matrix_server_name", server}};
    const std::string text = body.dump();
    io::RawClient client(&loop_, address_);
    client.Send("POST /sfu/get HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                std::to_string(text.size()) + "\r\n\r\n" + text);
    EXPECT_TRUE(RunUntil([&] { return client.ended || client.failed; }));
    return client.received.substr(0, client.received.find('\r'));
  }

  Config config_;
  livekit::World world_;
  std::unique_ptr<io::HttpServer> server_;
  NetAddress address_;
  std::unique_ptr<MatrixSide> side_;
};

TEST_F(MatrixSideTest, OpensTheRoomBeforeTheTokenLeavesWithTimeForTheFirstToCome) {
  // What rooms otherwise have.
  world_.options.room.empty_timeout_s = 7;
  world_.options.room.departure_timeout_s = 8;
  EXPECT_EQ(SfuGet("@bob:hs", "hs"), "HTTP/1.1 200 OK");
  ASSERT_EQ(world_.manager.rooms().size(), 1U);
  const pb::Room room = world_.manager.rooms().begin()->second->Info();
  EXPECT_EQ(room.name(), matrix::RoomName("!r:hs", "m.call#ROOM"));
  EXPECT_EQ(room.empty_timeout(), 300U);
  EXPECT_EQ(room.departure_timeout(), 20U);
  EXPECT_EQ(room.max_participants(), 0U);
  EXPECT_EQ(SfuGet("@bob:hs", "hs"), "HTTP/1.1 200 OK") << "it is there already";
  EXPECT_EQ(world_.manager.rooms().size(), 1U);
}

TEST_F(MatrixSideTest, OpensNoneForUsersOfOtherServers) {
  EXPECT_EQ(SfuGet("@eve:far", "far"), "HTTP/1.1 200 OK");
  EXPECT_TRUE(world_.manager.rooms().empty());
}

}  // namespace
}  // namespace fovea::app
