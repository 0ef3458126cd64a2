// HttpClient: connections used again, connecting elsewhere than the URL says, and to vetted
// addresses only.
#include <gmock/gmock.h>

#include "signaling/io/http_client.h"
#include "signaling/io/http_server.h"
#include "signaling/io/tls.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::io {
namespace {

using Outcome = std::optional<Result<wire::HttpResponse, HttpClientError>>;
const std::string kData = FOVEA_SOURCE_DIR "/tests/unit/signaling/io/testdata/";

class HostHandler : public HttpHandler {
 public:
  void OnRequest(IncomingRequest request, ResponseWriter writer) override {
    writer.Send(wire::TextResponse(200, request.http.Header("host").value_or("")));
  }
  void OnUpgrade(IncomingRequest, UpgradeWriter) override {}
};

class HttpClientCalls : public LoopTest {
 protected:
  void SetUp() override {
    StartServer({});
    client_ = std::make_unique<HttpClient>(&loop_);
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
  }
  void StartServer(HttpServerOptions options, HttpServer::StreamWrapper wrap = {}) {
    server_ = std::make_unique<HttpServer>(&loop_, handler_, options);
    port_ = server_->Listen(*NetAddress::Parse("127.0.0.1", 0), std::move(wrap))->port;
  }
  Result<wire::HttpResponse, HttpClientError> Get(const std::string& url, HttpCallOptions options) {
    Outcome outcome;
    client_->Start({.method = wire::HttpMethod::kGet, .url = *wire::ParseHttpUrl(url)},
                   std::move(options), [&](auto result) { outcome.emplace(std::move(result)); });
    EXPECT_TRUE(RunUntil([&] { return outcome.has_value(); }));
    return *std::move(outcome);
  }
  [[nodiscard]] std::string Url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/";
  }
  static HttpCallOptions KeptAlive() {
    HttpCallOptions options;
    options.keep_alive = true;
    return options;
  }

  HostHandler handler_;
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientCalls, ShareAConnectionAfterEachOther) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Get(Url(), KeptAlive()).ok());
  EXPECT_EQ(server_->accepted_total(), 1U);
  EXPECT_EQ(client_->idle_connection_count(), 1U);
}

TEST_F(HttpClientCalls, ThatDoNotAskForItLeaveNothingOpen) {
  EXPECT_TRUE(Get(Url(), {}).ok());
  EXPECT_TRUE(Get(Url(), {}).ok());
  EXPECT_EQ(server_->accepted_total(), 2U);
  EXPECT_EQ(client_->idle_connection_count(), 0U);
}

TEST_F(HttpClientCalls, StartOverWhereTheServerClosedAnIdleConnection) {
  EXPECT_TRUE(Get(Url(), KeptAlive()).ok());
  const std::uint16_t port = port_;
  server_.reset();
  server_ = std::make_unique<HttpServer>(&loop_, handler_);
  ASSERT_TRUE(server_->Listen(*NetAddress::Parse("127.0.0.1", port)).ok());
  EXPECT_TRUE(Get(Url(), KeptAlive()).ok());
}

TEST_F(HttpClientCalls, GoOnlyWhereTheyMay) {
  HttpCallOptions options;
  std::vector<NetAddress> asked;
  options.may_connect = [&](const NetAddress& address) {
    asked.push_back(address);
    return false;
  };
  const auto outcome = Get("http://localhost:" + std::to_string(port_) + "/", options);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error(), HttpClientError::kForbidden);
  EXPECT_FALSE(asked.empty());
  EXPECT_EQ(server_->accepted_total(), 0U) << "not one connection";
}

TEST_F(HttpClientCalls, ThatMayGoAnywhereLeaveNoConnectionToThoseThatMayNot) {
  EXPECT_TRUE(Get(Url(), KeptAlive()).ok());
  HttpCallOptions vetted = KeptAlive();
  vetted.may_connect = [](const NetAddress&) { return false; };
  EXPECT_FALSE(Get(Url(), vetted).ok());
}

TEST_F(HttpClientCalls, ConnectElsewhereThanTheUrlSays) {
  HttpCallOptions options;
  options.connect_host = "127.0.0.1";
  options.connect_port = port_;
  const auto outcome = Get("http://matrix.example.com/", options);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->body, "matrix.example.com") << "Host is the URL's";
}

TEST_F(HttpClientCalls, BoundTheResponseEachForItself) {
  HttpCallOptions options;
  options.response_bytes_max = 3;
  EXPECT_EQ(Get(Url(), options).error(), HttpClientError::kBadResponse);
  EXPECT_TRUE(Get(Url(), {}).ok());
}

class HttpsClientCalls : public HttpClientCalls {
 protected:
  void SetUp() override {
    tls_server_.emplace(*TlsServer::Make(kData + "localhost.crt", kData + "localhost.key"));
    StartServer({}, [this](auto raw) { return tls_server_->Wrap(std::move(raw)); });
  }
  void UseTrust(const TlsTrust& trust) {
    tls_client_.emplace(*TlsClient::Make(trust));
    HttpClientOptions options;
    options.wrap_tls = [this](auto raw, const std::string& host) {
      return tls_client_->Wrap(std::move(raw), host);
    };
    client_ = std::make_unique<HttpClient>(&loop_, options);
  }
  Result<wire::HttpResponse, HttpClientError> GetAs(const std::string& tls_name) {
    HttpCallOptions options = KeptAlive();
    options.connect_host = "127.0.0.1";
    options.connect_port = port_;
    options.tls_name = tls_name;
    return Get("https://matrix.example.com/", options);
  }
  std::optional<TlsServer> tls_server_;
  std::optional<TlsClient> tls_client_;
};

TEST_F(HttpsClientCalls, AskForTheCertificateOfTheNameTheyAreGiven) {
  UseTrust({.ca_file = kData + "localhost.crt"});
  EXPECT_TRUE(GetAs("localhost").ok());
  EXPECT_TRUE(GetAs("127.0.0.1").ok());
  EXPECT_FALSE(GetAs("").ok()) << "the certificate is not the URL's host's";
  EXPECT_TRUE(GetAs("localhost").ok());
  EXPECT_EQ(client_->idle_connection_count(), 2U) << "each name has its own";
}

TEST_F(HttpsClientCalls, BelieveAnybodyWhereToldTo) {
  UseTrust({.verify = false});
  EXPECT_TRUE(GetAs("").ok());
}

TEST_F(HttpsClientCalls, BelieveTheirOwnAuthorityBesideTheSystems) {
  UseTrust({.ca_file = kData + "localhost.crt", .with_system = true});
  EXPECT_TRUE(GetAs("localhost").ok());
}

}  // namespace
}  // namespace fovea::io
