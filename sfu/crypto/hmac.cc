#include "sfu/crypto/hmac.h"

#include <openssl/digest.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/sha.h>

#include "sfu/core/check.h"

namespace fovea::crypto {
namespace {

template <class Digest>
Digest Hmac(const EVP_MD* hash, ByteSpan key, ByteSpan data) {
  Digest digest{};
  unsigned int length = 0;
  FOVEA_CHECK(HMAC(hash, key.data(), key.size(), data.data(), data.size(), digest.data(),
                   &length) != nullptr);
  FOVEA_CHECK(length == digest.size());
  return digest;
}

}  // namespace

Sha1Digest HmacSha1(ByteSpan key, ByteSpan data) { return Hmac<Sha1Digest>(EVP_sha1(), key, data); }

Sha256Digest HmacSha256(ByteSpan key, ByteSpan data) {
  return Hmac<Sha256Digest>(EVP_sha256(), key, data);
}

Sha256Digest Sha256(ByteSpan data) {
  Sha256Digest digest{};
  SHA256(data.data(), data.size(), digest.data());
  return digest;
}

bool ConstantTimeEquals(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace fovea::crypto
