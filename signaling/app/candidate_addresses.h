// Which addresses of this machine clients are offered: rtc.node_ip, or those of the interfaces that
// rtc.interfaces and rtc.ips leave. Thread: any; the lister reads the kernel.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sfu/core/result.h"
#include "sfu/io/interfaces.h"
#include "signaling/app/config.h"

namespace fovea::app {

using InterfaceLister = std::function<std::vector<io::InterfaceAddress>(io::Loopback)>;

// Best first, never empty where the machine has an address at all. The error is for the operator:
// the filters leave nothing.
[[nodiscard]] Result<std::vector<std::string>, std::string> CandidateAddresses(
    const RtcConfig& rtc, const InterfaceLister& list = &io::ListInterfaceAddresses);

}  // namespace fovea::app
