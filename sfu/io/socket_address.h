// Between NetAddress and what the kernel's calls take: socket addresses, and the control messages
// that tell a datagram's local address (IP_PKTINFO, IPV6_PKTINFO; RFC 3542 section 6). Linux.
// Thread: any; plain functions.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include "sfu/core/net_address.h"

namespace fovea::io {

// Fills as much of `out` as the family needs and returns that length. With `v6`, IPv4 is mapped.
[[nodiscard]] socklen_t WriteSocketAddress(const NetAddress& address, bool v6,
                                           sockaddr_storage& out);
[[nodiscard]] NetAddress ReadSocketAddress(const sockaddr_storage& in);

// Whether a socket bound to this takes datagrams for every address of the machine.
[[nodiscard]] bool IsWildcard(const NetAddress& address);

// Room for one packet info of either family.
inline constexpr std::size_t kPacketInfoBytes = CMSG_SPACE(sizeof(in6_pktinfo));

// Makes the kernel tell each datagram's local address. False when it will not.
[[nodiscard]] bool EnablePacketInfo(int fd, bool v6);
// The local address among a received message's control messages; its port is 0.
[[nodiscard]] std::optional<NetAddress> LocalAddressOf(msghdr& message);
// Writes the source address for a message that is sent, and returns how many bytes of `control`
// that took. REQUIRES: kPacketInfoBytes of room, aligned as cmsghdr.
[[nodiscard]] std::size_t WritePacketInfo(const NetAddress& local, bool v6, cmsghdr* control);

}  // namespace fovea::io
