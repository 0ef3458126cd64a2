#include "sfu/crypto/dtls_context.h"

#include <openssl/bio.h>
#include <openssl/nid.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include <string>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "sfu/crypto/dtls.h"
#include "sfu/crypto/dtls_clock.h"

namespace fovea::crypto {
namespace {

// Without X25519 browsers would need a further key; P-256 is needed for the certificates; P-384 is
// the last of WebRTC's three.
constexpr std::array<int, 3> kCurves = {NID_X25519, NID_X9_62_prime256v1, NID_secp384r1};

// Forward secrecy and AEAD only. ECDSA is ours and the browsers'; RSA is for old native peers.
constexpr char kCiphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305";

const char* BoringSslName(SrtpProfile profile) {
  switch (profile) {
    case SrtpProfile::kAes128CmSha1_80:
      return "SRTP_AES128_CM_SHA1_80";
    case SrtpProfile::kAeadAes128Gcm:
      return "SRTP_AEAD_AES_128_GCM";
    case SrtpProfile::kAeadAes256Gcm:
      return "SRTP_AEAD_AES_256_GCM";
  }
  return "";
}

std::string ProfileList(std::span<const SrtpProfile> profiles) {
  std::string list;
  for (const SrtpProfile profile : profiles) {
    if (!list.empty()) list += ':';
    list += BoringSslName(profile);
  }
  return list;
}

void OnCurrentTime(const SSL*, timeval* out) { *out = DtlsClockNow(); }

// Any certificate will do here; DtlsTransport compares its fingerprint when the handshake is done.
ssl_verify_result_t OnVerify(SSL*, std::uint8_t*) { return ssl_verify_ok; }

long OnBioControl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

void UseCertificate(SSL_CTX* context, const Certificate& certificate) {
  const bssl::UniquePtr<CRYPTO_BUFFER> leaf(
      CRYPTO_BUFFER_new(certificate.der().data(), certificate.der().size(), nullptr));
  FOVEA_CHECK(leaf != nullptr);
  std::array<CRYPTO_BUFFER*, 1> chain = {leaf.get()};
  FOVEA_CHECK(SSL_CTX_set_chain_and_key(context, chain.data(), chain.size(), certificate.key(),
                                        nullptr) == 1);
}

}  // namespace

DtlsContext::DtlsContext(const Certificate& certificate, std::span<const SrtpProfile> profiles)
    : ssl_ctx_(SSL_CTX_new(DTLS_with_buffers_method())),
      bio_method_(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "fovea datagrams")) {
  FOVEA_CHECK(ssl_ctx_ != nullptr && bio_method_ != nullptr);
  FOVEA_CHECK(SSL_CTX_set_min_proto_version(ssl_ctx_, DTLS1_2_VERSION) == 1);
  FOVEA_CHECK(SSL_CTX_set_max_proto_version(ssl_ctx_, DTLS1_2_VERSION) == 1);
  FOVEA_CHECK(SSL_CTX_set1_curves(ssl_ctx_, kCurves.data(), kCurves.size()) == 1);
  FOVEA_CHECK(SSL_CTX_set_strict_cipher_list(ssl_ctx_, kCiphers) == 1);
  FOVEA_CHECK(SSL_CTX_set_srtp_profiles(ssl_ctx_, ProfileList(profiles).c_str()) == 1);
  UseCertificate(ssl_ctx_, certificate);
  SSL_CTX_set_custom_verify(ssl_ctx_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, OnVerify);
  SSL_CTX_set_max_cert_list(ssl_ctx_, limits::kDtlsCertificatesBytesMax);
  // A session is one handshake: resumption would let a certificate that left come back.
  SSL_CTX_set_session_cache_mode(ssl_ctx_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(ssl_ctx_, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU);
  SSL_CTX_set_current_time_cb(ssl_ctx_, OnCurrentTime);

  FOVEA_CHECK(BIO_meth_set_read(bio_method_, DtlsTransport::BioRead) == 1);
  FOVEA_CHECK(BIO_meth_set_write(bio_method_, DtlsTransport::BioWrite) == 1);
  FOVEA_CHECK(BIO_meth_set_ctrl(bio_method_, OnBioControl) == 1);
}

DtlsContext::~DtlsContext() {
  SSL_CTX_free(ssl_ctx_);
  BIO_meth_free(bio_method_);
}

}  // namespace fovea::crypto
