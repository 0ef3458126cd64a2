// NetAddress to and from what the socket calls take. Thread: pure functions, any thread.
#pragma once

#include <sys/socket.h>

#include "sfu/core/net_address.h"

namespace fovea::io {

[[nodiscard]] sockaddr_storage ToSockaddr(const NetAddress& address);
// The unspecified address for a family other than IPv4 and IPv6.
[[nodiscard]] NetAddress FromSockaddr(const sockaddr_storage& from);

}  // namespace fovea::io
