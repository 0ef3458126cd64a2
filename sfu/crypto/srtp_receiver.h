// SRTP and SRTCP of what a peer sends us: authentication, replay protection and decryption by
// libsrtp, one libsrtp session per peer. RFC 3711, RFC 7714. Thread: owned by the worker of the
// session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sfu/core/bytes.h"
#include "sfu/core/drop_reason.h"
#include "sfu/core/limits.h"
#include "sfu/core/result.h"
#include "sfu/crypto/srtp_keys.h"

struct srtp_ctx_t_;  // libsrtp

namespace fovea::crypto {

// Invariants:
//  (1) A packet is accepted at most once per SSRC (not with null keys, which have no replay list).
//  (2) libsrtp has a stream for exactly the SSRCs in streams_, at most kSsrcsPerSessionMax. An SSRC
//      gets in only by an authenticated packet; at the limit the longest unused one is forgotten.
class SrtpReceiver {
 public:
  explicit SrtpReceiver(const SrtpKeyingMaterial& material);
  ~SrtpReceiver();
  SrtpReceiver(const SrtpReceiver&) = delete;
  SrtpReceiver& operator=(const SrtpReceiver&) = delete;

  // Decrypts in place and returns the size of the RTP packet. kSrtpAuth, kSrtpReplay (a duplicate,
  // or behind the window) or kSrtpOther (too short, bad header). Allocates only for the first
  // packet of an SSRC. O(SSRCs of the session).
  [[nodiscard]] Result<std::size_t, DropReason> UnprotectRtp(MutableByteSpan packet);
  [[nodiscard]] Result<std::size_t, DropReason> UnprotectRtcp(MutableByteSpan packet);

  [[nodiscard]] std::size_t stream_count() const { return streams_.size(); }

 private:
  struct Stream {
    std::uint32_t ssrc = 0;
    std::uint64_t last_used = 0;  // value of uses_
  };
  void Touch(std::uint32_t ssrc);

  // Constant after construction.
  srtp_ctx_t_* session_ = nullptr;  // nullptr with null keys
  SrtpKeySizes sizes_;
  // Owned by the worker.
  std::vector<Stream> streams_;
  std::uint64_t uses_ = 0;
};

}  // namespace fovea::crypto
