#include "sfu/io/interfaces.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <utility>

namespace fovea::io {

std::vector<InterfaceAddress> ListInterfaceAddresses(Loopback loopback) {
  std::vector<InterfaceAddress> v4;
  std::vector<InterfaceAddress> v6;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
    if ((entry->ifa_flags & IFF_LOOPBACK) != 0 && loopback == Loopback::kExclude) continue;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (entry->ifa_addr->sa_family == AF_INET) {
      const auto* in4 = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
      if (inet_ntop(AF_INET, &in4->sin_addr, text.data(), text.size()) != nullptr)
        v4.push_back({entry->ifa_name, text.data()});
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      const auto* in6 = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
      if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr)) continue;
      if (inet_ntop(AF_INET6, &in6->sin6_addr, text.data(), text.size()) != nullptr)
        v6.push_back({entry->ifa_name, text.data()});
    }
  }
  freeifaddrs(list);
  v4.insert(v4.end(), v6.begin(), v6.end());
  v4.erase(std::unique(v4.begin(), v4.end()), v4.end());
  return v4;
}

std::vector<std::string> InterfaceAddresses(Loopback loopback) {
  std::vector<std::string> ips;
  for (InterfaceAddress& address : ListInterfaceAddresses(loopback)) {
    ips.push_back(std::move(address.ip));
  }
  return ips;
}

}  // namespace fovea::io
