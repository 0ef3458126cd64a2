#include "sfu/io/socket_address.h"

#include <algorithm>
#include <cstring>

namespace fovea::io {

socklen_t WriteSocketAddress(const NetAddress& address, bool v6, sockaddr_storage& out) {
  if (v6) {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(address.port);
    std::memcpy(&in6.sin6_addr, address.ip.data(), address.ip.size());
    std::memcpy(&out, &in6, sizeof in6);
    return sizeof in6;
  }
  sockaddr_in in4{};
  in4.sin_family = AF_INET;
  in4.sin_port = htons(address.port);
  std::memcpy(&in4.sin_addr, address.ip.data() + 12, 4);
  std::memcpy(&out, &in4, sizeof in4);
  return sizeof in4;
}

NetAddress ReadSocketAddress(const sockaddr_storage& in) {
  if (in.ss_family == AF_INET6) {
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&in);
    NetAddress address;
    std::memcpy(address.ip.data(), &in6->sin6_addr, address.ip.size());
    address.port = ntohs(in6->sin6_port);
    return address;
  }
  const auto* in4 = reinterpret_cast<const sockaddr_in*>(&in);
  return NetAddress::V4(ntohl(in4->sin_addr.s_addr), ntohs(in4->sin_port));
}

bool IsWildcard(const NetAddress& address) {
  if (address.is_v4()) return address.v4() == INADDR_ANY;
  return std::all_of(address.ip.begin(), address.ip.end(),
                     [](std::uint8_t byte) { return byte == 0; });
}

bool EnablePacketInfo(int fd, bool v6) {
  const int on = 1;
  // A dual-stack socket tells IPv4 addresses mapped, in the IPv6 message.
  return v6 ? ::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) == 0
            : ::setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0;
}

std::optional<NetAddress> LocalAddressOf(msghdr& message) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      NetAddress local;
      std::memcpy(local.ip.data(), &info.ipi6_addr, local.ip.size());
      return local;
    }
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      // Not ipi_addr, which for a broadcast is no address that one can send from.
      return NetAddress::V4(ntohl(info.ipi_spec_dst.s_addr), 0);
    }
  }
  return std::nullopt;
}

// No interface index: it would override the routing table, which knows the way out better than the
// interface that a packet happened to come in by.
std::size_t WritePacketInfo(const NetAddress& local, bool v6, cmsghdr* control) {
  if (v6) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, local.ip.data(), local.ip.size());
    control->cmsg_level = IPPROTO_IPV6;
    control->cmsg_type = IPV6_PKTINFO;
    control->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
  }
  in_pktinfo info{};
  info.ipi_spec_dst.s_addr = htonl(local.v4());
  control->cmsg_level = IPPROTO_IP;
  control->cmsg_type = IP_PKTINFO;
  control->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(control), &info, sizeof info);
  return CMSG_SPACE(sizeof info);
}

}  // namespace fovea::io
