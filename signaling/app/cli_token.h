// `fovea token` and `fovea keys`: an access token for one participant, and a pair to sign it with.
// Thread: pure functions of flags and surroundings.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sfu/core/result.h"
#include "signaling/app/surroundings.h"

namespace fovea::app {

struct TokenFlags {
  std::string room;
  std::string identity;
  std::string name;
  std::string metadata;
  std::vector<std::string> attributes;  // "key=value"
  std::string valid_for = "1h";
  // Who signs: a pair, or a pair of the configuration, or development mode's.
  std::string api_key;
  std::string api_secret;
  std::string config_file;
  std::string keys;
  bool dev = false;
  // Absent ones are left out of the token and have LiveKit's meaning.
  std::optional<bool> can_publish;
  std::optional<bool> can_subscribe;
  std::optional<bool> can_publish_data;
  std::optional<bool> can_update_own_metadata;
  std::vector<std::string> can_publish_sources;  // camera, microphone, screen_share, ..._audio
  bool room_create = false;
  bool room_list = false;
  bool room_admin = false;
  bool hidden = false;
  bool recorder = false;
};

// The token, or a sentence for the operator.
[[nodiscard]] Result<std::string, std::string> MakeToken(const TokenFlags& flags,
                                                         const Surroundings& surroundings);

struct ApiKeyPair {
  std::string key;     // "API" and 12 letters or digits
  std::string secret;  // 43 letters or digits: 256 bits
};
[[nodiscard]] ApiKeyPair NewApiKeyPair(const Surroundings& surroundings);

}  // namespace fovea::app
