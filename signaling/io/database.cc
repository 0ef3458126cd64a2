#include "signaling/io/database.h"

#include <uv.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "sfu/core/check.h"
#include "sfu/core/limits.h"
#include "signaling/io/database_connection.h"

namespace fovea::io {
namespace {

// Larger: fewer fsyncs under load, and more to do again when a transaction fails.
constexpr std::size_t kBatch = 4096;
constexpr Duration kRetryDelay = Seconds(1);
constexpr std::uint64_t kLogIntervalMs = 60'000;

// Trying again may help: space is freed, the file system is remounted.
bool MayPass(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_PERM:
      return true;
    default:
      return false;
  }
}

}  // namespace

// One transaction on the thread pool. The database may go away meanwhile: `owner` is null then.
struct Database::Commit {
  uv_work_t work{};
  Database* owner = nullptr;
  Connection* connection = nullptr;
  Batch batch;
  int code = SQLITE_OK;
  std::mutex mutex;
  std::condition_variable done_changed;
  bool is_done = false;  // guarded by mutex

  void Work() {
    code = connection->Commit(batch.statements);
    const std::lock_guard lock(mutex);
    is_done = true;
    done_changed.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex);
    done_changed.wait(lock, [this] { return is_done; });
  }
};

Result<std::unique_ptr<Database>, std::string> Database::Open(uv_loop_t* loop,
                                                              const std::string& file,
                                                              std::span<const char* const> upgrades,
                                                              LogSink& log) {
  auto connection = Connection::Open(file, upgrades);
  if (!connection.ok()) return Failure{connection.error()};
  return std::unique_ptr<Database>(new Database(loop, std::move(*connection), log));
}

Database::Database(uv_loop_t* loop, std::unique_ptr<Connection> connection, LogSink& log)
    : loop_(loop),
      log_(log),
      connection_(std::move(connection)),
      retry_(loop, [this] { StartCommit(); }) {}

Database::~Database() { (void)Flush(); }

std::size_t Database::pending() const {
  return urgent_.size() + waiting_.size() +
         (commit_ == nullptr ? 0 : commit_->batch.statements.size());
}

Result<std::vector<SqlRow>, std::string> Database::Read(const SqlStatement& query) {
  // A transaction on the other thread must not see our statement in its midst.
  if (commit_ != nullptr) (void)Flush();
  return connection_->Read(query);
}

void Database::Write(SqlStatement statement) {
  waiting_.push_back(std::move(statement));
  Trim(waiting_, limits::kStateWritesMax);
  // After a failure the timer decides when to try again.
  if (!retry_.active()) StartCommit();
}

void Database::WriteUrgent(SqlStatement statement) {
  urgent_.push_back(std::move(statement));
  Trim(urgent_, limits::kStateUrgentWritesMax);
  if (!retry_.active()) StartCommit();
}

void Database::Trim(std::deque<SqlStatement>& queue, std::size_t max) {
  while (queue.size() > max) {
    queue.pop_front();
    CountDropped();
  }
}

void Database::CountDropped() {
  ++dropped_writes_;
  LogRarely(drop_logged_at_ms_, "state file: " + std::to_string(dropped_writes_) +
                                    " changes so far could not be kept; a restart will not know "
                                    "them");
}

void Database::LogRarely(std::optional<std::uint64_t>& logged_at_ms, const std::string& message) {
  const std::uint64_t now_ms = uv_now(loop_);
  if (logged_at_ms && now_ms - *logged_at_ms < kLogIntervalMs) return;
  logged_at_ms = now_ms;
  log_.Log(LogLevel::kError, message);
}

Database::Batch Database::TakeBatch() {
  Batch batch;
  const std::size_t max = suspects_ > 0 ? 1 : kBatch;
  const auto take = [&](std::deque<SqlStatement>& queue) {
    while (!queue.empty() && batch.statements.size() < max) {
      batch.statements.push_back(std::move(queue.front()));
      queue.pop_front();
    }
  };
  take(urgent_);
  batch.urgent = batch.statements.size();
  take(waiting_);
  return batch;
}

void Database::StartCommit() {
  if (commit_ != nullptr || !HasWork()) return;
  commit_ = new Commit;
  commit_->owner = this;
  commit_->connection = connection_.get();
  commit_->batch = TakeBatch();
  commit_->work.data = commit_;
  FOVEA_CHECK(uv_queue_work(
                  loop_, &commit_->work,
                  [](uv_work_t* work) { static_cast<Commit*>(work->data)->Work(); },
                  [](uv_work_t* work, int) {
                    auto* commit = static_cast<Commit*>(work->data);
                    if (commit->owner != nullptr) commit->owner->HandleCommitted(*commit);
                    delete commit;
                  }) == 0);
}

void Database::HandleCommitted(Commit& commit) {
  commit_ = nullptr;
  if (HandleOutcome(commit.code, std::move(commit.batch))) {
    StartCommit();
  } else {
    retry_.StartOnce(kRetryDelay);
  }
}

bool Database::HandleOutcome(int code, Batch batch) {
  is_degraded_ = code != SQLITE_OK;
  const std::size_t size = batch.statements.size();
  if (!is_degraded_) {
    suspects_ -= std::min(suspects_, size);
    return true;
  }
  ++failed_commits_;
  LogRarely(failure_logged_at_ms_, "state file: " + connection_->error() +
                                       "; calls go on, a restart may forget what changed since");
  const bool may_pass = MayPass(code);
  if (!may_pass && size == 1) {
    suspects_ -= std::min(suspects_, size);
    CountDropped();
    return true;
  }
  if (!may_pass) suspects_ = size;
  PutBack(std::move(batch));
  return !may_pass;
}

void Database::PutBack(Batch batch) {
  const auto middle =
      std::make_move_iterator(batch.statements.begin() + static_cast<std::ptrdiff_t>(batch.urgent));
  urgent_.insert(urgent_.begin(), std::make_move_iterator(batch.statements.begin()), middle);
  waiting_.insert(waiting_.begin(), middle, std::make_move_iterator(batch.statements.end()));
  Trim(urgent_, limits::kStateUrgentWritesMax);
  Trim(waiting_, limits::kStateWritesMax);
}

bool Database::Flush() {
  if (commit_ != nullptr) {
    Commit& commit = *commit_;
    commit_ = nullptr;
    commit.owner = nullptr;  // libuv's callback still comes, and frees it
    if (uv_cancel(reinterpret_cast<uv_req_t*>(&commit.work)) == 0) {
      commit.Work();
    } else {
      commit.Wait();
    }
    if (!HandleOutcome(commit.code, std::move(commit.batch))) retry_.StartOnce(kRetryDelay);
  }
  while (HasWork()) {
    Batch batch = TakeBatch();
    const int code = connection_->Commit(batch.statements);
    if (HandleOutcome(code, std::move(batch))) continue;
    retry_.StartOnce(kRetryDelay);
    return false;
  }
  return true;
}

}  // namespace fovea::io
