#include "signaling/io/database_connection.h"

#include <fcntl.h>
#include <unistd.h>

namespace fovea::io {
namespace {

// Another instance that is just stopping may hold the file this long.
constexpr int kBusyTimeoutMs = 2000;

// The file names people and their calls: nobody else may read it. SQLite gives its companions the
// same mode.
void CreateForOwnerOnly(const std::string& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
}

SqlValue ColumnOf(sqlite3_stmt* statement, int column) {
  if (sqlite3_column_type(statement, column) == SQLITE_INTEGER) {
    return std::int64_t{sqlite3_column_int64(statement, column)};
  }
  const unsigned char* text = sqlite3_column_text(statement, column);
  if (text == nullptr) return std::string();
  return std::string(reinterpret_cast<const char*>(text),
                     static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
}

}  // namespace

Result<std::unique_ptr<Database::Connection>, std::string> Database::Connection::Open(
    const std::string& file, std::span<const char* const> upgrades) {
  CreateForOwnerOnly(file);
  sqlite3* handle = nullptr;
  // The connection passes between threads, one call at a time: its own locks cost nothing.
  const int code =
      sqlite3_open_v2(file.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  std::unique_ptr<Connection> connection(new Connection(handle));
  const auto failure = [&](const std::string& why) {
    return Failure{"state file " + file + ": " + why};
  };
  if (code != SQLITE_OK) return failure(sqlite3_errstr(code));
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // Exclusive: two instances with one file would undo each other's rows. FULL: a commit is on disk,
  // not only in the kernel; it costs one fsync per transaction, on the thread pool.
  const int opened = connection->Execute(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "BEGIN IMMEDIATE; COMMIT;");
  if ((opened & 0xff) == SQLITE_BUSY) return failure("in use by another process");
  if (opened != SQLITE_OK) return failure(connection->error_);
  if (std::string why = connection->Upgrade(upgrades); !why.empty()) return failure(why);
  return connection;
}

Database::Connection::~Connection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

std::string Database::Connection::Upgrade(std::span<const char* const> upgrades) {
  const Result<int, std::string> version = ReadVersion();
  if (!version.ok()) return version.error();
  if (*version < 0 || static_cast<std::size_t>(*version) > upgrades.size()) {
    return "written by a later version (schema " + std::to_string(*version) + ", known are up to " +
           std::to_string(upgrades.size()) + ")";
  }
  for (std::size_t i = static_cast<std::size_t>(*version); i < upgrades.size(); ++i) {
    const std::string script = "BEGIN IMMEDIATE;" + std::string(upgrades[i]) +
                               ";PRAGMA user_version=" + std::to_string(i + 1) + ";COMMIT;";
    if (Execute(script.c_str()) != SQLITE_OK) {
      std::string why = "upgrade to schema " + std::to_string(i + 1) + " failed: " + error_;
      (void)Execute("ROLLBACK");
      return why;
    }
  }
  return "";
}

Result<int, std::string> Database::Connection::ReadVersion() {
  const Result<std::vector<SqlRow>, std::string> rows = Read({"PRAGMA user_version", {}});
  if (!rows.ok()) return Failure{rows.error()};
  return static_cast<int>(std::get<std::int64_t>(rows->at(0).at(0)));
}

int Database::Connection::Execute(const char* script) {
  char* message = nullptr;
  const int code = sqlite3_exec(handle_, script, nullptr, nullptr, &message);
  if (message != nullptr) error_ = message;
  sqlite3_free(message);
  return code;
}

int Database::Connection::Prepare(const SqlStatement& statement, sqlite3_stmt** out) {
  sqlite3_stmt*& prepared = statements_[statement.sql];
  if (prepared == nullptr) {
    const int code = sqlite3_prepare_v2(handle_, statement.sql, -1, &prepared, nullptr);
    if (code != SQLITE_OK) return code;
  }
  sqlite3_reset(prepared);
  int column = 0;
  for (const SqlValue& value : statement.values) {
    ++column;
    int code = SQLITE_OK;
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      code = sqlite3_bind_int64(prepared, column, *number);
    } else {
      const std::string& text = std::get<std::string>(value);
      code = sqlite3_bind_text(prepared, column, text.data(), static_cast<int>(text.size()),
                               SQLITE_TRANSIENT);
    }
    if (code != SQLITE_OK) return code;
  }
  *out = prepared;
  return SQLITE_OK;
}

Result<std::vector<SqlRow>, std::string> Database::Connection::Read(const SqlStatement& query) {
  sqlite3_stmt* statement = nullptr;
  int code = Prepare(query, &statement);
  std::vector<SqlRow> rows;
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step(statement);
    if (code != SQLITE_ROW) break;
    SqlRow row;
    for (int i = 0; i < sqlite3_column_count(statement); ++i) row.push_back(ColumnOf(statement, i));
    rows.push_back(std::move(row));
  }
  if (statement != nullptr) sqlite3_reset(statement);
  if (code != SQLITE_DONE) return Failure{std::string(sqlite3_errmsg(handle_))};
  return rows;
}

int Database::Connection::Run(const SqlStatement& statement) {
  sqlite3_stmt* prepared = nullptr;
  int code = Prepare(statement, &prepared);
  if (code != SQLITE_OK) {
    error_ = sqlite3_errmsg(handle_);
    return code;
  }
  code = sqlite3_step(prepared);
  if (code != SQLITE_DONE && code != SQLITE_ROW) error_ = sqlite3_errmsg(handle_);
  sqlite3_reset(prepared);
  return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

int Database::Connection::Commit(const std::deque<SqlStatement>& batch) {
  int code = Execute("BEGIN IMMEDIATE");
  for (const SqlStatement& statement : batch) {
    if (code != SQLITE_OK) break;
    code = Run(statement);
  }
  if (code == SQLITE_OK) code = Execute("COMMIT");
  if (code != SQLITE_OK) {
    const std::string why = error_;  // the rollback has its own complaints
    (void)Execute("ROLLBACK");
    error_ = why;
  }
  return code;
}

}  // namespace fovea::io
