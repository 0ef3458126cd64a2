// A UDP endpoint as a value: IPv6 bytes (IPv4 as RFC 4291 mapped) and port. Hashable, 20 bytes.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace fovea {

struct NetAddress {
  std::array<std::uint8_t, 16> ip{};  // network order; IPv4 is ::ffff:a.b.c.d
  std::uint16_t port = 0;             // host order

  [[nodiscard]] static NetAddress V4(std::uint32_t host_order_ip, std::uint16_t port);
  // Parses "1.2.3.4" or "2001:db8::1" (no brackets, no zone). Pure, no resolver.
  [[nodiscard]] static std::optional<NetAddress> Parse(std::string_view ip, std::uint16_t port);
  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] std::uint32_t v4() const;  // host order; REQUIRES: is_v4()
  [[nodiscard]] std::string IpString() const;
  // "1.2.3.4:5" or "[::1]:5". Addresses are personal data: do not log outside debug.
  [[nodiscard]] std::string ToString() const;

  auto operator<=>(const NetAddress&) const = default;
};

}  // namespace fovea

template <>
struct std::hash<fovea::NetAddress> {
  std::size_t operator()(const fovea::NetAddress& address) const noexcept {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, address.ip.data(), 8);
    std::memcpy(&low, address.ip.data() + 8, 8);
    std::uint64_t h = (high ^ (low * 0x9e3779b97f4a7c15ULL)) + address.port;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9ULL;
    return static_cast<std::size_t>(h ^ (h >> 32));
  }
};
