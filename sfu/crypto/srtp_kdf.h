// SRTP session keys from a master key. RFC 3711 section 4.3.3 (AES-CM PRF), RFC 7714 section 11.
// Thread: pure function.
#pragma once

#include <cstdint>

#include "sfu/core/bytes.h"
#include "sfu/crypto/srtp_keys.h"

namespace fovea::crypto {

// RFC 3711 section 4.3.2.
enum class SrtpKeyLabel : std::uint8_t {
  kRtpEncryption = 0,
  kRtpAuthentication = 1,
  kRtpSalt = 2,
  kRtcpEncryption = 3,
  kRtcpAuthentication = 4,
  kRtcpSalt = 5,
};

// Fills `out` with the session key `label`. The key derivation rate is zero, as in all of WebRTC,
// so the packet index does not enter. REQUIRES: out.size() <= 32.
void DeriveSrtpKey(SrtpProfile profile, const SrtpMasterKey& master, SrtpKeyLabel label,
                   MutableByteSpan out);

}  // namespace fovea::crypto
