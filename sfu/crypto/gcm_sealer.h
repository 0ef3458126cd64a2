// AES-GCM for outgoing packets under one key (RFC 7714): by libipsec-mb where the CPU has the wide
// AES and carry-less multiplication of AVX-512, else by BoringSSL. ADR 0011.
// Thread: Seal is const; an object may be used from any thread, one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "sfu/core/bytes.h"

namespace fovea::crypto {

class GcmSealer {
 public:
  static constexpr std::size_t kNonceBytes = 12;
  static constexpr std::size_t kTagBytes = 16;
  using Nonce = std::array<std::uint8_t, kNonceBytes>;

  enum class Engine : std::uint8_t {
    kFastest,   // of this machine
    kPortable,  // BoringSSL's
  };

  // REQUIRES: key of 16 or 32 bytes.
  explicit GcmSealer(ByteSpan key, Engine engine = Engine::kFastest);
  ~GcmSealer();
  GcmSealer(const GcmSealer&) = delete;
  GcmSealer& operator=(const GcmSealer&) = delete;

  // Encrypts `in` to `out` and puts the tag behind it. `out` is `in` or does not overlap it, and
  // has room for both. A nonce is never used twice. Never allocates.
  [[nodiscard]] bool Seal(const Nonce& nonce, ByteSpan in, ByteSpan authenticated,
                          std::uint8_t* out) const;

  // Whether kFastest is something else than BoringSSL here.
  [[nodiscard]] static bool HasWideEngine();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::crypto
