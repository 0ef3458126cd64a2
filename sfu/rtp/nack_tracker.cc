// NACK tracker. RFC 4585 section 6.2.1. Thread: owned by the worker of the publishing session.
#include "sfu/rtp/nack_tracker.h"

#include <algorithm>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"

namespace fovea::rtp {
namespace {

// RTT x 1.25^requests: the answer to the last request should be here by then, jitter included.
Duration RetryAfter(Duration rtt, int requests) {
  Duration wait = rtt;
  for (int i = 0; i < requests && wait < NackTracker::kRetryMax; ++i) wait += wait / 4;
  return std::clamp(wait, NackTracker::kRetryMin, NackTracker::kRetryMax);
}

ExtSeq Before(ExtSeq seq, std::int64_t n) { return ExtSeq{seq.value() - n}; }

}  // namespace

NackTracker::Verdict NackTracker::OnPacket(Instant now, ExtSeq seq) {
  Verdict verdict = Verdict::kNew;
  if (!started_) {
    Start(seq);
  } else if (seq > highest_) {
    verdict = OnNewest(now, seq);
  } else if (seq <= Before(highest_, kWindow)) {
    verdict = OnTooOld(seq);
  } else {
    verdict = OnLate(seq);
  }
  FOVEA_DCHECK(IsConsistent());
  return verdict;
}

void NackTracker::Start(ExtSeq seq) {
  given_up_total_ += missing_.size();
  missing_.clear();
  received_.reset();
  received_.set(Slot(seq));
  highest_ = seq;
  too_old_run_ = 0;
  started_ = true;
  UpdateNextRequest();
}

NackTracker::Verdict NackTracker::OnNewest(Instant now, ExtSeq seq) {
  too_old_run_ = 0;
  const std::int64_t gap = seq.value() - highest_.value() - 1;
  const std::uint64_t given_up_before = given_up_total_;
  if (gap > limits::kNackMissingMax) {
    given_up_total_ += static_cast<std::uint64_t>(gap);
    Start(seq);
    return Verdict::kLost;
  }
  const ExtSeq first_missing = Before(highest_, -1);
  MoveWindowTo(seq);
  for (ExtSeq lost = first_missing; lost < seq; lost = Before(lost, -1)) {
    if (missing_.size() == std::size_t{limits::kNackMissingMax}) ForgetOldest();
    missing_.push_back(Missing{.seq = lost, .ask_at = now + kReorderWait, .requests = 0});
  }
  if (gap > 0) UpdateNextRequest();
  return given_up_total_ == given_up_before ? Verdict::kNew : Verdict::kLost;
}

NackTracker::Verdict NackTracker::OnTooOld(ExtSeq seq) {
  too_old_run_ = seq == Before(last_too_old_, -1) ? too_old_run_ + 1 : 1;
  last_too_old_ = seq;
  if (too_old_run_ < kRestartAfter) return Verdict::kTooOld;
  Start(seq);
  return Verdict::kLost;
}

NackTracker::Verdict NackTracker::OnLate(ExtSeq seq) {
  too_old_run_ = 0;
  if (received_.test(Slot(seq))) return Verdict::kDuplicate;
  received_.set(Slot(seq));
  const auto at =
      std::lower_bound(missing_.begin(), missing_.end(), seq,
                       [](const Missing& missing, ExtSeq wanted) { return missing.seq < wanted; });
  // What was given up on, or lies before the first packet, fills a gap without having an entry.
  if (at != missing_.end() && at->seq == seq) {
    missing_.erase(at);
    UpdateNextRequest();
  }
  ++recovered_total_;
  return Verdict::kRecovered;
}

// REQUIRES: highest - highest_ <= limits::kNackMissingMax + 1 < kWindow.
void NackTracker::MoveWindowTo(ExtSeq highest) {
  for (ExtSeq seq = Before(highest_, -1); seq < highest; seq = Before(seq, -1)) {
    received_.reset(Slot(seq));
  }
  received_.set(Slot(highest));
  highest_ = highest;
  const ExtSeq oldest = Before(highest_, kWindow - 1);
  bool forgot = false;
  for (; !missing_.empty() && missing_[0].seq < oldest; forgot = true) ForgetOldest();
  if (forgot) UpdateNextRequest();
}

void NackTracker::ForgetOldest() {
  missing_.erase(missing_.begin());
  ++given_up_total_;
}

int NackTracker::CollectRequests(Instant now, Duration rtt, Requests& out) {
  FOVEA_CHECK(rtt > Duration::zero());
  if (now < next_request_at_) return 0;
  int given_up = 0;
  std::size_t kept = 0;
  for (Missing entry : missing_) {
    const bool due = entry.ask_at <= now;
    if (due && entry.requests == kMaxRequests) {
      ++given_up;
      continue;
    }
    if (due && out.TryPush(entry.seq)) {
      ++entry.requests;
      ++requested_total_;
      entry.ask_at = now + RetryAfter(rtt, entry.requests);
    }
    missing_[kept++] = entry;
  }
  missing_.resize(kept);
  given_up_total_ += static_cast<std::uint64_t>(given_up);
  UpdateNextRequest();
  FOVEA_DCHECK(IsConsistent());
  return given_up;
}

void NackTracker::UpdateNextRequest() {
  next_request_at_ = kNever;
  for (const Missing& entry : missing_) {
    next_request_at_ = std::min(next_request_at_, entry.ask_at);
  }
}

Deadline NackTracker::NextDeadline() const {
  if (missing_.empty()) return {};
  return {.at = next_request_at_, .why = WakeReason::kNack};
}

bool NackTracker::IsConsistent() const {
  if (!started_) return missing_.empty() && next_request_at_ == kNever;
  if (!received_.test(Slot(highest_))) return false;
  if (missing_.empty() != (next_request_at_ == kNever)) return false;
  ExtSeq previous = Before(highest_, kWindow);
  for (const Missing& entry : missing_) {
    if (entry.seq <= previous || entry.seq >= highest_) return false;
    if (entry.requests > kMaxRequests || entry.ask_at < next_request_at_) return false;
    if (received_.test(Slot(entry.seq))) return false;
    previous = entry.seq;
  }
  return true;
}

}  // namespace fovea::rtp
