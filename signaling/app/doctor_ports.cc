// Trying to open what a focus opens: who cannot, finds out who holds it. Thread: the one that runs
// the doctor.
#include <algorithm>

#include "sfu/core/limits.h"
#include "sfu/io/udp_port.h"
#include "signaling/app/candidate_addresses.h"
#include "signaling/app/doctor_machine.h"
#include "signaling/app/external_address.h"

namespace fovea::app {
namespace {

// Small buffers: nothing is sent or received.
constexpr int kBufferBytes = 64 * 1024;

std::optional<std::string> TryUdp(std::uint16_t port) {
  std::string problem;
  for (const char* ip : {"::", "0.0.0.0"}) {  // a machine without IPv6 has only the second
    auto opened = io::UdpPort::Open({.bind = *NetAddress::Parse(ip, port),
                                     .receive_buffer_bytes = kBufferBytes,
                                     .send_buffer_bytes = kBufferBytes});
    if (opened.ok()) return std::nullopt;
    problem = opened.error();
  }
  return problem;
}

}  // namespace

Finding ExamineUdpPorts(const Config& config, bool focus_runs) {
  const PortRange& range = config.rtc.udp_ports;
  PortTrial trial{.check = "udp-ports", .ports = "UDP " + std::to_string(range.first)};
  if (range.last > range.first) trial.ports += "-" + std::to_string(range.last);
  if (range.first == 0) return PortsFinding(trial, focus_runs);
  const std::size_t count = std::size_t{std::max(range.first, range.last)} - range.first + 1;
  trial.tried = std::min<std::size_t>(count, limits::kWorkersMax);
  for (std::size_t i = 0; i < trial.tried; ++i) {
    if (auto problem = TryUdp(static_cast<std::uint16_t>(range.first + i))) {
      trial.problems.push_back(*std::move(problem));
    }
  }
  return PortsFinding(trial, focus_runs);
}

Finding ExamineTcpPorts(uv_loop_t* loop, const Config& config, bool focus_runs) {
  PortTrial trial{.check = "tcp-ports", .ports = "TCP " + std::to_string(config.port)};
  if (config.tls.port != 0) trial.ports += " and " + std::to_string(config.tls.port);
  for (const std::uint16_t port : {config.port, config.tls.port}) {
    for (const std::string& address : config.bind_addresses) {
      if (port == 0) continue;
      const auto bind = NetAddress::Parse(address.empty() ? "::" : address, port);
      if (!bind.has_value()) continue;
      ++trial.tried;
      auto opened = io::TcpListener::Open(loop, *bind, [](std::unique_ptr<io::TcpStream>) {});
      if (!opened.ok() && address.empty()) {
        opened = io::TcpListener::Open(loop, NetAddress::V4(0, port),
                                       [](std::unique_ptr<io::TcpStream>) {});
      }
      // "::1" on a machine without IPv6 is no problem: the focus goes on without it.
      if (!opened.ok() && !(address == "::1" && trial.tried > 1)) {
        trial.problems.push_back(opened.error());
      }
    }
  }
  return PortsFinding(trial, focus_runs);
}

Finding ExamineAddresses(const Config& config, std::optional<NetAddress> seen) {
  AddressFacts facts;
  facts.is_configured = !config.rtc.node_ips.empty();
  // The focus falls back to loopback; here that is no address.
  const auto loopback =
      config.rtc.enable_loopback_candidate ? io::Loopback::kInclude : io::Loopback::kExclude;
  const auto advertised = CandidateAddresses(
      config.rtc, [&](io::Loopback /*asked*/) { return io::ListInterfaceAddresses(loopback); });
  if (!advertised.ok()) {
    return {"addresses", Verdict::kFail, advertised.error(), "rtc:\n  node_ip: PUBLIC_ADDRESS"};
  }
  facts.advertised = *advertised;
  if (config.rtc.use_external_ip && seen && !facts.is_configured) {
    // As the focus does at its start.
    facts.advertised =
        WithExternalAddress(seen->IpString(), config.rtc, std::move(facts.advertised));
  }
  facts.seen = seen;
  return AddressFinding(facts);
}

}  // namespace fovea::app
