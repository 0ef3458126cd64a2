#include "sfu/crypto/srtp_kdf.h"

#include <openssl/aes.h>
#include <openssl/mem.h>

#include <array>
#include <cstring>

#include "sfu/core/check.h"

namespace fovea::crypto {

void DeriveSrtpKey(SrtpProfile profile, const SrtpMasterKey& master, SrtpKeyLabel label,
                   MutableByteSpan out) {
  FOVEA_CHECK(out.size() <= 32);
  //  0                             7                                  14      16
  // +------------------------------+-----------------------------------+-------+
  // |  master salt (14; a 12-byte AEAD salt is followed by zeros)      | block |
  // |                              ^ label is XORed into byte 7        | count |
  // +------------------------------------------------------------------+-------+
  std::array<std::uint8_t, 16> counter{};
  std::memcpy(counter.data(), master.salt.data(), SizesOf(profile).salt);
  counter[7] = static_cast<std::uint8_t>(counter[7] ^ static_cast<std::uint8_t>(label));

  AES_KEY schedule;
  FOVEA_CHECK(AES_set_encrypt_key(master.key.data(),
                                  static_cast<unsigned>(SizesOf(profile).key * 8), &schedule) == 0);
  std::memset(out.data(), 0, out.size());
  std::array<std::uint8_t, 16> key_stream{};
  unsigned int used = 0;
  AES_ctr128_encrypt(out.data(), out.data(), out.size(), &schedule, counter.data(),
                     key_stream.data(), &used);
  OPENSSL_cleanse(&schedule, sizeof(schedule));
  Wipe(key_stream);
  Wipe(counter);
}

}  // namespace fovea::crypto
