// Why a configuration is refused, in words for the operator. Thread: plain value, any thread.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace fovea::app {

// Where a setting stands.
struct ConfigPlace {
  std::string file;  // or the flag or variable that it came from
  int line = 0;      // 0: the whole of it
  int column = 0;
};
// By the setting's path: "webhook.api_key", "keys.NAME".
using ConfigPlaces = std::map<std::string, ConfigPlace, std::less<>>;
// For keys that others took the place of.
void ForgetKeys(ConfigPlaces& places);

struct ConfigError {
  std::string file;  // or the flag or variable that it came from
  int line = 0;      // 0: the message is about the whole
  int column = 0;
  std::string message;

  // "livekit.yaml:3:9: rtc.udp_port: expected ...", as editors and compilers have it.
  [[nodiscard]] std::string ToString() const;
};

}  // namespace fovea::app
