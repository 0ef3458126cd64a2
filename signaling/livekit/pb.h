// Short name for LiveKit's generated messages: inside fovea::livekit, `livekit::` means ourselves.
#pragma once

#include "livekit.pb.h"
#include "livekit_models.pb.h"

namespace fovea {
namespace pb = ::livekit;
}  // namespace fovea
