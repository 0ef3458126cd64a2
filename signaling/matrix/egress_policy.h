// Which addresses a request to another server may go to. Names of servers come from strangers, so
// that without this anybody could have us call services inside the operator's network.
// IANA special-purpose registries (RFC 6890). Thread: constant after construction, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/net_address.h"

namespace fovea::matrix {

// A range of addresses. IPv4 ranges are kept as IPv4-mapped IPv6, as NetAddress has them.
struct Cidr {
  NetAddress base;
  int prefix_bits = 128;  // of the 128

  // "10.0.0.0/8", "fc00::/7", or an address alone. Bits behind the prefix are ignored.
  [[nodiscard]] static std::optional<Cidr> Parse(std::string_view text);
  [[nodiscard]] bool Contains(const NetAddress& address) const;
  [[nodiscard]] std::string ToString() const;
};

// Everything public is allowed. Private, loopback, link-local, documentation, multicast and other
// special ranges are not, nor this machine's own addresses, nor an IPv6 address that a translator
// (NAT64, 6to4, Teredo, IPv4-compatible) would turn into one of those.
class EgressPolicy {
 public:
  EgressPolicy() = default;
  // `allowed` opens ranges, whatever they are; `own` are addresses of this machine.
  EgressPolicy(std::vector<Cidr> allowed, std::vector<NetAddress> own)
      : allowed_(std::move(allowed)), own_(std::move(own)) {}

  [[nodiscard]] bool Allows(const NetAddress& address) const;

 private:
  std::vector<Cidr> allowed_;
  std::vector<NetAddress> own_;
};

}  // namespace fovea::matrix
