// What `fovea setup` tells people to put elsewhere: homeserver, well-known, reverse proxy,
// firewall. Thread: pure function.
#pragma once

#include <string>

namespace fovea::app {

struct SetupFacts {
  std::string server_name;
  std::string host;
  bool own_tls = false;
  std::string directory;  // where both files are
};

[[nodiscard]] std::string SetupAdvice(const SetupFacts& facts);

// The document that old clients read at https://<server_name>/.well-known/matrix/client, as the
// part that is ours.
[[nodiscard]] std::string WellKnownPart(const std::string& livekit_service_url);

}  // namespace fovea::app
