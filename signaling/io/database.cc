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
  std::deque<SqlStatement> batch;
  int code = SQLITE_OK;
  std::mutex mutex;
  std::condition_variable done_changed;
  bool is_done = false;  // guarded by mutex

  void Work() {
    code = connection->Commit(batch);
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
  return waiting_.size() + (commit_ == nullptr ? 0 : commit_->batch.size());
}

Result<std::vector<SqlRow>, std::string> Database::Read(const SqlStatement& query) {
  // A transaction on the other thread must not see our statement in its midst.
  if (commit_ != nullptr) (void)Flush();
  return connection_->Read(query);
}

void Database::Write(SqlStatement statement) {
  waiting_.push_back(std::move(statement));
  if (waiting_.size() > limits::kStateWritesMax) DropOldest();
  // After a failure the timer decides when to try again.
  if (!retry_.active()) StartCommit();
}

void Database::DropOldest() {
  waiting_.pop_front();
  ++dropped_writes_;
}

std::deque<SqlStatement> Database::TakeBatch() {
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kBatch));
  std::deque<SqlStatement> batch(std::make_move_iterator(waiting_.begin()),
                                 std::make_move_iterator(waiting_.begin() + count));
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  return batch;
}

void Database::StartCommit() {
  if (commit_ != nullptr || waiting_.empty()) return;
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
  HandleOutcome(commit.code, std::move(commit.batch));
  if (is_degraded_) {
    retry_.StartOnce(kRetryDelay);
  } else {
    StartCommit();
  }
}

void Database::HandleOutcome(int code, std::deque<SqlStatement> batch) {
  is_degraded_ = code != SQLITE_OK;
  if (!is_degraded_) return;
  ++failed_commits_;
  const std::uint64_t now_ms = uv_now(loop_);
  if (!logged_at_ms_.has_value() || now_ms - *logged_at_ms_ >= kLogIntervalMs) {
    logged_at_ms_ = now_ms;
    log_.Log(LogLevel::kError, "state file: " + connection_->error() +
                                   "; calls go on, a restart may forget what changed since");
  }
  if (!MayPass(code)) {
    dropped_writes_ += batch.size();
    return;
  }
  waiting_.insert(waiting_.begin(), std::make_move_iterator(batch.begin()),
                  std::make_move_iterator(batch.end()));
  while (waiting_.size() > limits::kStateWritesMax) DropOldest();
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
    HandleOutcome(commit.code, std::move(commit.batch));
    if (is_degraded_) retry_.StartOnce(kRetryDelay);
  }
  while (!waiting_.empty()) {
    std::deque<SqlStatement> batch = TakeBatch();
    const int code = connection_->Commit(batch);
    HandleOutcome(code, std::move(batch));
    if (!is_degraded_) continue;
    retry_.StartOnce(kRetryDelay);
    return waiting_.empty();
  }
  return true;
}

}  // namespace fovea::io
