// The process's log: state changes to standard error, as text or JSON lines. The only includer of
// the logging library is log.cc. Thread: signaling.
#pragma once

#include <memory>
#include <string>

#include "sfu/core/log.h"
#include "signaling/app/config.h"

namespace fovea::app {

[[nodiscard]] std::unique_ptr<LogSink> MakeLog(const LogConfig& config);

}  // namespace fovea::app
