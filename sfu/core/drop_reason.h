// Why a packet was discarded. Every discarded packet increments exactly one of these, so that
// received = forwarded + sum of drops can be checked. Append new reasons before kCount.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fovea {

enum class DropReason : std::uint8_t {
  // Demultiplexing and ICE.
  kUnknownPeer,   // tuple that no ICE check validated
  kUnknownUfrag,  // STUN for no session of ours
  kStunMalformed,
  kStunBadIntegrity,
  kStunUnsupported,     // well-formed STUN that an ICE-lite agent does not answer
  kNotDemultiplexable,  // first byte outside RFC 7983
  kTooManyTuples,
  // DTLS and SRTP.
  kDtlsMalformed,
  kDtlsNotReady,  // SRTP or SCTP before the handshake finished
  kSrtpAuth,
  kSrtpReplay,
  kSrtpOther,
  // RTP and RTCP.
  kRtpTooShort,
  kRtpBadVersion,
  kRtpBadExtension,
  kRtpBadPadding,
  kRtcpMalformed,
  kUnknownSsrc,  // no publication claims it by SSRC, or by MID and RID
  kUnknownPayloadType,
  kDescriptorMalformed,
  kDuplicate,
  kTooOld,
  kRtxMalformed,
  kPaddingOnly,  // probing padding: consumed, never forwarded
  // Forwarding.
  kLayerNotWanted,
  kWaitingForKeyFrame,
  kMuted,
  kNoSubscriber,
  kStaleEpoch,  // the publication or subscription was removed (eviction fence)
  kLaneFull,
  kRtxNotInHistory,
  kRtxThrottled,
  // Sending.
  kTxNotConnected,
  kTxSocketFull,
  kTxError,
  // Data channels.
  kSctpMalformed,
  kSctpQueueFull,
  kAppDataRingFull,
  kSctpUnknownAssociation,  // none was created, or it is down
  // RTP, appended.
  kRtpTooLong,  // 64 KiB or more: offsets would not fit
  kCount,
};

inline constexpr std::size_t kDropReasonCount = static_cast<std::size_t>(DropReason::kCount);

// snake_case, as used in metric labels.
[[nodiscard]] std::string_view ToString(DropReason reason);

// One per worker, single writer.
class DropCounters {
 public:
  void Add(DropReason reason, std::uint64_t n = 1) {
    counts_[static_cast<std::size_t>(reason)] += n;
  }
  [[nodiscard]] std::uint64_t Get(DropReason reason) const {
    return counts_[static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] std::uint64_t Total() const {
    std::uint64_t total = 0;
    for (const std::uint64_t n : counts_) total += n;
    return total;
  }

 private:
  std::array<std::uint64_t, kDropReasonCount> counts_{};
};

}  // namespace fovea
