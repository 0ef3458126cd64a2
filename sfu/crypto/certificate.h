// Our DTLS identity: a self-signed ECDSA P-256 certificate made at start. WebRTC peers trust it
// only through the fingerprint in the SDP (RFC 8122), so nobody issues it and nothing else is in
// it. Thread: immutable after Generate(); read from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sfu/core/bytes.h"
#include "sfu/core/time.h"

struct evp_pkey_st;  // BoringSSL's EVP_PKEY

namespace fovea::crypto {

// SHA-256 over the DER of a certificate (RFC 8122 section 5, "sha-256").
using Fingerprint = std::array<std::uint8_t, 32>;

[[nodiscard]] Fingerprint FingerprintOf(ByteSpan certificate_der);
// "AB:CD:…", as it stands in a=fingerprint after "sha-256 ".
[[nodiscard]] std::string ToString(const Fingerprint& fingerprint);
// Reads what ToString() writes, in either case. Anything else is nullopt.
[[nodiscard]] std::optional<Fingerprint> ParseFingerprint(std::string_view text);

class Certificate {
 public:
  // A new key and certificate, valid from a day before `now` (peers' clocks) for a year. Rotation
  // is calling this again; running sessions keep the one they started with.
  [[nodiscard]] static std::unique_ptr<Certificate> Generate(WallMicros now);
  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  [[nodiscard]] const Fingerprint& fingerprint() const { return fingerprint_; }
  [[nodiscard]] ByteSpan der() const;
  // Borrowed, for DtlsContext.
  [[nodiscard]] evp_pkey_st* key() const { return key_; }

 private:
  Certificate() = default;

  // Constant after construction.
  evp_pkey_st* key_ = nullptr;
  std::uint8_t* der_ = nullptr;
  std::size_t der_bytes_ = 0;
  Fingerprint fingerprint_{};
};

}  // namespace fovea::crypto
