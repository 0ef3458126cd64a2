// A token service behind a real HTTP server, in front of a homeserver that vouches for @bob:hs.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "signaling/app/token_service.h"
#include "signaling/io/http_server.h"
#include "signaling/wire/json.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::app {

class SilentLog : public LogSink {
 public:
  void Log(LogLevel, std::string_view) override {}
};

class FakePolicy : public MintPolicy {
 public:
  void DecideMint(Instant, const matrix::MintedIdentity& who, OnAnswer on_answer) override {
    asked.push_back(who);
    on_answer(answer);
  }
  void RecordMint(Instant, const matrix::MintedIdentity& minted) override {
    recorded.push_back(minted);
  }
  MintAnswer answer{.allowed = true};
  std::vector<matrix::MintedIdentity> asked;
  std::vector<matrix::MintedIdentity> recorded;
};

class FakeHomeserver : public HomeserverPort {
 public:
  void FindDelayedEvent(const std::string& user_id, const std::string& delay_id,
                        OnDelayedEvent on_answer) override {
    asked.push_back(user_id + " " + delay_id);
    on_answer(event);
  }
  void RelayTokenRequest(const TokenRelay& relay, OnRelayed on_answer) override {
    relays.push_back(relay);
    on_answer(token);
  }
  matrix::DelayedEventAnswer event{
      .status = matrix::DelayedEventStatus::kFound, .room_id = "!r:hs", .delay = Seconds(7200)};
  matrix::RelayedToken token{.jwt = "theirs"};
  std::vector<std::string> asked;
  std::vector<TokenRelay> relays;
};

class FakeDelegation : public DelegationPort {
 public:
  [[nodiscard]] bool IsOffered() const override { return true; }
  void FindClientApi(const std::string&, OnKnown on_known) override { on_known(true); }
  [[nodiscard]] bool AddJob(Instant, const Delegation& delegation) override {
    jobs.push_back(delegation);
    return true;
  }
  std::vector<Delegation> jobs;
};

class TokenServiceTest : public io::LoopTest, public io::HttpHandler {
 protected:
  void SetUp() override {
    config_.homeserver.name = "hs";
    config_.appservice.hs_token = "secret";
    config_.access.public_url = "wss://own.example";
    config_.keys = {{"key", "a-secret-of-at-least-thirty-two-characters"}};
    server_ = std::make_unique<io::HttpServer>(&loop_, *this);
    address_ = *server_->Listen(*NetAddress::Parse("127.0.0.1", 0));
    FederationClientOptions options;
    options.servers = {{"hs", "http://127.0.0.1:" + std::to_string(address_.port)}};
    federation_ = std::make_unique<FederationClient>(&loop_, std::move(options), nullptr, nullptr);
    Make(&homeserver_);
  }
  void TearDown() override {
    service_.reset();
    federation_.reset();
    held_.clear();
    server_.reset();
  }
  void Make(HomeserverPort* homeserver) {
    service_ = std::make_unique<TokenService>(
        config_, TokenService::Ports{.federation = *federation_,
                                     .policy = policy_,
                                     .homeserver = homeserver,
                                     .open_room =
                                         [this](const std::string& name, const auto& on_opened) {
                                           rooms_.push_back(name);
                                           on_opened(true);
                                         },
                                     .delegation = &delegation_,
                                     .log = log_,
                                     .now_unix = [] { return std::int64_t{1'800'000'000}; },
                                     .on_answered = [] {}});
  }
  void OnRequest(io::IncomingRequest request, io::ResponseWriter writer) override {
    if (!request.http.target.path.starts_with("/_matrix/federation/v1/openid")) {
      if (service_ == nullptr) return writer.Send(TokenService::AnswerClosing(request.http.method));
      return service_->Handle(Instant{}, std::move(request), std::move(writer));
    }
    if (holds_) return held_.push_back(std::move(writer));
    writer.Send(wire::JsonResponse(200, R"({"sub":"@bob:hs"})"));
  }
  void OnUpgrade(io::IncomingRequest, io::UpgradeWriter) override {}

  Config config_;
  SilentLog log_;
  std::unique_ptr<FederationClient> federation_;
  FakePolicy policy_;
  FakeHomeserver homeserver_;
  FakeDelegation delegation_;
  std::vector<std::string> rooms_;
  bool holds_ = false;  // the homeserver takes its time
  std::vector<io::ResponseWriter> held_;
  std::unique_ptr<TokenService> service_;
  std::unique_ptr<io::HttpServer> server_;
  NetAddress address_;
};

}  // namespace fovea::app
