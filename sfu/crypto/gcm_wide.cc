#include "sfu/crypto/gcm_wide.h"

#include "sfu/core/check.h"

#if FOVEA_HAS_IPSEC_MB

#include <intel-ipsec-mb.h>

#include <algorithm>
#include <memory>

namespace fovea::crypto {
namespace {

static_assert(sizeof(gcm_key_data) <= sizeof(WideGcmKey));

constexpr std::uint64_t kTagBytes = 16;

struct Functions {
  aes_gcm_pre_t prepare_128 = nullptr;
  aes_gcm_pre_t prepare_256 = nullptr;
  aes_gcm_enc_dec_t seal_128 = nullptr;
  aes_gcm_enc_dec_t seal_256 = nullptr;
  bool usable = false;
};

void Prepare(const Functions& functions, ByteSpan key, WideGcmKey& out) {
  auto* data = reinterpret_cast<gcm_key_data*>(&out);
  (key.size() == 16 ? functions.prepare_128 : functions.prepare_256)(key.data(), data);
}

void Seal(const Functions& functions, const WideGcmKey& key, std::size_t key_bytes,
          const WideGcmJob& job) {
  const auto* data = reinterpret_cast<const gcm_key_data*>(&key);
  gcm_context_data context;
  (key_bytes == 16 ? functions.seal_128 : functions.seal_256)(
      data, &context, job.out, job.in.data(), job.in.size(), job.nonce, job.authenticated.data(),
      job.authenticated.size(), job.out + job.in.size(), kTagBytes);
}

// Test case 4 of "The Galois/Counter Mode of Operation" (McGrew and Viega): what is wrong here
// would be wrong in every packet, and BoringSSL is there instead.
bool ComputesRightly(const Functions& functions) {
  constexpr std::array<std::uint8_t, 16> kKey = {0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
                                                 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08};
  constexpr std::array<std::uint8_t, 12> kNonce = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce,
                                                   0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
  constexpr std::array<std::uint8_t, 20> kAuthenticated = {0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe,
                                                           0xef, 0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad,
                                                           0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2};
  constexpr std::array<std::uint8_t, 60> kPlain = {
      0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26,
      0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31,
      0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49,
      0xa6, 0xb5, 0x25, 0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39};
  constexpr std::array<std::uint8_t, 16> kTag = {0x5b, 0xc9, 0x4f, 0xbc, 0x32, 0x21, 0xa5, 0xdb,
                                                 0x94, 0xfa, 0xe9, 0x5a, 0xe7, 0x12, 0x1a, 0x47};
  WideGcmKey key;
  Prepare(functions, kKey, key);
  std::array<std::uint8_t, kPlain.size() + kTag.size()> out{};
  Seal(functions, key, kKey.size(), {kNonce.data(), kPlain, kAuthenticated, out.data()});
  return out[0] == 0x42 && out[59] == 0x91 &&
         std::equal(kTag.begin(), kTag.end(), out.begin() + kPlain.size());
}

Functions Find() {
  Functions found;
  // The manager is only needed to choose the functions; they keep nothing in it.
  const std::unique_ptr<IMB_MGR, void (*)(IMB_MGR*)> manager(alloc_mb_mgr(0), free_mb_mgr);
  if (manager == nullptr) return found;
  IMB_ARCH architecture = IMB_ARCH_NONE;
  init_mb_mgr_auto(manager.get(), &architecture);
  constexpr std::uint64_t kWide = IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ;
  if (architecture != IMB_ARCH_AVX512 || (manager->features & kWide) != kWide) return found;
  found.prepare_128 = manager->gcm128_pre;
  found.prepare_256 = manager->gcm256_pre;
  found.seal_128 = manager->gcm128_enc;
  found.seal_256 = manager->gcm256_enc;
  found.usable = ComputesRightly(found);
  return found;
}

// What the CPU can do, read once and constant from then on.
const Functions& Known() {
  static const Functions functions = Find();
  return functions;
}

}  // namespace

bool HasWideGcm() { return Known().usable; }

void PrepareWideGcm(ByteSpan key, WideGcmKey& out) { Prepare(Known(), key, out); }

void SealWideGcm(const WideGcmKey& key, std::size_t key_bytes, const WideGcmJob& job) {
  Seal(Known(), key, key_bytes, job);
}

}  // namespace fovea::crypto

#else

namespace fovea::crypto {

bool HasWideGcm() { return false; }
void PrepareWideGcm(ByteSpan, WideGcmKey&) { FOVEA_CHECK(false); }
void SealWideGcm(const WideGcmKey&, std::size_t, const WideGcmJob&) { FOVEA_CHECK(false); }

}  // namespace fovea::crypto

#endif
