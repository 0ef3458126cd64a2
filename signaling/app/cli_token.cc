#include "signaling/app/cli_token.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "signaling/app/cli_config.h"
#include "signaling/app/config_rules.h"
#include "signaling/app/config_values.h"
#include "signaling/app/config_yaml.h"
#include "signaling/wire/token_grants.h"

namespace fovea::app {
namespace {

constexpr std::string_view kAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kKeyLetters = 12;     // as LiveKit's: 71 bits, unique without being secret
constexpr std::size_t kSecretLetters = 43;  // log2(62) * 43 = 256 bits

std::string RandomLetters(std::size_t count, const Surroundings& surroundings) {
  // Bytes from here on would make the first letters of the alphabet likelier than the others.
  constexpr std::size_t kUsable = 256 - 256 % kAlphabet.size();
  std::string out;
  while (out.size() < count) {
    std::array<std::uint8_t, 64> bytes{};
    surroundings.random_bytes(bytes);
    for (const std::uint8_t byte : bytes) {
      if (out.size() < count && byte < kUsable) out.push_back(kAlphabet[byte % kAlphabet.size()]);
    }
  }
  return out;
}

using KeyResult = Result<ApiKeyPair, std::string>;

KeyResult PickKey(const wire::ApiKeys& keys, const std::string& wanted) {
  if (keys.empty()) return Failure{std::string("there are no API keys to sign with")};
  const auto found = wanted.empty() ? keys.begin() : keys.find(wanted);
  if (found == keys.end())
    return Failure{"there is no API key " + Quoted(wanted) + " to sign with"};
  return ApiKeyPair{found->first, found->second};
}

// The pair to sign with. Flags win over the configuration, and that over the environment.
KeyResult FindKey(const TokenFlags& flags, const Surroundings& surroundings) {
  const auto variable = [&](const char* name) { return surroundings.variable(name).value_or(""); };
  if (!flags.api_secret.empty()) {
    if (flags.api_key.empty()) return Failure{std::string("--api-secret needs --api-key")};
    return ApiKeyPair{flags.api_key, flags.api_secret};
  }
  if (!flags.config_file.empty() || flags.dev || !flags.keys.empty()) {
    ServeFlags serve;
    serve.config_file = flags.config_file;
    serve.keys = flags.keys;
    serve.dev = flags.dev;
    const auto config = BuildConfig(serve, surroundings, ConfigVariable::kIgnored);
    if (!config.ok()) return Failure{config.error().ToString()};
    return PickKey(config->keys, flags.api_key);
  }
  if (flags.api_key.empty() && !variable("LIVEKIT_API_SECRET").empty()) {
    return ApiKeyPair{variable("LIVEKIT_API_KEY"), variable("LIVEKIT_API_SECRET")};
  }
  if (const std::string keys = variable("LIVEKIT_KEYS"); !keys.empty()) {
    ConfigPlaces places;
    const auto read = LoadKeys(keys, "LIVEKIT_KEYS", places);
    if (!read.ok()) return Failure{read.error().ToString()};
    return PickKey(*read, flags.api_key);
  }
  return Failure{std::string(
      "what signs the token? Give --config FILE, --api-key with --api-secret, or --dev")};
}

std::optional<::livekit::TrackSource> SourceOf(std::string_view name) {
  if (name == "camera") return ::livekit::CAMERA;
  if (name == "microphone") return ::livekit::MICROPHONE;
  if (name == "screen_share") return ::livekit::SCREEN_SHARE;
  if (name == "screen_share_audio") return ::livekit::SCREEN_SHARE_AUDIO;
  return std::nullopt;
}

std::optional<std::string> AddVideoGrants(const TokenFlags& flags, wire::TokenGrants& grants) {
  wire::VideoGrants& video = grants.video.emplace();
  video.room_join = !flags.room.empty();
  video.room = flags.room;
  video.room_create = flags.room_create;
  video.room_list = flags.room_list;
  video.room_admin = flags.room_admin;
  video.hidden = flags.hidden;
  video.recorder = flags.recorder;
  video.can_publish = flags.can_publish;
  video.can_subscribe = flags.can_subscribe;
  video.can_publish_data = flags.can_publish_data;
  video.can_update_own_metadata = flags.can_update_own_metadata;
  for (const std::string& name : flags.can_publish_sources) {
    const std::optional<::livekit::TrackSource> source = SourceOf(name);
    if (!source) {
      return "--can-publish-source: expected camera, microphone, screen_share or "
             "screen_share_audio, found " +
             Quoted(name);
    }
    video.can_publish_sources.push_back(*source);
  }
  return std::nullopt;
}

std::optional<std::string> AddAttributes(const TokenFlags& flags, wire::TokenGrants& grants) {
  for (const std::string& attribute : flags.attributes) {
    const std::size_t equals = attribute.find('=');
    if (equals == std::string::npos || equals == 0) {
      return "--attribute: expected name=value, found " + Quoted(attribute);
    }
    grants.attributes.insert_or_assign(attribute.substr(0, equals), attribute.substr(equals + 1));
  }
  return std::nullopt;
}

}  // namespace

Result<std::string, std::string> MakeToken(const TokenFlags& flags,
                                           const Surroundings& surroundings) {
  if (flags.room.empty() && !flags.room_create && !flags.room_list) {
    return Failure{
        std::string("--room: expected the room to join; only --room-create and "
                    "--room-list go without")};
  }
  if (flags.identity.empty() && !flags.room.empty()) {
    return Failure{std::string("--identity: expected who joins, unique in the room")};
  }
  const std::optional<Duration> valid_for = ParseDuration(flags.valid_for);
  if (!valid_for || *valid_for < Seconds(1)) {
    return Failure{"--valid-for: expected a duration such as 30m or 24h, found " +
                   Quoted(flags.valid_for)};
  }
  wire::TokenGrants grants;
  if (auto error = AddVideoGrants(flags, grants)) return Failure{*error};
  if (auto error = AddAttributes(flags, grants)) return Failure{*error};
  const KeyResult pair = FindKey(flags, surroundings);
  if (!pair.ok()) return Failure{pair.error()};
  grants.api_key = pair->key;
  grants.identity = flags.identity;
  grants.name = flags.name;
  grants.metadata = flags.metadata;
  grants.not_before_unix = surroundings.now_unix;
  grants.expires_at_unix = surroundings.now_unix + ToMillis(*valid_for) / 1000;
  return wire::SignToken(grants, pair->secret);
}

ApiKeyPair NewApiKeyPair(const Surroundings& surroundings) {
  return {"API" + RandomLetters(kKeyLetters, surroundings),
          RandomLetters(kSecretLetters, surroundings)};
}

}  // namespace fovea::app
