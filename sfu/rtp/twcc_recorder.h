// TWCC recorder: when the packets of one publisher's transport arrived, told back to it so that its
// bandwidth estimator works. draft-holmer-rmcat-transport-wide-cc-extensions-01.
// Thread: owned by the worker of the publishing session.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sfu/core/deadline.h"
#include "sfu/core/seq.h"
#include "sfu/core/time.h"
#include "sfu/rtp/rtcp/transport_feedback.h"

namespace fovea::rtp {

// Records arrivals by transport-wide sequence number and makes feedback of them.
//
// Invariants:
//  (1) A slot holds the arrival of the number in (highest_ - kWindow, highest_] that maps to it, or
//      kNever.
//  (2) Numbers below next_report_ have been reported on. A straggler moves next_report_ back, and
//      the numbers behind it are reported again as they are: never as lost what was received.
//  (3) pending_ is true exactly when an unreported arrival exists; first_pending_at_ is its time.
// About 4 KB.
class TwccRecorder {
 public:
  // Arrivals remembered, also after they were reported, for (2).
  // Larger: memory per session. Smaller: more frequent feedback at high packet rates. 512 at 100 ms
  // are 50 Mbit/s of 1200 B.
  static constexpr int kWindow = 512;
  // A feedback is due at once when this many numbers wait, before the window loses any.
  static constexpr int kFlushAt = kWindow / 2;
  // Larger: the sender notices congestion later. Smaller: feedback takes uplink from media. After a
  // frame's last packet nothing follows for a while, so that its feedback may go sooner.
  static constexpr Duration kInterval = Millis(100);
  static constexpr Duration kIntervalAfterMarker = Millis(50);
  // Consecutive numbers behind the window that prove a restarted numbering.
  static constexpr int kRestartAfter = 16;

  // Records an arrival; duplicates and numbers behind the window are ignored (counted).
  void OnPacket(Instant now, std::uint16_t wide_seq, bool marker);

  // Writes one feedback when one is due. Call until false: what does not fit one packet is due at
  // once. False with nothing written also when the writer has no room (kTransportFeedbackBytesMax
  // always suffices); the feedback stays due.
  [[nodiscard]] bool MaybeBuildFeedback(Instant now, Ssrc sender, Ssrc media, ByteWriter& writer);

  // {kNever, kNone} when nothing waits to be reported.
  [[nodiscard]] Deadline NextDeadline() const;
  [[nodiscard]] std::uint64_t ignored_total() const { return ignored_total_; }
  [[nodiscard]] std::uint64_t feedbacks_total() const { return feedbacks_total_; }
  [[nodiscard]] bool IsConsistent() const;

 private:
  void Start(ExtSeq seq);
  void MoveWindowTo(ExtSeq seq);
  [[nodiscard]] bool IsBehindWindow(ExtSeq seq) const {
    return seq.value() <= highest_.value() - kWindow;
  }
  [[nodiscard]] bool MustFlush() const {
    return overdue_ || highest_.value() - next_report_.value() >= kFlushAt;
  }
  [[nodiscard]] Instant& At(ExtSeq seq) {
    return arrivals_[static_cast<std::size_t>(seq.value()) % kWindow];
  }
  [[nodiscard]] const Instant& At(ExtSeq seq) const {
    return arrivals_[static_cast<std::size_t>(seq.value()) % kWindow];
  }

  std::array<Instant, kWindow> arrivals_{};  // meaningful once started
  SeqUnwrapper unwrapper_;
  ExtSeq highest_;
  ExtSeq next_report_;
  Instant first_pending_at_ = kNever;
  int behind_run_ = 0;
  bool pending_ = false;
  bool marker_ = false;   // an unreported packet ended a frame
  bool overdue_ = false;  // the last feedback did not take everything
  // Read by stats on this thread only.
  std::uint64_t ignored_total_ = 0;
  std::uint64_t feedbacks_total_ = 0;  // its low byte is the wire's "fb pkt. count"
};

}  // namespace fovea::rtp
