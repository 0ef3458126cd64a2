// TWCC recorder. draft-holmer-rmcat-transport-wide-cc-extensions-01.
// Thread: owned by the worker of the publishing session.
#include "sfu/rtp/twcc_recorder.h"

#include <algorithm>

#include "sfu/core/check.h"
#include "sfu/core/inline_vector.h"
#include "sfu/core/limits.h"

namespace fovea::rtp {
namespace {

ExtSeq After(ExtSeq seq, std::int64_t n) { return ExtSeq{seq.value() + n}; }

}  // namespace

void TwccRecorder::OnPacket(Instant now, std::uint16_t wide_seq, bool marker) {
  // Peek: a number that is refused must not drag the unwrapping with it.
  const bool first = !unwrapper_.started();
  const ExtSeq seq = first ? unwrapper_.Unwrap(wide_seq) : unwrapper_.Peek(wide_seq);
  if (first) {
    Start(seq);
  } else if (seq > highest_) {
    MoveWindowTo(seq);
  } else if (IsBehindWindow(seq)) {
    ++ignored_total_;
    if (++behind_run_ < kRestartAfter) return;
    Start(seq);
  } else if (At(seq) != kNever) {
    ++ignored_total_;
    return;
  }
  (void)unwrapper_.Unwrap(ToWire(highest_));
  behind_run_ = 0;
  At(seq) = now;
  next_report_ = std::min(next_report_, seq);
  if (!pending_) first_pending_at_ = now;
  pending_ = true;
  marker_ = marker_ || marker;
  FOVEA_DCHECK(IsConsistent());
}

void TwccRecorder::Start(ExtSeq seq) {
  arrivals_.fill(kNever);
  highest_ = seq;
  next_report_ = seq;
  pending_ = false;
  marker_ = false;
  overdue_ = false;
}

void TwccRecorder::MoveWindowTo(ExtSeq seq) {
  // Arrivals that leave the window unreported stay unreported: to call them lost would be a lie.
  if (pending_) {
    const ExtSeq window_start = After(seq, 1 - kWindow);
    next_report_ = std::max(next_report_, std::min(window_start, After(highest_, 1)));
  }
  if (seq.value() - highest_.value() >= kWindow) {
    arrivals_.fill(kNever);
    pending_ = false;
  } else {
    for (ExtSeq lost = After(highest_, 1); lost < seq; lost = After(lost, 1)) At(lost) = kNever;
  }
  highest_ = seq;
  // A feedback names fewer than 2^15 numbers; what lies further back is beyond any estimator.
  next_report_ = std::max(next_report_, After(highest_, 1 - limits::kTwccStatusesMax));
}

bool TwccRecorder::MaybeBuildFeedback(Instant now, Ssrc sender, Ssrc media, ByteWriter& writer) {
  if (!NextDeadline().IsDue(now)) return false;
  InlineVector<TwccArrival, kWindow> arrivals;
  const ExtSeq oldest = std::max(next_report_, After(highest_, 1 - kWindow));
  for (ExtSeq seq = oldest; seq <= highest_; seq = After(seq, 1)) {
    if (At(seq) != kNever) arrivals.Push(TwccArrival{.seq = seq, .at = At(seq)});
  }
  const std::size_t reported =
      WriteTransportFeedback({.sender = sender,
                              .media = media,
                              .base = next_report_,
                              .feedback_count = static_cast<std::uint8_t>(feedbacks_total_)},
                             arrivals.span(), writer);
  if (reported == 0) return false;
  ++feedbacks_total_;
  next_report_ = After(arrivals[reported - 1].seq, 1);
  pending_ = reported < arrivals.size();
  overdue_ = pending_;
  if (!pending_) marker_ = false;
  FOVEA_DCHECK(IsConsistent());
  return true;
}

Deadline TwccRecorder::NextDeadline() const {
  if (!pending_) return {};
  const Duration interval = MustFlush() ? Duration::zero()
                            : marker_   ? kIntervalAfterMarker
                                        : kInterval;
  return {.at = first_pending_at_ + interval, .why = WakeReason::kTwccFeedback};
}

bool TwccRecorder::IsConsistent() const {
  if (!unwrapper_.started()) return !pending_;
  if (At(highest_) == kNever) return false;
  if (next_report_ > After(highest_, 1)) return false;
  // The highest number is either reported or waiting.
  return pending_ == (next_report_ <= highest_);
}

}  // namespace fovea::rtp
