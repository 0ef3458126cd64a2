// Delegated leave: keeps the delayed leave events of the people in our calls from firing, and sends
// them when somebody is gone. MSC4140; matrixrtc reference, section 4.8. No I/O: the caller makes
// the calls and keeps the jobs. Thread: signaling.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "sfu/core/deadline.h"
#include "sfu/core/limits.h"
#include "sfu/core/rng.h"
#include "sfu/core/wall_offset.h"
#include "signaling/matrix/leave_job.h"

namespace fovea::matrix {

//   AddJob ─► WaitingForInitialConnect ──connected──► Connected ──left, aborted──► Disconnected
//                │ aborted: Aborted         │ ▲ restart: 404 or too late: Aborted       │
//                │ too late: Disconnected   │ └─── connected again before it was sent ◄─┤
//                                                                   sent, or too late: ended
// A further job for the same participant takes the place of this one at any time (Replaced).
enum class LeaveState : std::uint8_t { kWaitingForInitialConnect, kConnected, kDisconnected };

// Why a job is no more.
enum class LeaveEnd : std::uint8_t {
  kSent,     // the homeserver has sent the event: asked by us, or it had done so already
  kAborted,  // never to be sent by us: no connection came about, or the homeserver knows it no more
  kReplaced,  // a newer job speaks for the participant
  kGivenUp,   // the homeserver did not take it in time; by then it has sent it by itself
};
inline constexpr std::size_t kLeaveEnds = 4;

enum class LeftReason : std::uint8_t {
  kGone,            // the client left, or was put out
  kConnectionLost,  // the network did; the client may yet resume
  kSuperseded,      // the same identity goes on with another connection
  kFocusStopping,   // we are going away, the client will find our successor: the job stays stored
};

enum class AddJobResult : std::uint8_t {
  kAdded,
  kReplaced,        // an older job of that participant
  kTooManyForUser,  // kDelayedLeavesPerUserMax
  kTableFull,       // kDelayedLeavesMax
  kInvalidDelayId,  // empty, "." or "..", or longer than kDelayIdBytesMax
  kInvalidTimeout,  // not positive
};

struct DelayedLeaveOptions {
  // From kConnectionLost to the send. Rooms report a loss after their own resume window, so nothing
  // has to be added; whoever reports it at once sets the window here.
  Duration resume_window = Duration::zero();
  // After a restart of the focus, people who were connected have this long to come back. Clients
  // try for 44 s. An SFU of its own has not restarted with us: there it is the full waiting time.
  Duration return_window = Seconds(60);
  // Asked times are brought into this range.
  Duration delay_timeout_min = limits::kDelayTimeoutMin;
  Duration delay_timeout_max = limits::kDelayTimeoutMax;
};

// Invariants:
//  (1) At most one job per participant, and at most one call under way for it that matters.
//  (2) A connected participant's event is not sent: a send is begun in kDisconnected only.
//  (3) Once the homeserver has confirmed a send, nothing is called for that job any more.
//  (4) Jobs touch each other only in the bounds that they share.
// Limits: kDelayedLeavesMax, kDelayedLeavesPerUserMax, kDelayedCallsPerServerMax, kDelayedCallsMax.
// Each input costs O(log jobs).
class DelayedLeaves {
 public:
  DelayedLeaves(DelayedLeaveOptions options, WallOffset wall_offset, Rng rng);

  // `job.restarted_unix_ms` and `job.was_connected` are set here. Whoever knows that the
  // participant is in the call already says so by HandleConnected.
  AddJobResult AddJob(Instant now, LeaveJob job);
  // A job from the store. False: the homeserver has sent the event by now, and the job is purged
  // without a call; or there is no room for it.
  bool RestoreJob(Instant now, LeaveJob job);

  // About participants without a job: no-ops.
  void HandleConnected(Instant now, const LeaveKey& key);
  void HandleLeft(Instant now, const LeaveKey& key, LeftReason reason);
  // The connection ended before media ever flowed.
  void HandleAborted(Instant now, const LeaveKey& key);

  void HandleResponse(Instant now, DelayedCallId id, const DelayedCallResult& result);
  void HandleTimeout(Instant now);
  [[nodiscard]] Deadline NextDeadline() const;

  // The next call to make, or nothing. Call until it returns nothing, after every input.
  [[nodiscard]] std::optional<DelayedCall> PollCall(Instant now);
  [[nodiscard]] std::optional<JobStoreOperation> PollStoreOperation();

  [[nodiscard]] std::optional<LeaveState> StateOf(const LeaveKey& key) const;
  [[nodiscard]] std::size_t size() const { return jobs_.size(); }
  [[nodiscard]] std::uint64_t ended_total(LeaveEnd end) const {
    return ended_[static_cast<std::size_t>(end)];
  }
  [[nodiscard]] std::uint64_t failed_calls_total() const { return failed_calls_; }
  [[nodiscard]] bool IsConsistent() const;

 private:
  using Serial = std::uint64_t;

  struct Job {
    LeaveJob data;
    Serial serial = 0;
    LeaveState state = LeaveState::kWaitingForInitialConnect;
    Instant fires_at;    // the homeserver sends by itself
    Instant give_up_at;  // the call being tried makes no sense later
    Instant wake_at = kNever;
    Duration backoff{};
    int attempts = 0;                        // calls begun in this state
    bool is_queued = false;                  // wants a call; named in its server's queue
    std::optional<DelayedCallId> in_flight;  // its response will be believed
    DelayedCallVerb in_flight_verb = DelayedCallVerb::kRestart;
  };
  struct CallUnderWay {
    Serial job = 0;
    DelayedCallVerb verb = DelayedCallVerb::kRestart;
    std::string server_name;
    Instant started_at;
  };
  struct Server {
    std::deque<Serial> queue;  // those that ended or want no call any more are skipped
    std::size_t in_flight = 0;
    bool has_turn = false;  // named in turns_
  };

  [[nodiscard]] Job* Find(const LeaveKey& key);
  [[nodiscard]] Job* Find(Serial serial);
  Job& Insert(LeaveJob data);
  void End(Job& job, LeaveEnd end);
  void Erase(Job& job);
  void Store(const Job& job);

  void EnterConnected(Instant now, Job& job);
  void EnterDisconnected(Instant now, Job& job, Instant send_at);
  void QueueCall(Job& job);
  void GiveTurn(const std::string& name, Server& server);
  void RetryLater(Instant now, Job& job, const DelayedCallResult& result);
  void OnRestartResult(Instant now, Job& job, Instant started_at, const DelayedCallResult& result);
  void OnSendResult(Instant now, Job& job, const DelayedCallResult& result);
  void OnJobTimer(Instant now, Job& job);
  void WakeAt(Job& job, Instant at);
  [[nodiscard]] Job* NextInQueue(Instant now, Server& server);
  [[nodiscard]] DelayedCall StartCall(Instant now, Job& job, Server& server);
  void HandleServerDone(const std::string& name);
  [[nodiscard]] std::optional<AddJobResult> RefuseFor(const std::string& user_id) const;
  [[nodiscard]] Duration Clamp(Duration delay_timeout) const;
  [[nodiscard]] std::int64_t UnixMs(Instant at) const;

  // Constant after construction.
  const DelayedLeaveOptions options_;
  const WallOffset wall_offset_;

  Rng rng_;
  std::map<LeaveKey, Job> jobs_;
  std::unordered_map<Serial, Job*> by_serial_;
  std::unordered_map<std::string, std::size_t> per_user_;
  std::set<std::pair<Instant, Serial>> timers_;  // exactly the jobs whose wake_at is not kNever
  std::map<std::string, Server> servers_;        // those with a queue or a call under way
  std::deque<std::string> turns_;                // servers that may be called; next in front
  std::unordered_map<std::uint64_t, CallUnderWay> calls_;
  std::deque<JobStoreOperation> store_;
  Serial last_serial_ = 0;
  std::uint64_t last_call_ = 0;
  std::array<std::uint64_t, kLeaveEnds> ended_{};
  std::uint64_t failed_calls_ = 0;
};

}  // namespace fovea::matrix
