// Where state machines report state changes. Implemented by the composition root; tests collect.
// Levels: kInfo once per session or state change, kWarn for anomalies (the caller limits the rate).
// Never addresses, tokens or message contents.
#pragma once

#include <cstdint>
#include <string_view>

namespace fovea {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };

class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void Log(LogLevel level, std::string_view message) = 0;
};

}  // namespace fovea
