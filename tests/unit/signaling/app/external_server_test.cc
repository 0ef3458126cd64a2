#include "signaling/app/external_server.h"

#include <gtest/gtest.h>

#include "sfu/core/limits.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::app {
namespace {

// Its routes behind a port of this test, without any server that it could speak with.
class ExternalServerTest : public io::LoopTest {
 protected:
  void SetUp() override {
    Config config;
    config.external.url = "ws://127.0.0.1:9";
    external_ = std::make_unique<ExternalServer>(std::move(config));
    server_ = std::make_unique<io::HttpServer>(&loop_, *external_);
    address_ = *server_->Listen(*NetAddress::Parse("127.0.0.1", 0));
  }
  void TearDown() override {
    server_.reset();
    external_.reset();
  }
  // The first line of the answer to a body of this size, of which only this much is sent.
  [[nodiscard]] std::string Post(const std::string& path, std::size_t bytes, std::size_t sent) {
    io::RawClient client(&loop_, address_);
    client.Send("POST " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                std::to_string(bytes) + "\r\n\r\n" + std::string(sent, ' '));
    EXPECT_TRUE(RunUntil([&] { return client.ended || client.failed; }));
    return client.received.substr(0, client.received.find('\r'));
  }

  std::unique_ptr<ExternalServer> external_;
  std::unique_ptr<io::HttpServer> server_;
  NetAddress address_;
};

TEST_F(ExternalServerTest, TakesWebhooksAboutFullRoomsAndNoLongerOnes) {
  constexpr std::size_t kMost = limits::kSfuWebhookBytesMax;
  EXPECT_EQ(Post("/sfu_webhook", kMost, kMost), "HTTP/1.1 200 OK") << "not believed, but read";
  EXPECT_TRUE(Post("/sfu_webhook", kMost + 1, 0).starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(Post("/healthz", limits::kHttpBodyBytesMax + 1, 0).starts_with("HTTP/1.1 413 "))
      << "nothing else may be as long";
}

}  // namespace
}  // namespace fovea::app
