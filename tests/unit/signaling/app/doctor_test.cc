// What `fovea doctor` makes of answers, and whom it asks. The network is a table.
#include "signaling/app/doctor.h"

#include <gmock/gmock.h>

#include <map>

#include "sfu/core/limits.h"
#include "signaling/app/doctor_discovery.h"
#include "signaling/app/doctor_homeserver.h"
#include "signaling/app/doctor_public.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kNow = 1'445'412'480;  // Wed, 21 Oct 2015 07:28:00 GMT
constexpr const char* kService = "https://matrix-rtc.example.com";

Probe Answer(int status, std::string body, wire::HttpHeaders headers = {}) {
  Probe probe{.url = "https://example.com/there", .response = wire::HttpResponse{}};
  probe.response->status = status;
  probe.response->body = std::move(body);
  probe.response->headers = std::move(headers);
  return probe;
}

Probe Silence() {
  return {.url = "https://example.com/there", .response = {}, .error = "timed out"};
}

Config Focus() {
  Config config;
  config.homeserver.name = "example.com";
  config.homeserver.url = "http://hs";
  config.appservice.as_token = "as-secret";
  config.appservice.hs_token = "hs-secret";
  config.access.public_url = "wss://matrix-rtc.example.com";
  return config;
}

TEST(DoctorFinding, OfMixedVerdictsShowsEachWithItsFixAndTheSum) {
  const std::vector<Finding> findings{{"a", Verdict::kPass, "fine"},
                                      {"b", Verdict::kFail, "broken", "do this\nand that"}};
  EXPECT_EQ(FindingsText(findings),
            "✓ a  fine\n✗ b  broken\n     → do this\n       and that\n\n"
            "1 passed, 0 warned, 1 failed, 0 skipped\n");
  EXPECT_TRUE(app::HasFailure(findings));
  const auto json = wire::ParseJson(FindingsJson(findings));
  ASSERT_TRUE(json.has_value());
  EXPECT_EQ((*json)[1]["verdict"], "fail");
  EXPECT_EQ((*json)[1]["fix"], "do this\nand that");
}

TEST(DoctorFinding, LetsNoServerSteerTheTerminal) {
  const std::vector<Finding> findings{{"a", Verdict::kFail, "answered \x1b[2J\r(\x7f)"}};
  EXPECT_THAT(FindingsText(findings), HasSubstr("answered ?[2J?(?)"));
}

TEST(DoctorHomeserver, TellsAHomeserverFromAnotherWebsiteAndFromSilence) {
  EXPECT_EQ(HomeserverFinding(Answer(200, R"({"versions":["v1.1"]})")).verdict, Verdict::kPass);
  EXPECT_EQ(HomeserverFinding(Answer(200, "<html>")).verdict, Verdict::kFail);
  const Finding silent = HomeserverFinding(Silence());
  EXPECT_EQ(silent.verdict, Verdict::kFail);
  EXPECT_THAT(silent.observed, HasSubstr("timed out"));
}

TEST(DoctorHomeserver, FailsAClockThatIsMoreThanHalfAMinuteOff) {
  const Probe versions = Answer(200, "{}", {{"Date", "Wed, 21 Oct 2015 07:28:00 GMT"}});
  EXPECT_EQ(ClockFinding(versions, kNow + 30).verdict, Verdict::kPass);
  const Finding behind = ClockFinding(versions, kNow - 31);
  EXPECT_EQ(behind.verdict, Verdict::kFail);
  EXPECT_THAT(behind.observed, HasSubstr("31 s behind"));
  EXPECT_EQ(ClockFinding(Answer(200, "{}"), kNow).verdict, Verdict::kSkip);
}

TEST(DoctorHomeserver, FailsWithoutDelayedEventsAndWarnsWithoutStickyOnes) {
  const auto findings =
      FeatureFindings(Answer(200, R"({"unstable_features":{"org.matrix.msc4140":false}})"));
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].verdict, Verdict::kFail);
  EXPECT_THAT(findings[0].fix, HasSubstr("max_event_delay_duration: 24h"));
  EXPECT_EQ(findings[1].verdict, Verdict::kWarn);
  EXPECT_THAT(findings[1].fix, HasSubstr("msc4354_enabled: true"));
}

TEST(DoctorHomeserver, TellsAnUnknownTokenFromThatOfAnotherService) {
  EXPECT_EQ(
      RegistrationFinding(Answer(200, R"({"user_id":"@fovea:example.com"})"), Focus()).verdict,
      Verdict::kPass);
  const Finding other =
      RegistrationFinding(Answer(200, R"({"user_id":"@irc:example.com"})"), Focus());
  EXPECT_EQ(other.verdict, Verdict::kFail);
  EXPECT_THAT(other.observed, HasSubstr("@irc:example.com"));
  const Finding unknown =
      RegistrationFinding(Answer(401, R"({"errcode":"M_UNKNOWN_TOKEN"})"), Focus());
  EXPECT_EQ(unknown.verdict, Verdict::kFail);
  EXPECT_THAT(unknown.fix, HasSubstr("app_service_config_files"));
}

TEST(DoctorHomeserver, TellsAWrongHsTokenFromAFocusThatIsNotThere) {
  EXPECT_EQ(PushFinding(Answer(200, "{}"), Focus()).verdict, Verdict::kPass);
  const Finding wrong =
      PushFinding(Answer(502, R"({"errcode":"M_BAD_STATUS","status":403})"), Focus());
  EXPECT_THAT(wrong.fix, HasSubstr("hs_token"));
  const Finding gone = PushFinding(Answer(502, R"({"errcode":"M_CONNECTION_FAILED"})"), Focus());
  EXPECT_THAT(gone.fix, HasSubstr("start the focus"));
  EXPECT_THAT(PushFinding(Answer(403, "{}"), Focus()).fix, HasSubstr("appservice.id"));
}

TEST(DoctorHomeserver, WantsOpenIdTokensToBeLookedAt) {
  EXPECT_EQ(OpenIdFinding(Answer(401, R"({"errcode":"M_UNKNOWN_TOKEN"})")).verdict, Verdict::kPass);
  EXPECT_THAT(OpenIdFinding(Answer(404, "{}")).fix, HasSubstr("names: [client, openid]"));
  EXPECT_EQ(OpenIdFinding(Answer(401, "{}")).verdict, Verdict::kFail);
  EXPECT_EQ(OpenIdFinding(Silence()).verdict, Verdict::kFail);
}

const wire::HttpHeaders kCors{{"access-control-allow-origin", "*"}};

std::string Transports(const std::string& url) {
  return R"({"rtc_transports":[{"type":"other"},{"type":"livekit","livekit_service_url":")" + url +
         R"("}]})";
}

TEST(DoctorDiscovery, NamesTheSettingThatTransportsLack) {
  const Finding off = TransportsFinding(Answer(404, "{}"), kService);
  EXPECT_EQ(off.verdict, Verdict::kFail);
  EXPECT_THAT(off.fix, HasSubstr("msc4143_enabled: true"));
  const Finding none = TransportsFinding(Answer(200, "{}", kCors), kService);
  EXPECT_EQ(none.verdict, Verdict::kFail);
  EXPECT_THAT(none.fix, HasSubstr("matrix_rtc:\n  transports:"));
  EXPECT_THAT(none.fix, Not(HasSubstr("msc4143_enabled")));
}

TEST(DoctorDiscovery, NamesAnotherFocusAndTheRightOne) {
  EXPECT_EQ(TransportsFinding(Answer(200, Transports(kService), kCors), kService).verdict,
            Verdict::kPass);
  const Finding other =
      TransportsFinding(Answer(200, Transports("https://old.example.com"), kCors), kService);
  EXPECT_EQ(other.verdict, Verdict::kFail);
  EXPECT_THAT(other.observed, HasSubstr("https://old.example.com"));
  EXPECT_THAT(other.fix, HasSubstr(kService));
  const Finding spelled =
      TransportsFinding(Answer(200, Transports(std::string(kService) + "/"), kCors), kService);
  EXPECT_EQ(spelled.verdict, Verdict::kWarn);
  EXPECT_EQ(TransportsFinding(Answer(401, "{}"), kService).verdict, Verdict::kSkip);
}

TEST(DoctorDiscovery, FailsTransportsThatBrowsersMayNotRead) {
  const Finding closed = TransportsFinding(Answer(200, Transports(kService)), kService);
  EXPECT_EQ(closed.verdict, Verdict::kFail);
  EXPECT_THAT(closed.observed, HasSubstr("Access-Control-Allow-Origin"));
}

TEST(DoctorDiscovery, OnlyWarnsOfAWellKnownDocument) {
  const std::string good = R"({"org.matrix.msc4143.rtc_foci":[{"type":"livekit",)"
                           R"("livekit_service_url":"https://matrix-rtc.example.com"}]})";
  const wire::HttpHeaders& cors = kCors;
  EXPECT_EQ(WellKnownFinding(Answer(200, good, cors), kService).verdict, Verdict::kPass);
  for (const Probe& bad :
       {Silence(), Answer(404, ""), Answer(200, good), Answer(200, "{}", cors),
        Answer(200, "[]", cors),
        Answer(200, good, {{"access-control-allow-origin", "https://a.example"}})}) {
    const Finding finding = WellKnownFinding(bad, kService);
    EXPECT_EQ(finding.verdict, Verdict::kWarn) << finding.observed;
    EXPECT_THAT(finding.fix, HasSubstr(kService));
  }
  EXPECT_EQ(WellKnownFinding(Answer(200, good, cors), "https://b.example").verdict, Verdict::kWarn);
}

TEST(DoctorPublicUrl, WarnsWithoutOneAndWithoutTls) {
  Config config = Focus();
  EXPECT_EQ(PublicUrlFinding(config).verdict, Verdict::kPass);
  config.access.public_url = "ws://127.0.0.1:7880";
  EXPECT_EQ(PublicUrlFinding(config).verdict, Verdict::kWarn);
  config.access.public_url.clear();
  EXPECT_EQ(PublicUrlFinding(config).verdict, Verdict::kWarn);
}

TEST(DoctorPublicUrl, KnowsTheTokenServiceByItsRefusal) {
  const std::string refusal = R"({"errcode":"M_BAD_JSON"})";
  const wire::HttpHeaders cors{{"Access-Control-Allow-Origin", "*"}};
  EXPECT_EQ(TokenRouteFinding(Answer(400, refusal, cors)).verdict, Verdict::kPass);
  EXPECT_EQ(TokenRouteFinding(Answer(400, refusal)).verdict, Verdict::kFail);
  wire::HttpHeaders twice = cors;
  twice.push_back(cors.front());
  EXPECT_THAT(TokenRouteFinding(Answer(400, refusal, twice)).observed, HasSubstr("2 headers"));
  EXPECT_EQ(TokenRouteFinding(Answer(404, "{}", cors)).verdict, Verdict::kFail);
}

TEST(DoctorPublicUrl, NoticesAProxyThatEatsUpgrades) {
  EXPECT_EQ(UpgradeFinding(Answer(401, "no permissions")).verdict, Verdict::kPass);
  const Finding eaten = UpgradeFinding(Answer(404, "404 page not found"));
  EXPECT_EQ(eaten.verdict, Verdict::kFail);
  EXPECT_THAT(eaten.fix, HasSubstr("Upgrade $http_upgrade"));
}

// Answers by the part of the URL behind the host; everything else is 404.
struct Network {
  std::map<std::string, Probe> answers;
  std::vector<ProbeRequest> asked;

  Fetch fetch() {
    return [this](const ProbeRequest& request) {
      asked.push_back(request);
      const auto url = wire::ParseHttpUrl(request.url);
      EXPECT_TRUE(url.has_value()) << request.url;
      const std::string path = url->target.substr(0, url->target.find('?'));
      const auto found = answers.find(path);
      return found == answers.end() ? Answer(404, "{}") : found->second;
    };
  }
};

std::vector<std::string> Failed(const std::vector<Finding>& findings) {
  std::vector<std::string> out;
  for (const Finding& finding : findings) {
    if (finding.verdict == Verdict::kFail) out.push_back(finding.check);
  }
  return out;
}

Network GoodHomeserver() {
  Network network;
  network.answers["/_matrix/client/versions"] =
      Answer(200,
             R"({"versions":[],"unstable_features":)"
             R"({"org.matrix.msc4140":true,"org.matrix.msc4354":true}})",
             {{"date", "Wed, 21 Oct 2015 07:28:00 GMT"}});
  network.answers["/_matrix/client/v3/account/whoami"] =
      Answer(200, R"({"user_id":"@fovea:example.com"})");
  network.answers["/_matrix/client/v1/appservice/fovea/ping"] = Answer(200, "{}");
  network.answers["/_matrix/client/unstable/org.matrix.msc4143/rtc/transports"] =
      Answer(200, Transports(kService), kCors);
  network.answers["/_matrix/federation/v1/openid/userinfo"] =
      Answer(401, R"({"errcode":"M_UNKNOWN_TOKEN"})");
  return network;
}

TEST(Doctor, HasNothingToSayAboutAGoodHomeserver) {
  Network network = GoodHomeserver();
  const auto findings = ExamineHomeserver(Focus(), {}, kNow, network.fetch());
  EXPECT_THAT(Failed(findings), testing::IsEmpty());
  EXPECT_EQ(network.asked.back().url, "https://example.com/.well-known/matrix/client");
}

TEST(Doctor, FollowsAWellKnownDocumentThatMovedButNotForEver) {
  Network network = GoodHomeserver();
  network.answers["/.well-known/matrix/client"] =
      Answer(301, "", {{"Location", "https://www.example.com/matrix"}});
  network.answers["/matrix"] = Answer(200, "{}", kCors);
  auto findings = ExamineHomeserver(Focus(), {}, kNow, network.fetch());
  EXPECT_EQ(network.asked.back().url, "https://www.example.com/matrix");
  EXPECT_THAT(findings.back().observed, HasSubstr("names no focus"));
  network.answers["/matrix"] = Answer(302, "", {{"Location", "https://example.com/matrix"}});
  findings = ExamineHomeserver(Focus(), {}, kNow, network.fetch());
  EXPECT_THAT(findings.back().observed, HasSubstr("302"));
}

TEST(Doctor, ShowsARedirectBeyondTheLastThatItFollows) {
  // From its own place to /0, and from each to the next.
  const auto network_of = [](int redirects) {
    Network network = GoodHomeserver();
    std::string from = "/.well-known/matrix/client";
    for (int i = 0; i < redirects; ++i) {
      const std::string to = "/" + std::to_string(i);
      network.answers[from] = Answer(302, "", {{"Location", "https://example.com" + to}});
      from = to;
    }
    network.answers[from] = Answer(200, "{}", kCors);
    return network;
  };
  Network most = network_of(limits::kDoctorRedirectsMax);
  auto findings = ExamineHomeserver(Focus(), {}, kNow, most.fetch());
  EXPECT_THAT(findings.back().observed, HasSubstr("names no focus"));
  const std::string last = most.asked.back().url;
  Network more = network_of(limits::kDoctorRedirectsMax + 1);
  findings = ExamineHomeserver(Focus(), {}, kNow, more.fetch());
  EXPECT_EQ(more.asked.back().url, last) << "it went on";
  EXPECT_THAT(findings.back().observed, HasSubstr("302"));
}

TEST(Doctor, AsksADeadHomeserverOnce) {
  Network network;
  network.answers["/_matrix/client/versions"] = Silence();
  const auto findings = ExamineHomeserver(Focus(), {}, kNow, network.fetch());
  EXPECT_THAT(Failed(findings), testing::ElementsAre("homeserver"));
  EXPECT_EQ(network.asked.size(), 2U) << "versions and the well-known document";
}

TEST(Doctor, AsksAsTheAccountWhoseTokenItWasGiven) {
  Network network = GoodHomeserver();
  const auto findings =
      ExamineHomeserver(Focus(), {.user_token = "of-fovea"}, kNow, network.fetch());
  EXPECT_THAT(Failed(findings), testing::IsEmpty());
  const auto is_as_user = [](const ProbeRequest& request) {
    return request.url.ends_with("/whoami?user_id=%40fovea%3Aexample.com");
  };
  EXPECT_TRUE(std::any_of(network.asked.begin(), network.asked.end(), is_as_user));
  const Finding refused = MembershipFinding(Answer(403, "{}"), "@a:b");
  EXPECT_EQ(refused.verdict, Verdict::kFail);
  EXPECT_THAT(refused.fix, HasSubstr("fovea registration"));
}

TEST(Doctor, SaysWhetherTheFocusHearsOfRooms) {
  const auto of = [](const std::string& text) {
    return TransactionsFinding(Answer(200, text), /*is_appservice=*/true).verdict;
  };
  EXPECT_EQ(of(R"({"calls":[],"homeserver":{"heard_seconds_ago":12.5}})"), Verdict::kPass);
  EXPECT_EQ(of(R"({"calls":[],"homeserver":{"transactions":0}})"), Verdict::kWarn);
  EXPECT_EQ(of(R"({"calls":[]})"), Verdict::kFail);
  EXPECT_EQ(TransactionsFinding(Answer(401, "{}"), false).verdict, Verdict::kFail);
}

TEST(Doctor, SaysWhetherOtherServersFindTheHomeserver) {
  EXPECT_EQ(FederationFinding("a.b", LookupError::kRefused).verdict, Verdict::kPass);
  EXPECT_EQ(FederationFinding("a.b", LookupError::kUnreachable).verdict, Verdict::kWarn);
  EXPECT_EQ(FederationFinding("a.b", std::nullopt).verdict, Verdict::kWarn);
}

TEST(Doctor, WithoutAnApplicationServiceLooksAtTheAccountThatSyncs) {
  Network network = GoodHomeserver();
  Config config = Focus();
  config.appservice.as_token.clear();
  EXPECT_THAT(Failed(ExamineHomeserver(config, {}, kNow, network.fetch())),
              testing::ElementsAre("registration"));
  config.homeserver.access_token = "of-a-bot";
  EXPECT_THAT(Failed(ExamineHomeserver(config, {}, kNow, network.fetch())), testing::IsEmpty());
}

TEST(Doctor, KeepsTokensOutOfWhatItSays) {
  Network network;  // every question is answered with 404
  network.answers["/_matrix/client/versions"] = Answer(200, R"({"versions":[]})");
  auto findings = ExamineHomeserver(Focus(), {}, kNow, network.fetch());
  for (Finding& finding :
       ExaminePublicUrl(Focus(), {.user_token = "of-alice"}, kNow, network.fetch())) {
    findings.push_back(std::move(finding));
  }
  EXPECT_THAT(FindingsJson(findings), Not(HasSubstr("secret")));
  EXPECT_THAT(FindingsJson(findings), Not(HasSubstr("of-alice")));
}

TEST(Doctor, SaysWhatTheRoundTripNeeds) {
  Network network;
  const Finding finding = TryTokenRoundTrip(Focus(), "", network.fetch());
  EXPECT_EQ(finding.verdict, Verdict::kSkip);
  EXPECT_THAT(finding.fix, HasSubstr("FOVEA_USER_TOKEN"));
  EXPECT_THAT(network.asked, testing::IsEmpty());
}

TEST(Doctor, GoesTheWayOfAClientWithAUserToken) {
  Network network;
  network.answers["/_matrix/client/v3/account/whoami"] =
      Answer(200, R"({"user_id":"@a:example.com"})");
  network.answers["/_matrix/client/v3/joined_rooms"] = Answer(200, R"({"joined_rooms":["!r:x"]})");
  network.answers["/_matrix/client/v3/user/%40a%3Aexample.com/openid/request_token"] =
      Answer(200, R"({"access_token":"oid"})");
  network.answers["/sfu/get"] =
      Answer(200, R"({"url":"wss://matrix-rtc.example.com","jwt":"a.b.c"})");
  network.answers["/rtc/validate"] = Answer(200, "success");
  EXPECT_EQ(TryTokenRoundTrip(Focus(), "of-alice", network.fetch()).verdict, Verdict::kPass);
  EXPECT_EQ(network.asked.back().url,
            "https://matrix-rtc.example.com/rtc/validate?access_token=a.b.c");
  EXPECT_THAT(network.asked[3].body, HasSubstr(R"("access_token":"oid")"));
  network.answers["/rtc/validate"] = Answer(401, "invalid token");
  EXPECT_EQ(TryTokenRoundTrip(Focus(), "of-alice", network.fetch()).verdict, Verdict::kFail);
  network.answers["/_matrix/client/v3/account/whoami"] = Answer(401, "{}");
  EXPECT_EQ(TryTokenRoundTrip(Focus(), "of-alice", network.fetch()).verdict, Verdict::kSkip);
}

}  // namespace
}  // namespace fovea::app
