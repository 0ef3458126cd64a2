// fuzz-deps: sfu_stun
// STUN parsing before any authentication: must not read outside, and what it accepts must be
// consistent with itself.
#include <cstddef>
#include <cstdint>

#include "sfu/core/check.h"
#include "sfu/stun/message.h"

namespace {

fovea::stun::Sha1Digest ReadEverything(fovea::ByteSpan key, fovea::ByteSpan message) {
  fovea::stun::Sha1Digest digest{};
  for (std::size_t i = 0; i < message.size(); ++i) digest[i % 20] ^= message[i];
  for (std::size_t i = 0; i < key.size(); ++i) digest[i % 20] ^= key[i];
  return digest;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fovea::ByteSpan bytes(data, size);
  const auto ufrag = fovea::stun::PeekUfrag(bytes);
  const auto message = fovea::stun::Parse(bytes);
  if (!message.ok()) return 0;
  FOVEA_CHECK(fovea::stun::LooksLikeStun(bytes));
  const bool is_request = message->message_class == fovea::stun::MessageClass::kRequest &&
                          message->method == fovea::stun::kBindingMethod;
  if (is_request && ufrag && !message->integrity_offset) {
    FOVEA_CHECK(message->username.starts_with(*ufrag));
  }
  const uint8_t key[] = {1, 2, 3};
  (void)fovea::stun::VerifyIntegrity(*message, key, ReadEverything);
  return 0;
}
