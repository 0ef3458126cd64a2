// lk-jwt-service's environment variables and the files that hold tokens; matrixrtc reference,
// section 4.10.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "sfu/core/limits.h"
#include "sfu/core/net_address.h"
#include "signaling/app/config.h"
#include "signaling/app/config_matrix.h"
#include "signaling/app/config_values.h"
#include "signaling/app/config_yaml.h"
#include "signaling/app/surroundings.h"
#include "signaling/app/yaml_tree.h"
#include "signaling/matrix/ids.h"
#include "signaling/wire/url.h"

namespace fovea::app {
namespace {

using MaybeError = std::optional<ConfigError>;

// The one text that turns certificate checks off; "true" or "1" do not.
constexpr std::string_view kSkipVerify = "YES_I_KNOW_WHAT_I_AM_DOING";

ConfigError Wrong(const std::string& source, std::string_view expected) {
  return {.file = source, .line = 0, .column = 0, .message = "expected " + std::string(expected)};
}

ConfigError TooManyServers(const std::string& source) {
  return Wrong(source, "at most " + std::to_string(limits::kConfigServersMax) + " servers");
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

std::vector<std::string> SplitCommas(std::string_view text) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view item = Trim(text.substr(0, comma));
    if (!item.empty()) out.emplace_back(item);
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

class Reader {
 public:
  Reader(const Surroundings& surroundings, Config& config)
      : surroundings_(surroundings), config_(config) {}

  MaybeError Run();

 private:
  [[nodiscard]] std::string Variable(const char* name) const {
    return surroundings_.variable(name).value_or("");
  }
  MaybeError ReadText(const std::string& path, std::string& out);
  MaybeError ReadKeys();
  MaybeError ReadFullAccess();
  MaybeError ReadListener();
  MaybeError ReadOverrides();
  MaybeError ReadNumbers();
  MaybeError ReadAppservice();
  MaybeError ReadRegistration(const std::string& path);
  MaybeError ReadTurnSecrets();

  const Surroundings& surroundings_;
  Config& config_;
};

MaybeError Reader::ReadText(const std::string& path, std::string& out) {
  const Result<FileText, std::string> file = surroundings_.read_file(path);
  if (!file.ok()) {
    return ConfigError{
        .file = path, .line = 0, .column = 0, .message = "cannot be read: " + file.error()};
  }
  out = Trim(file->text);
  if (out.empty()) return Wrong(path, "a text, found nothing");
  if (file->others_may_read) {
    config_.notes.push_back(path + ": every user of this machine can read it; chmod 600 it");
  }
  return std::nullopt;
}

MaybeError Reader::ReadKeys() {
  std::string key = Variable("LIVEKIT_KEY");
  std::string secret = Variable("LIVEKIT_SECRET");
  if (const std::string path = Variable("LIVEKIT_KEY_FROM_FILE"); !path.empty()) {
    if (MaybeError error = ReadText(path, key)) return error;
  }
  if (const std::string path = Variable("LIVEKIT_SECRET_FROM_FILE"); !path.empty()) {
    if (MaybeError error = ReadText(path, secret)) return error;
  }
  if (const std::string path = Variable("LIVEKIT_KEY_FILE"); !path.empty()) {
    std::string text;
    if (MaybeError error = ReadText(path, text)) return error;
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) return Wrong(path, "\"key: secret\"");
    key = Trim(std::string_view(text).substr(0, colon));
    secret = Trim(std::string_view(text).substr(colon + 1));
  }
  if (key.empty() && secret.empty()) return std::nullopt;
  if (key.empty()) return Wrong("LIVEKIT_KEY", "an API key, as there is LIVEKIT_SECRET");
  if (secret.empty()) return Wrong("LIVEKIT_SECRET", "a secret, as there is LIVEKIT_KEY");
  // The first key of the map signs; of one that is given here there are no others.
  ForgetKeys(config_.places);
  config_.places["keys." + key] = {.file = "LIVEKIT_SECRET"};
  config_.keys = {{key, secret}};
  return std::nullopt;
}

MaybeError Reader::ReadFullAccess() {
  constexpr const char* kName = "LIVEKIT_FULL_ACCESS_HOMESERVERS";
  const std::vector<std::string> names = SplitCommas(Variable(kName));
  if (names.empty()) {
    const bool needed = !config_.external.url.empty();
    if (!needed ||
        (!surroundings_.variable(kName) && !config_.access.full_access_homeservers.empty())) {
      return std::nullopt;
    }
    return Wrong(kName, "homeservers with commas between them, or \"*\", found nothing");
  }
  if (names.size() > limits::kConfigServersMax) return TooManyServers(kName);
  for (const std::string& name : names) {
    if (name == "*" && names.size() == 1) continue;
    if (!matrix::ServerName::Parse(name)) {
      return Wrong(kName, "server names, or \"*\" alone, found " + Quoted(name));
    }
  }
  config_.access.full_access_homeservers = names;
  return std::nullopt;
}

// ":8080", "8080", "127.0.0.1:8080", "[::1]:8080".
std::optional<ListenerConfig> ParseBind(std::string_view text) {
  ListenerConfig out;
  const std::size_t colon = text.rfind(':');
  std::string_view digits = text;
  if (colon != std::string_view::npos) {
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
      host.remove_prefix(1);
      host.remove_suffix(1);
    }
    if (host == "localhost") host = "127.0.0.1";
    if (!host.empty() && !NetAddress::Parse(host, 0)) return std::nullopt;
    out.address = host;
    digits = text.substr(colon + 1);
  }
  const std::optional<std::int64_t> port = ParseInteger(digits);
  if (!port || *port < 0 || *port > 65535) return std::nullopt;
  out.port = static_cast<std::uint16_t>(*port);
  return out;
}

MaybeError Reader::ReadListener() {
  const bool external = !config_.external.url.empty();
  const std::string bind = Variable("LIVEKIT_JWT_BIND");
  const std::string port = Variable("LIVEKIT_JWT_PORT");
  if (!bind.empty() && !port.empty()) {
    return Wrong("LIVEKIT_JWT_BIND", "this or LIVEKIT_JWT_PORT, found both");
  }
  const std::string text = !bind.empty() ? bind : port;
  if (text.empty() && !external) return std::nullopt;
  const std::optional<ListenerConfig> listener = ParseBind(text.empty() ? ":8080" : text);
  if (!listener) {
    return Wrong(bind.empty() ? "LIVEKIT_JWT_PORT" : "LIVEKIT_JWT_BIND",
                 "an address such as :8080 or 127.0.0.1:8080, found " + Quoted(text));
  }
  if (!external) {
    config_.extra_listeners.push_back(*listener);
    return std::nullopt;
  }
  // A token service alone: its listener is the only one, and no media passes here.
  config_.port = listener->port;
  config_.bind_addresses = {listener->address};
  config_.rtc.udp_ports = {0, 0};
  config_.rtc.workers = 1;
  return std::nullopt;
}

MaybeError Reader::ReadOverrides() {
  constexpr const char* kName = "LIVEKIT_CS_API_URL_OVERRIDES";
  for (const std::string& item : SplitCommas(Variable(kName))) {
    const std::size_t equals = item.find('=');
    const std::string name(Trim(std::string_view(item).substr(0, equals)));
    std::string url(equals == std::string::npos ? std::string_view()
                                                : Trim(std::string_view(item).substr(equals + 1)));
    while (url.ends_with('/')) url.pop_back();
    if (!matrix::ServerName::Parse(name) || !wire::ParseHttpUrl(url)) {
      return Wrong(kName, "server=url with commas between them, found " + Quoted(item));
    }
    config_.federation.cs_api.insert_or_assign(name, std::move(url));
  }
  if (config_.federation.cs_api.size() > limits::kConfigServersMax) return TooManyServers(kName);
  return std::nullopt;
}

MaybeError Reader::ReadNumbers() {
  if (const std::string text = Variable("LIVEKIT_SANITY_CHECK_INTERVAL_SECONDS"); !text.empty()) {
    const std::optional<std::int64_t> seconds = ParseInteger(text);
    if (!seconds || *seconds < 0 || *seconds > 86'400) {
      return Wrong("LIVEKIT_SANITY_CHECK_INTERVAL_SECONDS",
                   "a number of seconds up to 86400, found " + Quoted(text));
    }
    config_.external.sanity_check_interval_s = static_cast<std::uint32_t>(*seconds);
  }
  if (!Variable("LIVEKIT_MEMBERSHIP_CHECK_INTERVAL_SECONDS").empty()) {
    config_.notes.push_back(
        "LIVEKIT_MEMBERSHIP_CHECK_INTERVAL_SECONDS is accepted, not used: with an application "
        "service the homeserver pushes who leaves; in front of another LiveKit server nobody is "
        "put out");
  }
  if (const std::string text = Variable("LIVEKIT_CAN_UPDATE_OWN_METADATA"); !text.empty()) {
    if (text != "true" && text != "false" && text != "1" && text != "0") {
      return Wrong("LIVEKIT_CAN_UPDATE_OWN_METADATA", "true or false, found " + Quoted(text));
    }
    config_.access.can_update_own_metadata = text == "true" || text == "1";
  }
  if (const std::string level = Variable("LIVEKIT_LOG_LEVEL"); !level.empty()) {
    constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warn", "error"};
    if (std::find(kLevels.begin(), kLevels.end(), level) != kLevels.end()) {
      config_.log.level = level;
    } else {
      config_.notes.push_back("LIVEKIT_LOG_LEVEL: expected debug, info, warn or error, found " +
                              Quoted(level) + "; the level stays " + config_.log.level);
    }
  }
  return std::nullopt;
}

// The homeserver's copy of our registration, so that the tokens are written down once.
MaybeError Reader::ReadRegistration(const std::string& path) {
  std::string text;
  if (MaybeError error = ReadText(path, text)) return error;
  const Result<YamlNode, YamlError> parsed = ParseYaml(text);
  if (!parsed.ok()) {
    return ConfigError{path, parsed.error().place.line, parsed.error().place.column,
                       parsed.error().message};
  }
  const auto take = [&](std::string_view key, std::string& out) {
    for (const YamlEntry& entry : parsed->entries) {
      if (entry.key == key && entry.value.kind == YamlNode::Kind::kScalar) out = entry.value.text;
    }
  };
  take("id", config_.appservice.id);
  take("sender_localpart", config_.appservice.sender_localpart);
  take("as_token", config_.appservice.as_token);
  take("hs_token", config_.appservice.hs_token);
  if (config_.appservice.as_token.empty() || config_.appservice.hs_token.empty()) {
    return Wrong(path, "a registration with as_token and hs_token");
  }
  return std::nullopt;
}

MaybeError Reader::ReadAppservice() {
  AppserviceConfig& appservice = config_.appservice;
  if (std::string path = Variable("LIVEKIT_AS_REGISTRATION_FILE"); !path.empty()) {
    appservice.registration_file = std::move(path);
  }
  if (!appservice.registration_file.empty()) {
    if (MaybeError error = ReadRegistration(appservice.registration_file)) return error;
  }
  if (!appservice.as_token_file.empty()) {
    if (MaybeError error = ReadText(appservice.as_token_file, appservice.as_token)) return error;
  }
  if (!appservice.hs_token_file.empty()) {
    if (MaybeError error = ReadText(appservice.hs_token_file, appservice.hs_token)) return error;
  }
  HomeserverConfig& homeserver = config_.homeserver;
  if (!homeserver.access_token_file.empty()) {
    if (MaybeError error = ReadText(homeserver.access_token_file, homeserver.access_token)) {
      return error;
    }
  }
  if (std::string token = Variable("LIVEKIT_AS_TOKEN"); !token.empty()) {
    appservice.as_token = std::move(token);
  }
  if (std::string token = Variable("LIVEKIT_HS_TOKEN"); !token.empty()) {
    appservice.hs_token = std::move(token);
  }
  if (std::string name = Variable("LIVEKIT_HS_SERVER_NAME"); !name.empty()) {
    if (!matrix::ServerName::Parse(name)) {
      return Wrong("LIVEKIT_HS_SERVER_NAME", "a server name, found " + Quoted(name));
    }
    config_.homeserver.name = std::move(name);
  }
  return std::nullopt;
}

MaybeError Reader::ReadTurnSecrets() {
  for (livekit::IceServer& server : config_.server.ice_servers) {
    if (server.secret_file.empty()) continue;
    if (MaybeError error = ReadText(server.secret_file, server.secret)) return error;
  }
  return std::nullopt;
}

MaybeError Reader::Run() {
  const std::string url = Variable("LIVEKIT_URL");
  if (!url.empty() && url != config_.access.public_url) {
    const bool is_ws = url.starts_with("ws://") || url.starts_with("wss://");
    if (!is_ws || !wire::ParseHttpUrl("http" + url.substr(2))) {
      return Wrong("LIVEKIT_URL", "a URL such as wss://livekit.example.com, found " + Quoted(url));
    }
    config_.external.url = url;
    config_.external.redis_url = Variable("LIVEKIT_REDIS_URL");
    config_.external.redis_password = Variable("LIVEKIT_REDIS_PASSWORD");
    // What clients of the reference service are used to.
    if (!config_.access.restricted_can_publish) config_.access.restricted_can_publish = true;
    config_.access.delegation = true;
  } else if (!Variable("LIVEKIT_REDIS_URL").empty()) {
    config_.notes.push_back("LIVEKIT_REDIS_URL is accepted, not used: state.file takes its place");
  }
  if (Variable("LIVEKIT_INSECURE_SKIP_VERIFY_TLS") == kSkipVerify) {
    config_.federation.insecure_skip_verify_tls = true;
    config_.notes.push_back(
        "LIVEKIT_INSECURE_SKIP_VERIFY_TLS: anybody on the path can pass for any homeserver");
    if (!config_.external.url.empty() && config_.federation.allow_networks.empty()) {
      // Where certificates do not matter the homeserver is a test on this machine, and there is no
      // file to open its network with.
      config_.federation.allow_networks = {"127.0.0.0/8", "::1/128"};
      config_.notes.push_back("LIVEKIT_INSECURE_SKIP_VERIFY_TLS: loopback homeservers are allowed");
    }
  }
  if (MaybeError error = ReadKeys()) return error;
  if (MaybeError error = ReadTurnSecrets()) return error;
  if (MaybeError error = ReadFullAccess()) return error;
  if (MaybeError error = ReadListener()) return error;
  if (MaybeError error = ReadOverrides()) return error;
  if (MaybeError error = ReadNumbers()) return error;
  return ReadAppservice();
}

}  // namespace

MaybeError ApplyMatrixSurroundings(const Surroundings& surroundings, Config& config) {
  return Reader(surroundings, config).Run();
}

}  // namespace fovea::app
