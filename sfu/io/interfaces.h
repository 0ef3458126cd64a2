// Addresses of this machine's network interfaces, for ICE candidates. Thread: any; reads the
// kernel.
#pragma once

#include <string>
#include <vector>

namespace fovea::io {

enum class Loopback { kExclude, kInclude };

struct InterfaceAddress {
  std::string interface;  // "eth0"
  std::string ip;
  bool operator==(const InterfaceAddress&) const = default;
};

// Addresses of interfaces that are up, IPv4 before IPv6, without link-local ones.
[[nodiscard]] std::vector<InterfaceAddress> ListInterfaceAddresses(Loopback loopback);
// The same without the interfaces' names.
[[nodiscard]] std::vector<std::string> InterfaceAddresses(Loopback loopback);

}  // namespace fovea::io
