#include "signaling/io/database.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "sfu/core/limits.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::io {
namespace {

constexpr std::array<const char*, 1> kFirst = {"CREATE TABLE t(key TEXT PRIMARY KEY, n INTEGER)"};
constexpr std::array<const char*, 2> kSecond = {kFirst[0], "ALTER TABLE t ADD COLUMN more TEXT"};

class CollectedLog : public LogSink {
 public:
  void Log(LogLevel, std::string_view message) override { lines.emplace_back(message); }
  std::vector<std::string> lines;
};

class DatabaseTest : public LoopTest {
 protected:
  DatabaseTest() {
    std::string name = testing::TempDir() + "fovea-db-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    file_ = folder_ + "/state.db";
  }
  ~DatabaseTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::unique_ptr<Database> Open(std::span<const char* const> upgrades = kFirst) {
    auto database = Database::Open(&loop_, file_, upgrades, log_);
    EXPECT_TRUE(database.ok()) << database.error();
    return database.ok() ? std::move(*database) : nullptr;
  }
  static void Put(Database& database, const std::string& key, std::int64_t n) {
    database.Write({"INSERT OR REPLACE INTO t(key, n) VALUES(?, ?)", {key, n}});
  }
  static void PutUrgent(Database& database, const std::string& key, std::int64_t n) {
    database.WriteUrgent({"INSERT OR REPLACE INTO t(key, n) VALUES(?, ?)", {key, n}});
  }
  static std::vector<SqlRow> All(Database& database) {
    auto rows = database.Read({"SELECT key, n FROM t ORDER BY n", {}});
    EXPECT_TRUE(rows.ok());
    return rows.ok() ? *rows : std::vector<SqlRow>();
  }

  CollectedLog log_;
  std::string folder_;
  std::string file_;
};

TEST_F(DatabaseTest, KeepsWhatWasWrittenInOrder) {
  auto database = Open();
  Put(*database, "a", 1);
  Put(*database, "b", 2);
  Put(*database, "a", 3);
  EXPECT_GT(database->pending(), 0u);
  EXPECT_TRUE(RunUntil([&] { return database->pending() == 0; }));
  EXPECT_EQ(All(*database), (std::vector<SqlRow>{{"b", 2L}, {"a", 3L}}));
  EXPECT_FALSE(database->is_degraded());
}

TEST_F(DatabaseTest, KeepsBytesExactly) {
  auto database = Open();
  const std::string key("@a:b\0\xff\xfe'\"; DROP TABLE t; --", 27);
  Put(*database, key, 1);
  EXPECT_TRUE(database->Flush());
  EXPECT_EQ(All(*database), (std::vector<SqlRow>{{key, 1L}}));
}

TEST_F(DatabaseTest, CommitsOnTheWayOutWhatStillWaits) {
  {
    auto database = Open();
    for (int i = 0; i < 10'000; ++i) Put(*database, std::to_string(i), i);
  }
  auto database = Open();
  EXPECT_EQ(All(*database).size(), 10'000u);
}

TEST_F(DatabaseTest, ReadsWhatIsBeingCommitted) {
  auto database = Open();
  Put(*database, "a", 1);
  EXPECT_EQ(All(*database).size(), 1u);
}

TEST_F(DatabaseTest, LetsNobodyElseReadTheFile) {
  auto database = Open();
  struct stat status {};
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(DatabaseTest, UpgradesAFileOfAnEarlierVersion) {
  {
    auto database = Open(kFirst);
    Put(*database, "kept", 1);
  }
  auto database = Open(kSecond);
  const auto rows = database->Read({"SELECT key, more FROM t", {}});
  ASSERT_TRUE(rows.ok()) << rows.error();
  EXPECT_EQ(std::get<std::string>(rows->at(0).at(0)), "kept");
}

TEST_F(DatabaseTest, RefusesAFileOfALaterVersion) {
  { auto database = Open(kSecond); }
  const auto database = Database::Open(&loop_, file_, kFirst, log_);
  ASSERT_FALSE(database.ok());
  EXPECT_NE(database.error().find("later version"), std::string::npos) << database.error();
}

TEST_F(DatabaseTest, SaysWhyAFileCannotBeOpened) {
  file_ = folder_ + "/missing/state.db";
  const auto missing = Database::Open(&loop_, file_, kFirst, log_);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().find(file_), std::string::npos);

  file_ = folder_ + "/text.db";
  {
    auto* out = std::fopen(file_.c_str(), "w");
    std::fputs(
        "this is no database, but it is longer than a header of one hundred bytes, so that "
        "nobody can take it for an empty one.\n",
        out);
    std::fclose(out);
  }
  EXPECT_FALSE(Database::Open(&loop_, file_, kFirst, log_).ok());
}

TEST_F(DatabaseTest, RefusesAFileThatAnotherProcessHasOpen) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    const auto database = Database::Open(&loop, file_, kFirst, log_);
    const char byte = database.ok() ? 'y' : 'n';
    if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, 'y');
  const auto second = Database::Open(&loop_, file_, kFirst, log_);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().find("another process"), std::string::npos);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_NE(Open(), nullptr) << "a killed process holds nothing";
}

// The child writes rows 0, 1, 2, ... and tells which of them its loop saw committed; it is killed
// at some moment in between.
TEST_F(DatabaseTest, HasEveryCommittedRowAfterTheProcessWasKilled) {
  for (int round = 0; round < 5; ++round) {
    std::array<int, 2> news{};
    ASSERT_EQ(::pipe(news.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      uv_loop_t loop;
      uv_loop_init(&loop);
      auto database = std::move(*Database::Open(&loop, file_, kFirst, log_));
      for (std::int64_t n = 0;; ++n) {
        Put(*database, std::to_string(round) + "/" + std::to_string(n), n);
        if (n % 7 == 0) uv_run(&loop, UV_RUN_NOWAIT);
        if (n % 50 != 0) continue;
        while (database->pending() > 0) uv_run(&loop, UV_RUN_ONCE);
        if (::write(news[1], &n, sizeof n) != sizeof n) ::_exit(1);
      }
    }
    ::close(news[1]);
    std::int64_t committed = -1;
    for (int i = 0; i < 3 + round * 2; ++i) {
      ASSERT_EQ(::read(news[0], &committed, sizeof committed),
                static_cast<ssize_t>(sizeof committed));
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    std::int64_t further = 0;
    while (::read(news[0], &further, sizeof further) == static_cast<ssize_t>(sizeof further)) {
      committed = further;
    }
    ::close(news[0]);
    auto database = Open();
    ASSERT_NE(database, nullptr);
    const auto rows = database->Read(
        {"SELECT count(*), max(n) FROM t WHERE key LIKE ? || '/%'", {std::to_string(round)}});
    ASSERT_TRUE(rows.ok());
    const auto count = std::get<std::int64_t>(rows->at(0).at(0));
    EXPECT_GE(count, committed + 1);
    EXPECT_EQ(count, std::get<std::int64_t>(rows->at(0).at(1)) + 1) << "a gap";
  }
}

// A limit on the size of files stands for a full disk; SQLite sees a short write either way.
class FullDiskTest : public DatabaseTest {
 protected:
  FullDiskTest() {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
  }
  ~FullDiskTest() override { Free(); }
  void Fill(rlim_t bytes) const {
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  void Free() const { ::setrlimit(RLIMIT_FSIZE, &before_); }

  rlimit before_{};
};

TEST_F(FullDiskTest, GoesOnAndCatchesUpWhenThereIsSpaceAgain) {
  auto database = Open();
  Put(*database, "early", 0);
  ASSERT_TRUE(database->Flush());
  Fill(32 * 1024);
  for (int i = 1; i <= 500; ++i) Put(*database, std::to_string(i) + std::string(200, 'x'), i);
  EXPECT_TRUE(RunUntil([&] { return database->is_degraded(); }));
  EXPECT_GT(database->failed_commits_total(), 0u);
  EXPECT_EQ(log_.lines.size(), 1u);
  EXPECT_TRUE(RunUntil([&] { return database->failed_commits_total() >= 2; }));
  EXPECT_EQ(log_.lines.size(), 1u) << "once a minute";
  Put(*database, "late", 501);
  Free();
  EXPECT_TRUE(RunUntil([&] { return database->pending() == 0; }));
  EXPECT_FALSE(database->is_degraded());
  EXPECT_EQ(All(*database).size(), 502u);
  EXPECT_EQ(database->dropped_writes_total(), 0u);
}

TEST_F(FullDiskTest, DropsTheOldestWhenItLastsTooLong) {
  auto database = Open();
  ASSERT_TRUE(database->Flush());
  Fill(1024);
  constexpr std::int64_t kMore = 10;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(limits::kStateWritesMax) + kMore; ++i) {
    Put(*database, std::to_string(i), i);
    if (i == 0) {
      ASSERT_TRUE(RunUntil([&] { return database->is_degraded(); }));
    }
  }
  EXPECT_EQ(database->pending(), limits::kStateWritesMax);
  EXPECT_EQ(database->dropped_writes_total(), static_cast<std::uint64_t>(kMore));
  Free();
  EXPECT_TRUE(database->Flush());
}

TEST_F(FullDiskTest, KeepsUrgentWritesInAFloodOfOthers) {
  auto database = Open();
  ASSERT_TRUE(database->Flush());
  Fill(1024);
  for (std::int64_t i = 0; i < 100; ++i) PutUrgent(*database, "urgent " + std::to_string(i), i);
  ASSERT_TRUE(RunUntil([&] { return database->is_degraded(); }));
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(limits::kStateWritesMax) + 1; ++i) {
    Put(*database, std::to_string(i), 1000 + i);
  }
  EXPECT_EQ(database->dropped_writes_total(), 1u);
  EXPECT_EQ(log_.lines.size(), 2u) << "the disk, and what it cost";
  Free();
  EXPECT_TRUE(database->Flush());
  const auto rows = All(*database);
  ASSERT_EQ(rows.size(), 100 + limits::kStateWritesMax);
  EXPECT_EQ(std::get<std::string>(rows[0][0]), "urgent 0");
  EXPECT_EQ(std::get<std::string>(rows[100][0]), "1");
}

TEST_F(FullDiskTest, DropsTheOldestOfTooManyUrgentWrites) {
  auto database = Open();
  ASSERT_TRUE(database->Flush());
  Fill(1024);
  Put(*database, "other", -1);
  ASSERT_TRUE(RunUntil([&] { return database->is_degraded(); }));
  for (std::int64_t i = 0; i <= static_cast<std::int64_t>(limits::kStateUrgentWritesMax); ++i) {
    PutUrgent(*database, std::to_string(i), i);
  }
  EXPECT_EQ(database->dropped_writes_total(), 1u);
  Free();
  EXPECT_TRUE(database->Flush());
  EXPECT_EQ(All(*database).size(), limits::kStateUrgentWritesMax + 1);
}

TEST_F(DatabaseTest, CommitsUrgentWritesFirst) {
  auto database = Open();
  ASSERT_TRUE(database->Flush());
  for (int i = 0; i < 3; ++i) Put(*database, "same", i);
  PutUrgent(*database, "same", 3);
  EXPECT_TRUE(database->Flush());
  EXPECT_EQ(All(*database), (std::vector<SqlRow>{{"same", 2L}}));
}

TEST_F(DatabaseTest, DropsOnlyTheWriteThatCanNeverSucceed) {
  auto database = Open();
  Put(*database, "first", 0);  // under way while the others gather
  Put(*database, "a", 1);
  database->Write({"INSERT INTO nowhere VALUES(1)", {}});
  PutUrgent(*database, "b", 2);
  Put(*database, "c", 3);
  EXPECT_TRUE(RunUntil([&] { return database->pending() == 0; }));
  EXPECT_EQ(database->dropped_writes_total(), 1u);
  EXPECT_EQ(All(*database).size(), 4u);
  Put(*database, "d", 4);
  database->Write({"INSERT INTO nowhere VALUES(1)", {}});
  Put(*database, "e", 5);
  EXPECT_TRUE(database->Flush());
  EXPECT_EQ(All(*database).size(), 6u);
}

TEST_F(DatabaseTest, DropsAWriteThatCanNeverSucceed) {
  auto database = Open();
  database->Write({"INSERT INTO nowhere VALUES(1)", {}});
  EXPECT_TRUE(RunUntil([&] { return database->pending() == 0; }));
  EXPECT_EQ(database->dropped_writes_total(), 1u);
  Put(*database, "a", 1);
  EXPECT_TRUE(database->Flush());
  EXPECT_EQ(All(*database).size(), 1u);
  EXPECT_FALSE(database->is_degraded());
}

}  // namespace
}  // namespace fovea::io
