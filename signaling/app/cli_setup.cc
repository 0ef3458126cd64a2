#include "signaling/app/cli_setup.h"

#include <algorithm>
#include <string_view>

#include "signaling/app/cli_token.h"
#include "signaling/app/config_values.h"
#include "signaling/app/setup_advice.h"
#include "signaling/matrix/ids.h"
#include "signaling/wire/url.h"

namespace fovea::app {
namespace {

constexpr const char* kHomeserverUrl = "http://127.0.0.1:8008";
constexpr const char* kStateFile = "/var/lib/fovea/state.db";

std::string Or(const std::string& given, const std::string& otherwise) {
  return given.empty() ? otherwise : given;
}

std::string WithoutSlash(std::string url) {
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}

// "@.*:example\.com", inside a double-quoted YAML text.
std::string UserPattern(std::string_view server_name) {
  std::string out = "@.*:";
  for (const char c : server_name) {
    if (c == '.' || c == '[' || c == ']') out += "\\\\";
    out.push_back(c);
  }
  return out;
}

struct RegistrationFacts {
  std::string id;
  std::string sender_localpart;
  std::string url;
  std::string as_token;
  std::string hs_token;
  std::string server_name;
  bool is_proxied = false;
};

// The homeserver hands token requests on to us under this prefix. Only with delegation: clients
// take any answer there but 404 for the word that this focus takes over their delayed leaves.
std::string ProxyText(const RegistrationFacts& facts) {
  if (!facts.is_proxied) return {};
  return "# Synapse asks the focus for tokens in its users' names, and tells it who is joined. "
         "That needs\n"
         "# msc4512_enabled: true and msc4502_enabled: true under experimental_features in "
         "Synapse.\n"
         "io.element.msc4512.proxy_prefix: \"rtc/livekit\"\n"
         "io.element.msc4512.proxy_url: \"" +
         facts.url +
         "\"\n"
         "io.element.msc4502.scopes: [\"urn:matrix:client:io.element.msc4502:rooms:is_joined\"]\n";
}

std::string RegistrationText(const RegistrationFacts& facts) {
  const auto line = [](const char* key, const std::string& value) {
    return std::string(key) + ": \"" + value + "\"\n";
  };
  return "# Fovea's registration at the homeserver of " + facts.server_name +
         ". Keep it secret: it holds two passwords.\n"
         "# Synapse: name this file under app_service_config_files and restart.\n" +
         line("id", facts.id) + line("url", facts.url) + line("as_token", facts.as_token) +
         line("hs_token", facts.hs_token) + line("sender_localpart", facts.sender_localpart) +
         "rate_limited: false\n"
         // Not by default: with each event Synapse then counts the keys of everybody in the room.
         "# With experimental_features.msc3202_transaction_extensions in Synapse, logged-out "
         "devices\n"
         "# are put out at once instead of within a minute. It costs Synapse work in large rooms.\n"
         "# org.matrix.msc3202: true\n"
         "namespaces:\n"
         "  # Every room with a user of this server in it: that is where calls are. Not "
         "exclusive,\n"
         "  # or nobody but Fovea could use these names.\n"
         "  users:\n"
         "    - regex: \"" +
         UserPattern(facts.server_name) +
         "\"\n"
         "      exclusive: false\n"
         "  aliases: []\n"
         "  rooms: []\n" +
         ProxyText(facts);
}

std::string ConfigText(const SetupFlags& flags, const RegistrationFacts& facts,
                       const ApiKeyPair& pair) {
  const bool own_tls = !flags.cert_file.empty();
  std::string out =
      "# Configuration of Fovea for " + flags.server_name +
      ", made by `fovea setup`.\n"
      "# `fovea config check FILE` finds mistakes, `fovea config print FILE` shows every setting.\n"
      "port: 7880\n";
  if (own_tls) {
    out += "tls:\n  cert_file: \"" + flags.cert_file + "\"\n  key_file: \"" + flags.key_file +
           "\"\n  port: 443\n";
  } else {
    out += "# A reverse proxy on this machine does TLS. On another machine: its address here.\n";
    out += "bind_addresses: [\"127.0.0.1\", \"::1\"]\n";
  }
  out +=
      "rtc:\n  # Open these for UDP to the internet; one for each processor.\n"
      "  udp_port: 7882-7889\n";
  if (!flags.node_ip.empty()) out += "  node_ip: \"" + flags.node_ip + "\"\n";
  out +=
      "room:\n  # Rooms are opened by the token service for those who may, by nobody else.\n"
      "  auto_create: false\n"
      "keys:\n  " +
      pair.key + ": " + pair.secret +
      "\n"
      "homeserver:\n  name: \"" +
      flags.server_name +
      "\"\n"
      "  url: \"" +
      WithoutSlash(Or(flags.homeserver_url, kHomeserverUrl)) +
      "\"\n"
      "appservice:\n  id: \"" +
      facts.id + "\"\n  sender_localpart: \"" + facts.sender_localpart +
      "\"\n"
      "  as_token: \"" +
      facts.as_token +
      "\"\n"
      "  hs_token: \"" +
      facts.hs_token +
      "\"\n"
      "access:\n  public_url: \"wss://" +
      flags.host +
      "\"\n"
      "state:\n  file: \"" +
      kStateFile + "\"\n";
  return out;
}

std::optional<std::string> Check(const SetupFlags& flags) {
  if (!matrix::ServerName::Parse(flags.server_name)) {
    return "--server-name: expected the part of user ids after the colon, such as example.com, "
           "found " +
           Quoted(flags.server_name);
  }
  if (!matrix::ServerName::Parse(flags.host)) {
    return "--host: expected the public name of this focus, such as matrix-rtc.example.com, "
           "without https:// and path, found " +
           Quoted(flags.host);
  }
  for (const auto& [flag, url] : {std::pair{"--homeserver-url", &flags.homeserver_url},
                                  std::pair{"--focus-url", &flags.focus_url}}) {
    if (!url->empty() && !wire::ParseHttpUrl(*url)) {
      return std::string(flag) + ": expected http:// or https:// with a host, found " +
             Quoted(*url);
    }
  }
  if (flags.cert_file.empty() != flags.key_file.empty()) {
    return std::string("--tls-cert and --tls-key go together");
  }
  const auto has_quote = [](const std::string& text) {
    return text.find_first_of("\"\\\n") != std::string::npos;
  };
  if (has_quote(flags.cert_file) || has_quote(flags.key_file) || has_quote(flags.node_ip)) {
    return std::string("quotes and backslashes in a path or address are not possible here");
  }
  return std::nullopt;
}

}  // namespace

Result<SetupFiles, std::string> MakeSetup(const SetupFlags& flags,
                                          const Surroundings& surroundings) {
  if (auto error = Check(flags)) return Failure{*error};
  RegistrationFacts facts;
  facts.id = AppserviceConfig{}.id;
  facts.sender_localpart = AppserviceConfig{}.sender_localpart;
  facts.url = WithoutSlash(Or(flags.focus_url, "http://127.0.0.1:7880"));
  facts.server_name = flags.server_name;
  facts.as_token = NewApiKeyPair(surroundings).secret;
  facts.hs_token = NewApiKeyPair(surroundings).secret;
  SetupFiles files;
  files.registration = RegistrationText(facts);
  files.config = ConfigText(flags, facts, NewApiKeyPair(surroundings));
  files.advice = SetupAdvice({.server_name = flags.server_name,
                              .host = flags.host,
                              .own_tls = !flags.cert_file.empty(),
                              .directory = Or(flags.out_dir, "/etc/fovea")});
  return files;
}

Result<std::string, std::string> RunSetup(const SetupFlags& flags,
                                          const Surroundings& surroundings) {
  const Result<SetupFiles, std::string> files = MakeSetup(flags, surroundings);
  if (!files.ok()) return Failure{files.error()};
  if (flags.out_dir.empty()) {
    return "===== fovea.yaml =====\n" + files->config + "\n===== fovea-registration.yaml =====\n" +
           files->registration + "\n" + files->advice;
  }
  std::string said;
  for (const auto& [name, text] : {std::pair{"fovea.yaml", &files->config},
                                   std::pair{"fovea-registration.yaml", &files->registration}}) {
    const std::string path = WithoutSlash(flags.out_dir) + "/" + name;
    if (auto error = surroundings.write_file(path, *text, flags.force)) {
      return Failure{path + ": " + *error};
    }
    said += "wrote " + path + "\n";
  }
  return said + "\n" + files->advice;
}

Result<std::string, std::string> MakeRegistration(const Config& config,
                                                  const std::string& focus_url) {
  const AppserviceConfig& appservice = config.appservice;
  if (config.homeserver.name.empty()) {
    return Failure{std::string("homeserver.name is not set: whose users should it be about?")};
  }
  if (appservice.as_token.empty() || appservice.hs_token.empty()) {
    return Failure{
        std::string("appservice.as_token and appservice.hs_token are not set; `fovea "
                    "setup` makes a configuration with both")};
  }
  const bool tls_only = !config.tls.cert_file.empty() && config.tls.port == 0;
  const std::string here =
      (tls_only ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(config.port);
  return RegistrationText({.id = appservice.id,
                           .sender_localpart = appservice.sender_localpart,
                           .url = WithoutSlash(Or(focus_url, here)),
                           .as_token = appservice.as_token,
                           .hs_token = appservice.hs_token,
                           .server_name = config.homeserver.name,
                           .is_proxied = config.access.delegation});
}

}  // namespace fovea::app
