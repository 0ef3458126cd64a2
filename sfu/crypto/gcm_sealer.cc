#include "sfu/crypto/gcm_sealer.h"

#include <openssl/aead.h>
#include <openssl/mem.h>

#include <variant>

#include "sfu/core/check.h"
#include "sfu/crypto/gcm_wide.h"

namespace fovea::crypto {
namespace {

struct WideKey {
  explicit WideKey(ByteSpan key) : key_bytes(key.size()) { PrepareWideGcm(key, expanded); }
  ~WideKey() { OPENSSL_cleanse(&expanded, sizeof(expanded)); }
  WideKey(const WideKey&) = delete;
  WideKey& operator=(const WideKey&) = delete;

  WideGcmKey expanded;
  const std::size_t key_bytes;
};

struct PortableKey {
  explicit PortableKey(ByteSpan key) {
    const EVP_AEAD* aead = key.size() == 16 ? EVP_aead_aes_128_gcm() : EVP_aead_aes_256_gcm();
    FOVEA_CHECK(EVP_AEAD_CTX_init(&context, aead, key.data(), key.size(), GcmSealer::kTagBytes,
                                  nullptr) == 1);
  }
  ~PortableKey() {
    EVP_AEAD_CTX_cleanup(&context);
    OPENSSL_cleanse(&context, sizeof(context));
  }
  PortableKey(const PortableKey&) = delete;
  PortableKey& operator=(const PortableKey&) = delete;

  EVP_AEAD_CTX context;
};

}  // namespace

struct GcmSealer::Impl {
  std::variant<std::monostate, WideKey, PortableKey> key;
};

GcmSealer::GcmSealer(ByteSpan key, Engine engine) {
  FOVEA_CHECK(key.size() == 16 || key.size() == 32);
  impl_ = std::make_unique<Impl>();
  if (engine == Engine::kFastest && HasWideGcm())
    impl_->key.emplace<WideKey>(key);
  else
    impl_->key.emplace<PortableKey>(key);
}

GcmSealer::~GcmSealer() = default;

bool GcmSealer::HasWideEngine() { return HasWideGcm(); }

bool GcmSealer::Seal(const Nonce& nonce, ByteSpan in, ByteSpan authenticated,
                     std::uint8_t* out) const {
  if (const auto* wide = std::get_if<WideKey>(&impl_->key)) {
    SealWideGcm(wide->expanded, wide->key_bytes, {nonce.data(), in, authenticated, out});
    return true;
  }
  const auto& portable = std::get<PortableKey>(impl_->key);
  std::size_t tag_bytes = 0;
  return EVP_AEAD_CTX_seal_scatter(&portable.context, out, out + in.size(), &tag_bytes, kTagBytes,
                                   nonce.data(), nonce.size(), in.data(), in.size(), nullptr, 0,
                                   authenticated.data(), authenticated.size()) == 1;
}

}  // namespace fovea::crypto
