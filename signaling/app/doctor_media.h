// `fovea doctor` on the way that media takes: joins a room of its own, hidden, and sends an ICE
// check to every address that the focus tells its clients. RFC 8445 section 7.2. Thread: the one
// that runs the doctor.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sfu/core/net_address.h"
#include "signaling/app/config.h"
#include "signaling/app/doctor_finding.h"
#include "signaling/livekit/pb.h"

namespace fovea::app {

// Our half of the user names in checks.
inline constexpr const char* kDoctorUfrag = "doctor";

// What a focus tells who joins about its media ports.
struct MediaOffer {
  std::string ufrag;
  std::string password;
  std::vector<NetAddress> addresses;
  bool is_complete = false;
  // To be sent back: a focus answers no check of whom it does not know. Without a type before the
  // offer. It names a certificate that nobody has, for DTLS is never begun.
  pb::SessionDescription answer;

  // Takes in one message of the signal connection, if it says anything of this.
  void Add(const pb::SignalResponse& response);
};

// One address, and whether it answered.
struct MediaTrial {
  NetAddress address;
  bool has_answered = false;
};
[[nodiscard]] Finding MediaFinding(const std::vector<MediaTrial>& trials);

// The address of a "host" candidate over UDP, without "candidate:". RFC 8839 section 5.1.
[[nodiscard]] std::optional<NetAddress> UdpAddressOf(std::string_view candidate);

// Where one of the doctor's hidden participants joins, with its token: a target below the focus's
// URL. REQUIRES: there is a key to sign with.
[[nodiscard]] std::string DoctorJoinTarget(const Config& config, std::size_t participant,
                                           std::int64_t now_unix);

}  // namespace fovea::app
