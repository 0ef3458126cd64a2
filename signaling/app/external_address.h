// rtc.use_external_ip: the address at which STUN servers see this machine, asked for once at start.
// Thread: signaling, before anything else runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/log.h"
#include "signaling/app/config.h"

namespace fovea::app {

struct StunEndpoint {
  std::string host;
  std::uint16_t port = 3478;
};

// "stun:host:port", with and without the scheme and the port.
[[nodiscard]] StunEndpoint ParseStunServer(const std::string& server);

// rtc.stun_servers, or public ones where none is named: the operator asked for the question.
[[nodiscard]] std::vector<std::string> StunServersOf(const Config& config);

// Nothing where nobody answers, which is logged and no reason not to start: clients in the same
// network can still connect. Takes two seconds at most for each server; a signal ends it.
[[nodiscard]] std::optional<std::string> FindExternalAddress(
    const std::vector<std::string>& servers, LogSink& log);

// `found` first, then, unless rtc denies it, the addresses of this machine: for those who are in
// the same network, where a router may not lead back.
[[nodiscard]] std::vector<std::string> WithExternalAddress(const std::string& found,
                                                           const RtcConfig& rtc,
                                                           std::vector<std::string> own);

}  // namespace fovea::app
