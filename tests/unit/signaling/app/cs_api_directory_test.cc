#include "signaling/app/cs_api_directory.h"
#include "sfu/core/limits.h"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace fovea::app {
namespace {

using testing::ElementsAre;

// Answers when told to, as the network does.
class FakeHttp : public GuardedHttp {
 public:
  void Start(wire::OutgoingRequest request, Duration, OnDone on_done) override {
    urls.push_back("https://" + request.url.HostHeader() + request.url.target);
    waiting.push_back(std::move(on_done));
  }
  void Answer(std::optional<wire::HttpResponse> response) {
    const OnDone on_done = std::move(waiting.front());
    waiting.erase(waiting.begin());
    on_done(std::move(response));
  }
  std::vector<std::string> urls;
  std::vector<OnDone> waiting;
};

class CsApiDirectoryTest : public testing::Test {
 protected:
  void Ask(const std::string& server_name) {
    directory_.Resolve(server_name, [this](std::optional<CsApi> api) {
      answers_.push_back(
          !api.has_value() ? "none" : api->base_url + (api->is_discovered ? " found" : " set"));
    });
  }
  static wire::HttpResponse Document(const std::string& url) {
    return wire::JsonResponse(200, R"({"m.homeserver":{"base_url":")" + url + R"("}})");
  }

  FakeHttp http_;
  CsApiDirectory directory_{{{{"example.com", "http://127.0.0.1:8008"}}}, &http_};
  std::vector<std::string> answers_;
};

TEST_F(CsApiDirectoryTest, TakesWhatIsConfigured) {
  Ask("example.com");
  EXPECT_THAT(answers_, ElementsAre("http://127.0.0.1:8008 set"));
  EXPECT_TRUE(http_.urls.empty());
}

TEST_F(CsApiDirectoryTest, AsksAServerOnceForAllWhoWantToKnow) {
  Ask("other.org");
  Ask("other.org");
  EXPECT_THAT(http_.urls, ElementsAre("https://other.org/.well-known/matrix/client"));
  http_.Answer(Document("https://matrix.other.org/"));
  Ask("other.org");
  EXPECT_THAT(answers_,
              ElementsAre("https://matrix.other.org found", "https://matrix.other.org found",
                          "https://matrix.other.org found"));
  EXPECT_EQ(http_.urls.size(), 1u);
}

TEST_F(CsApiDirectoryTest, RemembersForAWhileThatThereIsNothing) {
  Ask("127.0.0.1:8448");
  http_.Answer(std::nullopt);
  Ask("127.0.0.1:8448");
  EXPECT_THAT(answers_, ElementsAre("none", "none"));
  EXPECT_THAT(http_.urls, ElementsAre("https://127.0.0.1:8448/.well-known/matrix/client"));
}

TEST_F(CsApiDirectoryTest, FollowsAFewRedirectsWithinHttps) {
  Ask("other.org");
  http_.Answer(wire::HttpResponse{.status = 302, .headers = {{"Location", "/wk"}}, .body = ""});
  http_.Answer(wire::HttpResponse{
      .status = 301, .headers = {{"Location", "https://www.other.org/x"}}, .body = ""});
  http_.Answer(Document("https://matrix.other.org"));
  EXPECT_THAT(http_.urls, ElementsAre("https://other.org/.well-known/matrix/client",
                                      "https://other.org/wk", "https://www.other.org/x"));
  EXPECT_THAT(answers_, ElementsAre("https://matrix.other.org found"));
}

TEST_F(CsApiDirectoryTest, DoesNotFollowRedirectsForEverNorOutOfHttps) {
  const auto redirect = [this](int times) {
    for (int i = 0; i < times; ++i) {
      http_.Answer(
          wire::HttpResponse{.status = 307, .headers = {{"Location", "/again"}}, .body = ""});
    }
  };
  Ask("far.org");
  redirect(limits::kWellKnownRedirectsMax);
  http_.Answer(Document("https://matrix.far.org"));
  EXPECT_THAT(std::exchange(answers_, {}), ElementsAre("https://matrix.far.org found"));
  Ask("loop.org");
  redirect(limits::kWellKnownRedirectsMax + 1);
  EXPECT_TRUE(http_.waiting.empty()) << "it goes on";
  EXPECT_THAT(answers_, ElementsAre("none"));
  Ask("plain.org");
  http_.Answer(wire::HttpResponse{
      .status = 302, .headers = {{"Location", "http://plain.org/"}}, .body = ""});
  EXPECT_THAT(answers_, ElementsAre("none", "none"));
}

TEST_F(CsApiDirectoryTest, ForgetsWhenThereAreTooMany) {
  for (std::size_t i = 0; i <= limits::kCsApisCachedMax; ++i) {
    Ask(std::to_string(i) + ".org");
    http_.Answer(Document("https://matrix.org"));
  }
  Ask("1.org");
  EXPECT_TRUE(http_.waiting.empty()) << "it was forgotten although it was not the oldest";
  Ask("0.org");
  EXPECT_EQ(http_.waiting.size(), 1u);
}

TEST(CsApiDirectory, KnowsOnlyConfiguredServersWithoutAWayToAsk) {
  CsApiDirectory directory({{}}, nullptr);
  bool asked = false;
  directory.Resolve("other.org", [&](const std::optional<CsApi>& api) {
    asked = true;
    EXPECT_FALSE(api.has_value());
  });
  EXPECT_TRUE(asked);
}

}  // namespace
}  // namespace fovea::app
