#include "signaling/matrix/server_discovery.h"
#include "sfu/core/limits.h"

#include <gmock/gmock.h>

#include "signaling/matrix/openid.h"

namespace fovea::matrix {
namespace {

using testing::ElementsAre;
using Fetch = ServerDiscovery::FetchWellKnown;
using Srv = ServerDiscovery::LookUpSrv;

ServerName Name(std::string_view text) { return ServerName::Parse(text).value(); }

ResolvedServer Result(const ServerDiscovery& discovery) {
  EXPECT_TRUE(std::holds_alternative<ResolvedServer>(discovery.step()));
  return std::get<ResolvedServer>(discovery.step());
}
std::string SrvName(const ServerDiscovery& discovery) {
  EXPECT_TRUE(std::holds_alternative<Srv>(discovery.step()));
  return std::get<Srv>(discovery.step()).name;
}

TEST(ServerDiscovery, GoesStraightToAnAddress) {
  const ResolvedServer v4 = Result(ServerDiscovery(Name("1.2.3.4")));
  EXPECT_THAT(v4.endpoints, ElementsAre(Endpoint{"1.2.3.4", 8448}));
  EXPECT_EQ(v4.host_header, "1.2.3.4");
  EXPECT_EQ(v4.tls_name, "1.2.3.4");
  const ResolvedServer v6 = Result(ServerDiscovery(Name("[2001:db8::1]:444")));
  EXPECT_THAT(v6.endpoints, ElementsAre(Endpoint{"2001:db8::1", 444}));
  EXPECT_EQ(v6.host_header, "[2001:db8::1]:444");
  EXPECT_EQ(v6.tls_name, "2001:db8::1");
}

TEST(ServerDiscovery, GoesStraightToANamedPort) {
  const ResolvedServer server = Result(ServerDiscovery(Name("example.com:443")));
  EXPECT_THAT(server.endpoints, ElementsAre(Endpoint{"example.com", 443}));
  EXPECT_EQ(server.host_header, "example.com:443");
  EXPECT_EQ(server.tls_name, "example.com");
}

TEST(ServerDiscovery, AsksForTheWellKnownDocumentFirst) {
  const ServerDiscovery discovery(Name("example.com"));
  ASSERT_TRUE(std::holds_alternative<Fetch>(discovery.step()));
  EXPECT_EQ(std::get<Fetch>(discovery.step()).host, "example.com");
}

TEST(ServerDiscovery, FollowsADelegationToAPortOrAddress) {
  ServerDiscovery to_port(Name("example.com"));
  to_port.HandleWellKnown(Name("matrix.example.com:443"), Seconds(600));
  EXPECT_THAT(Result(to_port).endpoints, ElementsAre(Endpoint{"matrix.example.com", 443}));
  EXPECT_EQ(Result(to_port).host_header, "matrix.example.com:443");
  EXPECT_EQ(Result(to_port).tls_name, "matrix.example.com");
  EXPECT_EQ(Result(to_port).lifetime, Seconds(600));
  ServerDiscovery to_address(Name("example.com"));
  to_address.HandleWellKnown(Name("[2001:db8::1]"), Seconds(600));
  EXPECT_THAT(Result(to_address).endpoints, ElementsAre(Endpoint{"2001:db8::1", 8448}));
}

TEST(ServerDiscovery, LooksUpBothServicesOfADelegatedName) {
  ServerDiscovery discovery(Name("example.com"));
  discovery.HandleWellKnown(Name("matrix.example.com"), Seconds(600));
  EXPECT_EQ(SrvName(discovery), "_matrix-fed._tcp.matrix.example.com");
  discovery.HandleSrv({});
  EXPECT_EQ(SrvName(discovery), "_matrix._tcp.matrix.example.com");
  discovery.HandleSrv({{.priority = 1, .weight = 0, .port = 4443, .target = "host.provider.net"}});
  EXPECT_THAT(Result(discovery).endpoints, ElementsAre(Endpoint{"host.provider.net", 4443}));
  // The certificate is the delegated name's, whatever DNS says.
  EXPECT_EQ(Result(discovery).tls_name, "matrix.example.com");
  EXPECT_EQ(Result(discovery).host_header, "matrix.example.com");
}

TEST(ServerDiscovery, WorksWithoutADocument) {
  ServerDiscovery discovery(Name("example.com"));
  discovery.HandleWellKnown(std::nullopt, Duration(0));
  EXPECT_EQ(SrvName(discovery), "_matrix-fed._tcp.example.com");
  discovery.HandleSrv({{.priority = 1, .weight = 0, .port = 1, .target = "a.example"},
                       {.priority = 2, .weight = 0, .port = 2, .target = "b.example"}});
  EXPECT_THAT(Result(discovery).endpoints,
              ElementsAre(Endpoint{"a.example", 1}, Endpoint{"b.example", 2}));
  EXPECT_EQ(Result(discovery).tls_name, "example.com");
  EXPECT_EQ(Result(discovery).lifetime, kNoWellKnownLifetime);
}

TEST(ServerDiscovery, EndsAtPort8448) {
  ServerDiscovery discovery(Name("example.com"));
  discovery.HandleWellKnown(std::nullopt, Duration(0));
  discovery.HandleSrv({});
  discovery.HandleSrv({});
  EXPECT_THAT(Result(discovery).endpoints, ElementsAre(Endpoint{"example.com", 8448}));
  EXPECT_EQ(Result(discovery).host_header, "example.com");
}

TEST(SrvRecords, AreTriedByPriorityThenWeight) {
  std::vector<SrvRecord> records{
      {20, 5, 1, "c"}, {10, 5, 1, "b"}, {10, 50, 1, "a"}, {1, 1, 1, "."}};
  SortSrvRecords(records);
  EXPECT_THAT(records, ElementsAre(SrvRecord{10, 50, 1, "a"}, SrvRecord{10, 5, 1, "b"},
                                   SrvRecord{20, 5, 1, "c"}));
}

TEST(WellKnown, NamesAServer) {
  const std::string whole = R"({"m.server": "matrix.example.com:443", "other": 1})";
  EXPECT_EQ(ParseWellKnownServer(whole), Name("matrix.example.com:443"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseWellKnownServer(std::string_view(whole).substr(0, size)));
  }
}

TEST(WellKnown, OfAnotherFormIsNone) {
  for (const char* body : {"", "[]", "{}", R"({"m.server": 5})", R"({"m.server": ""})",
                           R"({"m.server": "https://matrix.example.com"})",
                           R"({"m.server": "a b"})", "<html></html>"}) {
    EXPECT_FALSE(ParseWellKnownServer(body)) << body;
  }
  EXPECT_FALSE(ParseWellKnownServer("{\"m.server\":\"example.com\",\"x\":\"" +
                                    std::string(limits::kWellKnownBytesMax, 'x') + "\"}"));
}

TEST(WellKnown, IsBelievedForABoundedTime) {
  EXPECT_EQ(WellKnownLifetime(std::nullopt), kWellKnownLifetimeDefault);
  EXPECT_EQ(WellKnownLifetime("public, max-age=7200"), Seconds(7200));
  EXPECT_EQ(WellKnownLifetime("max-age=0"), kWellKnownLifetimeMin);
  EXPECT_EQ(WellKnownLifetime("no-store"), kWellKnownLifetimeMin);
  EXPECT_EQ(WellKnownLifetime("max-age=99999999"), kWellKnownLifetimeMax);
  EXPECT_EQ(WellKnownLifetime("max-age=99999999999999999999"), kWellKnownLifetimeMax);
  EXPECT_EQ(WellKnownLifetime("max-age=x"), kWellKnownLifetimeDefault);
}

TEST(OpenId, PutsTheTokenIntoTheQuery) {
  EXPECT_EQ(UserInfoTarget("a b&c"),
            "/_matrix/federation/v1/openid/userinfo?access_token=a%20b%26c");
}

TEST(OpenId, BelievesAServerAboutItsOwnUsers) {
  const auto user = ReadUserInfo(200, R"({"sub":"@alice:example.com"})", Name("example.com"));
  ASSERT_TRUE(user.ok());
  EXPECT_EQ(user->text, "@alice:example.com");
}

TEST(OpenId, BelievesNoServerAboutUsersOfAnother) {
  for (const char* sub : {"@victim:good.example", "@a:example.com:8448", "@a:EXAMPLE.com",
                          "@a:example.com.", "@a:sub.example.com"}) {
    const auto user =
        ReadUserInfo(200, R"({"sub":")" + std::string(sub) + "\"}", Name("example.com"));
    ASSERT_FALSE(user.ok()) << sub;
    EXPECT_EQ(user.error(), UserInfoError::kForeign) << sub;
  }
}

TEST(OpenId, TakesOnlyUserIds) {
  const std::string huge(10'000, 'a');
  for (const std::string& body :
       {std::string(""), std::string("{}"), std::string("[]"), std::string(R"({"sub":5})"),
        std::string(R"({"sub":"victim"})"), std::string(R"({"sub":"@a:evil:example.com"})"),
        std::string(R"({"sub":"@a\u0000:example.com"})"), "{\"sub\":\"@" + huge + ":example.com\"}",
        std::string(10'000, '[')}) {
    const auto user = ReadUserInfo(200, body, Name("example.com"));
    ASSERT_FALSE(user.ok()) << body;
    EXPECT_EQ(user.error(), UserInfoError::kMalformed);
  }
}

TEST(OpenId, TakesNoMoreThanItsBytes) {
  std::string body = R"({"sub":"@alice:example.com")";
  body.resize(limits::kUserInfoBytesMax - 1, ' ');
  body += "}";
  EXPECT_TRUE(ReadUserInfo(200, body, Name("example.com")).ok());
  const auto longer = ReadUserInfo(200, body + " ", Name("example.com"));
  ASSERT_FALSE(longer.ok());
  EXPECT_EQ(longer.error(), UserInfoError::kMalformed);
}

TEST(OpenId, TellsRefusalFromTrouble) {
  EXPECT_EQ(ReadUserInfo(401, "{}", Name("example.com")).error(), UserInfoError::kRefused);
  EXPECT_EQ(ReadUserInfo(500, "{}", Name("example.com")).error(), UserInfoError::kServer);
  EXPECT_EQ(ReadUserInfo(302, "{}", Name("example.com")).error(), UserInfoError::kServer);
}

}  // namespace
}  // namespace fovea::matrix
