#include "signaling/app/cli.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <map>

#include "sfu/core/limits.h"
#include "signaling/app/cli_token.h"
#include "signaling/app/version.h"
#include "signaling/wire/token_grants.h"

namespace fovea::app {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::Pair;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::int64_t kNow = 1'800'000'000;
const char* const kGoodSecret = "0123456789abcdef0123456789abcdef";

// A machine with just the variables and files that a test gives it.
struct Machine {
  std::map<std::string, std::string> variables;
  std::map<std::string, FileText> files;

  Surroundings surroundings() const {
    Surroundings out;
    out.variable = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    };
    out.read_file = [this](const std::string& path) -> Result<FileText, std::string> {
      const auto found = files.find(path);
      if (found == files.end()) return Failure{std::string("No such file or directory")};
      return found->second;
    };
    out.random_bytes = [next = std::uint8_t{0}](MutableByteSpan bytes) mutable {
      for (std::uint8_t& byte : bytes) byte = next++;
    };
    out.now_unix = kNow;
    return out;
  }

  Action Run(const std::vector<std::string>& args) const {
    return ParseCommandLine(args, surroundings());
  }
  // What `fovea ARGS` prints; fails the test if it would serve.
  Reply Print(const std::vector<std::string>& args) const {
    const Action action = Run(args);
    if (const auto* reply = std::get_if<Reply>(&action)) return *reply;
    ADD_FAILURE() << "it serves";
    return {};
  }
  // What `fovea ARGS` serves with; fails the test if it would not.
  Config Serve(const std::vector<std::string>& args) const {
    Action action = Run(args);
    if (auto* config = std::get_if<Config>(&action)) return std::move(*config);
    ADD_FAILURE() << std::get<Reply>(action).err << std::get<Reply>(action).out;
    return {};
  }
};

TEST(CommandLine, WithNothingPrintsTheHelpAndFails) {
  const Reply reply = Machine().Print({});
  EXPECT_EQ(reply.exit_code, kExitUsage);
  EXPECT_THAT(reply.err, HasSubstr("Examples:"));
}

TEST(CommandLine, HelpHasExamplesForEveryCommandThatTakesFlags) {
  const Machine machine;
  EXPECT_THAT(machine.Print({"--help"}).out, HasSubstr("fovea serve --dev"));
  EXPECT_THAT(machine.Print({"serve", "--help"}).out, HasSubstr("LIVEKIT_CONFIG"));
  EXPECT_THAT(machine.Print({"token", "--help"}).out, HasSubstr("--can-publish=false"));
  EXPECT_THAT(machine.Print({"config", "--help"}).out, HasSubstr("fovea config check"));
  EXPECT_THAT(machine.Print({"config", "check", "--help"}).out, HasSubstr("fovea config check"));
  EXPECT_EQ(machine.Print({"token", "--help"}).exit_code, 0);
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"server"},
           {"serve", "--prot", "1"},
           {"serve", "extra"},
           {"serve", "--port"},
           {"serve", "--port", "65536"},
           {"serve", "--port", "x"},
           {"serve", "--workers", std::to_string(limits::kWorkersMax + 1)},
           {"config"},
           {"config", "check"}}) {
    const Reply reply = Machine().Print(args);
    EXPECT_EQ(reply.exit_code, kExitUsage) << args.back();
    EXPECT_THAT(reply.err, StartsWith("fovea: "));
    EXPECT_THAT(reply.out, IsEmpty());
  }
}

TEST(CommandLine, PrintsTheVersionOfTheBuild) {
  std::ifstream file(std::string(FOVEA_SOURCE_DIR) + "/CMakeLists.txt");
  const std::string cmake{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(cmake, HasSubstr(std::string("project(fovea VERSION ") + kVersion + " "));
  EXPECT_THAT(Machine().Print({"version"}).out, StartsWith(std::string("fovea ") + kVersion));
  EXPECT_THAT(Machine().Print({"--version"}).out, StartsWith("fovea "));
}

TEST(Serve, DevModeNeedsNothingElse) {
  const Config config = Machine().Serve({"serve", "--dev", "--page", "pages"});
  EXPECT_TRUE(config.development);
  EXPECT_THAT(config.keys, ElementsAre(Pair("devkey", "secret")));
  EXPECT_THAT(config.bind_addresses, ElementsAre("127.0.0.1", "::1"));
  EXPECT_EQ(config.port, 7880);
  EXPECT_EQ(config.rtc.udp_ports.first, 7882);
  EXPECT_EQ(config.log.level, "debug");
  EXPECT_EQ(config.page_dir, "pages");
}

TEST(Serve, WithoutKeysSaysHowToGetThem) {
  const Reply reply = Machine().Print({"serve"});
  EXPECT_EQ(reply.exit_code, kExitFailed);
  EXPECT_THAT(reply.err, HasSubstr("`fovea keys` makes a pair"));
}

TEST(Serve, FlagsWinOverVariablesAndThoseOverTheFile) {
  Machine machine;
  machine.files["f.yaml"].text =
      "port: 1\nkeys: {file: x}\nregion: file\nrtc: {node_ip: 192.0.2.1, udp_port: 1, workers: "
      "1}\n";
  machine.variables = {{"NODE_IP", "192.0.2.2"},
                       {"UDP_PORT", "2-3"},
                       {"LIVEKIT_REGION", "variable"},
                       {"LIVEKIT_KEYS", "variable: y"}};
  const Config from_variables = machine.Serve({"serve", "--config", "f.yaml"});
  EXPECT_EQ(from_variables.port, 1);
  EXPECT_THAT(from_variables.keys, ElementsAre(Pair("variable", "y")));
  EXPECT_THAT(from_variables.rtc.node_ips, ElementsAre("192.0.2.2"));
  EXPECT_EQ(from_variables.rtc.udp_ports.last, 3);
  EXPECT_EQ(from_variables.server.region, "variable");
  const Config from_flags =
      machine.Serve({"serve", "--config", "f.yaml", "--port", "0", "--keys", "flag: z", "--node-ip",
                     "192.0.2.3", "--udp-port", "0", "--workers", "4", "--region", "flag", "--bind",
                     "::", "--bind", "127.0.0.1"});
  EXPECT_EQ(from_flags.port, 0);
  EXPECT_THAT(from_flags.keys, ElementsAre(Pair("flag", "z")));
  EXPECT_THAT(from_flags.rtc.node_ips, ElementsAre("192.0.2.3"));
  EXPECT_EQ(from_flags.rtc.udp_ports.first, 0);
  EXPECT_EQ(from_flags.rtc.workers, 4U);
  EXPECT_EQ(from_flags.server.region, "flag");
  EXPECT_THAT(from_flags.bind_addresses, ElementsAre("::", "127.0.0.1"));
}

TEST(Serve, IsTheCommandOfFlagsAlone) {
  Machine machine;
  EXPECT_TRUE(machine.Serve({"--dev"}).development);
  machine.variables["LIVEKIT_CONFIG"] = "development: true\nport: 5\n";
  EXPECT_EQ(machine.Serve({}).port, 5);
}

TEST(Serve, TheConfigurationInAVariableTakesThePlaceOfTheFile) {
  Machine machine;
  machine.variables["LIVEKIT_CONFIG"] = "development: true\nport: 5\n";
  const Config config = machine.Serve({"serve", "--config", "f.yaml"});
  EXPECT_EQ(config.port, 5);
  EXPECT_THAT(config.notes,
              Contains("--config f.yaml is not read: LIVEKIT_CONFIG takes its place"));
  EXPECT_EQ(machine.Serve({"serve", "--config-body", "{development: true, port: 6}"}).port, 6);
}

TEST(Serve, NamesTheFileFlagOrVariableOfAMistake) {
  Machine machine;
  machine.files["f.yaml"].text = "prot: 1\n";
  EXPECT_EQ(machine.Print({"serve", "--config", "f.yaml"}).err,
            "fovea: f.yaml:1:1: unknown key \"prot\"; did you mean \"port\"?\n");
  EXPECT_EQ(machine.Print({"serve", "--config", "g.yaml"}).err,
            "fovea: g.yaml: cannot be read: No such file or directory\n");
  EXPECT_EQ(machine.Print({"serve", "--dev", "--bind", "localhost"}).err,
            "fovea: --bind: expected an IP address, or \"\" for all, found \"localhost\"\n");
  EXPECT_THAT(machine.Print({"serve", "--dev", "--udp-port", "x"}).err,
              StartsWith("fovea: --udp-port: "));
  machine.variables = {{"NODE_IP", "x"}};
  EXPECT_THAT(machine.Print({"serve", "--dev"}).err, StartsWith("fovea: NODE_IP: expected "));
  machine.variables = {{"LIVEKIT_CONFIG", "port: x"}};
  EXPECT_THAT(machine.Print({"serve"}).err, StartsWith("fovea: LIVEKIT_CONFIG:1:7: port: "));
}

TEST(Serve, BoundsTheAddressesItListensAt) {
  std::vector<std::string> args{"serve", "--dev"};
  for (std::size_t i = 1; i <= limits::kListenersMax; ++i) {
    args.insert(args.end(), {"--bind", "192.0.2." + std::to_string(i)});
  }
  EXPECT_THAT(Machine().Serve(args).bind_addresses, SizeIs(limits::kListenersMax));
  args.insert(args.end(), {"--bind", "192.0.2.250"});
  EXPECT_EQ(Machine().Print(args).err, "fovea: --bind: expected at most " +
                                           std::to_string(limits::kListenersMax) + " addresses\n");
}

TEST(Serve, RunsSoManyWorkers) {
  EXPECT_EQ(Machine()
                .Serve({"serve", "--dev", "--workers", std::to_string(limits::kWorkersMax)})
                .rtc.workers,
            limits::kWorkersMax);
}

TEST(Serve, UnknownKeysPassWithoutStrictness) {
  Machine machine;
  machine.files["f.yaml"].text = "prot: 1\ndevelopment: true\n";
  EXPECT_THAT(machine.Serve({"--config", "f.yaml", "--disable-strict-config"}).notes,
              Contains(HasSubstr("unknown key \"prot\"")));
}

TEST(Serve, ReadsKeysFromTheKeyFile) {
  Machine machine;
  machine.files["f.yaml"].text = "key_file: keys.yaml\n";
  machine.files["keys.yaml"] = {.text = std::string("k: ") + kGoodSecret + "\n"};
  const Config config = machine.Serve({"--config", "f.yaml"});
  EXPECT_THAT(config.keys, ElementsAre(Pair("k", kGoodSecret)));
  EXPECT_THAT(config.notes, IsEmpty());
}

TEST(Serve, RemarksOnAKeyFileThatOthersCanRead) {
  Machine machine;
  machine.files["k"] = {.text = std::string("k: ") + kGoodSecret, .others_may_read = true};
  EXPECT_THAT(machine.Serve({"--key-file", "k"}).notes, ElementsAre(HasSubstr("chmod 600")));
}

TEST(Serve, RemarksOnShortSecretsWithoutShowingThem) {
  const Config config = Machine().Serve({"--keys", "k: hunter2"});
  EXPECT_THAT(
      config.notes,
      ElementsAre("--keys:1:1: keys: the secret of \"k\" has 7 characters; use at least 32, "
                  "as `fovea keys` makes them"));
}

TEST(Serve, RemarksOnLiveKitFlagsWithoutUse) {
  Machine machine;
  machine.variables["REDIS_PASSWORD"] = "p";
  EXPECT_THAT(machine.Serve({"--dev", "--turn-cert", "c"}).notes,
              AllOf(Contains("REDIS_PASSWORD is accepted, not used: Fovea runs as a single node"),
                    Contains("--turn-cert is accepted, not used: Fovea relays nothing")));
}

TEST(Serve, RefusesWebhooksThatNobodyCanSign) {
  Machine machine;
  machine.files["f.yaml"].text = "keys: {k: s}\nwebhook: {api_key: other, urls: [\"http://h/\"]}\n";
  EXPECT_EQ(machine.Print({"--config", "f.yaml"}).err,
            "fovea: f.yaml:2:11: webhook.api_key: expected one of the API keys in keys, found "
            "\"other\"\n");
}

TEST(Serve, RefusesCredentialsThatArePrintedInDocumentation) {
  Machine machine;
  machine.files["f.yaml"].text = "keys:\n  devkey: secret\n";
  const Reply reply = machine.Print({"--config", "f.yaml"});
  EXPECT_EQ(reply.exit_code, kExitFailed);
  EXPECT_THAT(reply.err, StartsWith("fovea: f.yaml:2:3: keys: the secret of \"devkey\" is printed "
                                    "in documentation, so that anybody can sign tokens with it. "));
  EXPECT_THAT(reply.err, AllOf(HasSubstr("`fovea keys`"), HasSubstr("`openssl rand")));
  EXPECT_THAT(machine.Print({"--keys", "devkey: secret"}).err, StartsWith("fovea: --keys:1:1: "));
  machine.variables = {{"LIVEKIT_KEY", "devkey"}, {"LIVEKIT_SECRET", "secret"}};
  EXPECT_THAT(machine.Print({"serve"}).err, StartsWith("fovea: LIVEKIT_SECRET: keys: "));
  machine.variables.clear();
  std::ifstream example(std::string(FOVEA_SOURCE_DIR) + "/configs/example.yaml");
  machine.files["example.yaml"].text = {std::istreambuf_iterator<char>(example), {}};
  EXPECT_THAT(machine.Print({"--config", "example.yaml"}).err, HasSubstr("\"APIexample\""));
  // On this machine only, they are what everybody's examples use.
  EXPECT_TRUE(machine.Serve({"--dev", "--config", "f.yaml"}).development);
  EXPECT_THAT(machine.Serve({"--keys", "devkey: another"}).notes, SizeIs(1));
}

struct WholeFile {
  const char* yaml;
  const char* begin;  // of what is said
};

class WholeFileRule : public testing::TestWithParam<WholeFile> {};

TEST_P(WholeFileRule, NamesThePlaceOfTheSettingThatItIsAbout) {
  Machine machine;
  machine.files["f.yaml"].text = GetParam().yaml;
  machine.files["empty"].text = "";
  EXPECT_THAT(machine.Print({"config", "check", "f.yaml"}).err, StartsWith(GetParam().begin));
}

constexpr WholeFile kWholeFile[] = {
    {"port: 1\n", "fovea: f.yaml: keys: expected at least one API key"},
    {"port: 1\nkeys:\n", "fovea: f.yaml:2:1: keys: expected at least one API key"},
    {"key_file: empty\n", "fovea: empty: keys: expected at least one API key"},
    {"keys: {k: s}\nwebhook:\n  urls: [\"http://h/\"]\n",
     "fovea: f.yaml:3:3: webhook.api_key: expected the API key that signs"},
    {"keys: {k: s}\nport: 7\nprometheus:\n  username: u\n  port: 7\n",
     "fovea: f.yaml:5:3: prometheus.port: expected another port"},
    {"keys: {k: s}\nprometheus_port: 7\nport: 7\n",
     "fovea: f.yaml:2:1: prometheus.port: expected another port"},
    {"keys:\n  k: short\n", "note: f.yaml:2:3: keys: the secret of \"k\" has 5 characters"},
    {"keys: {k: a-secret-of-more-than-32-characters}\nrtc:\n  udp_port: 7\n  workers: 2\n",
     "note: f.yaml:4:3: rtc.workers: 2 workers need"},
};
INSTANTIATE_TEST_SUITE_P(All, WholeFileRule, testing::ValuesIn(kWholeFile));

TEST(Serve, RefusesThePageOutsideDevelopment) {
  EXPECT_THAT(Machine().Print({"--keys", "k: s", "--page", "p"}).err, HasSubstr("--dev only"));
}

TEST(ConfigCheck, SaysOkAndRemarks) {
  Machine machine;
  machine.files["f.yaml"].text = "keys: {k: short}\n";
  const Reply reply = machine.Print({"config", "check", "f.yaml"});
  EXPECT_EQ(reply.exit_code, 0);
  EXPECT_EQ(reply.out, "f.yaml: OK\n");
  EXPECT_THAT(reply.err,
              StartsWith("note: f.yaml:1:8: keys: the secret of \"k\" has 5 characters"));
}

TEST(ConfigCheck, FailsWithTheMistake) {
  Machine machine;
  machine.files["f.yaml"].text = "rtc:\n  udp_port: x\n";
  const Reply reply = machine.Print({"config", "check", "f.yaml"});
  EXPECT_EQ(reply.exit_code, kExitFailed);
  EXPECT_THAT(reply.err, StartsWith("fovea: f.yaml:2:13: rtc.udp_port: expected "));
}

TEST(ConfigCheck, LooksAtTheNamedFileWhateverTheVariableSays) {
  Machine machine;
  machine.files["f.yaml"].text = "foo: 1\n";
  machine.variables["LIVEKIT_CONFIG"] = "development: true\n";
  EXPECT_EQ(machine.Print({"config", "check", "f.yaml"}).exit_code, kExitFailed);
}

TEST(ConfigPrint, ShowsWhatIsInEffectAndNoSecrets) {
  Machine machine;
  machine.files["f.yaml"].text = std::string("port: 1234\nkeys: {k: ") + kGoodSecret + "}\n";
  const Reply reply = machine.Print({"config", "print", "f.yaml", "--workers", "3"});
  EXPECT_EQ(reply.exit_code, 0);
  EXPECT_THAT(reply.out, AllOf(HasSubstr("port: 1234\n"), HasSubstr("workers: 3\n"),
                               HasSubstr("k: \"********\"\n"), Not(HasSubstr(kGoodSecret))));
}

TEST(Keys, MakesAPairThatServesWithoutRemarks) {
  const Reply reply = Machine().Print({"keys"});
  EXPECT_THAT(reply.out,
              MatchesRegex("API key:    API[0-9A-Za-z]{12}\nAPI secret: [0-9A-Za-z]{43}\n(.|\n)*"));
  EXPECT_EQ(Machine().Print({"generate-keys"}).out, reply.out);
}

TEST(Keys, SkipsBytesThatWouldFavourSomeLetters) {
  Surroundings surroundings = Machine().surroundings();
  surroundings.random_bytes = [next = std::uint8_t{240}](MutableByteSpan bytes) mutable {
    for (std::uint8_t& byte : bytes) byte = next++;
  };
  // 240 to 247 are the last eight letters; 248 to 255 would be the first eight once too often.
  EXPECT_EQ(NewApiKeyPair(surroundings).key, "APIstuvwxyz0123");
}

wire::TokenGrants Verified(const Reply& reply, const wire::ApiKeys& keys) {
  EXPECT_EQ(reply.exit_code, 0) << reply.err;
  const std::string token = reply.out.substr(0, reply.out.find('\n'));
  const auto grants = wire::VerifyToken(token, keys, kNow);
  EXPECT_TRUE(grants.ok());
  return grants.ok() ? *grants : wire::TokenGrants{};
}

TEST(Token, InDevModeIsSignedWithItsKey) {
  const auto grants =
      Verified(Machine().Print({"token", "--dev", "--room", "r", "--identity", "i"}),
               {{"devkey", "secret"}});
  ASSERT_TRUE(grants.video);
  EXPECT_TRUE(grants.video->room_join);
  EXPECT_EQ(grants.video->room, "r");
  EXPECT_EQ(grants.identity, "i");
  EXPECT_EQ(grants.expires_at_unix, kNow + 3600);
  EXPECT_EQ(grants.not_before_unix, kNow);
  EXPECT_EQ(grants.video->can_publish, std::nullopt);
}

TEST(Token, CarriesEveryGrantAsked) {
  const auto grants = Verified(Machine().Print({"token",
                                                "--api-key",
                                                "k",
                                                "--api-secret",
                                                kGoodSecret,
                                                "--room",
                                                "r",
                                                "--identity",
                                                "i",
                                                "--name",
                                                "n",
                                                "--metadata",
                                                "m",
                                                "--attribute",
                                                "a=b=c",
                                                "--attribute",
                                                "d=",
                                                "--valid-for",
                                                "90m",
                                                "--can-publish=false",
                                                "--can-subscribe",
                                                "--can-publish-data=false",
                                                "--can-update-own-metadata",
                                                "--can-publish-source",
                                                "camera",
                                                "--can-publish-source",
                                                "screen_share",
                                                "--room-create",
                                                "--room-list",
                                                "--room-admin",
                                                "--hidden",
                                                "--recorder"}),
                               {{"k", kGoodSecret}});
  ASSERT_TRUE(grants.video);
  EXPECT_EQ(grants.name, "n");
  EXPECT_EQ(grants.metadata, "m");
  EXPECT_THAT(grants.attributes, ElementsAre(Pair("a", "b=c"), Pair("d", "")));
  EXPECT_EQ(grants.expires_at_unix, kNow + 5400);
  EXPECT_EQ(grants.video->can_publish, false);
  EXPECT_EQ(grants.video->can_subscribe, true);
  EXPECT_EQ(grants.video->can_publish_data, false);
  EXPECT_EQ(grants.video->can_update_own_metadata, true);
  EXPECT_THAT(grants.video->can_publish_sources,
              ElementsAre(::livekit::CAMERA, ::livekit::SCREEN_SHARE));
  EXPECT_TRUE(grants.video->room_create && grants.video->room_list && grants.video->room_admin);
  EXPECT_TRUE(grants.video->hidden && grants.video->recorder);
}

TEST(Token, TakesItsKeyFromConfigurationOrEnvironment) {
  Machine machine;
  machine.files["f.yaml"].text = "keys: {a: s1, b: s2}\n";
  const std::vector<std::string> base = {"token", "--room", "r", "--identity", "i"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return machine.Print(more);
  };
  EXPECT_EQ(Verified(with({"--config", "f.yaml"}), {{"a", "s1"}}).api_key, "a");
  EXPECT_EQ(Verified(with({"--config", "f.yaml", "--api-key", "b"}), {{"b", "s2"}}).api_key, "b");
  EXPECT_EQ(Verified(with({"--keys", "c: s3"}), {{"c", "s3"}}).api_key, "c");
  machine.variables = {{"LIVEKIT_KEYS", "d: s4"}};
  EXPECT_EQ(Verified(with({}), {{"d", "s4"}}).api_key, "d");
  machine.variables = {{"LIVEKIT_API_KEY", "e"}, {"LIVEKIT_API_SECRET", "s5"}};
  EXPECT_EQ(Verified(with({}), {{"e", "s5"}}).api_key, "e");
  EXPECT_EQ(with({"--config", "f.yaml", "--api-key", "x"}).err,
            "fovea: there is no API key \"x\" to sign with\n");
}

TEST(Token, SaysWhatIsMissing) {
  const Machine machine;
  EXPECT_THAT(machine.Print({"token", "--dev", "--identity", "i"}).err,
              HasSubstr("--room: expected"));
  EXPECT_THAT(machine.Print({"token", "--dev", "--room", "r"}).err,
              HasSubstr("--identity: expected"));
  EXPECT_THAT(machine.Print({"token", "--room", "r", "--identity", "i"}).err,
              HasSubstr("what signs the token?"));
  EXPECT_THAT(
      machine.Print({"token", "--dev", "--room", "r", "--identity", "i", "--valid-for", "5"}).err,
      HasSubstr("--valid-for: expected a duration such as 30m"));
  EXPECT_THAT(
      machine.Print({"token", "--dev", "--room", "r", "--identity", "i", "--attribute", "x"}).err,
      HasSubstr("--attribute: expected name=value"));
  EXPECT_THAT(
      machine
          .Print({"token", "--dev", "--room", "r", "--identity", "i", "--can-publish-source", "tv"})
          .err,
      HasSubstr("--can-publish-source: expected camera"));
}

TEST(Token, ForAServerApiNeedsNoRoom) {
  const auto grants =
      Verified(Machine().Print({"token", "--dev", "--room-list"}), {{"devkey", "secret"}});
  ASSERT_TRUE(grants.video);
  EXPECT_FALSE(grants.video->room_join);
  EXPECT_TRUE(grants.video->room_list);
}

}  // namespace
}  // namespace fovea::app
