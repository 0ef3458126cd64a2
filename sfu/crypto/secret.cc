#include "sfu/crypto/secret.h"

#include <openssl/mem.h>
#include <openssl/rand.h>

#include "sfu/core/check.h"

namespace fovea::crypto {

void Wipe(MutableByteSpan bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

void RandomBytes(MutableByteSpan out) { FOVEA_CHECK(RAND_bytes(out.data(), out.size()) == 1); }

}  // namespace fovea::crypto
