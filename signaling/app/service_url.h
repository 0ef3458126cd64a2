// The two spellings of where clients find this focus. Thread: pure function.
#pragma once

#include <string>

namespace fovea::app {

// "wss://host/path" as clients are told; the token service beside it is https.
[[nodiscard]] inline std::string ServiceUrlOf(const std::string& public_url) {
  if (public_url.starts_with("wss://")) return "https://" + public_url.substr(6);
  if (public_url.starts_with("ws://")) return "http://" + public_url.substr(5);
  return public_url;
}

}  // namespace fovea::app
