#include "signaling/app/cli.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "sfu/core/limits.h"
#include "signaling/app/cli_config.h"
#include "signaling/app/cli_setup.h"
#include "signaling/app/cli_token.h"
#include "signaling/app/config_print.h"
#include "signaling/app/config_yaml.h"
#include "signaling/app/doctor.h"
#include "signaling/app/version.h"

namespace fovea::app {
namespace {

constexpr const char* kExamples = R"(Examples:
  fovea serve --dev                         try it: key devkey, secret secret, on this machine only
  fovea keys                                make an API key and its secret
  fovea setup --server-name example.com --host matrix-rtc.example.com --out /etc/fovea
  fovea config check /etc/fovea/fovea.yaml  say what is wrong with a configuration
  fovea serve --config /etc/fovea/fovea.yaml
  fovea doctor --config /etc/fovea/fovea.yaml  say what keeps calls from working, and the fix
  fovea token --dev --room demo --identity alice

`fovea COMMAND --help` tells more.)";

constexpr const char* kServeExamples = R"(Examples:
  fovea serve --dev
  fovea serve --config /etc/fovea/fovea.yaml
  fovea serve --config livekit.yaml --disable-strict-config
  fovea serve --port 0 --udp-port 0 --keys "key: a-secret-of-32-characters-or-more"

What is given twice is taken from the flag, else from the variable, else from the file.
LIVEKIT_CONFIG is the exception: like --config-body it takes the place of the file.)";

constexpr const char* kTokenExamples = R"(Examples:
  fovea token --dev --room demo --identity alice
  fovea token --config fovea.yaml --room demo --identity watcher --can-publish=false
  fovea token --api-key K --api-secret S --room demo --identity bot --valid-for 24h
  fovea token --config fovea.yaml --room-list --room-create)";

constexpr const char* kSetupExamples = R"(Examples:
  fovea setup --server-name example.com --host matrix-rtc.example.com
  fovea setup --server-name example.com --host matrix-rtc.example.com --out /etc/fovea

Without --out it only shows what it would write.)";

constexpr const char* kDoctorExamples = R"(Examples:
  fovea doctor --config /etc/fovea/fovea.yaml
  fovea doctor --config /etc/fovea/fovea.yaml --stun stun.example.com:3478 --json

Best while `fovea serve` runs with the same configuration. Ends with 1 if a check failed.
It joins a room of its own, hidden, to see whether media gets through. With an account's access
token in FOVEA_USER_TOKEN, it also does what a client of that account does.)";

constexpr const char* kConfigExamples = R"(Examples:
  fovea config check fovea.yaml   prints OK, or the first mistake and ends with 1
  fovea config print fovea.yaml   every setting as it would be used, secrets masked)";

void AddServeFlags(CLI::App& app, ServeFlags& flags) {
  app.add_option("--config-body", flags.config_body,
                 "The configuration itself, as YAML [LIVEKIT_CONFIG]");
  app.add_flag("--dev", flags.dev,
               "Development mode: key devkey, secret secret, loopback only, debug log");
  app.add_flag("--disable-strict-config", flags.disable_strict_config,
               "Unknown keys in the configuration are no errors");
  app.add_option("--page", flags.page_dir, "Folder with the page that --dev shows")
      ->type_name("DIR");
  app.add_option("--port", flags.port, "TCP port for HTTP and WebSocket; 0 takes a free one")
      ->type_name("N");
  app.add_option("--bind", flags.bind, "Address to listen on; may be given several times")
      ->type_name("IP")
      ->expected(1)
      ->take_all();
  app.add_option("--keys", flags.keys, "API keys as \"key: secret\" lines [LIVEKIT_KEYS]");
  app.add_option("--key-file", flags.key_file, "File with API keys, one \"key: secret\" per line")
      ->type_name("FILE");
  app.add_option("--node-ip", flags.node_ip, "Address that clients reach this machine at [NODE_IP]")
      ->type_name("IP");
  app.add_option("--udp-port", flags.udp_port, "UDP port or range for media [UDP_PORT]")
      ->type_name("N|N-M");
  app.add_option("--workers", flags.workers, "Media threads; 0 is one per core but one")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{0}, limits::kWorkersMax));
  app.add_option("--region", flags.region, "Name of the region, told to clients [LIVEKIT_REGION]");
  // LiveKit's that have no use here; an empty group hides them.
  app.add_option("--redis-host", flags.redis_host)->group("");
  app.add_option("--redis-password", flags.redis_password)->group("");
  app.add_option("--turn-cert", flags.turn_cert)->group("");
  app.add_option("--turn-key", flags.turn_key)->group("");
}

// A flag that is absent, true, or "=false".
void AddChoice(CLI::App& app, const char* name, std::optional<bool>& out, const char* help) {
  app.add_flag_function(
      name, [&out](std::int64_t count) { out = count > 0; }, help);
}

void AddTokenFlags(CLI::App& app, TokenFlags& flags) {
  app.add_option("--room", flags.room, "Room to join");
  app.add_option("--identity", flags.identity, "Who joins, unique in the room");
  app.add_option("--name", flags.name, "Name to show");
  app.add_option("--metadata", flags.metadata, "Text that everybody in the room can read");
  app.add_option("--attribute", flags.attributes, "name=value; may be given several times")
      ->expected(1)
      ->take_all();
  app.add_option("--valid-for", flags.valid_for, "How long the token can be used to join")
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_option("--api-key", flags.api_key, "Which key signs");
  app.add_option("--api-secret", flags.api_secret, "The secret of --api-key");
  app.add_option("--config", flags.config_file, "Configuration that holds the keys")
      ->type_name("FILE");
  app.add_option("--keys", flags.keys, "API keys as \"key: secret\" lines");
  app.add_flag("--dev", flags.dev, "Sign with development mode's key");
  AddChoice(app, "--can-publish", flags.can_publish, "=false: may only watch");
  AddChoice(app, "--can-subscribe", flags.can_subscribe, "=false: may only send");
  AddChoice(app, "--can-publish-data", flags.can_publish_data, "=false: may send no messages");
  AddChoice(app, "--can-update-own-metadata", flags.can_update_own_metadata,
            "May change its name, metadata and attributes");
  app.add_option("--can-publish-source", flags.can_publish_sources,
                 "camera, microphone, screen_share or screen_share_audio; only these then")
      ->expected(1)
      ->take_all();
  app.add_flag("--room-create", flags.room_create, "May create and delete rooms");
  app.add_flag("--room-list", flags.room_list, "May list rooms");
  app.add_flag("--room-admin", flags.room_admin, "May moderate --room");
  app.add_flag("--hidden", flags.hidden, "Others are not told of this participant");
  app.add_flag("--recorder", flags.recorder, "Counts as recording the room");
}

void AddSetupFlags(CLI::App& app, SetupFlags& flags) {
  app.add_option("--server-name", flags.server_name, "Your Matrix server, as in user ids")
      ->required();
  app.add_option("--host", flags.host, "Public name of this focus")->required();
  app.add_option("--homeserver-url", flags.homeserver_url,
                 "The homeserver's client API from here; http://127.0.0.1:8008 if not given");
  app.add_option("--focus-url", flags.focus_url,
                 "This focus from the homeserver; http://127.0.0.1:7880 if not given");
  app.add_option("--tls-cert", flags.cert_file, "Certificate with its chain: no proxy then")
      ->type_name("FILE");
  app.add_option("--tls-key", flags.key_file, "Its key")->type_name("FILE");
  app.add_option("--node-ip", flags.node_ip, "Public address, where this machine has another one")
      ->type_name("IP");
  app.add_option("--out", flags.out_dir, "Folder to write both files to")->type_name("DIR");
  app.add_flag("--force", flags.force, "Write over files that are there");
}

void AddDoctorFlags(CLI::App& app, DoctorFlags& flags) {
  app.add_flag("--json", flags.as_json, "An array of {check, verdict, observed, fix}");
  app.add_option("--user-token", flags.user_token,
                 "Access token of an account: do what its client would [FOVEA_USER_TOKEN]");
  app.add_option("--ca-file", flags.ca_file, "PEM file of who vouches for the public hosts here")
      ->type_name("FILE");
  app.add_option("--stun", flags.stun_server,
                 "Ask this STUN server for our public address; rtc.stun_servers if not given")
      ->type_name("HOST:PORT");
}

// Arguments of every command, filled by CLI11.
struct Parsed {
  ServeFlags serve;
  TokenFlags token;
  SetupFlags setup;
  DoctorFlags doctor;
  std::string focus_url;  // of `registration`
};

struct Commands {
  CLI::App app{"Fovea: a media server for calls that speaks the LiveKit protocol", "fovea"};
  CLI::App* serve = nullptr;
  CLI::App* token = nullptr;
  CLI::App* keys = nullptr;
  CLI::App* setup = nullptr;
  CLI::App* doctor = nullptr;
  CLI::App* registration = nullptr;
  CLI::App* check = nullptr;
  CLI::App* print = nullptr;
  CLI::App* version = nullptr;
};

void Declare(Commands& commands, Parsed& parsed) {
  CLI::App& app = commands.app;
  app.require_subcommand(1);
  app.footer(kExamples);
  commands.serve = app.add_subcommand("serve", "Run the server")->footer(kServeExamples);
  commands.serve->add_option("--config", parsed.serve.config_file, "Configuration file")
      ->type_name("FILE");
  AddServeFlags(*commands.serve, parsed.serve);
  commands.token = app.add_subcommand("token", "Print an access token")->footer(kTokenExamples);
  commands.token->alias("create-join-token");  // LiveKit's name
  AddTokenFlags(*commands.token, parsed.token);
  commands.keys = app.add_subcommand("keys", "Make an API key and its secret");
  commands.keys->alias("generate-keys");  // LiveKit's name
  commands.setup = app.add_subcommand("setup", "Make a configuration for a Matrix homeserver");
  commands.setup->footer(kSetupExamples);
  AddSetupFlags(*commands.setup, parsed.setup);
  commands.doctor = app.add_subcommand("doctor", "Say what keeps calls from working");
  commands.doctor->footer(kDoctorExamples);
  commands.doctor->add_option("FILE,--config", parsed.serve.config_file, "Configuration file")
      ->type_name("FILE")
      ->required();
  AddDoctorFlags(*commands.doctor, parsed.doctor);
  commands.registration =
      app.add_subcommand("registration", "Print the application service registration");
  commands.registration->add_option("FILE,--config", parsed.serve.config_file, "Configuration file")
      ->type_name("FILE")
      ->required();
  commands.registration->add_option("--focus-url", parsed.focus_url,
                                    "This focus from the homeserver; loopback if not given");
  CLI::App* config = app.add_subcommand("config", "Check or show a configuration");
  config->require_subcommand(1)->footer(kConfigExamples);
  commands.check = config->add_subcommand("check", "Say whether a file can be served");
  commands.print = config->add_subcommand("print", "Show every setting, secrets masked");
  for (CLI::App* command : {commands.check, commands.print}) {
    command->add_option("FILE,--config", parsed.serve.config_file, "Configuration file")
        ->type_name("FILE");
    AddServeFlags(*command, parsed.serve);
  }
  commands.check->get_option("FILE")->required();
  commands.version = app.add_subcommand("version", "Print the version");
}

Reply Fail(int exit_code, const std::string& message) {
  return {exit_code, "", "fovea: " + message + "\n"};
}

std::string Lines(const std::vector<std::string>& notes) {
  std::string out;
  for (const std::string& note : notes) out += "note: " + note + "\n";
  return out;
}

Action Serve(const ServeFlags& flags, const Surroundings& surroundings) {
  Result<Config, ConfigError> config = BuildConfig(flags, surroundings, ConfigVariable::kRead);
  if (!config.ok()) return Fail(kExitFailed, config.error().ToString());
  return std::move(*config);
}

Reply CheckConfig(const ServeFlags& flags, const Surroundings& surroundings) {
  const auto config = BuildConfig(flags, surroundings, ConfigVariable::kIgnored);
  if (!config.ok()) return Fail(kExitFailed, config.error().ToString());
  return {0, flags.config_file + ": OK\n", Lines(config->notes)};
}

Reply ShowConfig(const ServeFlags& flags, const Surroundings& surroundings) {
  const auto variable =
      flags.config_file.empty() ? ConfigVariable::kRead : ConfigVariable::kIgnored;
  const auto config = BuildConfig(flags, surroundings, variable);
  if (!config.ok()) return Fail(kExitFailed, config.error().ToString());
  return {0, PrintConfig(*config, Secrets::kMasked), ""};
}

Reply PrintToken(const TokenFlags& flags, const Surroundings& surroundings) {
  const Result<std::string, std::string> token = MakeToken(flags, surroundings);
  if (!token.ok()) return Fail(kExitFailed, token.error());
  return {0, *token + "\n", ""};
}

Reply Setup(const SetupFlags& flags, const Surroundings& surroundings) {
  const Result<std::string, std::string> said = RunSetup(flags, surroundings);
  if (!said.ok()) return Fail(kExitFailed, said.error());
  return {0, *said, ""};
}

Reply Doctor(const Parsed& parsed, const Surroundings& surroundings) {
  const auto config = BuildConfig(parsed.serve, surroundings, ConfigVariable::kIgnored);
  if (!config.ok()) return Fail(kExitFailed, config.error().ToString());
  DoctorFlags flags = parsed.doctor;
  if (flags.user_token.empty()) {
    flags.user_token = surroundings.variable("FOVEA_USER_TOKEN").value_or("");
  }
  DoctorReport report = RunDoctor(*config, flags, surroundings.now_unix);
  return {report.has_failure ? kExitFailed : 0, std::move(report.text), ""};
}

Reply PrintRegistration(const Parsed& parsed, const Surroundings& surroundings) {
  const auto config = BuildConfig(parsed.serve, surroundings, ConfigVariable::kIgnored);
  if (!config.ok()) return Fail(kExitFailed, config.error().ToString());
  const Result<std::string, std::string> text = MakeRegistration(*config, parsed.focus_url);
  if (!text.ok()) return Fail(kExitFailed, text.error());
  return {0, *text, ""};
}

Reply PrintKeys(const Surroundings& surroundings) {
  const ApiKeyPair pair = NewApiKeyPair(surroundings);
  return {0,
          "API key:    " + pair.key + "\nAPI secret: " + pair.secret +
              "\n\nIn the configuration file:\nkeys:\n  " + pair.key + ": " + pair.secret + "\n",
          ""};
}

Reply PrintVersion() {
  const livekit::ServerOptions options;
  return {0,
          std::string("fovea ") + kVersion + ", speaks LiveKit protocol " +
              std::to_string(options.announced_protocol) + " as server " +
              options.announced_version + "\n",
          ""};
}

Action Run(const Commands& commands, const Parsed& parsed, const Surroundings& surroundings) {
  if (commands.serve->parsed()) return Serve(parsed.serve, surroundings);
  if (commands.token->parsed()) return PrintToken(parsed.token, surroundings);
  if (commands.keys->parsed()) return PrintKeys(surroundings);
  if (commands.setup->parsed()) return Setup(parsed.setup, surroundings);
  if (commands.doctor->parsed()) return Doctor(parsed, surroundings);
  if (commands.registration->parsed()) return PrintRegistration(parsed, surroundings);
  if (commands.check->parsed()) return CheckConfig(parsed.serve, surroundings);
  if (commands.print->parsed()) return ShowConfig(parsed.serve, surroundings);
  return PrintVersion();
}

// LiveKit's server is started without a command, by flags or by LIVEKIT_CONFIG alone; its Matrix
// token service by LIVEKIT_URL.
bool ServesWithoutCommand(std::span<const std::string> args, const Surroundings& surroundings) {
  if (args.empty()) {
    return !surroundings.variable("LIVEKIT_CONFIG").value_or("").empty() ||
           !surroundings.variable("LIVEKIT_URL").value_or("").empty();
  }
  return args[0].starts_with("--") && args[0] != "--help" && args[0] != "--version";
}

}  // namespace

Action ParseCommandLine(std::span<const std::string> args, const Surroundings& surroundings) {
  if (!args.empty() && args[0] == "--version") return PrintVersion();
  std::vector<std::string> reversed(args.rbegin(), args.rend());  // CLI11 takes from the back
  if (ServesWithoutCommand(args, surroundings)) reversed.emplace_back("serve");
  Parsed parsed;
  Commands commands;
  Declare(commands, parsed);
  if (reversed.empty()) return Reply{kExitUsage, "", commands.app.help()};
  try {
    commands.app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    const CLI::App* asked = &commands.app;
    std::string before;  // "fovea config", so that the usage line can be typed as it is
    while (!asked->get_subcommands().empty()) {
      before += (before.empty() ? "" : " ") + asked->get_name();
      asked = asked->get_subcommands().front();
    }
    return Reply{0, asked->help(before), ""};
  } catch (const CLI::Error& error) {
    return Fail(kExitUsage, std::string(error.what()) + "\n`fovea --help` shows what there is.");
  }
  return Run(commands, parsed, surroundings);
}

int RunCommand(int argc, const char* const* argv, const std::function<int(Config)>& serve) {
  const std::vector<std::string> args(argv + std::min(argc, 1), argv + argc);
  Action action = ParseCommandLine(args, RealSurroundings());
  if (auto* config = std::get_if<Config>(&action)) return serve(std::move(*config));
  const Reply& reply = std::get<Reply>(action);
  std::fputs(reply.out.c_str(), stdout);
  std::fputs(reply.err.c_str(), stderr);
  // A full disk or a closed pipe must not look like a printed token.
  return std::fflush(stdout) == 0 ? reply.exit_code : kExitFailed;
}

}  // namespace fovea::app
