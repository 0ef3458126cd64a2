// `fovea doctor` on this machine: certificate, ports, addresses. ...Finding judges, Examine...
// looks. Thread: the one that runs the doctor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/net_address.h"
#include "sfu/core/result.h"
#include "signaling/app/config.h"
#include "signaling/app/doctor_finding.h"
#include "signaling/io/certificate.h"
#include "signaling/io/tcp.h"

namespace fovea::app {

// What `tls.cert_file` holds.
[[nodiscard]] Finding CertificateFileFinding(
    const Result<io::CertificateFacts, std::string>& certificate, const std::string& host,
    std::int64_t now_unix);
// What the host of access.public_url shows.
[[nodiscard]] Finding CertificateFinding(const io::CertificateFacts& shown, const std::string& host,
                                         std::int64_t now_unix);

// What trying to open ports brought.
struct PortTrial {
  std::string check;                       // "udp-ports"
  std::string ports;                       // "UDP 7882-7889"
  std::size_t tried = 0;                   // 0: the kernel picks them
  std::vector<std::string> problems = {};  // a sentence for each port that could not be opened
};
[[nodiscard]] Finding PortsFinding(const PortTrial& trial, bool focus_runs);

struct AddressFacts {
  std::vector<std::string> advertised;  // what clients are told
  bool is_configured = false;           // by rtc.node_ip
  std::optional<NetAddress> seen;       // how a STUN server sees this machine
};
[[nodiscard]] Finding AddressFinding(const AddressFacts& facts);

// Tries the ports that a focus with this configuration opens. `focus_runs`: one answers there now.
[[nodiscard]] Finding ExamineUdpPorts(const Config& config, bool focus_runs);
[[nodiscard]] Finding ExamineTcpPorts(uv_loop_t* loop, const Config& config, bool focus_runs);
[[nodiscard]] Finding ExamineAddresses(const Config& config, std::optional<NetAddress> seen);

}  // namespace fovea::app
