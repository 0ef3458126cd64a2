#include "signaling/io/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace fovea::io {

sockaddr_storage ToSockaddr(const NetAddress& address) {
  sockaddr_storage out{};
  if (address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    v4.sin_addr.s_addr = htonl(address.v4());
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, address.ip.data(), address.ip.size());
  }
  return out;
}

NetAddress FromSockaddr(const sockaddr_storage& from) {
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    return NetAddress::V4(ntohl(v4.sin_addr.s_addr), ntohs(v4.sin_port));
  }
  NetAddress out;
  if (from.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
    std::memcpy(out.ip.data(), &v6.sin6_addr, out.ip.size());
    out.port = ntohs(v6.sin6_port);
  }
  return out;
}

}  // namespace fovea::io
