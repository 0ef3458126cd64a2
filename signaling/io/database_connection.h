// One SQLite connection: opening, upgrading, reading and committing, all blocking. Thread: one call
// at a time, from any thread.
#pragma once

#include <sqlite3.h>

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "sfu/core/result.h"
#include "signaling/io/database.h"

namespace fovea::io {

class Database::Connection {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Connection>, std::string> Open(
      const std::string& file, std::span<const char* const> upgrades);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] Result<std::vector<SqlRow>, std::string> Read(const SqlStatement& query);
  // All or nothing, in one transaction. SQLite's result code; SQLITE_OK: it is on disk.
  [[nodiscard]] int Commit(const std::deque<SqlStatement>& batch);
  // Of the last Commit that failed.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  explicit Connection(sqlite3* handle) : handle_(handle) {}
  [[nodiscard]] int Execute(const char* script);
  [[nodiscard]] int Run(const SqlStatement& statement);
  [[nodiscard]] int Prepare(const SqlStatement& statement, sqlite3_stmt** out);
  [[nodiscard]] Result<int, std::string> ReadVersion();
  [[nodiscard]] std::string Upgrade(std::span<const char* const> upgrades);

  sqlite3* const handle_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
  std::string error_;
};

}  // namespace fovea::io
