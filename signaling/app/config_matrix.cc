#include "signaling/app/config_matrix.h"

#include <algorithm>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/app/config.h"
#include "signaling/app/config_section.h"
#include "signaling/app/config_values.h"
#include "signaling/matrix/egress_policy.h"
#include "signaling/matrix/ids.h"
#include "signaling/wire/url.h"

namespace fovea::app {
namespace {

void ReadServerName(Section& section, std::string_view key, std::string& out) {
  std::string text;
  section.Text(key, text);
  if (text.empty()) return;
  if (!matrix::ServerName::Parse(text)) {
    section.Error(*section.Any(key), key,
                  "a server name such as example.com, found " + Quoted(text));
    return;
  }
  out = std::move(text);
}

// An http or https URL, without the slash that people put behind it.
std::optional<std::string> BaseUrl(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  if (!wire::ParseHttpUrl(text)) return std::nullopt;
  return text;
}

void ReadUrl(Section& section, std::string_view key, std::string& out) {
  std::string text;
  section.Text(key, text);
  if (text.empty()) return;
  std::optional<std::string> url = BaseUrl(text);
  if (!url) {
    section.Error(*section.Any(key), key,
                  "a URL such as http://127.0.0.1:8008, found " + Quoted(text));
    return;
  }
  out = *std::move(url);
}

// One of two words.
void ReadWord(Section& section, std::string_view key, std::string_view off, std::string_view on,
              bool& out) {
  std::string word;
  section.Text(key, word);
  if (word.empty()) return;
  if (word != off && word != on) {
    section.Error(*section.Any(key), key,
                  std::string(off) + " or " + std::string(on) + ", found " + Quoted(word));
    return;
  }
  out = word == on;
}

// Messages never quote a token.
void ReadToken(Section& section, const std::string& key, std::string& token, std::string& file) {
  section.Text(key, token);
  section.Text(key + "_file", file);
  if (!token.empty() && !file.empty()) {
    section.Error(*section.Any(key + "_file"), key + "_file", "this or " + key + ", not both");
  }
}

void ReadHomeserver(Section homeserver, HomeserverConfig& out) {
  ReadServerName(homeserver, "name", out.name);
  ReadUrl(homeserver, "url", out.url);
  homeserver.Text("ca_file", out.ca_file);
  ReadToken(homeserver, "access_token", out.access_token, out.access_token_file);
  ReadUrl(homeserver, "well_known_upstream", out.well_known_upstream);
  ReadUrl(homeserver, "well_known_base_url", out.well_known_base_url);
  if (out.name.empty() && !out.url.empty()) {
    homeserver.Error(*homeserver.Any("url"), "url", "homeserver.name beside it");
  }
  homeserver.Finish();
}

void ReadAppservice(Section appservice, AppserviceConfig& out) {
  appservice.Text("id", out.id);
  appservice.Text("sender_localpart", out.sender_localpart);
  ReadToken(appservice, "as_token", out.as_token, out.as_token_file);
  ReadToken(appservice, "hs_token", out.hs_token, out.hs_token_file);
  appservice.Text("registration_file", out.registration_file);
  appservice.Finish();
}

void ReadFullAccess(Section& access, std::vector<std::string>& out) {
  std::vector<std::string> names;
  const YamlNode* value = access.Any("full_access_homeservers");
  access.TextList("full_access_homeservers", names);
  if (names.size() > limits::kConfigServersMax) {
    access.Error(*value, "full_access_homeservers",
                 "at most " + std::to_string(limits::kConfigServersMax) + " servers");
    return;
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == "*" && names.size() == 1) continue;
    if (matrix::ServerName::Parse(names[i])) continue;
    access.Error(value->items[i], "full_access_homeservers",
                 names[i] == "*" ? std::string("\"*\" alone or server names, found both")
                                 : "server names, found " + Quoted(names[i]));
    return;
  }
  out = std::move(names);
}

void ReadNetworks(Section& section, std::string_view key, std::vector<std::string>& out) {
  std::vector<std::string> ranges;
  const YamlNode* value = section.Any(key);
  section.TextList(key, ranges);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (matrix::Cidr::Parse(ranges[i])) continue;
    section.Error(value->items[i], key, "networks such as 10.0.0.0/8, found " + Quoted(ranges[i]));
    return;
  }
  if (ranges.size() > limits::kConfigNetworksMax) {
    section.Error(*value, key,
                  "at most " + std::to_string(limits::kConfigNetworksMax) + " networks");
    return;
  }
  // An empty list that is written down means none, not the default.
  if (value != nullptr) out = std::move(ranges);
}

void ReadAccess(Section access, AccessConfig& out) {
  access.Text("public_url", out.public_url);
  const bool is_ws = out.public_url.starts_with("ws://") || out.public_url.starts_with("wss://");
  if (!out.public_url.empty() &&
      (!is_ws || !wire::ParseHttpUrl("http" + out.public_url.substr(2)))) {
    access.Error(*access.Any("public_url"), "public_url",
                 "a URL such as wss://rtc.example.com, found " + Quoted(out.public_url));
  }
  ReadFullAccess(access, out.full_access_homeservers);
  if (access.Any("restricted_can_publish") != nullptr) {
    bool value = false;
    access.Bool("restricted_can_publish", value);
    out.restricted_can_publish = value;
  }
  ReadWord(access, "room_creation", "strict", "open", out.open_room_creation);
  ReadWord(access, "unknown_room", "allow", "deny", out.deny_unknown_rooms);
  access.Bool("slots_bind_openid", out.slots_bind_openid);
  const YamlNode* delegation = access.Any("delegation");
  if (delegation != nullptr && delegation->quoted) {
    ReadWord(access, "delegation", "off", "on", out.delegation);
  } else {
    access.Bool("delegation", out.delegation);  // on and off are YAML's own words for it
  }
  access.Bool("can_update_own_metadata", out.can_update_own_metadata);
  access.Time("token_ttl", out.token_ttl, Seconds(60), Seconds(24 * 3600));
  Section limit = access.Map("rate_limit");
  limit.Integer("per_second", out.rate_limit.per_second, {0, 1'000'000});
  limit.Integer("burst", out.rate_limit.burst, {1, 1'000'000});
  limit.Finish();
  ReadNetworks(access, "trusted_proxies", out.trusted_proxies);
  access.Finish();
}

void ReadServerMap(Section& section, std::string_view key,
                   std::map<std::string, std::string>& out) {
  const YamlNode* value = section.Any(key);
  if (value == nullptr) return;
  if (value->kind != YamlNode::Kind::kMap) {
    section.Error(*value, key, "lines of \"server name: URL\", found " + Describe(*value));
    return;
  }
  if (value->entries.size() > limits::kConfigServersMax) {
    section.Error(*value, key, "at most " + std::to_string(limits::kConfigServersMax) + " servers");
    return;
  }
  for (const YamlEntry& entry : value->entries) {
    std::optional<std::string> url;
    if (entry.value.kind == YamlNode::Kind::kScalar) url = BaseUrl(entry.value.text);
    if (!matrix::ServerName::Parse(entry.key) || !url) {
      section.findings().Error(entry.place,
                               section.PathOf(key) + ": expected \"server name: URL\", found " +
                                   Quoted(entry.key) + " with " + Describe(entry.value));
      return;
    }
    out.insert_or_assign(entry.key, *std::move(url));
  }
}

void ReadFederation(Section federation, FederationConfig& out) {
  ReadNetworks(federation, "allow_networks", out.allow_networks);
  federation.Text("ca_file", out.ca_file);
  federation.Bool("insecure_skip_verify_tls", out.insecure_skip_verify_tls);
  ReadServerMap(federation, "servers", out.servers);
  ReadServerMap(federation, "cs_api", out.cs_api);
  federation.Finish();
}

}  // namespace

bool ServesMatrix(const Config& config) {
  return !config.homeserver.name.empty() || !config.access.full_access_homeservers.empty();
}

Watching WatchingOf(const Config& config) {
  if (config.homeserver.name.empty() || config.homeserver.url.empty()) return Watching::kNothing;
  const AppserviceConfig& appservice = config.appservice;
  if (!appservice.as_token.empty() && !appservice.hs_token.empty()) return Watching::kAppservice;
  return config.homeserver.access_token.empty() ? Watching::kNothing : Watching::kSync;
}

bool HasFullAccess(const Config& config, const std::string& server_name) {
  const std::vector<std::string>& names = config.access.full_access_homeservers;
  if (names.empty()) return server_name == config.homeserver.name;
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return name == "*" || name == server_name; });
}

void ReadMatrix(Section& top, Config& config) {
  ReadHomeserver(top.Map("homeserver"), config.homeserver);
  ReadAppservice(top.Map("appservice"), config.appservice);
  ReadAccess(top.Map("access"), config.access);
  ReadFederation(top.Map("federation"), config.federation);
  Section state = top.Map("state");
  state.Text("file", config.state.file);
  state.Finish();
  if (config.federation.insecure_skip_verify_tls) {
    config.notes.push_back(
        "federation.insecure_skip_verify_tls: anybody on the path can pass for any homeserver");
  }
}

}  // namespace fovea::app
