#include "bench/libsrtp.h"

#include <dlfcn.h>

#include "sfu/core/bytes.h"
#include "sfu/core/check.h"
#include "sfu/crypto/srtp_receiver.h"

namespace fovea::bench {
namespace {

template <class F>
F Symbol(void* library, const char* name) {
  return reinterpret_cast<F>(dlsym(library, name));
}

std::optional<LibSrtp> Load() {
  // Bound to itself first: the names are ours as well.
  void* library = dlopen("libsrtp2.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  if (library == nullptr) return std::nullopt;
  const auto init = Symbol<decltype(&srtp_init)>(library, "srtp_init");
  LibSrtp functions{"libsrtp of the distribution",
                    Symbol<decltype(&srtp_create)>(library, "srtp_create"),
                    Symbol<decltype(&srtp_dealloc)>(library, "srtp_dealloc"),
                    Symbol<decltype(&srtp_protect)>(library, "srtp_protect"),
                    Symbol<decltype(&srtp_unprotect)>(library, "srtp_unprotect")};
  const bool complete = init != nullptr && functions.create != nullptr &&
                        functions.dealloc != nullptr && functions.protect != nullptr &&
                        functions.unprotect != nullptr;
  if (!complete || init() != srtp_err_status_ok) return std::nullopt;
  return functions;
}

}  // namespace

LibSrtp OurLibSrtp() {
  // It can be initialised once only, and sfu/crypto does that with its first receiver.
  const crypto::SrtpReceiver first{crypto::SrtpKeyingMaterial{}};
  return {"libsrtp on BoringSSL", &srtp_create, &srtp_dealloc, &srtp_protect, &srtp_unprotect};
}

std::optional<LibSrtp> DistributionLibSrtp() {
  // It, too, can be initialised once only.
  static const std::optional<LibSrtp> library = Load();
  return library;
}

srtp_t MakeSession(const LibSrtp& library, SrtpCipher cipher, SrtpDirection direction,
                   std::uint32_t number) {
  std::array<std::uint8_t, 64> key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i * 7 + 1);
  StoreBe32(key.data(), number);
  srtp_policy_t policy{};
  // Only fills the struct, which has the same layout in both builds.
  const auto fill = cipher == SrtpCipher::kGcm128 ? &srtp_crypto_policy_set_aes_gcm_128_16_auth
                                                  : &srtp_crypto_policy_set_rtp_default;
  fill(&policy.rtp);
  fill(&policy.rtcp);
  policy.ssrc.type = direction == SrtpDirection::kProtect ? ssrc_any_outbound : ssrc_any_inbound;
  policy.key = key.data();
  policy.window_size = 1024;
  srtp_t session = nullptr;
  FOVEA_CHECK(library.create(&session, &policy) == srtp_err_status_ok);
  return session;
}

}  // namespace fovea::bench
