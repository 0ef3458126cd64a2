// Reception statistics. RFC 3550 appendices A.3 and A.8.
// Thread: owned by the worker of the publishing session.
#include "sfu/rtp/receive_stats.h"

#include <algorithm>
#include <cstdlib>

#include "sfu/core/check.h"
#include "sfu/rtp/rtt.h"

namespace fovea::rtp {
namespace {

// Unwrapping gives the first packet one cycle on top, which the wire does not have.
constexpr std::int64_t kUnwrapperCycle = 65536;
constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

}  // namespace

ReceiveStats::ReceiveStats(std::uint32_t clock_rate_hz) : clock_rate_hz_(clock_rate_hz) {
  FOVEA_CHECK(clock_rate_hz > 0);
}

void ReceiveStats::OnPacket(Instant now, ExtSeq seq, RtpTimestamp ts, std::size_t packet_bytes) {
  ++packets_total_;
  bytes_total_ += packet_bytes;
  ++received_;
  if (!started_) {
    started_ = true;
    base_ = seq;
    highest_ = seq;
    last_ts_ = ts;
    last_arrival_at_ = now;
    return;
  }
  base_ = std::min(base_, seq);
  // Late packets tell about reordering, not about the variation of transit times.
  if (seq <= highest_) return;
  highest_ = seq;
  UpdateJitter(now, ts);
}

// RFC 3550 section 6.4.1: J += (|D| - J) / 16. Packets of one frame share a timestamp although the
// sender paces them; only the first of a frame is compared.
void ReceiveStats::UpdateJitter(Instant now, RtpTimestamp ts) {
  if (ts == last_ts_) return;
  const Duration elapsed = now - last_arrival_at_;
  const auto ts_step = static_cast<std::int32_t>(ts.value() - last_ts_.value());
  last_ts_ = ts;
  last_arrival_at_ = now;
  if (elapsed > Seconds(kJitterJumpSecondsMax)) return;  // also keeps the product within 64 bits
  const std::int64_t arrival_step =
      elapsed.count() * std::int64_t{clock_rate_hz_} / kNanosPerSecond;
  const std::int64_t transit_change = std::abs(arrival_step - ts_step);
  if (transit_change > kJitterJumpSecondsMax * clock_rate_hz_) return;
  const std::int64_t jitter = jitter_q4_;
  jitter_q4_ = static_cast<std::uint32_t>(jitter + transit_change - ((jitter + 8) >> 4));
}

void ReceiveStats::OnSenderReport(Instant now, const SenderReport& report) {
  last_sr_ = CompactNtp(report.ntp);
  last_sr_at_ = now;
}

void ReceiveStats::Restart() {
  started_ = false;
  received_ = 0;
  expected_prior_ = 0;
  received_prior_ = 0;
  jitter_q4_ = 0;
  last_sr_ = 0;
}

std::int64_t ReceiveStats::expected() const {
  return started_ ? highest_.value() - base_.value() + 1 : 0;
}

std::int64_t ReceiveStats::cumulative_lost() const { return expected() - received_; }

Duration ReceiveStats::JitterTime() const {
  return Duration{std::int64_t{jitter()} * kNanosPerSecond / clock_rate_hz_};
}

ReportBlock ReceiveStats::MakeReportBlock(Instant now, Ssrc source) {
  ReportBlock block;
  block.source = source;
  const std::int64_t expected_interval = expected() - expected_prior_;
  const std::int64_t lost_interval = expected_interval - (received_ - received_prior_);
  expected_prior_ = expected();
  received_prior_ = received_;
  // Appendix A.3: duplicates can make an interval's loss negative; it is then reported as none.
  if (expected_interval > 0 && lost_interval > 0) {
    block.fraction_lost = static_cast<std::uint8_t>(
        std::min<std::int64_t>(255, 256 * lost_interval / expected_interval));
  }
  block.cumulative_lost =
      static_cast<std::int32_t>(std::clamp<std::int64_t>(cumulative_lost(), -0x800000, 0x7fffff));
  block.extended_highest_seq =
      started_ ? static_cast<std::uint32_t>(highest_.value() - kUnwrapperCycle) : 0;
  block.jitter = jitter();
  block.last_sr = last_sr_;
  if (last_sr_ != 0) block.delay_since_last_sr = ToCompactNtp(now - last_sr_at_);
  return block;
}

}  // namespace fovea::rtp
