#include "sfu/core/net_address.h"

#include <arpa/inet.h>

namespace fovea {
namespace {
constexpr std::uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
}  // namespace

NetAddress NetAddress::V4(std::uint32_t host_order_ip, std::uint16_t port) {
  NetAddress address;
  std::memcpy(address.ip.data(), kMappedPrefix, sizeof kMappedPrefix);
  for (std::size_t i = 0; i < 4; ++i) {
    address.ip[12 + i] = static_cast<std::uint8_t>(host_order_ip >> (24 - 8 * i));
  }
  address.port = port;
  return address;
}

std::optional<NetAddress> NetAddress::Parse(std::string_view ip, std::uint16_t port) {
  const std::string text(ip);
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return V4(ntohl(v4.s_addr), port);
  NetAddress address;
  if (inet_pton(AF_INET6, text.c_str(), address.ip.data()) != 1) return std::nullopt;
  address.port = port;
  return address;
}

bool NetAddress::is_v4() const {
  return std::memcmp(ip.data(), kMappedPrefix, sizeof kMappedPrefix) == 0;
}

std::uint32_t NetAddress::v4() const {
  return (std::uint32_t{ip[12]} << 24) | (std::uint32_t{ip[13]} << 16) |
         (std::uint32_t{ip[14]} << 8) | ip[15];
}

std::string NetAddress::IpString() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (is_v4()) {
    inet_ntop(AF_INET, ip.data() + 12, text, sizeof text);
  } else {
    inet_ntop(AF_INET6, ip.data(), text, sizeof text);
  }
  return text;
}

std::string NetAddress::ToString() const {
  const std::string port_text = std::to_string(port);
  return is_v4() ? IpString() + ":" + port_text : "[" + IpString() + "]:" + port_text;
}

}  // namespace fovea
