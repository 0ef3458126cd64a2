// Counts for /metrics what the parts of the process know of themselves. Thread: signaling.
#pragma once

#include <vector>

#include "signaling/app/metrics.h"
#include "signaling/focus/conductor.h"
#include "signaling/livekit/room_manager.h"

namespace fovea::app {

// REQUIRES: the process has /proc, or the figures from there are missing.
[[nodiscard]] ProcessFacts CountProcess(double started_unix);

// Rooms, participants and tracks into `facts`, and a line for each room with somebody in it; those
// that `conductor` knows with what it knows. Null: no homeserver is configured.
void CountRooms(const livekit::RoomManager& rooms, const focus::Conductor* conductor,
                MediaFacts& facts);

}  // namespace fovea::app
