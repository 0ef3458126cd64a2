#include "sfu/crypto/srtp_receiver.h"

#include <arpa/inet.h>
#include <srtp2/srtp.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "sfu/core/check.h"
#include "sfu/crypto/null_tag.h"

namespace fovea::crypto {
namespace {

constexpr std::size_t kRtpHeaderBytes = 12;
constexpr std::size_t kRtcpClearBytes = 8;
constexpr std::size_t kSrtcpIndexBytes = 4;

// libsrtp's tables are global to the process. The first caller fills them; the language makes that
// safe between threads, and nothing is written afterwards.
void InitLibsrtp() {
  static const bool ready = srtp_init() == srtp_err_status_ok;
  FOVEA_CHECK(ready);
}

void SetCipher(SrtpProfile profile, srtp_policy_t& policy) {
  switch (profile) {
    case SrtpProfile::kAes128CmSha1_80:
      srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
      srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
      return;
    case SrtpProfile::kAeadAes128Gcm:
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
      return;
    case SrtpProfile::kAeadAes256Gcm:
      srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
      srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
      return;
  }
}

DropReason ReasonOf(srtp_err_status_t status) {
  switch (status) {
    case srtp_err_status_auth_fail:
      return DropReason::kSrtpAuth;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
      return DropReason::kSrtpReplay;
    default:  // libsrtp's list, not ours; what is left are malformed packets and spent keys
      return DropReason::kSrtpOther;
  }
}

// The checksum of null keys in place of libsrtp. `extra` is what follows the packet besides the
// tag.
Result<std::size_t, DropReason> CheckNullTag(ByteSpan packet, std::size_t extra) {
  if (!HasNullTag(packet)) return Failure{DropReason::kSrtpAuth};
  return packet.size() - kNullTagBytes - extra;
}

}  // namespace

SrtpReceiver::SrtpReceiver(const SrtpKeyingMaterial& material) : sizes_(SizesOf(material.profile)) {
  if (material.is_null()) return;
  InitLibsrtp();

  // libsrtp wants key and salt as one string.
  Secret<46> key_and_salt;
  std::memcpy(key_and_salt.data(), material.remote.key.data(), sizes_.key);
  std::memcpy(key_and_salt.data() + sizes_.key, material.remote.salt.data(), sizes_.salt);

  srtp_policy_t policy{};
  SetCipher(material.profile, policy);
  policy.ssrc.type = ssrc_any_inbound;
  policy.key = key_and_salt.data();
  // Firefox probes for bandwidth with packets it sent long ago; they fall out of the window and are
  // counted as replays, which costs nothing (they are duplicates).
  policy.window_size = limits::kSrtpReplayWindowPackets;
  FOVEA_CHECK(srtp_create(&session_, &policy) == srtp_err_status_ok);
}

SrtpReceiver::~SrtpReceiver() {
  if (session_ != nullptr) srtp_dealloc(session_);  // wipes its keys
}

Result<std::size_t, DropReason> SrtpReceiver::UnprotectRtp(MutableByteSpan packet) {
  // Lengths are checked here too: libsrtp had reads before the authentication in the past.
  if (packet.size() < kRtpHeaderBytes + sizes_.tag || packet.size() > limits::kDatagramBytesMax) {
    return Failure{DropReason::kSrtpOther};
  }
  if (session_ == nullptr) return CheckNullTag(packet, 0);
  const std::uint32_t ssrc = LoadBe32(&packet[8]);
  int size = static_cast<int>(packet.size());
  const srtp_err_status_t status = srtp_unprotect(session_, packet.data(), &size);
  if (status != srtp_err_status_ok) return Failure{ReasonOf(status)};
  Touch(ssrc);
  return static_cast<std::size_t>(size);
}

Result<std::size_t, DropReason> SrtpReceiver::UnprotectRtcp(MutableByteSpan packet) {
  if (packet.size() < kRtcpClearBytes + kSrtcpIndexBytes + sizes_.tag ||
      packet.size() > limits::kDatagramBytesMax) {
    return Failure{DropReason::kSrtpOther};
  }
  if (session_ == nullptr) return CheckNullTag(packet, kSrtcpIndexBytes);
  const std::uint32_t ssrc = LoadBe32(&packet[4]);
  int size = static_cast<int>(packet.size());
  const srtp_err_status_t status = srtp_unprotect_rtcp(session_, packet.data(), &size);
  if (status != srtp_err_status_ok) return Failure{ReasonOf(status)};
  Touch(ssrc);
  return static_cast<std::size_t>(size);
}

void SrtpReceiver::Touch(std::uint32_t ssrc) {
  uses_ += 1;
  for (Stream& stream : streams_) {
    if (stream.ssrc == ssrc) {
      stream.last_used = uses_;
      return;
    }
  }
  if (streams_.size() == limits::kSsrcsPerSessionMax) {
    const auto oldest = std::min_element(
        streams_.begin(), streams_.end(),
        [](const Stream& a, const Stream& b) { return a.last_used < b.last_used; });
    (void)srtp_remove_stream(session_, htonl(oldest->ssrc));
    *oldest = Stream{.ssrc = ssrc, .last_used = uses_};
    return;
  }
  streams_.push_back(Stream{.ssrc = ssrc, .last_used = uses_});
}

}  // namespace fovea::crypto
