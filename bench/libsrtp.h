// The libsrtp functions that the comparison needs, from either build of it: ours on BoringSSL,
// which is linked in, or the distribution's, which is loaded at run time.
#pragma once

#include <srtp2/srtp.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace fovea::bench {

struct LibSrtp {
  std::string name;
  decltype(&srtp_create) create = nullptr;
  decltype(&srtp_dealloc) dealloc = nullptr;
  decltype(&srtp_protect) protect = nullptr;
  decltype(&srtp_unprotect) unprotect = nullptr;
};

[[nodiscard]] LibSrtp OurLibSrtp();
// nullopt where there is none.
[[nodiscard]] std::optional<LibSrtp> DistributionLibSrtp();

enum class SrtpDirection { kProtect, kUnprotect };
enum class SrtpCipher { kGcm128, kCm128Sha1 };

// One AES session whose key differs from number to number. Owns nothing.
[[nodiscard]] srtp_t MakeSession(const LibSrtp& library, SrtpCipher cipher, SrtpDirection direction,
                                 std::uint32_t number);

}  // namespace fovea::bench
