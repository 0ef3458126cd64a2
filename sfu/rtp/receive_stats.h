// Reception statistics of one received stream, and the report block made of them.
// RFC 3550 section 6.4.1 and appendices A.3 (loss) and A.8 (jitter).
// Thread: owned by the worker of the publishing session.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sfu/core/seq.h"
#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"
#include "sfu/rtp/rtcp/report_block.h"
#include "sfu/rtp/rtcp/sender_report.h"

namespace fovea::rtp {

// Counts what arrives on one SSRC.
//
// Invariants:
//  (1) base_ <= highest_ once started; expected = highest_ - base_ + 1.
//  (2) Only packets as first sent count as received: a packet recovered by RTX is not passed in, so
//      that the sender's estimator sees the loss of the path and not what repair made of it.
class ReceiveStats {
 public:
  // REQUIRES: clock_rate_hz > 0.
  explicit ReceiveStats(std::uint32_t clock_rate_hz);

  // `packet_bytes`: the RTP packet, header and padding included.
  void OnPacket(Instant now, ExtSeq seq, RtpTimestamp ts, std::size_t packet_bytes);
  // Remembers what the next report's LSR and DLSR answer to.
  void OnSenderReport(Instant now, const SenderReport& report);
  // The numbering started over (NackTracker saw kLost after kTooOld, or a new stream uses the
  // SSRC).
  void Restart();

  // Describes the stream and opens the next interval for "fraction lost": call once per report.
  [[nodiscard]] ReportBlock MakeReportBlock(Instant now, Ssrc source);

  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] std::uint64_t packets_total() const { return packets_total_; }
  [[nodiscard]] std::uint64_t bytes_total() const { return bytes_total_; }
  [[nodiscard]] std::int64_t cumulative_lost() const;
  [[nodiscard]] std::uint32_t jitter() const { return jitter_q4_ >> 4; }  // timestamp units
  [[nodiscard]] Duration JitterTime() const;

 private:
  // A transit time that jumps by more is a restarted clock or a resumed stream, not jitter.
  static constexpr std::int64_t kJitterJumpSecondsMax = 5;

  void UpdateJitter(Instant now, RtpTimestamp ts);
  [[nodiscard]] std::int64_t expected() const;

  // Constant after construction.
  std::uint32_t clock_rate_hz_;
  // Of the current numbering.
  bool started_ = false;
  ExtSeq base_;
  ExtSeq highest_;
  std::int64_t received_ = 0;
  std::int64_t expected_prior_ = 0;
  std::int64_t received_prior_ = 0;
  RtpTimestamp last_ts_;
  Instant last_arrival_at_;
  std::uint32_t jitter_q4_ = 0;  // scaled by 16, as in appendix A.8
  // The last sender report; 0 before the first.
  std::uint32_t last_sr_ = 0;
  Instant last_sr_at_;
  // Read by stats on this thread only; they survive Restart.
  std::uint64_t packets_total_ = 0;
  std::uint64_t bytes_total_ = 0;
};

}  // namespace fovea::rtp
