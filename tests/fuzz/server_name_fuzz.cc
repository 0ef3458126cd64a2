// Server names, user ids and address ranges from strangers and operators.
// fuzz-deps: signaling_matrix
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sfu/core/check.h"
#include "signaling/matrix/egress_policy.h"
#include "signaling/matrix/ids.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using fovea::NetAddress;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = fovea::matrix::ServerName::Parse(text)) {
    FOVEA_CHECK(name->text == text && !name->host.empty());
    FOVEA_CHECK(name->host.find('\0') == std::string::npos);
    FOVEA_CHECK(name->is_address == NetAddress::Parse(name->host, 0).has_value());
    // A user of this server is a user of no other.
    const auto user = fovea::matrix::UserId::Parse("@u:" + name->text);
    FOVEA_CHECK(user && user->server_name == name->text);
  }
  if (const auto user = fovea::matrix::UserId::Parse(text)) {
    FOVEA_CHECK(fovea::matrix::ServerNameOf(text) == user->server_name);
    FOVEA_CHECK("@" + user->localpart + ":" + user->server_name == text);
  }
  if (const auto range = fovea::matrix::Cidr::Parse(text)) {
    FOVEA_CHECK(range->Contains(range->base));
    const auto again = fovea::matrix::Cidr::Parse(range->ToString());
    FOVEA_CHECK(again && again->base == range->base && again->prefix_bits == range->prefix_bits);
  }
  if (size == 16) {
    NetAddress address;
    std::copy(data, data + size, address.ip.begin());
    const fovea::matrix::EgressPolicy closed;
    if (closed.Allows(address)) FOVEA_CHECK(!address.is_v4() || address.v4() >> 24 != 127);
  }
  return 0;
}
