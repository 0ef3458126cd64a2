// SRTP profiles and the master keys that a handshake yields. RFC 5764 section 4.1.2, RFC 7714
// section 14.2. Thread: plain values, moved to the worker that owns the session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sfu/crypto/secret.h"

namespace fovea::crypto {

// Values of the DTLS use_srtp registry.
enum class SrtpProfile : std::uint16_t {
  kAes128CmSha1_80 = 0x0001,
  kAeadAes128Gcm = 0x0007,
  kAeadAes256Gcm = 0x0008,
};

[[nodiscard]] std::string_view ToString(SrtpProfile profile);

// Sizes of one direction's master key and salt.
struct SrtpKeySizes {
  std::size_t key = 0;
  std::size_t salt = 0;
  std::size_t tag = 0;  // of RTP and RTCP alike
};

[[nodiscard]] constexpr SrtpKeySizes SizesOf(SrtpProfile profile) {
  switch (profile) {
    case SrtpProfile::kAes128CmSha1_80:
      return {.key = 16, .salt = 14, .tag = 10};
    case SrtpProfile::kAeadAes128Gcm:
      return {.key = 16, .salt = 12, .tag = 16};
    case SrtpProfile::kAeadAes256Gcm:
      return {.key = 32, .salt = 12, .tag = 16};
  }
  return {};
}

// One direction. The unused tail of both arrays is zero.
struct SrtpMasterKey {
  Secret<32> key;
  Secret<14> salt;
};

class NullChannel;

// Both directions. Wipes itself; whoever builds the SRTP contexts drops it at once.
class SrtpKeyingMaterial {
 public:
  SrtpProfile profile = SrtpProfile::kAeadAes128Gcm;
  SrtpMasterKey local;   // we protect with it
  SrtpMasterKey remote;  // the peer protects with it

  // True only for what the simulator's NullChannel hands out: packets then carry a checksum instead
  // of encryption. Nobody else can set it.
  [[nodiscard]] bool is_null() const { return null_; }

 private:
  friend class NullChannel;
  bool null_ = false;
};

}  // namespace fovea::crypto
