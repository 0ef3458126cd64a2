#include "signaling/app/config_rules.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "signaling/app/config_values.h"

namespace fovea::app {
namespace {

// Where `setting` stands, if a file, flag or variable has it; the message stands for itself
// otherwise.
ConfigError Wrong(const Config& config, std::string_view setting, std::string message) {
  const auto it = config.places.find(setting);
  const ConfigPlace place = it == config.places.end() ? ConfigPlace{} : it->second;
  return {place.file, place.line, place.column, std::move(message)};
}

void Note(Config& config, std::string_view setting, std::string message) {
  config.notes.push_back(Wrong(config, setting, std::move(message)).ToString());
}

void NoteShortSecrets(Config& config) {
  for (const auto& [key, secret] : config.keys) {
    if (secret.size() >= kSecretCharsMin) continue;
    Note(config, "keys." + key,
         "keys: the secret of " + Quoted(key) + " has " + std::to_string(secret.size()) +
             " characters; use at least " + std::to_string(kSecretCharsMin) +
             ", as `fovea keys` makes them");
  }
}

void NoteIdleWorkers(Config& config) {
  const PortRange& ports = config.rtc.udp_ports;
  const unsigned count = unsigned{ports.last} - ports.first + 1U;
  if (ports.first == 0 || config.rtc.workers <= count) return;
  Note(config, "rtc.workers",
       "rtc.workers: " + std::to_string(config.rtc.workers) + " workers need " +
           std::to_string(config.rtc.workers) + " UDP ports; rtc.udp_port " +
           FormatPortRange(ports) + " has room for " + std::to_string(count));
}

std::optional<ConfigError> CheckWebhook(const Config& config) {
  if (config.webhook.targets.empty()) return std::nullopt;
  if (config.webhook.api_key.empty()) {
    return Wrong(
        config, "webhook.urls",
        "webhook.api_key: expected the API key that signs webhooks, because webhook.urls is set");
  }
  if (!config.keys.contains(config.webhook.api_key)) {
    return Wrong(config, "webhook.api_key",
                 "webhook.api_key: expected one of the API keys in keys, found " +
                     Quoted(config.webhook.api_key));
  }
  return std::nullopt;
}

// Everybody can look these up, and give themselves any token.
std::optional<ConfigError> CheckSampleKeys(const Config& config) {
  const auto sample = std::find_if(config.keys.begin(), config.keys.end(), [](const auto& entry) {
    return (entry.first == kDevApiKey && entry.second == kDevApiSecret) ||
           entry.second == kExampleApiSecret;
  });
  if (config.development || sample == config.keys.end()) return std::nullopt;
  return Wrong(config, "keys." + sample->first,
               "keys: the secret of " + Quoted(sample->first) +
                   " is printed in documentation, so that anybody can sign tokens with it. `fovea "
                   "keys` makes a pair of your own, `fovea setup` a whole configuration, `openssl "
                   "rand -hex 32` a secret; --dev uses " +
                   kDevApiKey + " on this machine only");
}

// The old place counts where the new one is not used.
std::string_view PrometheusSetting(const Config& config) {
  return config.places.contains("prometheus.port") ? "prometheus.port" : "prometheus_port";
}

}  // namespace

std::optional<ConfigError> CompleteConfig(Config& config) {
  if (config.development && config.keys.empty()) {
    config.keys.insert_or_assign(kDevApiKey, kDevApiSecret);
    config.notes.push_back(std::string("keys: none given, so development mode uses ") + kDevApiKey +
                           " and " + kDevApiSecret);
  }
  if (config.keys.empty()) {
    return Wrong(config, "keys",
                 "keys: expected at least one API key and secret. `fovea keys` makes a pair; give "
                 "it in the file under keys, with --keys or in LIVEKIT_KEYS");
  }
  if (std::optional<ConfigError> error = CheckSampleKeys(config)) return error;
  if (!config.page_dir.empty() && !config.development) {
    return Wrong(config, "",
                 "--page: the page gives a token to whoever opens it and is for --dev only");
  }
  if (config.prometheus.port != 0 && config.prometheus.port == config.port) {
    return Wrong(config, PrometheusSetting(config),
                 "prometheus.port: expected another port than port, found " +
                     std::to_string(config.port) + " for both");
  }
  if (std::optional<ConfigError> error = CheckWebhook(config)) return error;
  if (!config.development) NoteShortSecrets(config);
  NoteIdleWorkers(config);
  return std::nullopt;
}

}  // namespace fovea::app
