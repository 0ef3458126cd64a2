#include "signaling/app/doctor.h"

#include <algorithm>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/app/doctor_discovery.h"
#include "signaling/app/doctor_fetch.h"
#include "signaling/app/doctor_homeserver.h"
#include "signaling/app/doctor_machine.h"
#include "signaling/app/doctor_media.h"
#include "signaling/app/doctor_public.h"
#include "signaling/app/external_address.h"
#include "signaling/app/service_url.h"
#include "signaling/wire/token_grants.h"

namespace fovea::app {
namespace {

constexpr std::int64_t kTokenSeconds = 60;
constexpr const char* kOrigin = "https://call.element.io";  // any other than the server's own

// The host that clients connect to; empty if the configuration does not say.
std::string PublicHost(const Config& config) {
  const auto url = wire::ParseHttpUrl(ServiceUrlOf(config.access.public_url));
  return url.has_value() ? url->host : std::string();
}

// The host part of a server name: well-known documents are looked for there, whatever the port.
std::string HostOf(const std::string& server_name) {
  const std::size_t colon = server_name.rfind(':');
  const bool in_brackets = server_name.ends_with(']');
  return colon == std::string::npos || in_brackets ? server_name : server_name.substr(0, colon);
}

// Goes where redirections lead, as a browser would.
Probe FetchAsBrowser(std::string url, const Fetch& fetch) {
  for (int hops = 0;; ++hops) {
    Probe probe = fetch({.peer = Peer::kPublic, .url = url, .headers = {{"Origin", kOrigin}}});
    if (probe.status() < 301 || probe.status() > 308 || hops == limits::kDoctorRedirectsMax)
      return probe;
    const auto location = probe.response->Header("Location");
    if (!location.has_value() || !location->starts_with("https://")) return probe;
    url = *location;
  }
}

void Append(std::vector<Finding>& to, std::vector<Finding> from) {
  for (Finding& finding : from) to.push_back(std::move(finding));
}

// What is asked about rooms is asked as their members.
Finding ExamineMembership(const Config& config, const DoctorFlags& flags, const Fetch& fetch) {
  const auto whoami = [&](const std::string& token, const std::string& query) {
    return fetch({.url = config.homeserver.url + "/_matrix/client/v3/account/whoami" + query,
                  .headers = {{"Authorization", "Bearer " + token}}});
  };
  if (flags.user_token.empty()) {
    return {"membership", Verdict::kSkip, "needs an account's access token",
            "FOVEA_USER_TOKEN=... fovea doctor FILE asks as that account"};
  }
  const Probe own = whoami(flags.user_token, "");
  const std::string user = TextOf(BodyOf(own), "user_id");
  if (user.empty()) {
    return {"membership", Verdict::kSkip, Describe(own),
            "--user-token has to be an access token of an account here"};
  }
  return MembershipFinding(
      whoami(config.appservice.as_token, "?user_id=" + wire::PercentEncode(user)), user);
}

// How the focus is to hear who is in a room, with the token that it has for that.
void ExamineWatching(const Config& config, const DoctorFlags& flags, const Fetch& fetch,
                     std::vector<Finding>& out) {
  const Watching watching = WatchingOf(config);
  if (watching == Watching::kNothing) {
    out.push_back(
        {"registration", Verdict::kFail, "appservice.as_token or appservice.hs_token is not set",
         "without them nobody is put out of a call who left its room; `fovea setup` makes "
         "a configuration with both, and the registration for the homeserver"});
    return;
  }
  const bool is_appservice = watching == Watching::kAppservice;
  const std::string& token =
      is_appservice ? config.appservice.as_token : config.homeserver.access_token;
  const auto ask = [&](wire::HttpMethod method, const std::string& target, std::string body) {
    return fetch({.method = method,
                  .url = config.homeserver.url + target,
                  .headers = {{"Authorization", "Bearer " + token}, {"Origin", kOrigin}},
                  .body = std::move(body)});
  };
  using Method = wire::HttpMethod;
  const Probe whoami = ask(Method::kGet, "/_matrix/client/v3/account/whoami", {});
  out.push_back(is_appservice ? RegistrationFinding(whoami, config) : WatcherFinding(whoami));
  const bool is_known = out.back().verdict == Verdict::kPass;
  out.push_back(TransportsFinding(
      ask(Method::kGet, "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports", {}),
      ServiceUrlOf(config.access.public_url)));
  if (!is_appservice) return;
  if (!is_known) {
    out.push_back({"membership", Verdict::kSkip, "needs the registration"});
    out.push_back({"push", Verdict::kSkip, "needs the registration"});
    return;
  }
  out.push_back(ExamineMembership(config, flags, fetch));
  const std::string id = wire::PercentEncode(config.appservice.id);
  out.push_back(PushFinding(ask(Method::kPost, "/_matrix/client/v1/appservice/" + id + "/ping",
                                R"({"transaction_id":"fovea-doctor"})"),
                            config));
}

std::string PlainUrl(const Config& config) {
  const bool is_tls = !config.tls.cert_file.empty() && config.tls.port == 0;
  const std::string& bind = config.bind_addresses.empty() ? "" : config.bind_addresses.front();
  const auto address = NetAddress::Parse(bind, config.port);
  const bool is_named = address.has_value() && bind != "::" && bind != "0.0.0.0";
  const std::string host =
      is_named ? address->ToString() : "127.0.0.1:" + std::to_string(config.port);
  return (is_tls ? "https://" : "http://") + host;
}

// Whether a focus answers at the port that this configuration names.
bool FocusRuns(const Config& config, const Fetch& fetch) {
  if (config.port == 0) return false;
  return fetch({.peer = Peer::kLocal, .url = PlainUrl(config) + "/healthz"}).status() == 200;
}

// What the focus that runs here has heard.
Finding ExamineTransactions(const Config& config, bool focus_runs, std::int64_t now_unix,
                            const Fetch& fetch) {
  if (!focus_runs || config.keys.empty()) {
    return {"transactions", Verdict::kSkip,
            focus_runs ? "there is no API key" : "no focus runs here",
            "start it (fovea serve --config FILE) and ask again"};
  }
  const auto& [key, secret] = *config.keys.begin();
  wire::TokenGrants grants;
  grants.api_key = key;
  grants.identity = "fovea-doctor";
  grants.not_before_unix = now_unix;
  grants.expires_at_unix = now_unix + kTokenSeconds;
  grants.video.emplace().room_list = true;
  return TransactionsFinding(
      fetch({.peer = Peer::kLocal,
             .url = PlainUrl(config) + "/fovea/v1/calls",
             .headers = {{"Authorization", "Bearer " + wire::SignToken(grants, secret)}}}),
      WatchingOf(config) == Watching::kAppservice);
}

// By the port of this machine: what is before it is judged elsewhere, and does not carry media.
Finding ExamineMedia(const Config& config, bool focus_runs, std::int64_t now_unix,
                     DoctorLoop& loop) {
  constexpr const char* kCheck = "media";
  if (!focus_runs || config.keys.empty()) {
    return {kCheck, Verdict::kSkip, focus_runs ? "there is no API key" : "no focus runs here",
            "start it (fovea serve --config FILE) and ask again"};
  }
  const auto trials = loop.TryMedia(Peer::kLocal, [&](std::size_t participant) {
    return PlainUrl(config) + DoctorJoinTarget(config, participant, now_unix);
  });
  if (trials.ok()) return MediaFinding(*trials);
  return {kCheck, Verdict::kFail, "joining a room failed: " + trials.error(),
          "the keys in this configuration have to be those of the focus that runs: restart it"};
}

// Asked by name, or as the focus asks at its start.
std::string StunServer(const Config& config, const DoctorFlags& flags) {
  if (!flags.stun_server.empty()) return flags.stun_server;
  const bool is_named =
      std::any_of(config.server.ice_servers.begin(), config.server.ice_servers.end(),
                  [](const auto& server) { return server.urls.front().starts_with("stun:"); });
  return is_named || config.rtc.use_external_ip ? StunServersOf(config).front() : std::string();
}

std::vector<Finding> ExamineMachine(const Config& config, const DoctorFlags& flags,
                                    std::int64_t now_unix, DoctorLoop& loop) {
  std::vector<Finding> out;
  const Fetch fetch = [&](const ProbeRequest& request) { return loop.Get(request); };
  if (!config.tls.cert_file.empty()) {
    const std::string host = PublicHost(config);
    out.push_back(
        CertificateFileFinding(io::ReadCertificate(config.tls.cert_file, host), host, now_unix));
  }
  const bool focus_runs = FocusRuns(config, fetch);
  if (WatchingOf(config) != Watching::kNothing && config.external.url.empty()) {
    out.push_back(ExamineTransactions(config, focus_runs, now_unix, fetch));
  }
  out.push_back(ExamineTcpPorts(loop.uv(), config, focus_runs));
  if (!config.external.url.empty()) {
    out.push_back({"media", Verdict::kSkip, "rooms and media are at " + config.external.url});
    return out;
  }
  out.push_back(ExamineUdpPorts(config, focus_runs));
  out.push_back(ExamineMedia(config, focus_runs, now_unix, loop));
  std::optional<NetAddress> seen;
  if (const std::string server = StunServer(config, flags); !server.empty()) {
    const Result<NetAddress, std::string> answer = loop.AskStun(server);
    if (answer.ok()) {
      seen = *answer;
    } else {
      out.push_back({"stun", Verdict::kWarn, answer.error(),
                     "name a STUN server that answers, and let UDP out to it"});
    }
  }
  out.push_back(ExamineAddresses(config, seen));
  return out;
}

}  // namespace

std::vector<Finding> ExamineHomeserver(const Config& config, const DoctorFlags& flags,
                                       std::int64_t now_unix, const Fetch& fetch) {
  std::vector<Finding> out;
  const std::string& base = config.homeserver.url;
  if (config.homeserver.name.empty() || base.empty()) {
    return {{"homeserver", Verdict::kSkip, "homeserver.name or homeserver.url is not set",
             "for Matrix calls both are needed; `fovea setup` makes a configuration"}};
  }
  const Probe versions = fetch({.url = base + "/_matrix/client/versions"});
  out.push_back(HomeserverFinding(versions));
  if (out.back().verdict == Verdict::kPass) {
    out.push_back(ClockFinding(versions, now_unix));
    Append(out, FeatureFindings(versions));
    ExamineWatching(config, flags, fetch, out);
    out.push_back(OpenIdFinding(
        fetch({.url = base + "/_matrix/federation/v1/openid/userinfo?access_token=fovea-doctor"})));
  }
  out.push_back(WellKnownFinding(
      FetchAsBrowser("https://" + HostOf(config.homeserver.name) + "/.well-known/matrix/client",
                     fetch),
      ServiceUrlOf(config.access.public_url)));
  return out;
}

std::vector<Finding> ExaminePublicUrl(const Config& config, const DoctorFlags& flags,
                                      std::int64_t now_unix, const Fetch& fetch) {
  std::vector<Finding> out{PublicUrlFinding(config)};
  const std::string service = ServiceUrlOf(config.access.public_url);
  if (service.empty()) return out;
  const Probe health = fetch({.peer = Peer::kPublic, .url = service + "/healthz"});
  if (health.shown.has_value()) {
    out.push_back(CertificateFinding(*health.shown, PublicHost(config), now_unix));
  }
  out.push_back(HealthFinding(health));
  if (out.back().verdict == Verdict::kPass) {
    out.push_back(TokenRouteFinding(
        fetch({.peer = Peer::kPublic,
               .method = wire::HttpMethod::kPost,
               .url = service + "/sfu/get",
               .headers = {{"Origin", kOrigin}, {"Content-Type", "application/json"}},
               .body = "{}"})));
    out.push_back(UpgradeFinding(
        fetch({.peer = Peer::kPublic, .url = service + "/rtc", .headers = UpgradeHeaders()})));
  }
  out.push_back(TryTokenRoundTrip(config, flags.user_token, fetch));
  return out;
}

DoctorReport RunDoctor(const Config& config, const DoctorFlags& flags, std::int64_t now_unix) {
  std::vector<Finding> findings;
  auto loop = DoctorLoop::Make(config, flags.ca_file);
  if (loop.ok()) {
    const Fetch fetch = [&](const ProbeRequest& request) { return (*loop)->Get(request); };
    Append(findings, ExamineHomeserver(config, flags, now_unix, fetch));
    if (!config.homeserver.name.empty()) {
      findings.push_back(FederationFinding(config.homeserver.name,
                                           (*loop)->AskFederation(config.homeserver.name)));
    }
    Append(findings, ExaminePublicUrl(config, flags, now_unix, fetch));
    Append(findings, ExamineMachine(config, flags, now_unix, **loop));
  } else {
    findings.push_back({"certificates", Verdict::kFail, loop.error(),
                        "homeserver.ca_file and --ca-file have to name readable PEM files"});
  }
  return {flags.as_json ? FindingsJson(findings) : FindingsText(findings), HasFailure(findings)};
}

}  // namespace fovea::app
