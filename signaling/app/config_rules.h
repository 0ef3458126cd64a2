// What holds between settings, once file, environment and flags have spoken. Thread: pure function.
#pragma once

#include <cstddef>
#include <optional>

#include "signaling/app/config.h"
#include "signaling/app/config_error.h"

namespace fovea::app {

// LiveKit's figure: an HMAC-SHA256 secret with fewer characters is within reach of guessing.
inline constexpr std::size_t kSecretCharsMin = 32;

// LiveKit's placeholder keys, which its SDKs and examples use in development mode.
inline constexpr const char* kDevApiKey = "devkey";
inline constexpr const char* kDevApiSecret = "secret";

// Stands in configs/example.yaml.
inline constexpr const char* kExampleApiSecret = "replace-this-by-the-output-of-fovea-keys";

// Gives development mode its keys where there are none, adds notes about what is allowed and
// unwise, and says what cannot be started.
[[nodiscard]] std::optional<ConfigError> CompleteConfig(Config& config);

}  // namespace fovea::app
