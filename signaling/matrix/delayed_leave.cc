#include "signaling/matrix/delayed_leave.h"

#include <algorithm>

#include "sfu/core/check.h"

namespace fovea::matrix {
namespace {

// Restarts come after this share of the delay, less the jitter, so that the jobs of a big call do
// not stay in step. What is left is for retries: 12 minutes of an hour.
constexpr double kRestartShare = 0.80;
constexpr double kRestartJitter = 0.03;
// Nobody who is still on the way to a call after an hour will arrive.
constexpr Duration kInitialWaitMax = Seconds(3600);
constexpr Duration kSendTimeMin = Seconds(1);
constexpr Duration kSendTimeMax = Seconds(3600);
constexpr Duration kBackoffFirst = Seconds(1);
constexpr Duration kBackoffMax = Seconds(60);
constexpr double kBackoffFactor = 1.5;
constexpr double kBackoffJitter = 0.1;
// "Retry-After: 0" must not become a busy loop.
constexpr Duration kRetryAfterMin = Millis(100);

Duration Scale(Duration duration, double factor) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(duration.count()) * factor));
}

bool IsSuccess(int status) { return status >= 200 && status < 300; }
// The event is not there any more (404), or had another end than the one asked for (409).
bool IsOver(int status) { return status == 404 || status == 409; }

// One or two dots would be a step in the path of the request, and no encoding hides them.
bool IsUsableDelayId(const std::string& id) {
  return !id.empty() && id.size() <= limits::kDelayIdBytesMax && id != "." && id != "..";
}

}  // namespace

DelayedLeaves::DelayedLeaves(DelayedLeaveOptions options, WallOffset wall_offset, Rng rng)
    : options_(options), wall_offset_(std::move(wall_offset)), rng_(rng) {}

AddJobResult DelayedLeaves::AddJob(Instant now, LeaveJob job) {
  if (!IsUsableDelayId(job.delay_id)) return AddJobResult::kInvalidDelayId;
  if (job.delay_timeout <= Duration::zero()) return AddJobResult::kInvalidTimeout;
  Job* const older = Find(job.key);
  if (older == nullptr || older->data.user_id != job.user_id) {
    if (const auto refusal = RefuseFor(job.user_id)) return *refusal;
  }
  if (older != nullptr) {
    ++ended_[static_cast<std::size_t>(LeaveEnd::kReplaced)];
    Erase(*older);  // without a word to the store: the new row takes the place of the old one
  }
  job.delay_timeout = Clamp(job.delay_timeout);
  job.restarted_unix_ms = UnixMs(now);
  job.was_connected = false;
  Job& added = Insert(std::move(job));
  added.fires_at = now + added.data.delay_timeout;
  WakeAt(added, now + std::min(added.data.delay_timeout, kInitialWaitMax));
  Store(added);
  return older == nullptr ? AddJobResult::kAdded : AddJobResult::kReplaced;
}

bool DelayedLeaves::RestoreJob(Instant now, LeaveJob job) {
  job.delay_timeout = Clamp(job.delay_timeout);
  // A clock that was set back makes a job younger than new.
  const std::int64_t age_ms =
      std::clamp<std::int64_t>(UnixMs(now) - job.restarted_unix_ms, 0, ToMillis(job.delay_timeout));
  const Duration left = job.delay_timeout - Millis(age_ms);
  if (left <= Duration::zero() || Find(job.key) != nullptr || RefuseFor(job.user_id).has_value()) {
    store_.emplace_back(RemoveJob{std::move(job.key)});
    return false;
  }
  const Duration wait = job.was_connected ? options_.return_window : kInitialWaitMax;
  Job& added = Insert(std::move(job));
  added.fires_at = now + left;
  WakeAt(added, now + std::min(left, wait));
  return true;
}

void DelayedLeaves::HandleConnected(Instant now, const LeaveKey& key) {
  Job* const job = Find(key);
  if (job != nullptr && job->state != LeaveState::kConnected) EnterConnected(now, *job);
}

void DelayedLeaves::HandleLeft(Instant now, const LeaveKey& key, LeftReason reason) {
  Job* const job = Find(key);
  if (job == nullptr) return;
  switch (reason) {
    case LeftReason::kSuperseded:
    case LeftReason::kFocusStopping:
      return;
    case LeftReason::kGone: {
      const bool is_in_resume_window = job->attempts == 0 && job->wake_at != kNever;
      if (job->state != LeaveState::kDisconnected || is_in_resume_window) {
        EnterDisconnected(now, *job, now);
      }
      return;
    }
    case LeftReason::kConnectionLost:
      if (job->state != LeaveState::kDisconnected) {
        EnterDisconnected(now, *job, now + options_.resume_window);
      }
      return;
  }
}

void DelayedLeaves::HandleAborted(Instant now, const LeaveKey& key) {
  Job* const job = Find(key);
  if (job == nullptr) return;
  switch (job->state) {
    case LeaveState::kWaitingForInitialConnect:
      return End(*job, LeaveEnd::kAborted);
    case LeaveState::kConnected:
      return EnterDisconnected(now, *job, now);
    case LeaveState::kDisconnected:
      return;
  }
}

void DelayedLeaves::EnterConnected(Instant now, Job& job) {
  job.state = LeaveState::kConnected;
  job.attempts = 0;
  job.backoff = kBackoffFirst;
  job.give_up_at = job.fires_at;
  WakeAt(job, kNever);
  if (!job.data.was_connected) {
    job.data.was_connected = true;
    Store(job);
  }
  if (now >= job.fires_at) return End(job, LeaveEnd::kAborted);
  // A send cannot be called back; its response says whether there is anything left to keep.
  if (!job.in_flight.has_value()) QueueCall(job);
}

void DelayedLeaves::EnterDisconnected(Instant now, Job& job, Instant send_at) {
  job.state = LeaveState::kDisconnected;
  job.attempts = 0;
  job.backoff = kBackoffFirst;
  job.give_up_at = send_at + std::clamp(job.fires_at - send_at, kSendTimeMin, kSendTimeMax);
  job.is_queued = false;
  WakeAt(job, kNever);
  // Whatever a restart may still answer, the send settles it.
  if (job.in_flight_verb == DelayedCallVerb::kRestart) job.in_flight.reset();
  if (job.in_flight.has_value()) return;
  if (send_at > now) return WakeAt(job, send_at);
  QueueCall(job);
}

void DelayedLeaves::HandleResponse(Instant now, DelayedCallId id, const DelayedCallResult& result) {
  const auto found = calls_.find(id.value());
  if (found == calls_.end()) return;
  const CallUnderWay call = std::move(found->second);
  calls_.erase(found);
  if (!IsSuccess(result.status)) ++failed_calls_;
  HandleServerDone(call.server_name);
  Job* const job = Find(call.job);
  if (job == nullptr || job->in_flight != id) return;
  job->in_flight.reset();
  switch (call.verb) {
    case DelayedCallVerb::kRestart:
      return OnRestartResult(now, *job, call.started_at, result);
    case DelayedCallVerb::kSend:
      return OnSendResult(now, *job, result);
  }
}

void DelayedLeaves::OnRestartResult(Instant now, Job& job, Instant started_at,
                                    const DelayedCallResult& result) {
  if (IsOver(result.status)) return End(job, LeaveEnd::kAborted);
  if (!IsSuccess(result.status)) return RetryLater(now, job, result);
  // The homeserver's time began between our request and its response: the earlier end is safe.
  job.fires_at = started_at + job.data.delay_timeout;
  job.give_up_at = job.fires_at;
  job.backoff = kBackoffFirst;
  job.data.restarted_unix_ms = UnixMs(started_at);
  Store(job);
  const double share = kRestartShare - kRestartJitter * rng_.Unit();
  WakeAt(job, started_at + Scale(job.data.delay_timeout, share));
}

void DelayedLeaves::OnSendResult(Instant now, Job& job, const DelayedCallResult& result) {
  if (IsSuccess(result.status) || IsOver(result.status)) return End(job, LeaveEnd::kSent);
  // The participant came back while the send was under way, and it failed: back to keeping.
  if (job.state == LeaveState::kConnected) return QueueCall(job);
  RetryLater(now, job, result);
}

void DelayedLeaves::RetryLater(Instant now, Job& job, const DelayedCallResult& result) {
  Duration delay = Scale(job.backoff, 1.0 - kBackoffJitter * rng_.Unit());
  job.backoff = std::min(Scale(job.backoff, kBackoffFactor), kBackoffMax);
  if (result.status == 429 && result.retry_after.has_value()) {
    delay = std::max(*result.retry_after, kRetryAfterMin);
  }
  WakeAt(job, std::min(now + delay, job.give_up_at));
}

void DelayedLeaves::HandleTimeout(Instant now) {
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Job& job = *Find(timers_.begin()->second);
    WakeAt(job, kNever);
    OnJobTimer(now, job);
  }
}

void DelayedLeaves::OnJobTimer(Instant now, Job& job) {
  switch (job.state) {
    case LeaveState::kWaitingForInitialConnect:
      return EnterDisconnected(now, job, now);
    case LeaveState::kConnected:
      if (now >= job.give_up_at) return End(job, LeaveEnd::kAborted);
      return QueueCall(job);
    case LeaveState::kDisconnected:
      if (now >= job.give_up_at) return End(job, LeaveEnd::kGivenUp);
      return QueueCall(job);
  }
}

Deadline DelayedLeaves::NextDeadline() const {
  return {timers_.empty() ? kNever : timers_.begin()->first, WakeReason::kNone};
}

void DelayedLeaves::QueueCall(Job& job) {
  if (job.is_queued) return;
  job.is_queued = true;
  Server& server = servers_[job.data.server_name];
  server.queue.push_back(job.serial);
  GiveTurn(job.data.server_name, server);
}

void DelayedLeaves::GiveTurn(const std::string& name, Server& server) {
  if (server.has_turn || server.queue.empty()) return;
  if (server.in_flight >= limits::kDelayedCallsPerServerMax) return;
  server.has_turn = true;
  turns_.push_back(name);
}

void DelayedLeaves::HandleServerDone(const std::string& name) {
  const auto found = servers_.find(name);
  FOVEA_CHECK(found != servers_.end() && found->second.in_flight > 0);
  --found->second.in_flight;
  GiveTurn(name, found->second);
  if (found->second.queue.empty() && found->second.in_flight == 0 && !found->second.has_turn) {
    servers_.erase(found);
  }
}

std::optional<DelayedCall> DelayedLeaves::PollCall(Instant now) {
  while (!turns_.empty() && calls_.size() < limits::kDelayedCallsMax) {
    const std::string name = std::move(turns_.front());
    turns_.pop_front();
    const auto found = servers_.find(name);
    Server& server = found->second;
    server.has_turn = false;
    Job* const job = NextInQueue(now, server);
    if (job == nullptr) {
      if (server.in_flight == 0) servers_.erase(found);
      continue;
    }
    DelayedCall call = StartCall(now, *job, server);
    GiveTurn(name, server);
    return call;
  }
  return std::nullopt;
}

DelayedLeaves::Job* DelayedLeaves::NextInQueue(Instant now, Server& server) {
  while (!server.queue.empty()) {
    Job* const job = Find(server.queue.front());
    server.queue.pop_front();
    if (job == nullptr || !job->is_queued) continue;
    job->is_queued = false;
    if (now < job->give_up_at) return job;
    // It waited for its turn until the homeserver had acted by itself.
    End(*job, job->state == LeaveState::kConnected ? LeaveEnd::kAborted : LeaveEnd::kGivenUp);
  }
  return nullptr;
}

DelayedCall DelayedLeaves::StartCall(Instant now, Job& job, Server& server) {
  FOVEA_CHECK(job.state != LeaveState::kWaitingForInitialConnect && !job.in_flight.has_value());
  const DelayedCallId id(++last_call_);
  const auto verb =
      job.state == LeaveState::kConnected ? DelayedCallVerb::kRestart : DelayedCallVerb::kSend;
  job.in_flight = id;
  job.in_flight_verb = verb;
  ++job.attempts;
  ++server.in_flight;
  calls_.emplace(id.value(), CallUnderWay{job.serial, verb, job.data.server_name, now});
  return {id, verb, job.data.server_name, job.data.delay_id, job.data.user_id};
}

std::optional<JobStoreOperation> DelayedLeaves::PollStoreOperation() {
  if (store_.empty()) return std::nullopt;
  JobStoreOperation operation = std::move(store_.front());
  store_.pop_front();
  return operation;
}

std::optional<LeaveState> DelayedLeaves::StateOf(const LeaveKey& key) const {
  const auto found = jobs_.find(key);
  if (found == jobs_.end()) return std::nullopt;
  return found->second.state;
}

bool DelayedLeaves::IsConsistent() const {
  std::size_t timers = 0;
  std::unordered_map<std::string, std::size_t> per_user;
  for (const auto& [key, job] : jobs_) {
    const auto found = by_serial_.find(job.serial);
    if (key != job.data.key || found == by_serial_.end() || found->second != &job) return false;
    ++per_user[job.data.user_id];
    const bool has_timer = job.wake_at != kNever;
    if (has_timer) ++timers;
    if (has_timer && !timers_.contains({job.wake_at, job.serial})) return false;
    // Each job waits for exactly one thing.
    if (int{has_timer} + int{job.is_queued} + int{job.in_flight.has_value()} != 1) return false;
    if (job.state == LeaveState::kWaitingForInitialConnect && !has_timer) return false;
    if (job.in_flight.has_value() && !calls_.contains(job.in_flight->value())) return false;
  }
  std::size_t in_flight = 0;
  for (const auto& [name, server] : servers_) {
    in_flight += server.in_flight;
    if (server.in_flight > limits::kDelayedCallsPerServerMax) return false;
    const bool waits = !server.queue.empty() && !server.has_turn;
    if (waits && server.in_flight < limits::kDelayedCallsPerServerMax) return false;
  }
  return timers == timers_.size() && by_serial_.size() == jobs_.size() && per_user == per_user_ &&
         in_flight == calls_.size() && in_flight <= limits::kDelayedCallsMax &&
         jobs_.size() <= limits::kDelayedLeavesMax;
}

DelayedLeaves::Job* DelayedLeaves::Find(const LeaveKey& key) {
  const auto found = jobs_.find(key);
  return found == jobs_.end() ? nullptr : &found->second;
}

DelayedLeaves::Job* DelayedLeaves::Find(Serial serial) {
  const auto found = by_serial_.find(serial);
  return found == by_serial_.end() ? nullptr : found->second;
}

DelayedLeaves::Job& DelayedLeaves::Insert(LeaveJob data) {
  const auto [inserted, is_new] = jobs_.try_emplace(data.key);
  FOVEA_CHECK(is_new);
  Job& job = inserted->second;
  job.serial = ++last_serial_;
  job.data = std::move(data);
  by_serial_.emplace(job.serial, &job);
  ++per_user_[job.data.user_id];
  return job;
}

void DelayedLeaves::End(Job& job, LeaveEnd end) {
  ++ended_[static_cast<std::size_t>(end)];
  store_.emplace_back(RemoveJob{job.data.key});
  Erase(job);
}

void DelayedLeaves::Erase(Job& job) {
  WakeAt(job, kNever);
  const auto user = per_user_.find(job.data.user_id);
  if (--user->second == 0) per_user_.erase(user);
  by_serial_.erase(job.serial);
  jobs_.erase(jobs_.find(job.data.key));
}

void DelayedLeaves::Store(const Job& job) { store_.emplace_back(PutJob{job.data}); }

void DelayedLeaves::WakeAt(Job& job, Instant at) {
  if (job.wake_at != kNever) timers_.erase({job.wake_at, job.serial});
  job.wake_at = at;
  if (at != kNever) timers_.emplace(at, job.serial);
}

std::optional<AddJobResult> DelayedLeaves::RefuseFor(const std::string& user_id) const {
  const auto user = per_user_.find(user_id);
  if (user != per_user_.end() && user->second >= limits::kDelayedLeavesPerUserMax) {
    return AddJobResult::kTooManyForUser;
  }
  if (jobs_.size() >= limits::kDelayedLeavesMax) return AddJobResult::kTableFull;
  return std::nullopt;
}

Duration DelayedLeaves::Clamp(Duration delay_timeout) const {
  return std::clamp(delay_timeout, options_.delay_timeout_min, options_.delay_timeout_max);
}

std::int64_t DelayedLeaves::UnixMs(Instant at) const {
  return WallAt(wall_offset_, at).value / 1000;
}

}  // namespace fovea::matrix
