// What all DTLS sessions of a process share: certificate, versions, curves, ciphers, SRTP profiles.
// Thread: immutable after construction; BoringSSL allows SSL objects to be made from it on any
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "sfu/crypto/certificate.h"
#include "sfu/crypto/srtp_keys.h"

struct bio_method_st;  // BoringSSL's BIO_METHOD
struct ssl_ctx_st;     // BoringSSL's SSL_CTX

namespace fovea::crypto {

// GCM first: it costs less than half of AES-CM with HMAC-SHA1 here. As the server we choose by this
// order, whatever the client's is (Chromium lists AES-CM first).
inline constexpr std::array<SrtpProfile, 3> kSrtpProfiles = {
    SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAeadAes256Gcm, SrtpProfile::kAes128CmSha1_80};

class DtlsContext {
 public:
  // Keeps references of its own; `certificate` may go.
  explicit DtlsContext(const Certificate& certificate,
                       std::span<const SrtpProfile> profiles = kSrtpProfiles);
  ~DtlsContext();
  DtlsContext(const DtlsContext&) = delete;
  DtlsContext& operator=(const DtlsContext&) = delete;

  // Borrowed, for DtlsTransport.
  [[nodiscard]] ssl_ctx_st* ssl_ctx() const { return ssl_ctx_; }
  [[nodiscard]] bio_method_st* bio_method() const { return bio_method_; }

 private:
  ssl_ctx_st* ssl_ctx_ = nullptr;
  bio_method_st* bio_method_ = nullptr;
};

}  // namespace fovea::crypto
