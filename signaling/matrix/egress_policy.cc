#include "signaling/matrix/egress_policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>

namespace fovea::matrix {
namespace {

constexpr int kMappedBits = 96;  // ::ffff:0:0/96, in front of every IPv4 address

// As the registries print them. BlockedRanges() is the same, parsed.
constexpr std::array<std::string_view, 27> kBlocked{
    "0.0.0.0/8",        // this network; 0.0.0.0 itself is this machine
    "10.0.0.0/8",       // private
    "100.64.0.0/10",    // carrier-grade NAT, and metadata services of some clouds
    "127.0.0.0/8",      // loopback
    "169.254.0.0/16",   // link-local, and metadata services of most clouds
    "172.16.0.0/12",    // private
    "192.0.0.0/24",     // protocol assignments
    "192.0.2.0/24",     // documentation
    "192.88.99.0/24",   // 6to4 relays
    "192.168.0.0/16",   // private
    "198.18.0.0/15",    // benchmarks
    "198.51.100.0/24",  // documentation
    "203.0.113.0/24",   // documentation
    "224.0.0.0/4",      // multicast
    "240.0.0.0/4",      // reserved, and broadcast
    "::/128",           // this machine
    "::1/128",          // loopback
    "64:ff9b:1::/48",   // NAT64 with a local prefix: no telling where the IPv4 address is
    "100::/64",         // discard
    "2001::/32",        // Teredo
    "2001:2::/48",      // benchmarks
    "2001:10::/28",     // ORCHID
    "2001:db8::/32",    // documentation
    "fc00::/7",         // unique local
    "fe80::/10",        // link-local
    "fec0::/10",        // site-local, as it once was
    "ff00::/8",         // multicast
};

const std::vector<Cidr>& BlockedRanges() {
  static const std::vector<Cidr> kRanges = [] {
    std::vector<Cidr> ranges;
    for (const std::string_view text : kBlocked) ranges.push_back(Cidr::Parse(text).value());
    return ranges;
  }();
  return kRanges;
}

bool IsIn(const std::vector<Cidr>& ranges, const NetAddress& address) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Cidr& range) { return range.Contains(address); });
}

std::uint32_t V4At(const NetAddress& address, std::size_t offset) {
  return std::uint32_t{address.ip[offset]} << 24 | std::uint32_t{address.ip[offset + 1]} << 16 |
         std::uint32_t{address.ip[offset + 2]} << 8 | std::uint32_t{address.ip[offset + 3]};
}

bool HasPrefix(const NetAddress& address, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.ip.begin());
}

// The IPv4 address that a packet to this IPv6 address would end up at, by way of a translator.
std::optional<NetAddress> Translated(const NetAddress& address) {
  if (address.is_v4()) return std::nullopt;
  if (HasPrefix(address, {0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) {  // NAT64
    return NetAddress::V4(V4At(address, 12), address.port);
  }
  if (HasPrefix(address, {0x20, 0x02})) return NetAddress::V4(V4At(address, 2), address.port);
  // IPv4-compatible (::a.b.c.d), long obsolete, and IPv4-translated (::ffff:0:a.b.c.d).
  if (HasPrefix(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) ||
      HasPrefix(address, {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0})) {
    return NetAddress::V4(V4At(address, 12), address.port);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Cidr> Cidr::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::optional<NetAddress> base = NetAddress::Parse(text.substr(0, slash), 0);
  if (!base) return std::nullopt;
  Cidr out{.base = *base, .prefix_bits = 128};
  if (slash == std::string_view::npos) return out;
  const std::string_view digits = text.substr(slash + 1);
  // "::ffff:10.0.0.0/104" counts from the front of the IPv6 form, "10.0.0.0/8" of the IPv4 form.
  const bool dotted = text.substr(0, slash).find(':') == std::string_view::npos;
  const int bits_max = dotted ? 32 : 128;
  int bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.size() > 3) {
    return std::nullopt;
  }
  if (bits < 0 || bits > bits_max) return std::nullopt;
  out.prefix_bits = dotted ? kMappedBits + bits : bits;
  return out;
}

bool Cidr::Contains(const NetAddress& address) const {
  const auto whole = static_cast<std::size_t>(prefix_bits / 8);
  const auto whole_end = base.ip.begin() + static_cast<std::ptrdiff_t>(whole);
  if (!std::equal(base.ip.begin(), whole_end, address.ip.begin())) return false;
  const int rest = prefix_bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return ((base.ip[whole] ^ address.ip[whole]) & mask) == 0;
}

std::string Cidr::ToString() const {
  const bool v4 = base.is_v4() && prefix_bits >= kMappedBits;
  return base.IpString() + "/" + std::to_string(v4 ? prefix_bits - kMappedBits : prefix_bits);
}

bool EgressPolicy::Allows(const NetAddress& address) const {
  if (IsIn(allowed_, address)) return true;
  const auto is_this = [&](const NetAddress& own) { return own.ip == address.ip; };
  if (std::any_of(own_.begin(), own_.end(), is_this)) return false;
  if (IsIn(BlockedRanges(), address)) return false;
  const std::optional<NetAddress> translated = Translated(address);
  return !translated || Allows(*translated);
}

}  // namespace fovea::matrix
