#include "sfu/crypto/certificate.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/x509.h>

#include "sfu/core/check.h"
#include "sfu/crypto/hmac.h"
#include "sfu/crypto/secret.h"

namespace fovea::crypto {
namespace {

constexpr std::int64_t kSecondsPerDay = 24 * 60 * 60;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bssl::UniquePtr<EVP_PKEY> NewKey() {
  const bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  FOVEA_CHECK(ec != nullptr && key != nullptr);
  FOVEA_CHECK(EC_KEY_generate_key(ec.get()) == 1);
  FOVEA_CHECK(EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) == 1);
  return key;
}

bssl::UniquePtr<X509> NewSelfSigned(EVP_PKEY* key, WallMicros now) {
  bssl::UniquePtr<X509> x509(X509_new());
  FOVEA_CHECK(x509 != nullptr);
  FOVEA_CHECK(X509_set_version(x509.get(), 2) == 1);  // 2 means X.509 v3

  // Positive and non-zero, as RFC 5280 section 4.1.2.2 wants serial numbers.
  std::array<std::uint8_t, 8> serial{};
  RandomBytes(serial);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 0x40);
  const bssl::UniquePtr<BIGNUM> number(BN_bin2bn(serial.data(), serial.size(), nullptr));
  FOVEA_CHECK(number != nullptr);
  FOVEA_CHECK(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x509.get())) != nullptr);

  const std::int64_t now_seconds = now.value / 1'000'000;
  FOVEA_CHECK(ASN1_TIME_set(X509_getm_notBefore(x509.get()), now_seconds - kSecondsPerDay) !=
              nullptr);
  FOVEA_CHECK(ASN1_TIME_set(X509_getm_notAfter(x509.get()), now_seconds + 365 * kSecondsPerDay) !=
              nullptr);

  // A name that says nothing about the operator: the peer, and anybody on the path, reads it.
  X509_NAME* name = X509_get_subject_name(x509.get());
  static constexpr unsigned char kName[] = "WebRTC";
  FOVEA_CHECK(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC, kName, -1, -1, 0) ==
              1);
  FOVEA_CHECK(X509_set_issuer_name(x509.get(), name) == 1);
  FOVEA_CHECK(X509_set_pubkey(x509.get(), key) == 1);
  FOVEA_CHECK(X509_sign(x509.get(), key, EVP_sha256()) > 0);
  return x509;
}

}  // namespace

Fingerprint FingerprintOf(ByteSpan certificate_der) { return Sha256(certificate_der); }

std::string ToString(const Fingerprint& fingerprint) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string text;
  text.reserve(fingerprint.size() * 3);
  for (const std::uint8_t byte : fingerprint) {
    if (!text.empty()) text += ':';
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::optional<Fingerprint> ParseFingerprint(std::string_view text) {
  Fingerprint fingerprint{};
  if (text.size() != fingerprint.size() * 3 - 1) return std::nullopt;
  for (std::size_t i = 0; i < fingerprint.size(); ++i) {
    const int high = HexValue(text[3 * i]);
    const int low = HexValue(text[3 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    if (i + 1 < fingerprint.size() && text[3 * i + 2] != ':') return std::nullopt;
    fingerprint[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return fingerprint;
}

std::unique_ptr<Certificate> Certificate::Generate(WallMicros now) {
  std::unique_ptr<Certificate> certificate(new Certificate);
  bssl::UniquePtr<EVP_PKEY> key = NewKey();
  const bssl::UniquePtr<X509> x509 = NewSelfSigned(key.get(), now);
  const int size = i2d_X509(x509.get(), &certificate->der_);
  FOVEA_CHECK(size > 0);
  certificate->der_bytes_ = static_cast<std::size_t>(size);
  certificate->key_ = key.release();
  certificate->fingerprint_ = FingerprintOf(certificate->der());
  return certificate;
}

Certificate::~Certificate() {
  EVP_PKEY_free(key_);
  OPENSSL_free(der_);
}

ByteSpan Certificate::der() const { return {der_, der_bytes_}; }

}  // namespace fovea::crypto
