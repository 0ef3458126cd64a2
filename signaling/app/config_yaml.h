// LiveKit's configuration file (config-sample.yaml of livekit-server 1.9 to 1.13), and ours, which
// is the same with a few keys more, as app::Config. Every key of LiveKit's is known: what Fovea
// makes no use of is accepted and leaves a note. No file is read here. Thread: pure functions, any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "sfu/core/result.h"
#include "signaling/app/config.h"
#include "signaling/app/config_error.h"
#include "signaling/wire/token_grants.h"

namespace fovea::app {

struct LoadOptions {
  std::string file_name;     // for messages
  bool strict = true;        // false: unknown keys are notes
  bool development = false;  // as if the file said so; it may say so itself
};

// An empty text gives the defaults. Development changes defaults: debug log, loopback listener,
// loopback candidates. Of several mistakes the first in the file is reported.
[[nodiscard]] Result<Config, ConfigError> LoadConfig(std::string_view yaml_text,
                                                     const LoadOptions& options);

// What a key file, --keys and LIVEKIT_KEYS hold: "key: secret" on each line. `places` is told where
// they stand, and forgets other keys.
[[nodiscard]] Result<wire::ApiKeys, ConfigError> LoadKeys(std::string_view yaml_text,
                                                          const std::string& file_name,
                                                          ConfigPlaces& places);

}  // namespace fovea::app
