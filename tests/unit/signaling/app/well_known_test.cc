#include "signaling/app/well_known.h"

#include <gmock/gmock.h>

#include "sfu/core/limits.h"
#include "signaling/wire/json.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::app {
namespace {

const WellKnownOptions kOptions{.upstream = "",
                                .base_url = "https://matrix.example.com",
                                .livekit_service_url = "https://rtc.example.com"};

nlohmann::json Completed(std::string_view upstream) {
  const auto text = CompleteWellKnown(upstream, kOptions);
  return text.has_value() ? nlohmann::json::parse(*text) : nlohmann::json("nothing");
}

TEST(WellKnown, NamesHomeserverAndFocusWhereThereIsNoOtherDocument) {
  const nlohmann::json document = Completed("{}");
  EXPECT_EQ(document["m.homeserver"]["base_url"], "https://matrix.example.com");
  EXPECT_EQ(document["org.matrix.msc4143.rtc_foci"],
            nlohmann::json::parse(
                R"([{"type":"livekit","livekit_service_url":"https://rtc.example.com"}])"));
}

TEST(WellKnown, KeepsWhatTheHomeserverSays) {
  const nlohmann::json document = Completed(
      R"({"m.homeserver":{"base_url":"https://hs.example.com"},"m.tile_server":{"a":[1]}})");
  EXPECT_EQ(document["m.homeserver"]["base_url"], "https://hs.example.com");
  EXPECT_EQ(document["m.tile_server"]["a"][0], 1);
}

TEST(WellKnown, PutsOurFocusFirstAndOnce) {
  const nlohmann::json document = Completed(
      R"({"org.matrix.msc4143.rtc_foci":[
            {"type":"livekit","livekit_service_url":"https://old.example.com"},
            {"type":"livekit","livekit_service_url":"https://rtc.example.com"}]})");
  const nlohmann::json& foci = document["org.matrix.msc4143.rtc_foci"];
  ASSERT_EQ(foci.size(), 2U);
  EXPECT_EQ(foci[0]["livekit_service_url"], "https://rtc.example.com");
  EXPECT_EQ(foci[1]["livekit_service_url"], "https://old.example.com");
}

TEST(WellKnown, RepairsPartsThatAreOfTheWrongKind) {
  const nlohmann::json document =
      Completed(R"({"m.homeserver":7,"org.matrix.msc4143.rtc_foci":"x"})");
  EXPECT_EQ(document["m.homeserver"]["base_url"], "https://matrix.example.com");
  EXPECT_EQ(document["org.matrix.msc4143.rtc_foci"].size(), 1U);
}

TEST(WellKnown, SaysNothingOfAHomeserverThatNobodyNamed) {
  WellKnownOptions options = kOptions;
  options.base_url.clear();
  const auto text = CompleteWellKnown("{}", options);
  ASSERT_TRUE(text.has_value());
  EXPECT_FALSE(nlohmann::json::parse(*text).contains("m.homeserver"));
}

TEST(WellKnown, RefusesWhatIsNoObject) {
  EXPECT_EQ(Completed("[]"), "nothing");
  EXPECT_EQ(Completed("<html>"), "nothing");
  EXPECT_EQ(Completed(""), "nothing");
}

// Focus and the operator's web server on one port. The latter answers when it is told to.
class WellKnownOfAnOperator : public io::LoopTest, public io::HttpHandler {
 protected:
  void SetUp() override {
    server_ = std::make_unique<io::HttpServer>(&loop_, *this);
    address_ = *server_->Listen(*NetAddress::Parse("127.0.0.1", 0));
    WellKnownOptions options = kOptions;
    options.upstream = "http://127.0.0.1:" + std::to_string(address_.port) + "/upstream";
    well_known_ = std::make_unique<WellKnown>(&loop_, options, nullptr);
  }
  void TearDown() override {
    well_known_.reset();
    upstream_.clear();
    server_.reset();
  }
  void OnRequest(io::IncomingRequest request, io::ResponseWriter writer) override {
    if (request.http.target.path == "/upstream") return upstream_.push_back(std::move(writer));
    ++handled_;
    well_known_->Handle(now_, std::move(writer));
  }
  void OnUpgrade(io::IncomingRequest, io::UpgradeWriter) override {}

  // From clients that are gone by now.
  void AskTimes(std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      well_known_->Handle(now_, io::ResponseWriter(server_.get(), io::HttpConnectionId(1'000'000)));
    }
  }
  [[nodiscard]] std::unique_ptr<io::RawClient> Ask() {
    auto client = std::make_unique<io::RawClient>(&loop_, address_);
    client->Send("GET /.well-known/matrix/client HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::size_t before = handled_;
    EXPECT_TRUE(RunUntil([&] { return handled_ > before; }));
    return client;
  }
  [[nodiscard]] std::string AnswerTo(const io::RawClient& client) {
    EXPECT_TRUE(RunUntil([&] { return !client.received.empty(); }));
    return client.received;
  }
  void AnswerUpstream(const std::string& body) {
    ASSERT_TRUE(RunUntil([&] { return upstream_.size() == 1; }));
    upstream_.front().Send(wire::JsonResponse(200, body));
    upstream_.clear();
  }

  Instant now_;
  std::size_t handled_ = 0;
  std::unique_ptr<io::HttpServer> server_;
  NetAddress address_;
  std::vector<io::ResponseWriter> upstream_;
  std::unique_ptr<WellKnown> well_known_;
};

TEST_F(WellKnownOfAnOperator, LetsSoManyWaitForItAndAnswersOthersAtOnce) {
  AskTimes(limits::kWellKnownWaitingMax - 1);
  const auto last = Ask();
  const auto late = Ask();
  EXPECT_THAT(AnswerTo(*late), testing::StartsWith("HTTP/1.1 502 ")) << "there is no document yet";
  EXPECT_TRUE(last->received.empty());
  AnswerUpstream(R"({"from":"operator"})");
  EXPECT_THAT(AnswerTo(*last), testing::HasSubstr(R"("from":"operator")"));
}

}  // namespace
}  // namespace fovea::app
