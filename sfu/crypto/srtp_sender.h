// SRTP and SRTCP protection of what we send. RFC 3711 (AES-CM with HMAC-SHA1), RFC 7714 (AES-GCM).
//
// libsrtp keeps the streams of a session in a list and wants the packet in one writable buffer; a
// fan-out has hundreds of streams and one shared plaintext. So sending is split: SrtpSendKeys holds
// the session keys, once per session; SrtpSender is what RFC 3711 keeps per SSRC, a few words; and
// Protect encrypts from the shared payload straight into the outgoing buffer. Tests compare every
// byte with libsrtp, which stays the reference and does all receiving.
//
// Thread: owned by the worker of the session.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sfu/core/bytes.h"
#include "sfu/core/drop_reason.h"
#include "sfu/core/result.h"
#include "sfu/core/strong_id.h"
#include "sfu/crypto/srtp_keys.h"

namespace fovea::crypto {

// What is kept per outgoing SSRC: the rollover base, and which sequence numbers are used up.
//
// Invariants:
//  (1) No two different packets leave under one (SSRC, index) pair: a second one under the same GCM
//      nonce would give away the authentication key. No pair is claimed twice. Retransmissions have
//      an SSRC of their own (RFC 4588); where the peer knows none, SrtpSendKeys::RepeatRtp() makes
//      the first packet again, and hands it out only if its authentication tag proves it the same.
//  (2) The rollover counter of the first packet is 0, which is what every receiver assumes.
//
// The first sequence number should be below 2^15: if the packets before a wrap are all lost, a
// receiver cannot know that it missed one (RFC 3711 section 3.3.1).
class SrtpSender {
 public:
  // Late packets are still sent if they are at most this much behind the newest one. Smaller loses
  // packets that the publisher's network reordered; larger costs a bit per packet and sender.
  static constexpr std::int64_t kWindow = 1024;

  // `repeatable`: packets back that one may be repeated; 8 bytes each.
  // REQUIRES: it is zero, or a power of two and at most kWindow.
  explicit SrtpSender(Ssrc ssrc, std::size_t repeatable = 0);

  [[nodiscard]] Ssrc ssrc() const { return ssrc_; }

  // Claims `seq` and returns the 48-bit packet index (rollover counter and sequence number).
  // kDuplicate if it was claimed before; kTooOld behind the window or before the first packet's
  // cycle.
  [[nodiscard]] Result<std::uint64_t, DropReason> ClaimIndex(ExtSeq seq);

  // The packet that left under a claimed number, by the first half of its tag.
  struct Sent {
    std::uint64_t index = 0;
    std::uint64_t tag = 0;
  };
  void NoteSent(ExtSeq seq, std::uint64_t tag);
  // nullopt for a number that was never claimed, or is further back than `repeatable`.
  [[nodiscard]] std::optional<Sent> FindSent(ExtSeq seq) const;

 private:
  [[nodiscard]] bool IsRepeatable(std::int64_t seq) const {
    return seq <= highest_ && highest_ - seq < static_cast<std::int64_t>(tags_.size());
  }
  Ssrc ssrc_;
  bool started_ = false;
  std::int64_t cycle_base_ = 0;  // seq >> 16 of the first packet
  std::int64_t highest_ = 0;
  std::array<std::uint64_t, kWindow / 64> used_{};  // bit seq % kWindow; valid within the window
  std::vector<std::uint64_t> tags_;                 // by seq modulo its size
};

// An RTP packet before protection: its header, which is authenticated, and its payload, which is
// encrypted too. They need not be adjacent. header[2..3] and header[8..11] must agree with `seq`
// and the sender's SSRC.
struct RtpPlaintext {
  ExtSeq seq;
  ByteSpan header;
  ByteSpan payload;
};

// The session keys of everything that one session sends, shared by all its SSRCs. About 2 KB.
class SrtpSendKeys {
 public:
  explicit SrtpSendKeys(const SrtpKeyingMaterial& material);
  ~SrtpSendKeys();
  SrtpSendKeys(const SrtpSendKeys&) = delete;
  SrtpSendKeys& operator=(const SrtpSendKeys&) = delete;

  // Bytes that ProtectRtp and ProtectRtcp add.
  [[nodiscard]] std::size_t rtp_overhead() const;
  [[nodiscard]] std::size_t rtcp_overhead() const;

  // Writes the protected packet to `out` and returns its size. `out` may not overlap the payload,
  // unless the payload already lies at out[header.size()] (then it is encrypted in place). Never
  // allocates. kTxError if `out` is too small, otherwise as SrtpSender::ClaimIndex.
  [[nodiscard]] Result<std::size_t, DropReason> ProtectRtp(SrtpSender& sender,
                                                           const RtpPlaintext& packet,
                                                           MutableByteSpan out);
  // A packet that left before, for who lost it. kRtxNotInHistory, and nothing written, unless
  // `packet` is that packet in every byte.
  [[nodiscard]] Result<std::size_t, DropReason> RepeatRtp(const SrtpSender& sender,
                                                          const RtpPlaintext& packet,
                                                          MutableByteSpan out);
  // The same as ProtectRtp for a compound RTCP packet of at least 8 bytes. One SRTCP index counts
  // all SSRCs of the session, so an SSRC that goes and comes back never repeats one. kTxError as
  // well after 2^31 packets (RFC 3711 section 9.2).
  [[nodiscard]] Result<std::size_t, DropReason> ProtectRtcp(ByteSpan packet, MutableByteSpan out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::crypto
