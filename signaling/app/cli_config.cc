#include "signaling/app/cli_config.h"

#include <string>
#include <string_view>
#include <utility>

#include "sfu/core/limits.h"
#include "sfu/core/net_address.h"
#include "signaling/app/config_rules.h"
#include "signaling/app/config_values.h"
#include "signaling/app/config_yaml.h"

namespace fovea::app {
namespace {

// A value and the flag or variable that it came from.
struct Given {
  std::string value;
  std::string source;
};

// Empty values are as good as none: containers often pass empty variables.
Given FlagOrVariable(const std::string& flag_value, const char* flag, const char* variable,
                     const Surroundings& surroundings) {
  if (!flag_value.empty()) return {flag_value, flag};
  return {surroundings.variable(variable).value_or(""), variable};
}

ConfigError Expected(const std::string& source, std::string_view expected) {
  return {.file = source, .message = "expected " + std::string(expected)};
}

Result<FileText, ConfigError> Read(const std::string& path, const Surroundings& surroundings) {
  Result<FileText, std::string> file = surroundings.read_file(path);
  if (file.ok()) return std::move(*file);
  return Failure{ConfigError{.file = path, .message = "cannot be read: " + file.error()}};
}

Result<Config, ConfigError> LoadBase(const ServeFlags& flags, const Surroundings& surroundings,
                                     ConfigVariable variable) {
  LoadOptions options;
  options.strict = !flags.disable_strict_config;
  options.development = flags.dev;
  Given body{flags.config_body, "--config-body"};
  if (variable == ConfigVariable::kRead) {
    body = FlagOrVariable(flags.config_body, "--config-body", "LIVEKIT_CONFIG", surroundings);
  }
  if (!body.value.empty()) {
    options.file_name = body.source;
    Result<Config, ConfigError> config = LoadConfig(body.value, options);
    if (config.ok() && !flags.config_file.empty()) {
      config->notes.push_back("--config " + flags.config_file + " is not read: " + body.source +
                              " takes its place");
    }
    return config;
  }
  if (flags.config_file.empty()) return LoadConfig("", options);
  const Result<FileText, ConfigError> file = Read(flags.config_file, surroundings);
  if (!file.ok()) return Failure{file.error()};
  options.file_name = flags.config_file;
  return LoadConfig(file->text, options);
}

// A key file wins over keys given directly, and flags over the file.
std::optional<ConfigError> ApplyKeys(const ServeFlags& flags, const Surroundings& surroundings,
                                     Config& config) {
  const Given keys = FlagOrVariable(flags.keys, "--keys", "LIVEKIT_KEYS", surroundings);
  if (!flags.key_file.empty()) {
    config.key_file = flags.key_file;
  } else if (!keys.value.empty()) {
    config.key_file.clear();
    Result<wire::ApiKeys, ConfigError> read = LoadKeys(keys.value, keys.source, config.places);
    if (!read.ok()) return read.error();
    config.keys = std::move(*read);
  }
  if (config.key_file.empty()) return std::nullopt;
  const Result<FileText, ConfigError> file = Read(config.key_file, surroundings);
  if (!file.ok()) return file.error();
  Result<wire::ApiKeys, ConfigError> read = LoadKeys(file->text, config.key_file, config.places);
  if (!read.ok()) return read.error();
  config.keys = std::move(*read);
  if (file->others_may_read) {
    config.notes.push_back(config.key_file +
                           ": every user of this machine can read the secrets; chmod 600 it");
  }
  return std::nullopt;
}

std::optional<ConfigError> ApplyAddresses(const ServeFlags& flags, const Surroundings& surroundings,
                                          Config& config) {
  for (const std::string& address : flags.bind) {
    if (address.empty() || NetAddress::Parse(address, 0)) continue;
    return Expected("--bind", "an IP address, or \"\" for all, found " + Quoted(address));
  }
  if (flags.bind.size() > limits::kListenersMax) {
    return Expected("--bind", "at most " + std::to_string(limits::kListenersMax) + " addresses");
  }
  if (!flags.bind.empty()) config.bind_addresses = flags.bind;
  const Given node_ip = FlagOrVariable(flags.node_ip, "--node-ip", "NODE_IP", surroundings);
  if (!node_ip.value.empty()) {
    Result<std::vector<std::string>, std::string> ips = ParseNodeIps(node_ip.value);
    if (!ips.ok()) return Expected(node_ip.source, ips.error());
    config.rtc.node_ips = std::move(*ips);
  }
  const Given udp_port = FlagOrVariable(flags.udp_port, "--udp-port", "UDP_PORT", surroundings);
  if (!udp_port.value.empty()) {
    const Result<PortRange, std::string> ports = ParsePortRange(udp_port.value);
    if (!ports.ok()) return Expected(udp_port.source, ports.error());
    config.rtc.udp_ports = *ports;
  }
  return std::nullopt;
}

void NoteUnusedFlags(const ServeFlags& flags, const Surroundings& surroundings, Config& config) {
  const auto note = [&](const std::string& value, const char* flag, const char* variable,
                        std::string_view why) {
    const Given given = FlagOrVariable(value, flag, variable, surroundings);
    if (given.value.empty()) return;
    config.notes.push_back(given.source + " is accepted, not used: " + std::string(why));
  };
  note(flags.redis_host, "--redis-host", "REDIS_HOST", "Fovea runs as a single node");
  note(flags.redis_password, "--redis-password", "REDIS_PASSWORD", "Fovea runs as a single node");
  note(flags.turn_cert, "--turn-cert", "LIVEKIT_TURN_CERT", "Fovea relays nothing");
  note(flags.turn_key, "--turn-key", "LIVEKIT_TURN_KEY", "Fovea relays nothing");
}

}  // namespace

Result<Config, ConfigError> BuildConfig(const ServeFlags& flags, const Surroundings& surroundings,
                                        ConfigVariable variable) {
  Result<Config, ConfigError> config = LoadBase(flags, surroundings, variable);
  if (!config.ok()) return config;
  if (auto error = ApplyKeys(flags, surroundings, *config)) return Failure{*error};
  if (auto error = ApplyMatrixSurroundings(surroundings, *config)) return Failure{*error};
  if (auto error = ApplyAddresses(flags, surroundings, *config)) return Failure{*error};
  if (flags.port) config->port = *flags.port;
  if (flags.workers) {
    config->rtc.workers = *flags.workers;
    config->places.erase("rtc.workers");
  }
  if (!flags.page_dir.empty()) config->page_dir = flags.page_dir;
  const Given region = FlagOrVariable(flags.region, "--region", "LIVEKIT_REGION", surroundings);
  if (!region.value.empty()) config->server.region = region.value;
  NoteUnusedFlags(flags, surroundings, *config);
  if (auto error = CompleteConfig(*config)) {
    // About the whole: the file is named where there is one.
    if (error->file.empty()) error->file = flags.config_file;
    return Failure{*error};
  }
  return config;
}

}  // namespace fovea::app
