#include "signaling/app/config_rules.h"

#include <string>

#include "signaling/app/config_values.h"

namespace fovea::app {
namespace {

ConfigError Wrong(std::string message) {
  return {.file = "", .line = 0, .column = 0, .message = std::move(message)};
}

void NoteShortSecrets(Config& config) {
  for (const auto& [key, secret] : config.keys) {
    if (secret.size() >= kSecretCharsMin) continue;
    config.notes.push_back("keys: the secret of " + Quoted(key) + " has " +
                           std::to_string(secret.size()) + " characters; use at least " +
                           std::to_string(kSecretCharsMin) + ", as `fovea keys` makes them");
  }
}

void NoteIdleWorkers(Config& config) {
  const PortRange& ports = config.rtc.udp_ports;
  const unsigned count = unsigned{ports.last} - ports.first + 1U;
  if (ports.first == 0 || config.rtc.workers <= count) return;
  config.notes.push_back("rtc.workers: " + std::to_string(config.rtc.workers) + " workers need " +
                         std::to_string(config.rtc.workers) + " UDP ports; rtc.udp_port " +
                         FormatPortRange(ports) + " has room for " + std::to_string(count));
}

std::optional<ConfigError> CheckWebhook(const Config& config) {
  if (config.webhook.targets.empty()) return std::nullopt;
  if (config.webhook.api_key.empty()) {
    return Wrong(
        "webhook.api_key: expected the API key that signs webhooks, because webhook.urls is set");
  }
  if (!config.keys.contains(config.webhook.api_key)) {
    return Wrong("webhook.api_key: expected one of the API keys in keys, found " +
                 Quoted(config.webhook.api_key));
  }
  return std::nullopt;
}

}  // namespace

std::optional<ConfigError> CompleteConfig(Config& config) {
  if (config.development && config.keys.empty()) {
    config.keys.insert_or_assign(kDevApiKey, kDevApiSecret);
    config.notes.push_back(std::string("keys: none given, so development mode uses ") + kDevApiKey +
                           " and " + kDevApiSecret);
  }
  if (config.keys.empty()) {
    return Wrong(
        "keys: expected at least one API key and secret. `fovea keys` makes a pair; give "
        "it in the file under keys, with --keys or in LIVEKIT_KEYS");
  }
  if (!config.page_dir.empty() && !config.development) {
    return Wrong("--page: the page gives a token to whoever opens it and is for --dev only");
  }
  if (config.prometheus.port != 0 && config.prometheus.port == config.port) {
    return Wrong("prometheus.port: expected another port than port, found " +
                 std::to_string(config.port) + " for both");
  }
  if (std::optional<ConfigError> error = CheckWebhook(config)) return error;
  if (!config.development) NoteShortSecrets(config);
  NoteIdleWorkers(config);
  return std::nullopt;
}

}  // namespace fovea::app
