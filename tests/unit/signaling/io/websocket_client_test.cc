#include "signaling/io/websocket_client.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "signaling/io/http_server.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Says "hello" and sends everything back, unless told otherwise.
class Echo : public HttpHandler {
 public:
  void OnRequest(IncomingRequest, ResponseWriter writer) override {
    writer.Send(wire::TextResponse(404, "no"));
  }
  void OnUpgrade(IncomingRequest, UpgradeWriter writer) override {
    if (refuses) return writer.Refuse(wire::TextResponse(401, "no permissions"));
    if (is_mute) {
      kept.emplace(std::move(writer));
      return;
    }
    const auto on_message = [this](const wire::WebSocketMessage& message) {
      if (message.payload == "bye?") return connection.Close(wire::close_code::kNormal, "bye!");
      connection.SendBinary(message.payload);
    };
    connection = *writer.Accept({.on_message = on_message, .on_close = [](auto, auto) {}});
    connection.SendText("hello");
  }

  bool refuses = false;
  bool is_mute = false;
  std::optional<UpgradeWriter> kept;
  WebSocketConnection connection;
};

class WebSocketClientTest : public LoopTest {
 protected:
  void SetUp() override {
    server_ = std::make_unique<HttpServer>(&loop_, handler_);
    port_ = server_->Listen(*NetAddress::Parse("127.0.0.1", 0))->port;
  }
  void TearDown() override {
    client_.reset();
    handler_.kept.reset();
    server_.reset();
  }

  void Open(const std::string& host = "127.0.0.1", Duration timeout = Seconds(10)) {
    client_ = std::make_unique<WebSocketClient>(
        &loop_,
        WebSocketClient::Options{
            .url = *wire::ParseHttpUrl("http://" + host + ":" + std::to_string(port_) + "/rtc"),
            .timeout = timeout,
            .wrap_tls = {},
            .random = [](MutableByteSpan out) { std::fill(out.begin(), out.end(), 0x5a); }},
        [this](const wire::WebSocketMessage& message) {
          messages_.push_back(message.payload);
          if (forgets_at_once_) client_.reset();
        },
        [this](const std::string& why) { end_ = why; });
  }

  Echo handler_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<WebSocketClient> client_;
  std::vector<std::string> messages_;
  std::optional<std::string> end_;
  bool forgets_at_once_ = false;
  std::uint16_t port_ = 0;
};

TEST_F(WebSocketClientTest, HearsAndIsHeard) {
  Open();
  EXPECT_FALSE(client_->Send(wire::WebSocketKind::kText, "too early"));
  ASSERT_TRUE(RunUntil([&] { return messages_.size() == 1; }));
  EXPECT_TRUE(client_->Send(wire::WebSocketKind::kBinary, "and back"));
  ASSERT_TRUE(RunUntil([&] { return messages_.size() == 2; }));
  EXPECT_THAT(messages_, ElementsAre("hello", "and back"));
  EXPECT_FALSE(end_.has_value());
}

TEST_F(WebSocketClientTest, IsToldTheEnd) {
  Open();
  ASSERT_TRUE(RunUntil([&] { return messages_.size() == 1; }));
  EXPECT_TRUE(client_->Send(wire::WebSocketKind::kText, "bye?"));
  ASSERT_TRUE(RunUntil([&] { return end_.has_value(); }));
  EXPECT_EQ(end_, "closed by the server");
  EXPECT_FALSE(client_->Send(wire::WebSocketKind::kText, "too late"));
}

TEST_F(WebSocketClientTest, SaysWhatCameInstead) {
  handler_.refuses = true;
  Open();
  ASSERT_TRUE(RunUntil([&] { return end_.has_value(); }));
  EXPECT_THAT(*end_, HasSubstr("401"));
}

TEST_F(WebSocketClientTest, WaitsNoLongerThanItMay) {
  handler_.is_mute = true;
  Open("127.0.0.1", Millis(20));
  ASSERT_TRUE(RunUntil([&] { return end_.has_value(); }));
  EXPECT_EQ(end_, "it took too long");
}

TEST_F(WebSocketClientTest, SaysThatNobodyIsThere) {
  server_->StopListening();
  Open();
  ASSERT_TRUE(RunUntil([&] { return end_.has_value(); }));
  EXPECT_EQ(end_, "the connection failed");
}

TEST_F(WebSocketClientTest, MayBeForgottenWhileItSpeaks) {
  forgets_at_once_ = true;
  Open();
  ASSERT_TRUE(RunUntil([&] { return client_ == nullptr; }));
  EXPECT_THAT(messages_, ElementsAre("hello"));
}

}  // namespace
}  // namespace fovea::io
