#include "signaling/io/tls.h"

#include <gmock/gmock.h>

#include "signaling/io/http_client.h"
#include "signaling/io/http_server.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::io {
namespace {

using testing::HasSubstr;
using Outcome = std::optional<Result<wire::HttpResponse, HttpClientError>>;

// A key pair made for these tests: valid for localhost and 127.0.0.1, and its own authority.
const std::string kData = FOVEA_SOURCE_DIR "/tests/unit/signaling/io/testdata/";

class LargeEcho : public HttpHandler {
 public:
  void OnRequest(IncomingRequest request, ResponseWriter writer) override {
    writer.Send(wire::TextResponse(200, request.http.body + std::string(500'000, 'x')));
  }
  void OnUpgrade(IncomingRequest, UpgradeWriter) override {}
};

class TlsTest : public LoopTest {
 protected:
  void SetUp() override {
    auto tls = TlsServer::Make(kData + "localhost.crt", kData + "localhost.key");
    ASSERT_TRUE(tls);
    tls_server_.emplace(*std::move(tls));
    server_ = std::make_unique<HttpServer>(&loop_, handler_);
    port_ = server_
                ->Listen(*NetAddress::Parse("127.0.0.1", 0),
                         [this](auto raw) { return tls_server_->Wrap(std::move(raw)); })
                ->port;
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
  }

  Outcome Post(const std::string& ca_file, const std::string& host, std::string body = "ping") {
    auto tls =
        TlsClient::Make(TlsTrust{.ca_file = kData + ca_file,
                                 .on_certificate = [this](const auto& facts) { shown_ = facts; }});
    EXPECT_TRUE(tls);
    HttpClientOptions options;
    options.wrap_tls = [&tls](auto raw, const std::string& name) {
      return tls->Wrap(std::move(raw), name);
    };
    client_ = std::make_unique<HttpClient>(&loop_, options);
    Outcome outcome;
    client_->Start({.method = wire::HttpMethod::kPost,
                    .url = *wire::ParseHttpUrl("https://" + host + ":" + std::to_string(port_)),
                    .headers = {},
                    .body = std::move(body)},
                   [&outcome](auto result) { outcome.emplace(std::move(result)); });
    EXPECT_TRUE(RunUntil([&] { return outcome.has_value(); }));
    return outcome;
  }

  LargeEcho handler_;
  std::optional<TlsServer> tls_server_;
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<HttpClient> client_;
  std::uint16_t port_ = 0;
  std::optional<CertificateFacts> shown_;
};

TEST_F(TlsTest, CarriesARequestAndALargeResponse) {
  const Outcome outcome = Post("localhost.crt", "localhost");
  ASSERT_TRUE(outcome->ok());
  EXPECT_EQ((*outcome)->body.size(), 500'004U);
  EXPECT_TRUE((*outcome)->body.starts_with("pingx"));
}

TEST_F(TlsTest, CarriesALargeRequest) {
  const Outcome outcome = Post("localhost.crt", "localhost", std::string(400'000, 'y'));
  ASSERT_TRUE(outcome->ok());
  EXPECT_EQ((*outcome)->body.size(), 900'000U);
}

TEST_F(TlsTest, ChecksAddressesToo) { EXPECT_TRUE(Post("localhost.crt", "127.0.0.1")->ok()); }

TEST_F(TlsTest, RefusesACertificateForAnotherHost) {
  server_->StopListening();
  port_ = server_
              ->Listen(*NetAddress::Parse("127.0.0.2", 0),
                       [this](auto raw) { return tls_server_->Wrap(std::move(raw)); })
              ->port;
  const Outcome outcome = Post("localhost.crt", "127.0.0.2");
  ASSERT_FALSE(outcome->ok());
  EXPECT_EQ(outcome->error(), HttpClientError::kConnect);
}

TEST_F(TlsTest, RefusesAnUnknownAuthority) {
  const Outcome outcome = Post("other.crt", "localhost");
  ASSERT_FALSE(outcome->ok());
}

TEST_F(TlsTest, TellsWhatWasShownAndWhyItIsRefused) {
  (void)Post("localhost.crt", "localhost");
  ASSERT_TRUE(shown_.has_value());
  EXPECT_TRUE(shown_->names_host);
  EXPECT_EQ(shown_->chain_length, 1U);
  EXPECT_EQ(shown_->refusal, "");
  shown_.reset();
  (void)Post("other.crt", "localhost");
  ASSERT_TRUE(shown_.has_value());
  EXPECT_GT(shown_->valid_until_unix, shown_->valid_from_unix);
  EXPECT_THAT(shown_->refusal, HasSubstr("certificate"));
}

TEST_F(TlsTest, AServerDropsAClientThatSpeaksPlainHttp) {
  RawClient plain(&loop_, *NetAddress::Parse("127.0.0.1", port_));
  plain.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(RunUntil([&] { return plain.ended || plain.failed; }));
  EXPECT_THAT(plain.received, Not(HasSubstr("200")));
}

TEST(TlsFiles, SaysWhichFileIsMissing) {
  EXPECT_THAT(TlsClient::Make(kData + "none.crt").error(), HasSubstr("none.crt"));
  EXPECT_THAT(TlsServer::Make(kData + "none.crt", kData + "localhost.key").error(),
              HasSubstr("none.crt"));
  EXPECT_THAT(TlsServer::Make(kData + "other.crt", kData + "localhost.key").error(),
              HasSubstr("localhost.key"));
}

}  // namespace
}  // namespace fovea::io
