#include "signaling/app/candidate_addresses.h"

#include <algorithm>

#include "sfu/core/net_address.h"
#include "signaling/matrix/egress_policy.h"

namespace fovea::app {
namespace {

// What LiveKit does: without `includes` everything is in, and `excludes` takes away.
template <class Matches>
bool Passes(const AddressFilter& filter, Matches matches) {
  const auto any = [&](const std::vector<std::string>& list) {
    return std::any_of(list.begin(), list.end(), matches);
  };
  return (filter.includes.empty() || any(filter.includes)) && !any(filter.excludes);
}

bool IsOffered(const RtcConfig& rtc, const io::InterfaceAddress& address) {
  const auto named = [&](const std::string& name) { return name == address.interface; };
  const auto within = [&](const std::string& range) {
    const auto network = matrix::Cidr::Parse(range);
    const auto ip = NetAddress::Parse(address.ip, 0);
    return network && ip && network->Contains(*ip);
  };
  return Passes(rtc.interfaces, named) && Passes(rtc.ips, within);
}

}  // namespace

Result<std::vector<std::string>, std::string> CandidateAddresses(const RtcConfig& rtc,
                                                                 const InterfaceLister& list) {
  if (!rtc.node_ips.empty()) return rtc.node_ips;
  std::vector<io::InterfaceAddress> all =
      list(rtc.enable_loopback_candidate ? io::Loopback::kInclude : io::Loopback::kExclude);
  // A machine without a network can still serve itself.
  if (all.empty()) all = list(io::Loopback::kInclude);
  std::vector<std::string> ips;
  std::string left_out;
  for (const io::InterfaceAddress& address : all) {
    if (IsOffered(rtc, address)) {
      ips.push_back(address.ip);
    } else {
      left_out += (left_out.empty() ? "" : ", ") + address.ip + " (" + address.interface + ")";
    }
  }
  if (ips.empty() && !left_out.empty()) {
    return Failure{
        "rtc.ips and rtc.interfaces leave no address to offer to clients: they exclude " +
        left_out};
  }
  return ips;
}

}  // namespace fovea::app
