// app::Config as YAML, in the form LoadConfig reads. Thread: pure function, any thread.
#pragma once

#include <string>

#include "signaling/app/config.h"

namespace fovea::app {

enum class Secrets { kMasked, kShown };

// Every setting, defaults included; notes are comments at the end. Masked, each secret is
// "********".
[[nodiscard]] std::string PrintConfig(const Config& config, Secrets secrets);

}  // namespace fovea::app
