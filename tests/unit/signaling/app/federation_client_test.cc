#include "signaling/app/federation_client.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>

#include "sfu/core/limits.h"
#include "sfu/io/system_clock.h"
#include "signaling/io/http_server.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::app {
namespace {

using Answer = Result<matrix::UserId, LookupError>;

// A homeserver over plain HTTP, as only a configured one can be. Tokens are "token-of-<user id>".
class Homeserver : public io::HttpHandler {
 public:
  void OnRequest(io::IncomingRequest request, io::ResponseWriter writer) override {
    const std::string token(request.http.target.Query("access_token").value_or(""));
    tokens.push_back(token);
    if (holds) {
      held.push_back(std::move(writer));
    } else {
      writer.Send(AnswerTo(token));
    }
  }
  void OnUpgrade(io::IncomingRequest, io::UpgradeWriter) override {}
  void AnswerOne() {
    io::ResponseWriter writer = std::move(held.front());
    held.pop_front();
    writer.Send(wire::JsonResponse(200, R"({"sub":"@alice:example.com"})"));
  }

  bool holds = false;
  int status = 200;
  std::size_t body_bytes = 0;  // 0: no more than needed
  std::vector<std::string> tokens;
  std::deque<io::ResponseWriter> held;

 private:
  [[nodiscard]] wire::HttpResponse AnswerTo(const std::string& token) const {
    if (!token.starts_with("token-of-")) return wire::JsonResponse(401, "{}");
    std::string body = "{\"sub\":\"" + token.substr(9) + "\"";
    // JSON may have any number of spaces there.
    if (body_bytes > 0) body.resize(body_bytes - 1, ' ');
    return wire::JsonResponse(status, body + "}");
  }
};

class FederationClientTest : public io::LoopTest {
 protected:
  void SetUp() override {
    server_ = std::make_unique<io::HttpServer>(&loop_, homeserver_);
    port_ = server_->Listen(*NetAddress::Parse("127.0.0.1", 0))->port;
    options_.own_server_name = "example.com";
    options_.own_server_url = Url();
    options_.servers = {{"other.example", Url()}, {"third.example", Url()}};
    options_.is_trusted = [](const std::string& name) { return name == "example.com"; };
  }
  void TearDown() override {
    client_.reset();
    homeserver_.held.clear();
    server_.reset();
  }

  [[nodiscard]] std::string Url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  static std::string Stranger(std::size_t number) {
    return "s" + std::to_string(number) + ".example";
  }
  // All of them are the one homeserver.
  void KnowStrangers(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) options_.servers[Stranger(i)] = Url();
  }
  void Ask(const std::string& server, const std::string& token) {
    if (!client_) {
      client_ = std::make_unique<FederationClient>(&loop_, options_, nullptr, nullptr);
    }
    const std::size_t slot = answers_.size();
    answers_.emplace_back();
    client_->LookUpUser(io::MonotonicNow(), server, token,
                        [this, slot](const Answer& answer) { answers_[slot].emplace(answer); });
  }
  Answer AskAndWait(const std::string& server, const std::string& token) {
    Ask(server, token);
    EXPECT_TRUE(RunUntil([this] { return answers_.back().has_value(); }));
    return *answers_.back();
  }
  [[nodiscard]] std::size_t Answered() const {
    return static_cast<std::size_t>(std::count_if(
        answers_.begin(), answers_.end(), [](const auto& answer) { return answer.has_value(); }));
  }

  Homeserver homeserver_;
  std::unique_ptr<io::HttpServer> server_;
  std::uint16_t port_ = 0;
  FederationClientOptions options_;
  std::unique_ptr<FederationClient> client_;
  std::vector<std::optional<Answer>> answers_;
};

TEST_F(FederationClientTest, AsksTheOwnHomeserverByItsConfiguredUrl) {
  const Answer answer = AskAndWait("example.com", "token-of-@alice:example.com");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->text, "@alice:example.com");
  EXPECT_THAT(homeserver_.tokens, testing::ElementsAre("token-of-@alice:example.com"));
}

TEST_F(FederationClientTest, AsksOverOneConnectionAsLongAsOneIsEnough) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(AskAndWait("example.com", "token-of-@alice:example.com").ok());
  }
  EXPECT_EQ(server_->accepted_total(), 1U);
}

TEST_F(FederationClientTest, TellsWhyThereIsNoUser) {
  EXPECT_EQ(AskAndWait("example.com", "unknown").error(), LookupError::kRefused);
  EXPECT_EQ(AskAndWait("example.com", "token-of-@a:victim.example").error(), LookupError::kRefused);
  EXPECT_EQ(AskAndWait("a b", "token").error(), LookupError::kBadServerName);
  homeserver_.status = 500;
  EXPECT_EQ(AskAndWait("example.com", "token-of-@alice:example.com").error(),
            LookupError::kUnreachable);
}

TEST_F(FederationClientTest, ConnectsToNoForbiddenAddress) {
  EXPECT_EQ(AskAndWait("127.0.0.1:" + std::to_string(port_), "t").error(),
            LookupError::kUnreachable);
  EXPECT_EQ(AskAndWait("localhost:" + std::to_string(port_), "t").error(),
            LookupError::kUnreachable);
  EXPECT_EQ(server_->accepted_total(), 0U);
}

TEST_F(FederationClientTest, AsksNobodyAgainAtOnceWhoWasNotThere) {
  const std::string name = "127.0.0.1:" + std::to_string(port_);
  EXPECT_EQ(AskAndWait(name, "t").error(), LookupError::kUnreachable);
  Ask(name, "t");
  ASSERT_TRUE(answers_.back().has_value()) << "answered from memory";
  EXPECT_EQ(answers_.back()->error(), LookupError::kUnreachable);
}

TEST_F(FederationClientTest, ReadsNoMoreThanAUserIdCanNeed) {
  const std::string token = "token-of-@carol:other.example";
  homeserver_.body_bytes = limits::kUserInfoBytesMax;
  EXPECT_TRUE(AskAndWait("other.example", token).ok());
  homeserver_.body_bytes = limits::kUserInfoBytesMax + 1;
  // Not kRefused: the rest of it is not even waited for.
  EXPECT_EQ(AskAndWait("other.example", token).error(), LookupError::kUnreachable);
}

TEST_F(FederationClientTest, WaitsForNoAnswerLongerThanTheTimeout) {
  EXPECT_EQ(options_.lookup_timeout, Seconds(10));
  options_.lookup_timeout = Millis(300);
  homeserver_.holds = true;
  constexpr std::size_t kMost = limits::kOpenIdChecksPerServerMax;
  for (std::size_t i = 0; i < kMost; ++i) Ask("other.example", "t");
  Ask("other.example", "token-of-@carol:other.example");
  ASSERT_TRUE(RunUntil([&] { return homeserver_.tokens.size() == kMost; }));
  EXPECT_EQ(Answered(), 0U);
  homeserver_.holds = false;
  // Whoever waited behind them comes next.
  ASSERT_TRUE(RunUntil([&] { return Answered() == kMost + 1; }));
  for (std::size_t i = 0; i < kMost; ++i)
    EXPECT_EQ(answers_[i]->error(), LookupError::kUnreachable);
  EXPECT_TRUE(answers_[kMost]->ok());
  EXPECT_EQ(client_->in_flight(), 0U);
}

TEST_F(FederationClientTest, TriesTheOtherWayWithinTheSameTimeout) {
  // Its URL takes the request and never answers; where its name leads nobody speaks.
  homeserver_.holds = true;
  std::vector<std::unique_ptr<io::TcpStream>> silent;
  const auto listener = *io::TcpListener::Open(
      &loop_, *NetAddress::Parse("127.0.0.1", 0),
      [&silent](std::unique_ptr<io::TcpStream> stream) { silent.push_back(std::move(stream)); });
  options_.own_server_name = "127.0.0.1:" + std::to_string(listener->local().port);
  options_.policy = matrix::EgressPolicy({*matrix::Cidr::Parse("127.0.0.0/8")}, {});
  options_.lookup_timeout = Millis(600);
  const auto tls = io::TlsClient::Make(io::TlsTrust{.verify = false});
  ASSERT_TRUE(tls.ok()) << tls.error();
  client_ = std::make_unique<FederationClient>(&loop_, options_, &*tls, &*tls);
  // Timers of one loop fire in their order however slow the machine is.
  bool is_late = false;
  io::Timer late(&loop_, [&is_late] { is_late = true; });
  late.StartOnce(Millis(750));
  EXPECT_EQ(AskAndWait(options_.own_server_name, "t").error(), LookupError::kUnreachable);
  EXPECT_FALSE(is_late) << "each way had the whole time";
  EXPECT_EQ(silent.size(), 1U);
  client_.reset();
}

TEST_F(FederationClientTest, LetsAFewLookupsOfOneServerRunAndTheOthersWait) {
  homeserver_.holds = true;
  constexpr std::size_t kMost = limits::kOpenIdChecksPerServerMax;
  for (std::size_t i = 0; i < kMost + 3; ++i) Ask("example.com", "t" + std::to_string(i));
  EXPECT_EQ(client_->in_flight(), kMost);
  EXPECT_EQ(client_->queued(), 3U);
  ASSERT_TRUE(RunUntil([&] { return homeserver_.held.size() == kMost; }));
  homeserver_.AnswerOne();
  ASSERT_TRUE(RunUntil([&] { return homeserver_.tokens.size() == kMost + 1; }));
  EXPECT_EQ(client_->queued(), 2U);
  while (Answered() < kMost + 3) {
    ASSERT_TRUE(RunUntil([&] { return !homeserver_.held.empty(); }));
    const std::size_t before = Answered();
    homeserver_.AnswerOne();
    ASSERT_TRUE(RunUntil([&] { return Answered() > before; }));
  }
  EXPECT_EQ(client_->in_flight(), 0U);
  EXPECT_EQ(client_->queued(), 0U);
}

TEST_F(FederationClientTest, OneSlowServerHoldsUpNoOther) {
  homeserver_.holds = true;
  for (std::size_t i = 0; i < 20; ++i) Ask("other.example", "t" + std::to_string(i));
  ASSERT_TRUE(
      RunUntil([&] { return homeserver_.held.size() == limits::kOpenIdChecksPerServerMax; }));
  homeserver_.holds = false;
  const Answer answer = AskAndWait("third.example", "token-of-@carol:third.example");
  EXPECT_TRUE(answer.ok());
}

TEST_F(FederationClientTest, RefusesWhatTheQueueCannotHold) {
  homeserver_.holds = true;
  constexpr std::size_t kMost =
      limits::kOpenIdChecksPerServerMax + limits::kOpenIdQueuedPerServerMax;
  for (std::size_t i = 0; i < kMost; ++i) Ask("other.example", "t" + std::to_string(i));
  EXPECT_EQ(Answered(), 0U);
  Ask("other.example", "one more");
  ASSERT_TRUE(answers_.back().has_value());
  EXPECT_EQ(answers_.back()->error(), LookupError::kBusy);
}

TEST_F(FederationClientTest, ChecksOnlySoManyStrangersAtOnce) {
  homeserver_.holds = true;
  KnowStrangers(limits::kOpenIdChecksMax + 1);
  for (std::size_t i = 0; i < limits::kOpenIdChecksMax; ++i) Ask(Stranger(i), "t");
  EXPECT_EQ(client_->in_flight(), limits::kOpenIdChecksMax);
  Ask(Stranger(limits::kOpenIdChecksMax), "one more");
  EXPECT_EQ(client_->in_flight(), limits::kOpenIdChecksMax);
  EXPECT_EQ(client_->queued(), 1U);
  Ask("example.com", "trusted");
  EXPECT_EQ(client_->in_flight(), limits::kOpenIdChecksMax + 1) << "strangers hold up no other";
  ASSERT_TRUE(RunUntil([&] { return homeserver_.held.size() == limits::kOpenIdChecksMax + 1; }));
  EXPECT_THAT(homeserver_.tokens, testing::Not(testing::Contains("one more")));
  homeserver_.AnswerOne();
  ASSERT_TRUE(RunUntil([&] { return homeserver_.tokens.back() == "one more"; }));
  EXPECT_EQ(client_->queued(), 0U);
}

TEST_F(FederationClientTest, LetsOnlySoManyStrangersWait) {
  homeserver_.holds = true;
  constexpr std::size_t kMost = limits::kOpenIdChecksMax + limits::kOpenIdQueuedMax;
  KnowStrangers(kMost + 1);
  for (std::size_t i = 0; i < kMost; ++i) Ask(Stranger(i), "t");
  EXPECT_EQ(client_->queued(), limits::kOpenIdQueuedMax);
  EXPECT_EQ(Answered(), 0U);
  Ask(Stranger(kMost), "one more");
  ASSERT_TRUE(answers_.back().has_value());
  EXPECT_EQ(answers_.back()->error(), LookupError::kBusy);
  EXPECT_EQ(client_->queued(), limits::kOpenIdQueuedMax);
}

TEST_F(FederationClientTest, ForgetsWhoWasNotThereWhenThereAreTooMany) {
  // Forbidden addresses, which need no connection to be found unreachable.
  const auto stranger = [](std::size_t i) { return "127.0.0.1:" + std::to_string(i + 1); };
  for (std::size_t i = 0; i < limits::kServersUnreachableMax; i += limits::kOpenIdChecksMax) {
    for (std::size_t j = 0; j < limits::kOpenIdChecksMax; ++j) Ask(stranger(i + j), "t");
    ASSERT_TRUE(RunUntil([this] { return Answered() == answers_.size(); }));
  }
  Ask(stranger(0), "t");
  EXPECT_TRUE(answers_.back().has_value()) << "answered from memory";
  EXPECT_EQ(AskAndWait(stranger(limits::kServersUnreachableMax), "t").error(),
            LookupError::kUnreachable);
  Ask(stranger(0), "t");
  EXPECT_FALSE(answers_.back().has_value()) << "asked again";
  Ask(stranger(limits::kServersUnreachableMax), "t");
  EXPECT_TRUE(answers_.back().has_value()) << "the latest is remembered";
}

TEST_F(FederationClientTest, DropsWhatIsUnderWayWhenItGoes) {
  homeserver_.holds = true;
  Ask("example.com", "t");
  ASSERT_TRUE(RunUntil([&] { return homeserver_.held.size() == 1; }));
  client_.reset();
  EXPECT_EQ(Answered(), 0U);
}

TEST(RedirectTarget, StaysWithHttps) {
  const auto to = [](int status, const std::string& location) {
    wire::HttpResponse response{.status = status, .headers = {{"Location", location}}, .body = {}};
    return RedirectTarget("https://example.com/.well-known/matrix/server", response);
  };
  EXPECT_EQ(to(302, "https://other.example/x"), "https://other.example/x");
  EXPECT_EQ(to(308, "/elsewhere"), "https://example.com/elsewhere");
  EXPECT_EQ(to(302, "http://other.example/x"), std::nullopt);
  EXPECT_EQ(to(302, "//other.example/x"), std::nullopt);
  EXPECT_EQ(to(302, "file:///etc/passwd"), std::nullopt);
  EXPECT_EQ(to(302, ""), std::nullopt);
  EXPECT_EQ(to(200, "https://other.example/x"), std::nullopt);
}

}  // namespace
}  // namespace fovea::app
