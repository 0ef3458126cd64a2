// A SQLite file that is read at start and written behind the loop's back. Thread: the one that runs
// the loop; transactions are committed on libuv's thread pool, one at a time and in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "sfu/core/log.h"
#include "sfu/core/result.h"
#include "signaling/io/timer.h"

namespace fovea::io {

using SqlValue = std::variant<std::int64_t, std::string>;
using SqlRow = std::vector<SqlValue>;

// `sql` is a literal: statements are prepared once and found again by its address.
struct SqlStatement {
  const char* sql = "";
  std::vector<SqlValue> values;
};

// Durability: a write is on disk, and survives loss of power, when its transaction is committed. A
// transaction takes all that waits (kBatch at most) and begins as soon as the one before it has
// ended, so a write waits for two commits at most: tens of milliseconds, and less than a second on
// any disk that works. SIGKILL of the process loses no more than that.
//
// When the disk is full, read-only or failing, nothing of the caller stops: writes wait in memory
// (kStateWritesMax and kStateUrgentWritesMax, then the oldest are dropped and counted), the
// transaction is tried again once a second, and the log is told at most once a minute. Where a
// transaction can never succeed its statements are tried one by one: only the guilty are dropped.
class Database {
 public:
  // `upgrades[i]` is a script that makes version i + 1 of a file of version i; an empty file has
  // version 0. A file of a later version is refused, as is one that another process has open.
  // The error is a sentence for the operator.
  [[nodiscard]] static Result<std::unique_ptr<Database>, std::string> Open(
      uv_loop_t* loop, const std::string& file, std::span<const char* const> upgrades,
      LogSink& log);
  // Commits what waits, if the disk lets it. The loop has to turn once more before it is closed.
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Blocks. Sees what was committed, and what waits only after Flush.
  [[nodiscard]] Result<std::vector<SqlRow>, std::string> Read(const SqlStatement& query);
  // Returns at once.
  void Write(SqlStatement statement);
  // The same, but what waits from Write neither comes before it nor takes its place in memory.
  // REQUIRES: its order relative to statements of Write does not matter.
  void WriteUrgent(SqlStatement statement);
  // Blocks until everything is committed, or did not let itself be. True: nothing waits.
  bool Flush();

  // The last transaction failed.
  [[nodiscard]] bool is_degraded() const { return is_degraded_; }
  [[nodiscard]] std::uint64_t failed_commits_total() const { return failed_commits_; }
  [[nodiscard]] std::uint64_t dropped_writes_total() const { return dropped_writes_; }
  // Waiting, or being committed.
  [[nodiscard]] std::size_t pending() const;

 private:
  class Connection;
  struct Commit;
  struct Batch {
    std::deque<SqlStatement> statements;
    std::size_t urgent = 0;  // so many in front are from urgent_
  };

  Database(uv_loop_t* loop, std::unique_ptr<Connection> connection, LogSink& log);
  void StartCommit();
  void HandleCommitted(Commit& commit);
  [[nodiscard]] bool HasWork() const { return !urgent_.empty() || !waiting_.empty(); }
  [[nodiscard]] Batch TakeBatch();
  // Whether to go on at once: it was committed, or it was not the disk that refused it.
  bool HandleOutcome(int code, Batch batch);
  void PutBack(Batch batch);
  void Trim(std::deque<SqlStatement>& queue, std::size_t max);
  void CountDropped();
  // At most one line a minute of each kind.
  void LogRarely(std::optional<std::uint64_t>& logged_at_ms, const std::string& message);

  uv_loop_t* const loop_;
  LogSink& log_;
  std::unique_ptr<Connection> connection_;
  std::deque<SqlStatement> urgent_;
  std::deque<SqlStatement> waiting_;
  std::size_t suspects_ = 0;  // so many are to be tried by themselves
  Commit* commit_ = nullptr;  // under way; owned by libuv until its callback
  Timer retry_;
  bool is_degraded_ = false;
  std::uint64_t failed_commits_ = 0;
  std::uint64_t dropped_writes_ = 0;
  std::optional<std::uint64_t> failure_logged_at_ms_;
  std::optional<std::uint64_t> drop_logged_at_ms_;
};

}  // namespace fovea::io
