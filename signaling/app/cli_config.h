// From file, environment and flags to one Config. Later in this list wins: defaults, file,
// environment, flags. Thread: pure functions of flags and surroundings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/result.h"
#include "signaling/app/config.h"
#include "signaling/app/config_error.h"
#include "signaling/app/surroundings.h"

namespace fovea::app {

// LiveKit's flags under LiveKit's names, and ours: --page, --port, --workers.
struct ServeFlags {
  std::string config_file;
  std::string config_body;  // takes the place of the file, as LIVEKIT_CONFIG does
  bool dev = false;
  bool disable_strict_config = false;
  std::string page_dir;
  std::optional<std::uint16_t> port;
  std::vector<std::string> bind;
  std::string keys;
  std::string key_file;
  std::string node_ip;
  std::string udp_port;
  std::string region;
  std::optional<std::uint32_t> workers;
  // LiveKit's that have no use here; each leaves a note.
  std::string redis_host;
  std::string redis_password;
  std::string turn_cert;
  std::string turn_key;
};

// Whether LIVEKIT_CONFIG may take the place of the file that the flags name. It does when serving,
// as with LiveKit's server; a file that is to be checked is the one that was named.
enum class ConfigVariable { kRead, kIgnored };

[[nodiscard]] Result<Config, ConfigError> BuildConfig(const ServeFlags& flags,
                                                      const Surroundings& surroundings,
                                                      ConfigVariable variable);

}  // namespace fovea::app
