#include "signaling/app/doctor_homeserver.h"

#include <cstdlib>

#include "signaling/app/homeserver_client.h"
#include "signaling/matrix/leave_job.h"

namespace fovea::app {
namespace {

// Larger hides clocks that drift; smaller warns of a slow network. What checks our tokens forgives
// less than a minute.
constexpr std::int64_t kSkewMaxSeconds = 30;

struct Feature {
  const char* check;
  const char* name;  // in unstable_features
  const char* what;
  Verdict without;
  const char* fix;
};

// state_after in sync (MSC4222) is not among them: Synapse does not tell whether it is on.
constexpr Feature kFeatures[] = {
    {"delayed-events", "org.matrix.msc4140", "delayed events (MSC4140)", Verdict::kFail,
     "without them whoever loses the connection stays in the call for hours; add to "
     "homeserver.yaml and restart:\nmax_event_delay_duration: 24h"},
    {"sticky-events", "org.matrix.msc4354", "sticky events (MSC4354)", Verdict::kWarn,
     "the newer kind of membership needs them; add to homeserver.yaml and restart:\n"
     "experimental_features:\n  msc4354_enabled: true"},
};

Finding FeatureFinding(const Feature& feature, const nlohmann::json& features) {
  const auto found = features.find(feature.name);
  if (found != features.end() && found->is_boolean() && found->get<bool>()) {
    return {feature.check, Verdict::kPass, std::string(feature.what) + ": on"};
  }
  return {feature.check, feature.without, std::string(feature.what) + ": off", feature.fix};
}

}  // namespace

Finding HomeserverFinding(const Probe& versions) {
  const nlohmann::json body = BodyOf(versions);
  if (versions.status() == 200 && body.contains("versions")) {
    return {"homeserver", Verdict::kPass, Describe(versions)};
  }
  if (versions.status() == 200) {
    return {"homeserver", Verdict::kFail, Describe(versions) + ", but not as a homeserver does",
            "homeserver.url has to be the client-server API: for Synapse a listener with the "
            "resource client"};
  }
  return {"homeserver", Verdict::kFail, Describe(versions),
          "set homeserver.url to where the homeserver's client-server API is from here, and start "
          "it; homeserver.ca_file names who vouches for a private certificate"};
}

Finding ClockFinding(const Probe& versions, std::int64_t now_unix) {
  if (!versions.response.has_value()) return {"clock", Verdict::kSkip, Describe(versions)};
  const auto header = versions.response->Header("Date");
  const auto date = header.has_value() ? matrix::ReadHttpDate(*header) : std::nullopt;
  if (!date.has_value()) {
    return {"clock", Verdict::kSkip, versions.url + " says no time"};
  }
  const std::int64_t skew = now_unix - *date;
  const std::string observed = "this clock is " + std::to_string(std::abs(skew)) + " s " +
                               (skew < 0 ? "behind" : "ahead of") + " the homeserver's";
  if (std::abs(skew) <= kSkewMaxSeconds) return {"clock", Verdict::kPass, observed};
  return {"clock", Verdict::kFail, observed,
          "tokens will be refused as expired or not valid yet; set both clocks: timedatectl "
          "set-ntp true"};
}

std::vector<Finding> FeatureFindings(const Probe& versions) {
  const nlohmann::json body = BodyOf(versions);
  const auto found = body.find("unstable_features");
  const nlohmann::json features =
      found != body.end() && found->is_object() ? *found : nlohmann::json::object();
  std::vector<Finding> out;
  for (const Feature& feature : kFeatures) out.push_back(FeatureFinding(feature, features));
  return out;
}

Finding RegistrationFinding(const Probe& whoami, const Config& config) {
  const std::string expected =
      "@" + config.appservice.sender_localpart + ":" + config.homeserver.name;
  const std::string user = TextOf(BodyOf(whoami), "user_id");
  if (whoami.status() == 200 && user == expected) {
    return {"registration", Verdict::kPass, "appservice.as_token is that of " + user};
  }
  if (whoami.status() == 200) {
    return {"registration", Verdict::kFail,
            "appservice.as_token is that of " + user + ", not of " + expected,
            "homeserver.name, appservice.as_token and appservice.sender_localpart have to be those "
            "of the registration that the homeserver has; `fovea registration FILE` prints it"};
  }
  if (whoami.status() == 401 || whoami.status() == 403) {
    return {"registration", Verdict::kFail,
            Describe(whoami) + ": the homeserver does not know appservice.as_token",
            "write what `fovea registration FILE` prints to a file, name it under "
            "app_service_config_files in homeserver.yaml and restart the homeserver"};
  }
  return {"registration", Verdict::kFail, Describe(whoami),
          "homeserver.url has to be the client-server API of the homeserver"};
}

Finding MembershipFinding(const Probe& whoami, const std::string& user) {
  if (whoami.status() == 200 && TextOf(BodyOf(whoami), "user_id") == user) {
    return {"membership", Verdict::kPass,
            "this focus may ask who is in a room, as somebody in it (tried: " + user + ")"};
  }
  return {"membership", Verdict::kFail, Describe(whoami) + " as " + user,
          "the registration has to cover the homeserver's users (namespaces, users, exclusive: "
          "false), or changes that nobody pushed are never noticed: write what `fovea registration "
          "FILE` prints over that file and restart the homeserver"};
}

Finding WatcherFinding(const Probe& whoami) {
  const std::string user = TextOf(BodyOf(whoami), "user_id");
  if (whoami.status() == 200 && !user.empty()) {
    return {"watcher", Verdict::kPass,
            "membership comes by /sync of " + user + ", in the rooms where that account is"};
  }
  return {"watcher", Verdict::kFail, Describe(whoami),
          "homeserver.access_token has to be that of an account of this homeserver, in the rooms "
          "with calls; an application service (`fovea setup`) needs neither"};
}

Finding PushFinding(const Probe& ping, const Config& config) {
  if (ping.status() == 200) {
    return {"push", Verdict::kPass, "the homeserver reaches this focus with the right hs_token"};
  }
  if (!ping.response.has_value()) {
    return {"push", Verdict::kFail, Describe(ping), "the homeserver has to answer within 10 s"};
  }
  const std::string problem = PingProblem(*ping.response, config.homeserver.url);
  const nlohmann::json body = BodyOf(ping);
  const auto status = body.find("status");
  const int seen = status != body.end() && status->is_number_integer() ? status->get<int>() : 0;
  if (seen == 401 || seen == 403) {
    return {"push", Verdict::kFail,
            "the focus answered " + std::to_string(seen) + " to the homeserver's hs_token",
            "hs_token in the homeserver's registration is not appservice.hs_token: write what "
            "`fovea registration FILE` prints over that file and restart the homeserver"};
  }
  if (ping.status() == 401 || ping.status() == 403) {
    return {"push", Verdict::kFail, problem,
            "id and as_token in the homeserver's registration have to be appservice.id and "
            "appservice.as_token: `fovea registration FILE` prints them"};
  }
  return {"push", Verdict::kFail, problem,
          "start the focus (`fovea serve --config FILE`) if it is not running; url in the "
          "homeserver's registration has to be where the homeserver reaches it"};
}

Finding TransactionsFinding(const Probe& calls, bool is_appservice) {
  constexpr const char* kCheck = "transactions";
  const nlohmann::json body = BodyOf(calls);
  const auto heard = body.find("homeserver");
  if (calls.status() != 200 || heard == body.end() || !heard->is_object()) {
    return {kCheck, Verdict::kFail, Describe(calls),
            "the keys in this configuration have to be those of the focus that runs: restart it"};
  }
  const auto age = heard->find("heard_seconds_ago");
  if (age != heard->end() && age->is_number()) {
    return {kCheck, Verdict::kPass,
            "the focus was told what happens in rooms " +
                std::to_string(static_cast<std::int64_t>(age->get<double>())) + " s ago"};
  }
  return {
      kCheck, Verdict::kWarn, "the focus was told nothing of rooms since it was started",
      is_appservice
          ? "write a message in a room of the homeserver and ask again: kicks and bans come the "
            "same way. If nothing does and the finding push is well, the registration's "
            "namespaces cover too little: `fovea registration FILE` prints it"
          : "the account of homeserver.access_token has to be able to sync: see the log"};
}

Finding FederationFinding(const std::string& server_name,
                          const std::optional<LookupError>& answer) {
  constexpr const char* kCheck = "federation";
  if (answer == LookupError::kRefused) {
    return {kCheck, Verdict::kPass,
            "other servers find " + server_name + " and can check its users' OpenID tokens"};
  }
  return {kCheck, Verdict::kWarn,
          "nobody checks OpenID tokens where other servers look for " + server_name,
          "its users get no tokens at the foci of other servers: https://" + server_name +
              "/.well-known/matrix/server, a DNS record _matrix-fed._tcp or port 8448 has to lead "
              "to a listener with the resource federation or openid and a certificate for its "
              "name. Where nobody federates, nothing is wrong"};
}

Finding OpenIdFinding(const Probe& userinfo) {
  const std::string code = TextOf(BodyOf(userinfo), "errcode");
  if (userinfo.status() == 401 && code == "M_UNKNOWN_TOKEN") {
    return {"openid", Verdict::kPass, "the homeserver checks OpenID tokens"};
  }
  if (userinfo.status() == 404) {
    return {"openid", Verdict::kFail, Describe(userinfo),
            "nobody can be given a token; add the resource openid (or federation) to the listener "
            "behind homeserver.url and restart:\nresources:\n  - names: [client, openid]"};
  }
  return {"openid", Verdict::kFail,
          Describe(userinfo) + "; 401 (M_UNKNOWN_TOKEN) would be right for a token that nobody has",
          "homeserver.url has to lead to the homeserver's resource openid or federation, with "
          "nothing between that answers for it"};
}

}  // namespace fovea::app
