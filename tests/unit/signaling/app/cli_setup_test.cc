// What `fovea setup` and `fovea registration` write is what `fovea serve` and a homeserver read.
#include "signaling/app/cli_setup.h"

#include <gmock/gmock.h>

#include <map>

#include "signaling/app/cli.h"
#include "signaling/app/config_yaml.h"
#include "signaling/app/setup_advice.h"
#include "signaling/app/yaml_tree.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Machine {
  std::map<std::string, std::string> files;
  std::uint8_t next = 0;

  Surroundings surroundings() {
    Surroundings out;
    out.variable = [](const std::string&) { return std::nullopt; };
    out.read_file = [this](const std::string& path) -> Result<FileText, std::string> {
      if (!files.contains(path)) return Failure{std::string("No such file or directory")};
      return FileText{files[path], false};
    };
    out.write_file = [this](const std::string& path, const std::string& text,
                            bool replace) -> std::optional<std::string> {
      if (files.contains(path) && !replace) return "it exists; --force writes over it";
      files[path] = text;
      return std::nullopt;
    };
    out.random_bytes = [this](MutableByteSpan bytes) {
      for (std::uint8_t& byte : bytes) byte = next++;
    };
    return out;
  }
};

SetupFlags Flags() {
  SetupFlags flags;
  flags.server_name = "example.com";
  flags.host = "matrix-rtc.example.com";
  return flags;
}

std::string ValueOf(const YamlNode& map, std::string_view key) {
  for (const YamlEntry& entry : map.entries) {
    if (entry.key == key) return entry.value.text;
  }
  return "(absent)";
}

TEST(Setup, WritesAConfigurationThatCanBeServed) {
  Machine machine;
  const auto files = MakeSetup(Flags(), machine.surroundings());
  ASSERT_TRUE(files.ok());
  const auto config = LoadConfig(files->config, {.file_name = "fovea.yaml"});
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->homeserver.name, "example.com");
  EXPECT_EQ(config->homeserver.url, "http://127.0.0.1:8008");
  EXPECT_EQ(config->access.public_url, "wss://matrix-rtc.example.com");
  EXPECT_FALSE(config->server.room.auto_create);
  EXPECT_EQ(config->appservice.hs_token.size(), 43U);
  EXPECT_NE(config->appservice.hs_token, config->appservice.as_token);
  EXPECT_THAT(config->bind_addresses, ElementsAre("127.0.0.1", "::1"));
}

TEST(Setup, ItsRegistrationHasTheSameTokensAndEveryLocalUser) {
  Machine machine;
  const auto files = MakeSetup(Flags(), machine.surroundings());
  const auto config = LoadConfig(files->config, {.file_name = "fovea.yaml"});
  const auto registration = ParseYaml(files->registration);
  ASSERT_TRUE(registration.ok());
  EXPECT_EQ(ValueOf(*registration, "as_token"), config->appservice.as_token);
  EXPECT_EQ(ValueOf(*registration, "hs_token"), config->appservice.hs_token);
  EXPECT_EQ(ValueOf(*registration, "rate_limited"), "false");
  EXPECT_THAT(files->registration, HasSubstr(R"(regex: "@.*:example\\.com")"));
  EXPECT_THAT(files->registration, HasSubstr("exclusive: false"));
  const auto printed = MakeRegistration(*config, "");
  ASSERT_TRUE(printed.ok());
  EXPECT_EQ(*printed, files->registration);
}

TEST(Setup, ItsRegistrationNamesTheSettingsThatItsProxyNeeds) {
  Machine machine;
  const auto files = MakeSetup(Flags(), machine.surroundings());
  Config config = *LoadConfig(files->config, {.file_name = "fovea.yaml"});
  EXPECT_THAT(*MakeRegistration(config, ""), Not(HasSubstr("msc4512")));
  config.access.delegation = true;
  const std::string text = *MakeRegistration(config, "https://focus.example.com/");
  const auto yaml = ParseYaml(text);
  ASSERT_TRUE(yaml.ok());
  EXPECT_EQ(ValueOf(*yaml, "io.element.msc4512.proxy_prefix"), "rtc/livekit");
  EXPECT_EQ(ValueOf(*yaml, "io.element.msc4512.proxy_url"), "https://focus.example.com");
  EXPECT_THAT(text, HasSubstr("msc4512_enabled: true"));
  EXPECT_THAT(text, HasSubstr("msc4502_enabled: true"));
}

TEST(Setup, KeepsTokensOutOfTheAdvice) {
  Machine machine;
  const auto files = MakeSetup(Flags(), machine.surroundings());
  const auto config = LoadConfig(files->config, {.file_name = "fovea.yaml"});
  EXPECT_THAT(files->advice, Not(HasSubstr(config->appservice.as_token)));
  EXPECT_THAT(files->advice, Not(HasSubstr(config->appservice.hs_token)));
  EXPECT_THAT(files->advice, HasSubstr("livekit_service_url: \"https://matrix-rtc.example.com\""));
  EXPECT_THAT(files->advice, HasSubstr("max_event_delay_duration"));
}

// What stands between two marks; the test fails where either is missing.
std::string Between(const std::string& text, const std::string& from, const std::string& to) {
  const std::size_t begin = text.find(from);
  const std::size_t end = begin == std::string::npos ? begin : text.find(to, begin);
  EXPECT_NE(end, std::string::npos) << "no \"" << from << "\" with \"" << to << "\" behind it";
  return end == std::string::npos ? "" : text.substr(begin, end - begin);
}

const YamlNode& At(const YamlNode& map, std::string_view key) {
  static const YamlNode kAbsent;
  for (const YamlEntry& entry : map.entries) {
    if (entry.key == key) return entry.value;
  }
  ADD_FAILURE() << "no " << key;
  return kAbsent;
}

TEST(Setup, PrintsEverySectionWhereNoFilesAreAskedFor) {
  Machine machine;
  const std::vector<std::string> args = {"setup", "--server-name", "example.com", "--host",
                                         "matrix-rtc.example.com"};
  const auto reply = std::get<Reply>(ParseCommandLine(args, machine.surroundings()));
  EXPECT_EQ(reply.exit_code, 0) << reply.err;
  EXPECT_TRUE(machine.files.empty());
  std::size_t at = 0;
  for (const char* section : {"===== fovea.yaml =====", "===== fovea-registration.yaml =====",
                              "\n1. Synapse", "\n2. https://example.com/.well-known/matrix/client",
                              "\n3. A reverse proxy", "\n4. DNS and firewall", "\n5. Start it"}) {
    at = reply.out.find(section, at);
    ASSERT_NE(at, std::string::npos) << section;
  }
  const std::string registration = Between(reply.out, "# Fovea's registration", "\n1. Synapse");
  EXPECT_TRUE(ParseYaml(registration).ok());
  EXPECT_THAT(registration, HasSubstr("\nhs_token: \""));
}

TEST(Setup, ItsLinesForSynapseAreYamlWithTheTransports) {
  Machine machine;
  const std::string advice = MakeSetup(Flags(), machine.surroundings())->advice;
  const auto synapse = ParseYaml(Between(advice, "app_service_config_files:", "# and a listener"));
  ASSERT_TRUE(synapse.ok()) << synapse.error().message;
  const YamlNode& files = At(*synapse, "app_service_config_files");
  ASSERT_EQ(files.items.size(), 1U);
  EXPECT_EQ(files.items[0].text, "/etc/fovea/fovea-registration.yaml");
  for (const char* feature : {"msc4143_enabled", "msc4222_enabled", "msc4354_enabled"}) {
    EXPECT_EQ(At(At(*synapse, "experimental_features"), feature).text, "true") << feature;
  }
  const YamlNode& transports = At(At(*synapse, "matrix_rtc"), "transports");
  ASSERT_EQ(transports.items.size(), 1U);
  EXPECT_EQ(ValueOf(transports.items[0], "type"), "livekit");
  EXPECT_EQ(ValueOf(transports.items[0], "livekit_service_url"), "https://matrix-rtc.example.com");
}

TEST(Setup, PrintsTheWellKnownDocument) {
  Machine machine;
  const std::string advice = MakeSetup(Flags(), machine.surroundings())->advice;
  const std::string section = Between(advice, "\n2. https://", "\n3. ");
  EXPECT_THAT(section, HasSubstr("Access-Control-Allow-Origin: *"));
  const auto document = nlohmann::json::parse(Between(section, "{", "\n\n"));
  EXPECT_EQ(document, nlohmann::json::parse(R"({"org.matrix.msc4143.rtc_foci": [
      {"type": "livekit", "livekit_service_url": "https://matrix-rtc.example.com"}]})"));
}

TEST(Setup, ItsProxiesPassEverythingOnWithUpgrades) {
  Machine machine;
  const auto files = MakeSetup(Flags(), machine.surroundings());
  const auto config = LoadConfig(files->config, {.file_name = "fovea.yaml"});
  const std::string here = "127.0.0.1:" + std::to_string(config->port);
  const std::string section = Between(files->advice, "\n3. A reverse proxy", "\n4. ");
  // Caddy upgrades by itself.
  EXPECT_THAT(section, HasSubstr("matrix-rtc.example.com {\n    reverse_proxy " + here + "\n}"));
  const std::string nginx = Between(section, "# nginx", "\n}\n");
  for (const std::string& line :
       {std::string("listen 443 ssl;"), std::string("server_name matrix-rtc.example.com;"),
        std::string("location / {"), "proxy_pass http://" + here + ";",
        std::string("proxy_http_version 1.1;"),
        std::string("proxy_set_header Upgrade $http_upgrade;"),
        std::string("proxy_set_header Connection \"upgrade\";"),
        std::string("proxy_set_header Host $host;"),
        std::string("proxy_set_header X-Forwarded-For $remote_addr;"),
        std::string("proxy_set_header X-Forwarded-Proto $scheme;")}) {
    EXPECT_THAT(nginx, HasSubstr(line));
  }
}

TEST(Setup, OpensThePortsThatAreConfigured) {
  Machine machine;
  SetupFlags flags = Flags();
  const auto files = MakeSetup(flags, machine.surroundings());
  const auto config = LoadConfig(files->config, {.file_name = "fovea.yaml"});
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  const std::string ports = std::to_string(config->rtc.udp_ports.first) + "-" +
                            std::to_string(config->rtc.udp_ports.last);
  std::string section = Between(files->advice, "\n4. DNS and firewall", "\n5. ");
  EXPECT_THAT(section, HasSubstr("Open TCP 443 (the proxy) and UDP " + ports + ";"));
  EXPECT_THAT(section, HasSubstr("A and AAAA records of matrix-rtc.example.com"));
  flags.cert_file = "/c";
  flags.key_file = "/k";
  const std::string own_tls = MakeSetup(flags, machine.surroundings())->advice;
  section = Between(own_tls, "\n4. DNS and firewall", "\n5. ");
  EXPECT_THAT(section, HasSubstr("Open TCP 443 and UDP " + ports + ";"));
  EXPECT_THAT(own_tls, Not(HasSubstr("reverse_proxy")));
}

TEST(Setup, WithACertificateItListensForTlsOnEveryAddress) {
  Machine machine;
  SetupFlags flags = Flags();
  flags.cert_file = "/etc/fovea/cert.pem";
  flags.key_file = "/etc/fovea/key.pem";
  const auto files = MakeSetup(flags, machine.surroundings());
  const auto config = LoadConfig(files->config, {.file_name = "fovea.yaml"});
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->tls.port, 443);
  EXPECT_EQ(config->tls.cert_file, "/etc/fovea/cert.pem");
  EXPECT_THAT(config->bind_addresses, ElementsAre(""));
}

TEST(Setup, SaysWhichArgumentIsWrong) {
  Machine machine;
  const auto error_of = [&](SetupFlags flags) {
    const auto files = MakeSetup(flags, machine.surroundings());
    return files.ok() ? std::string("none") : files.error();
  };
  SetupFlags flags = Flags();
  flags.host = "https://matrix-rtc.example.com/";
  EXPECT_THAT(error_of(flags), HasSubstr("--host: expected the public name"));
  flags = Flags();
  flags.server_name = "@alice:example.com";
  EXPECT_THAT(error_of(flags), HasSubstr("--server-name: expected the part of user ids"));
  flags = Flags();
  flags.cert_file = "x";
  EXPECT_THAT(error_of(flags), HasSubstr("go together"));
  flags = Flags();
  flags.homeserver_url = "localhost:8008";
  EXPECT_THAT(error_of(flags), HasSubstr("--homeserver-url: expected http://"));
}

TEST(Setup, WritesTwoFilesAndOverNothingUnlessForced) {
  Machine machine;
  const std::vector<std::string> args = {"setup",     "--server-name",          "example.com",
                                         "--host",    "matrix-rtc.example.com", "--out",
                                         "/etc/fovea"};
  const auto first = std::get<Reply>(ParseCommandLine(args, machine.surroundings()));
  EXPECT_EQ(first.exit_code, 0) << first.err;
  ASSERT_TRUE(machine.files.contains("/etc/fovea/fovea.yaml"));
  ASSERT_TRUE(machine.files.contains("/etc/fovea/fovea-registration.yaml"));
  const std::string before = machine.files["/etc/fovea/fovea.yaml"];
  const auto second = std::get<Reply>(ParseCommandLine(args, machine.surroundings()));
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("/etc/fovea/fovea.yaml: it exists; --force"));
  EXPECT_EQ(machine.files["/etc/fovea/fovea.yaml"], before);
  const std::vector<std::string> registration = {"registration", "/etc/fovea/fovea.yaml"};
  const auto printed = std::get<Reply>(ParseCommandLine(registration, machine.surroundings()));
  EXPECT_EQ(printed.out, machine.files["/etc/fovea/fovea-registration.yaml"]);
}

TEST(Setup, TheWellKnownPartIsTheDocumentOfMsc4143) {
  const auto document = nlohmann::json::parse(WellKnownPart("https://matrix-rtc.example.com"));
  EXPECT_EQ(document["org.matrix.msc4143.rtc_foci"][0]["type"], "livekit");
  EXPECT_EQ(document["org.matrix.msc4143.rtc_foci"][0]["livekit_service_url"],
            "https://matrix-rtc.example.com");
}

}  // namespace
}  // namespace fovea::app
