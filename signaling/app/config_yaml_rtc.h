// The `rtc` and `turn` blocks of the configuration file; see config_yaml.h. Thread: pure functions.
#pragma once

#include "signaling/app/config.h"
#include "signaling/app/config_section.h"

namespace fovea::app {

void ReadRtc(Section rtc, Config& config);
void ReadTurn(Section turn);

}  // namespace fovea::app
