// NACK tracker: which missing packets of one publisher's stream to ask for, and when to stop
// asking. RFC 4585 section 6.2.1. Thread: owned by the worker of the publishing session.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sfu/core/deadline.h"
#include "sfu/core/inline_vector.h"
#include "sfu/core/limits.h"
#include "sfu/core/seq.h"
#include "sfu/core/time.h"

namespace fovea::rtp {

// Remembers the gaps behind the highest received sequence number of one stream.
//
// Invariants:
//  (1) missing_ holds only numbers in (highest_ - kWindow, highest_), strictly ascending.
//  (2) A number is asked for at most kMaxRequests times, never twice within kRetryMin.
//  (3) A packet that arrives removes its entry in the same call.
//  (4) received_ has the bit of highest_, and of no missing number.
//  (5) next_request_at_ is not later than any entry's turn; kNever when nothing is missing.
// Costs O(gap) per packet; 200 bytes, and 24 for each number that was ever missing at once.
class NackTracker {
 public:
  // How far back an arrival is still told from a duplicate and a gap still remembered.
  // Larger: asks for packets too late to be played. Smaller: gives up sooner and costs a key frame.
  // 512 packets of 1200 B are 2.4 s at 2 Mbit/s and 0.6 s at 8 Mbit/s.
  static constexpr int kWindow = 512;
  // Larger: recovery waits for packets that were only reordered. Smaller: asks for those in vain.
  // mediasoup waits 10 ms, LiveKit 20; Wi-Fi reorders within a few milliseconds.
  static constexpr Duration kReorderWait = Millis(10);
  // Between two requests for one number: RTT x 1.25^n, within these. Smaller minimum: asks again
  // before the answer can be here. Larger maximum: the repair comes after the jitter buffer gave
  // up.
  static constexpr Duration kRetryMin = Millis(20);
  static constexpr Duration kRetryMax = Millis(400);
  // With 50 ms RTT these span 1.9 s. More: asks for what no receiver still waits for.
  static constexpr int kMaxRequests = 10;
  // Consecutive packets behind the window that prove a restarted numbering (LiveKit: 5). Smaller: a
  // burst of stragglers looks like a restart. Larger: a restarted stream stays dark for longer.
  static constexpr int kRestartAfter = 5;

  using Requests = InlineVector<ExtSeq, limits::kNackMissingMax>;

  enum class Verdict : std::uint8_t {
    kNew,        // the highest so far
    kRecovered,  // fills a gap
    kLost,       // new, but packets before it are given up for good: ask for a key frame
    kDuplicate,  // drop
    kTooOld,     // drop: nothing is remembered of its time
  };

  // Records an arrival. O(gap); allocates only while more is missing than ever before. A gap wider
  // than limits::kNackMissingMax forgets all older gaps. After kRestartAfter consecutive numbers
  // behind the window it starts over with kLost.
  [[nodiscard]] Verdict OnPacket(Instant now, ExtSeq seq);

  // Appends to `out` what should be asked for at `now`, ascending, as far as `out` has room.
  // Returns how many numbers were given up on: more than zero is a reason for a key frame.
  // REQUIRES: rtt > 0.
  [[nodiscard]] int CollectRequests(Instant now, Duration rtt, Requests& out);

  // {kNever, kNone} when nothing is missing.
  [[nodiscard]] Deadline NextDeadline() const;
  [[nodiscard]] std::size_t missing() const { return missing_.size(); }
  [[nodiscard]] std::uint64_t requested_total() const { return requested_total_; }
  [[nodiscard]] std::uint64_t recovered_total() const { return recovered_total_; }
  [[nodiscard]] std::uint64_t given_up_total() const { return given_up_total_; }
  [[nodiscard]] bool IsConsistent() const;  // checks (1), (2), (4) and (5)

 private:
  struct Missing {
    ExtSeq seq;
    Instant ask_at;
    int requests = 0;
  };

  void Start(ExtSeq seq);
  [[nodiscard]] Verdict OnNewest(Instant now, ExtSeq seq);
  [[nodiscard]] Verdict OnTooOld(ExtSeq seq);
  [[nodiscard]] Verdict OnLate(ExtSeq seq);
  void MoveWindowTo(ExtSeq highest);
  void ForgetOldest();
  void UpdateNextRequest();
  [[nodiscard]] static std::size_t Slot(ExtSeq seq) {
    return static_cast<std::size_t>(seq.value()) % kWindow;
  }

  std::vector<Missing> missing_;
  std::bitset<kWindow> received_;  // by number modulo kWindow
  ExtSeq highest_;
  Instant next_request_at_ = kNever;
  ExtSeq last_too_old_;
  int too_old_run_ = 0;
  bool started_ = false;
  // Read by stats on this thread only.
  std::uint64_t requested_total_ = 0;
  std::uint64_t recovered_total_ = 0;
  std::uint64_t given_up_total_ = 0;
};

}  // namespace fovea::rtp
