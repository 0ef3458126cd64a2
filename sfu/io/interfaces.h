// Addresses of this machine's network interfaces, for ICE candidates. Thread: any; reads the
// kernel.
#pragma once

#include <string>
#include <vector>

namespace fovea::io {

enum class Loopback { kExclude, kInclude };

// Addresses of interfaces that are up, IPv4 before IPv6, without link-local ones.
[[nodiscard]] std::vector<std::string> InterfaceAddresses(Loopback loopback);

}  // namespace fovea::io
