#include "signaling/io/http_client.h"

#include <gmock/gmock.h>

#include "signaling/io/http_server.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::io {
namespace {

using Outcome = std::optional<Result<wire::HttpResponse, HttpClientError>>;

class EchoHandler : public HttpHandler {
 public:
  void OnRequest(IncomingRequest request, ResponseWriter writer) override {
    authorization = std::string(request.http.Header("authorization").value_or(""));
    host = std::string(request.http.Header("host").value_or(""));
    if (request.http.target.path == "/never") {
      pending.push_back(std::move(writer));
      return;
    }
    writer.Send(
        {.status = 201, .headers = {{"X-Seen", "yes"}}, .body = "echo " + request.http.body});
  }
  void OnUpgrade(IncomingRequest, UpgradeWriter) override {}

  std::string authorization;
  std::string host;
  std::vector<ResponseWriter> pending;
};

class HttpClientTest : public LoopTest {
 protected:
  void SetUp() override {
    server_ = std::make_unique<HttpServer>(&loop_, handler_);
    port_ = server_->Listen(*NetAddress::Parse("127.0.0.1", 0))->port;
  }
  void TearDown() override {
    handler_.pending.clear();
    client_.reset();
    server_.reset();
  }

  HttpCallId Post(const std::string& url, Outcome& outcome) {
    if (!client_) client_ = std::make_unique<HttpClient>(&loop_, options_);
    return client_->Start({.method = wire::HttpMethod::kPost,
                           .url = *wire::ParseHttpUrl(url),
                           .headers = {{"Authorization", "token"}},
                           .body = "ping"},
                          [&outcome](auto result) { outcome.emplace(std::move(result)); });
  }
  std::string Url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }

  EchoHandler handler_;
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
  HttpClientOptions options_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, PostsAndReadsTheResponse) {
  Outcome outcome;
  Post(Url("/hook"), outcome);
  EXPECT_FALSE(outcome) << "never from inside Start";
  ASSERT_TRUE(RunUntil([&] { return outcome.has_value(); }));
  ASSERT_TRUE(outcome->ok());
  EXPECT_EQ((*outcome)->status, 201);
  EXPECT_EQ((*outcome)->body, "echo ping");
  EXPECT_EQ((*outcome)->Header("x-seen"), "yes");
  EXPECT_EQ(handler_.authorization, "token");
  EXPECT_EQ(handler_.host, "127.0.0.1:" + std::to_string(port_));
  EXPECT_EQ(client_->call_count(), 0U);
}

TEST_F(HttpClientTest, ResolvesNames) {
  Outcome outcome;
  Post("http://localhost:" + std::to_string(port_) + "/", outcome);
  ASSERT_TRUE(RunUntil([&] { return outcome.has_value(); }));
  EXPECT_TRUE(outcome->ok()) << "also where ::1, on which nobody listens, comes first";
}

TEST_F(HttpClientTest, SaysThatNobodyListens) {
  const std::string url = Url("/");
  server_.reset();
  Outcome outcome;
  Post(url, outcome);
  ASSERT_TRUE(RunUntil([&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome->error(), HttpClientError::kConnect);
}

TEST_F(HttpClientTest, SaysThatANameHasNoAddress) {
  Outcome outcome;
  Post("http://" + std::string(300, 'a') + "/", outcome);
  ASSERT_TRUE(RunUntil([&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome->error(), HttpClientError::kResolve);
}

TEST_F(HttpClientTest, GivesUpAfterTheTimeout) {
  options_.timeout = Millis(30);
  Outcome outcome;
  Post(Url("/never"), outcome);
  ASSERT_TRUE(RunUntil([&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome->error(), HttpClientError::kTimeout);
  EXPECT_TRUE(RunUntil([&] { return server_->connection_count() == 0; }));
}

TEST_F(HttpClientTest, ACancelledCallIsNotReported) {
  Outcome outcome;
  const HttpCallId call = Post(Url("/never"), outcome);
  ASSERT_TRUE(RunUntil([&] { return handler_.pending.size() == 1; }));
  client_->Cancel(call);
  ASSERT_TRUE(RunUntil([&] { return server_->connection_count() == 0; }));
  EXPECT_FALSE(outcome);
  client_->Cancel(call);
}

TEST_F(HttpClientTest, ACallCancelledWhileResolvingIsNotReported) {
  Outcome outcome;
  client_ = std::make_unique<HttpClient>(&loop_);
  client_->Cancel(Post(Url("/"), outcome));
  Outcome second;
  Post(Url("/"), second);
  ASSERT_TRUE(RunUntil([&] { return second.has_value(); }));
  EXPECT_FALSE(outcome);
}

TEST_F(HttpClientTest, RefusesALargerResponseThanAllowed) {
  options_.response_bytes_max = 5;
  Outcome outcome;
  Post(Url("/"), outcome);
  ASSERT_TRUE(RunUntil([&] { return outcome.has_value(); }));
  ASSERT_FALSE(outcome->ok());
  EXPECT_EQ(outcome->error(), HttpClientError::kBadResponse);
}

TEST_F(HttpClientTest, RefusesMoreCallsThanAllowed) {
  options_.calls_max = 1;
  Outcome first;
  Outcome second;
  Post(Url("/"), first);
  Post(Url("/"), second);
  ASSERT_TRUE(RunUntil([&] { return first && second; }));
  EXPECT_TRUE(first->ok());
  EXPECT_EQ(second->error(), HttpClientError::kTooManyCalls);
}

TEST_F(HttpClientTest, RefusesHttpsWithoutTls) {
  Outcome outcome;
  Post("https://127.0.0.1/", outcome);
  ASSERT_TRUE(RunUntil([&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome->error(), HttpClientError::kNoTls);
}

TEST_F(HttpClientTest, DestroyingTheClientDropsItsCalls) {
  Outcome outcome;
  Post(Url("/never"), outcome);
  ASSERT_TRUE(RunUntil([&] { return handler_.pending.size() == 1; }));
  client_.reset();
  EXPECT_TRUE(RunUntil([&] { return server_->connection_count() == 0; }));
  EXPECT_FALSE(outcome);
}

}  // namespace
}  // namespace fovea::io
