// Why a configuration is refused, in words for the operator. Thread: plain value, any thread.
#pragma once

#include <string>

namespace fovea::app {

struct ConfigError {
  std::string file;  // or the flag or variable that it came from
  int line = 0;      // 0: the message is about the whole
  int column = 0;
  std::string message;

  // "livekit.yaml:3:9: rtc.udp_port: expected ...", as editors and compilers have it.
  [[nodiscard]] std::string ToString() const;
};

}  // namespace fovea::app
