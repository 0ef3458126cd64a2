// The rings between signaling and one worker, made once at start by the composition root.
// Commands and app data go down, events and app data come up; each ring has one producer thread and
// one consumer thread.
#pragma once

#include "sfu/control/command.h"
#include "sfu/control/event.h"
#include "sfu/core/limits.h"
#include "sfu/ring/parker.h"
#include "sfu/ring/spsc_ring.h"

namespace fovea::control {

struct WorkerChannel {
  // Produced by signaling, drained by the worker.
  ring::SpscRing<WorkerCommand> commands{limits::kCommandRing};
  ring::SpscRing<AppData> app_data_down{limits::kAppDataRing};
  // Produced by the worker, drained by signaling.
  ring::SpscRing<WorkerEvent> events{limits::kEventRing};
  ring::SpscRing<AppData> app_data_up{limits::kAppDataRing};
  // Each side parks before it sleeps; the other one then signals it.
  ring::Parker worker_parker;
  ring::Parker signaling_parker;
};

}  // namespace fovea::control
