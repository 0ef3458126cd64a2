#include "signaling/app/config_matrix.h"

#include <gmock/gmock.h>

#include "sfu/core/limits.h"
#include "signaling/app/cli_config.h"
#include "signaling/app/config_print.h"
#include "signaling/app/config_yaml.h"

namespace fovea::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

// A machine with these variables and files.
struct Machine {
  std::map<std::string, std::string> variables = {};
  std::map<std::string, std::string> files = {};

  [[nodiscard]] Surroundings Get() const {
    Surroundings out;
    out.variable = [this](const std::string& name) -> std::optional<std::string> {
      const auto it = variables.find(name);
      return it == variables.end() ? std::nullopt : std::optional(it->second);
    };
    out.read_file = [this](const std::string& path) -> Result<FileText, std::string> {
      const auto it = files.find(path);
      if (it == files.end()) return Failure{std::string("no such file")};
      return FileText{.text = it->second};
    };
    return out;
  }
  [[nodiscard]] Result<Config, ConfigError> Build(const std::string& yaml = "") const {
    ServeFlags flags;
    flags.config_body = yaml.empty() ? "{}" : yaml;
    flags.keys = "key: a-secret-that-is-32-characters-long";
    return BuildConfig(flags, Get(), ConfigVariable::kIgnored);
  }
  [[nodiscard]] std::string Error(const std::string& yaml = "") const {
    const auto config = Build(yaml);
    return config.ok() ? "" : config.error().ToString();
  }
};

const std::string kSharedTurn = "rtc: {turn_servers: [{host: h, secret_file: /turn}]}";

TEST(TurnSecret, IsReadFromItsFile) {
  const Machine machine{.files = {{"/turn", " north\n"}}};
  const auto config = machine.Build(kSharedTurn);
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->server.ice_servers.front().secret, "north");
}

TEST(TurnSecret, AFileThatIsNotThereIsAnError) {
  EXPECT_EQ(Machine().Error(kSharedTurn), "/turn: cannot be read: no such file");
}

std::string ErrorOf(std::string_view yaml) {
  const auto config = LoadConfig(yaml, {.file_name = "f.yaml"});
  return config.ok() ? "" : config.error().ToString();
}

constexpr const char* kEverything = R"(
homeserver: {name: example.com, url: "http://127.0.0.1:8008/", ca_file: /ca.pem}
appservice: {id: focus, sender_localpart: bot, as_token: as-secret, hs_token: hs-secret}
access:
  public_url: wss://rtc.example.com/livekit
  full_access_homeservers: [example.com, "other.example:8448"]
  restricted_can_publish: true
  room_creation: open
  unknown_room: deny
  slots_bind_openid: true
  delegation: on
  token_ttl: 10m
  rate_limit: {per_second: 100, burst: 200}
  trusted_proxies: [192.0.2.0/24]
federation:
  allow_networks: [127.0.0.0/8, "fd00::/8"]
  ca_file: /federation.pem
  insecure_skip_verify_tls: true
  servers: {other.example: "https://10.0.0.1:8448"}
  cs_api: {other.example: "https://matrix.other.example/"}
state: {file: /var/lib/fovea/state.db}
)";

TEST(ConfigMatrix, ReadsEveryBlock) {
  const auto config = LoadConfig(kEverything, {.file_name = "f.yaml"});
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->homeserver.name, "example.com");
  EXPECT_EQ(config->homeserver.url, "http://127.0.0.1:8008") << "without the slash";
  EXPECT_EQ(config->appservice.id, "focus");
  EXPECT_EQ(config->access.public_url, "wss://rtc.example.com/livekit");
  EXPECT_EQ(config->access.restricted_can_publish, true);
  EXPECT_TRUE(config->access.open_room_creation);
  EXPECT_TRUE(config->access.deny_unknown_rooms);
  EXPECT_TRUE(config->access.slots_bind_openid);
  EXPECT_TRUE(config->access.delegation);
  EXPECT_EQ(config->access.token_ttl, Seconds(600));
  EXPECT_EQ(config->access.rate_limit.burst, 200U);
  EXPECT_THAT(config->access.trusted_proxies, ElementsAre("192.0.2.0/24"));
  EXPECT_THAT(config->federation.allow_networks, ElementsAre("127.0.0.0/8", "fd00::/8"));
  EXPECT_TRUE(config->federation.insecure_skip_verify_tls);
  EXPECT_THAT(config->federation.servers,
              ElementsAre(Pair("other.example", "https://10.0.0.1:8448")));
  EXPECT_THAT(config->federation.cs_api,
              ElementsAre(Pair("other.example", "https://matrix.other.example")));
  EXPECT_EQ(config->state.file, "/var/lib/fovea/state.db");
}

TEST(ConfigMatrix, IsPrintedAsItWouldBeReadAgainWithoutSecrets) {
  const auto config = LoadConfig(kEverything, {.file_name = "f.yaml"});
  const std::string shown = PrintConfig(*config, Secrets::kShown);
  const auto again = LoadConfig(shown, {.file_name = "again.yaml"});
  ASSERT_TRUE(again.ok()) << again.error().ToString();
  Config compared = *again;
  compared.notes = config->notes;
  EXPECT_EQ(PrintConfig(compared, Secrets::kShown), shown);
  const std::string masked = PrintConfig(*config, Secrets::kMasked);
  EXPECT_THAT(masked, Not(HasSubstr("as-secret")));
  EXPECT_THAT(masked, Not(HasSubstr("hs-secret")));
}

TEST(ConfigMatrix, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(ErrorOf("homeserver: {name: 'a b'}"), HasSubstr("f.yaml:1:20: homeserver.name"));
  EXPECT_THAT(ErrorOf("homeserver: {url: 'ftp://x'}"), HasSubstr("homeserver.url"));
  EXPECT_THAT(ErrorOf("homeserver: {url: 'http://x'}"), HasSubstr("homeserver.name beside it"));
  EXPECT_THAT(ErrorOf("homeserver: {names: x}"), HasSubstr("did you mean \"name\""));
  EXPECT_THAT(ErrorOf("access: {public_url: 'https://x'}"), HasSubstr("wss://"));
  EXPECT_THAT(ErrorOf("access: {full_access_homeservers: ['*', a.example]}"), HasSubstr("alone"));
  EXPECT_THAT(ErrorOf("access: {room_creation: maybe}"), HasSubstr("strict or open"));
  EXPECT_THAT(ErrorOf("access: {token_ttl: 1s}"), HasSubstr("access.token_ttl"));
  EXPECT_THAT(ErrorOf("federation: {allow_networks: [10.0.0.0/99]}"), HasSubstr("10.0.0.0/99"));
  EXPECT_THAT(ErrorOf("federation: {servers: {'a b': 'https://x'}}"), HasSubstr("server name"));
  const std::string both = ErrorOf("appservice: {as_token: canary, as_token_file: /f}");
  EXPECT_THAT(both, HasSubstr("not both"));
  EXPECT_THAT(both, Not(HasSubstr("canary")));
}

// The numbers from 0 on, each with these texts around it, and commas between them.
std::string Many(std::size_t count, const std::string& before, const std::string& behind) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += (i == 0 ? "" : ", ") + before + std::to_string(i) + behind;
  }
  return out;
}

TEST(ConfigMatrix, BoundsEachListOfServers) {
  constexpr std::size_t kMost = limits::kConfigServersMax;
  const auto full_access = [](std::size_t count) {
    return ErrorOf("access: {full_access_homeservers: [" + Many(count, "s", ".example") + "]}");
  };
  EXPECT_EQ(full_access(kMost), "");
  EXPECT_THAT(full_access(kMost + 1),
              HasSubstr("f.yaml:1:35: access.full_access_homeservers: expected at most " +
                        std::to_string(kMost) + " servers"));
  for (const std::string key : {"servers", "cs_api"}) {
    const auto map = [&](std::size_t count) {
      return ErrorOf("federation: {" + key + ": {" + Many(count, "s", ": 'http://h'") + "}}");
    };
    EXPECT_EQ(map(kMost), "");
    EXPECT_THAT(map(kMost + 1), HasSubstr(": federation." + key + ": expected at most " +
                                          std::to_string(kMost) + " servers"))
        << key;
  }
}

TEST(ConfigMatrix, BoundsEachListOfNetworks) {
  constexpr std::size_t kMost = limits::kConfigNetworksMax;
  for (const auto& [section, key] :
       {std::pair<std::string, std::string>{"access", "trusted_proxies"},
        {"federation", "allow_networks"}}) {
    const auto error = [&, &section = section, &key = key](std::size_t count) {
      return ErrorOf(section + ": {" + key + ": [" + Many(count, "10.", ".0.0/16") + "]}");
    };
    EXPECT_EQ(error(kMost), "");
    EXPECT_THAT(error(kMost + 1), HasSubstr(key + ": expected at most " + std::to_string(kMost)));
  }
}

TEST(ConfigMatrix, ServesNobodyUnlessToldWhom) {
  Config config;
  EXPECT_FALSE(ServesMatrix(config));
  config.homeserver.name = "example.com";
  EXPECT_TRUE(ServesMatrix(config));
  EXPECT_TRUE(HasFullAccess(config, "example.com"));
  EXPECT_FALSE(HasFullAccess(config, "other.example"));
  config.access.full_access_homeservers = {"other.example"};
  EXPECT_FALSE(HasFullAccess(config, "example.com"));
  config.access.full_access_homeservers = {"*"};
  EXPECT_TRUE(HasFullAccess(config, "anything.example"));
}

TEST(ConfigMatrix, ReadsTokensFromFiles) {
  const Machine machine{
      .files = {{"/as", "as-secret\n"}, {"/reg", "id: focus\nas_token: a\nhs_token: h\n"}}};
  EXPECT_EQ(machine.Build("appservice: {as_token_file: /as}")->appservice.as_token, "as-secret");
  const auto registered = machine.Build("appservice: {registration_file: /reg}");
  EXPECT_EQ(registered->appservice.id, "focus");
  EXPECT_EQ(registered->appservice.hs_token, "h");
  EXPECT_THAT(machine.Error("appservice: {hs_token_file: /none}"), HasSubstr("/none: cannot be"));
}

TEST(ConfigMatrixEnvironment, IsThatOfTheReferenceService) {
  Machine machine;
  machine.variables = {{"LIVEKIT_URL", "wss://livekit.example.com"},
                       {"LIVEKIT_KEY", "devkey"},
                       {"LIVEKIT_SECRET", "devsecret"},
                       {"LIVEKIT_JWT_BIND", "127.0.0.1:8080"},
                       {"LIVEKIT_FULL_ACCESS_HOMESERVERS", "a.example, b.example:8448"},
                       {"LIVEKIT_CS_API_URL_OVERRIDES", "a.example=http://127.0.0.1:1/"},
                       {"LIVEKIT_SANITY_CHECK_INTERVAL_SECONDS", "5"},
                       {"LIVEKIT_LOG_LEVEL", "debug"},
                       {"LIVEKIT_REDIS_URL", "redis://x"},
                       {"LIVEKIT_REDIS_PASSWORD", "of-redis"}};
  const auto config = machine.Build();
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->external.url, "wss://livekit.example.com");
  EXPECT_THAT(config->keys, ElementsAre(Pair("devkey", "devsecret")));
  EXPECT_EQ(config->port, 8080);
  EXPECT_THAT(config->bind_addresses, ElementsAre("127.0.0.1"));
  EXPECT_EQ(config->rtc.udp_ports.first, 0) << "no media passes here";
  EXPECT_THAT(config->access.full_access_homeservers, ElementsAre("a.example", "b.example:8448"));
  EXPECT_EQ(config->access.restricted_can_publish, true);
  EXPECT_THAT(config->federation.cs_api, ElementsAre(Pair("a.example", "http://127.0.0.1:1")));
  EXPECT_EQ(config->external.sanity_check_interval_s, 5U);
  EXPECT_EQ(config->log.level, "debug");
  EXPECT_EQ(config->external.redis_url, "redis://x");
  EXPECT_EQ(config->external.redis_password, "of-redis");
}

TEST(ConfigMatrixEnvironment, OnlyWarnsOfALogLevelThatIsNone) {
  for (const char* level : {"loud", "DEBUG", "trace"}) {
    Machine machine;
    machine.variables = {{"LIVEKIT_LOG_LEVEL", level}};
    const auto config = machine.Build("log_level: warn");
    ASSERT_TRUE(config.ok()) << config.error().ToString();
    EXPECT_EQ(config->log.level, "warn");
    EXPECT_THAT(config->notes,
                testing::Contains("LIVEKIT_LOG_LEVEL: expected debug, info, warn or error, found "
                                  "\"" +
                                  std::string(level) + "\"; the level stays warn"));
  }
}

TEST(ConfigMatrixEnvironment, NeedsFullAccessHomeserversInFrontOfAnotherServer) {
  Machine machine;
  machine.variables = {{"LIVEKIT_URL", "wss://livekit.example.com"}};
  EXPECT_THAT(machine.Error(), HasSubstr("LIVEKIT_FULL_ACCESS_HOMESERVERS"));
  machine.variables["LIVEKIT_FULL_ACCESS_HOMESERVERS"] = " , ";
  EXPECT_THAT(machine.Error(), HasSubstr("LIVEKIT_FULL_ACCESS_HOMESERVERS"));
  machine.variables["LIVEKIT_FULL_ACCESS_HOMESERVERS"] = "*";
  EXPECT_EQ(machine.Error(), "");
  machine.variables["LIVEKIT_FULL_ACCESS_HOMESERVERS"] = "*,a.example";
  EXPECT_THAT(machine.Error(), HasSubstr("alone"));
}

TEST(ConfigMatrixEnvironment, BoundsEachListOfServers) {
  constexpr std::size_t kMost = limits::kConfigServersMax;
  const std::string why = "expected at most " + std::to_string(kMost) + " servers";
  const std::map<std::string, std::string> behind{
      {"LIVEKIT_FULL_ACCESS_HOMESERVERS", ".example"},
      {"LIVEKIT_CS_API_URL_OVERRIDES", ".example=http://h"}};
  for (const auto& [name, text] : behind) {
    Machine machine;
    machine.variables = {{name, Many(kMost, "s", text)}};
    EXPECT_EQ(machine.Error(), "");
    machine.variables = {{name, Many(kMost + 1, "s", text)}};
    EXPECT_EQ(machine.Error(), name + ": " + why);
  }
}

TEST(ConfigMatrixEnvironment, TakesAnAddressWithOrWithoutColon) {
  for (const char* bind : {":8081", "8081"}) {
    Machine machine;
    machine.variables = {{"LIVEKIT_JWT_BIND", bind}};
    const auto config = machine.Build();
    ASSERT_TRUE(config.ok()) << bind;
    ASSERT_EQ(config->extra_listeners.size(), 1U);
    EXPECT_EQ(config->extra_listeners[0].port, 8081);
    EXPECT_EQ(config->extra_listeners[0].address, "");
    EXPECT_EQ(config->port, 7880) << "the focus keeps its own";
  }
  Machine machine;
  machine.variables = {{"LIVEKIT_JWT_PORT", "8081"}};
  EXPECT_EQ(machine.Build()->extra_listeners[0].port, 8081);
  machine.variables["LIVEKIT_JWT_BIND"] = ":8080";
  EXPECT_THAT(machine.Error(), HasSubstr("found both"));
  machine.variables = {{"LIVEKIT_JWT_BIND", "example.com:80"}};
  EXPECT_THAT(machine.Error(), HasSubstr("LIVEKIT_JWT_BIND"));
}

TEST(ConfigMatrixEnvironment, TurnsCertificateChecksOffByOneTextOnly) {
  for (const char* text : {"true", "1", "yes_i_know_what_i_am_doing", "YES"}) {
    Machine machine;
    machine.variables = {{"LIVEKIT_INSECURE_SKIP_VERIFY_TLS", text}};
    EXPECT_FALSE(machine.Build()->federation.insecure_skip_verify_tls) << text;
  }
  Machine machine;
  machine.variables = {{"LIVEKIT_INSECURE_SKIP_VERIFY_TLS", "YES_I_KNOW_WHAT_I_AM_DOING"}};
  EXPECT_TRUE(machine.Build()->federation.insecure_skip_verify_tls);
  EXPECT_TRUE(machine.Build()->federation.allow_networks.empty()) << "addresses are another matter";
}

TEST(ConfigMatrixEnvironment, ReadsKeysFromFiles) {
  Machine machine{.variables = {{"LIVEKIT_KEY_FILE", "/both"}}, .files = {{"/both", "k: s\n"}}};
  EXPECT_THAT(machine.Build()->keys, ElementsAre(Pair("k", "s")));
  machine = {.variables = {{"LIVEKIT_KEY_FROM_FILE", "/k"}, {"LIVEKIT_SECRET_FROM_FILE", "/s"}},
             .files = {{"/k", "key"}, {"/s", "secret\n"}}};
  EXPECT_THAT(machine.Build()->keys, ElementsAre(Pair("key", "secret")));
  machine = {.variables = {{"LIVEKIT_KEY", "key"}}};
  EXPECT_THAT(machine.Error(), HasSubstr("LIVEKIT_SECRET"));
}

}  // namespace
}  // namespace fovea::app
