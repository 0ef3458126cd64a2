// What Fovea needs from BoringSSL and libsrtp, in the smallest form: a DTLS context that offers the
// GCM profiles, and a packet that survives protect and unprotect under AEAD_AES_128_GCM.
#include <cstdint>
#include <cstdio>
#include <cstring>

#include <openssl/ssl.h>
#include <srtp2/srtp.h>

namespace {

constexpr int kPacketBytes = 12 + 160;
constexpr int kTagBytes = 16;

bool MakesADtlsContext() {
  SSL_CTX* context = SSL_CTX_new(DTLS_method());
  if (context == nullptr) return false;
  const bool offered =
      SSL_CTX_set_srtp_profiles(context, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") == 1;
  SSL* ssl = SSL_new(context);
  const bool made = ssl != nullptr;
  SSL_free(ssl);
  SSL_CTX_free(context);
  return offered && made;
}

bool ProtectsAndUnprotects() {
  if (srtp_init() != srtp_err_status_ok) return false;
  std::uint8_t key[SRTP_AES_GCM_128_KEY_LEN_WSALT];
  std::memset(key, 7, sizeof(key));
  srtp_policy_t policy = {};
  srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
  srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
  policy.key = key;
  policy.ssrc.type = ssrc_specific;
  policy.ssrc.value = 0x01020304;
  srtp_t sender = nullptr;
  srtp_t receiver = nullptr;
  if (srtp_create(&sender, &policy) != srtp_err_status_ok) return false;
  if (srtp_create(&receiver, &policy) != srtp_err_status_ok) return false;

  std::uint8_t packet[kPacketBytes + SRTP_MAX_TRAILER_LEN] = {0x80, 96, 0, 1, 0, 0,
                                                              0,    1,  1, 2, 3, 4};
  std::uint8_t original[kPacketBytes];
  std::memcpy(original, packet, kPacketBytes);
  int length = kPacketBytes;
  bool good = srtp_protect(sender, packet, &length) == srtp_err_status_ok;
  good = good && length == kPacketBytes + kTagBytes;
  good = good && std::memcmp(packet + 12, original + 12, kPacketBytes - 12) != 0;
  good = good && srtp_unprotect(receiver, packet, &length) == srtp_err_status_ok;
  good = good && length == kPacketBytes && std::memcmp(packet, original, kPacketBytes) == 0;
  srtp_dealloc(sender);
  srtp_dealloc(receiver);
  return good;
}

}  // namespace

int main() {
  const bool dtls = MakesADtlsContext();
  const bool srtp = ProtectsAndUnprotects();
  std::printf("DTLS context: %s, AES-128-GCM: %s, %s\n", dtls ? "good" : "FAILED",
              srtp ? "good" : "FAILED", srtp_get_version_string());
  return dtls && srtp ? 0 : 1;
}
