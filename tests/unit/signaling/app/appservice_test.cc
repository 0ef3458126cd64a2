// Who may push, ping and ask. Matrix application service API: "Authorization", "Unknown routes",
// "Pinging"; matrixrtc reference, section 4.6.
#include "signaling/app/appservice.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "sfu/core/limits.h"
#include "signaling/wire/http_parser.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

using wire::HttpMethod;

class RecordingSink : public TransactionSink {
 public:
  focus::TransactionOutcome OnTransaction(Instant, const std::string& id,
                                          std::string_view) override {
    transactions.push_back(id);
    return focus::TransactionOutcome::kTaken;
  }
  void OnPing(Instant) override { ++pings; }

  std::vector<std::string> transactions;
  int pings = 0;
};

struct Route {
  HttpMethod method;
  std::string path;
  int status;  // with the right token
  std::string errcode;
};

const std::vector<Route>& Routes() {
  static const std::vector<Route> kRoutes = {
      {HttpMethod::kPut, "/_matrix/app/v1/transactions/1", 200, ""},
      {HttpMethod::kPut, "/transactions/2", 200, ""},  // homeservers of before v1
      {HttpMethod::kPost, "/_matrix/app/v1/ping", 200, ""},
      {HttpMethod::kGet, "/_matrix/app/v1/users/@a:hs", 404, "M_NOT_FOUND"},
      {HttpMethod::kGet, "/users/@a:hs", 404, "M_NOT_FOUND"},
      {HttpMethod::kGet, "/_matrix/app/v1/rooms/%23a:hs", 404, "M_NOT_FOUND"},
      {HttpMethod::kGet, "/rooms/%23a:hs", 404, "M_NOT_FOUND"},
      {HttpMethod::kGet, "/_matrix/app/v1/thirdparty/protocol/irc", 404, "M_UNRECOGNIZED"},
      {HttpMethod::kGet, "/_matrix/app/v1/transactions/1", 405, "M_UNRECOGNIZED"},
      {HttpMethod::kGet, "/_matrix/app/v1/ping", 405, "M_UNRECOGNIZED"},
  };
  return kRoutes;
}

class AppserviceTest : public testing::Test {
 protected:
  static wire::HttpRequest Request(const Route& route,
                                   const std::optional<std::string>& authorization,
                                   const std::string& query = "") {
    wire::HttpRequest request;
    request.method = route.method;
    request.target = *wire::ParseRequestTarget(route.path + query);
    request.body = "{}";
    if (authorization) request.headers.emplace_back("Authorization", *authorization);
    EXPECT_TRUE(Appservice::Handles(request.target));
    return request;
  }
  void Expect(const wire::HttpRequest& request, int status, const std::string& errcode) {
    const wire::HttpResponse response = appservice_.Handle(Instant{}, request);
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.Header("Content-Type"), "application/json");
    const auto body = nlohmann::json::parse(response.body);
    if (errcode.empty()) {
      EXPECT_EQ(body, nlohmann::json::object());
    } else {
      EXPECT_EQ(body.value("errcode", "none"), errcode);
      EXPECT_TRUE(body.contains("error"));
    }
  }

  RecordingSink sink_;
  Appservice appservice_{"secret", sink_};
};

TEST_F(AppserviceTest, TakesTheTokenFromTheHeaderOrFromOlderHomeserversQuery) {
  for (const Route& route : Routes()) {
    SCOPED_TRACE(route.path);
    Expect(Request(route, "Bearer secret"), route.status, route.errcode);
    Expect(Request(route, "Bearer secret", "?access_token=secret"), route.status, route.errcode);
    Expect(Request(route, std::nullopt, "?access_token=secret"), route.status, route.errcode);
  }
  EXPECT_EQ(sink_.transactions.size(), 6U);
  EXPECT_EQ(sink_.pings, 3);
  EXPECT_EQ(appservice_.refused_total(), 0U);
}

TEST_F(AppserviceTest, AsksForTheTokenOnEveryRoute) {
  for (const Route& route : Routes()) {
    SCOPED_TRACE(route.path);
    Expect(Request(route, std::nullopt), 401, "M_MISSING_TOKEN");
    EXPECT_EQ(appservice_.LargeBodyBytesMax(Request(route, std::nullopt)), 0U);
  }
  EXPECT_TRUE(sink_.transactions.empty());
  EXPECT_EQ(sink_.pings, 0);
  EXPECT_EQ(appservice_.refused_total(), Routes().size());
}

TEST_F(AppserviceTest, ForbidsEveryRouteToAnotherToken) {
  for (const Route& route : Routes()) {
    SCOPED_TRACE(route.path);
    for (const char* other : {"Bearer another", "Bearer secre", "Bearer secrets", "Bearer Secret",
                              "Bearer ", "Basic secret", ""}) {
      SCOPED_TRACE(other);
      Expect(Request(route, other), 403, "M_FORBIDDEN");
      EXPECT_EQ(appservice_.LargeBodyBytesMax(Request(route, other)), 0U);
    }
    Expect(Request(route, std::nullopt, "?access_token=another"), 403, "M_FORBIDDEN");
    Expect(Request(route, "Bearer another", "?access_token=secret"), 403, "M_FORBIDDEN");
  }
  EXPECT_TRUE(sink_.transactions.empty());
  EXPECT_EQ(sink_.pings, 0);
}

TEST_F(AppserviceTest, WithoutATokenOfOursNobodyHasTheRightOne) {
  Appservice none("", sink_);
  for (const std::string authorization : {"Bearer ", "Bearer x"}) {
    EXPECT_EQ(none.Handle(Instant{}, Request(Routes()[0], authorization)).status, 403);
  }
}

TEST_F(AppserviceTest, LetsTheHomeserverAloneSendMuchAtOnce) {
  EXPECT_EQ(appservice_.LargeBodyBytesMax(Request(Routes()[0], "Bearer secret")),
            limits::kTransactionBytesMax);
}

}  // namespace
}  // namespace fovea::app
