#include "signaling/app/state_store.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sfu/core/limits.h"
#include "sfu/io/system_clock.h"

namespace fovea::app {
namespace {

constexpr std::array<const char*, 1> kUpgrades = {R"(
  CREATE TABLE jobs(
    room TEXT NOT NULL, identity TEXT NOT NULL, user_id TEXT NOT NULL, server_name TEXT NOT NULL,
    delay_id TEXT NOT NULL, delay_timeout_ms INTEGER NOT NULL, restarted_unix_ms INTEGER NOT NULL,
    was_connected INTEGER NOT NULL, PRIMARY KEY(room, identity)) WITHOUT ROWID;
  CREATE TABLE transactions(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE);
  CREATE TABLE revocations(
    room TEXT NOT NULL, identity TEXT NOT NULL, not_before_unix INTEGER NOT NULL,
    PRIMARY KEY(room, identity)) WITHOUT ROWID;
  CREATE TABLE identities(
    room TEXT NOT NULL, identity TEXT NOT NULL, room_id TEXT NOT NULL, slot_id TEXT NOT NULL,
    user_id TEXT NOT NULL, device_id TEXT NOT NULL, member_id TEXT NOT NULL,
    server_name TEXT NOT NULL, full_access INTEGER NOT NULL, route INTEGER NOT NULL,
    issued_unix INTEGER NOT NULL, expires_unix INTEGER NOT NULL,
    PRIMARY KEY(room, identity)) WITHOUT ROWID)"};

// A call may outlive its token by far: an identity is kept for as long as anybody might talk.
constexpr std::int64_t kIdentityKeptSeconds = 2 * 24 * 3600;
// Longer than any token that we issue lives.
constexpr std::int64_t kRevocationKeptSeconds = 7 * 24 * 3600;

const std::string& Text(const io::SqlRow& row, std::size_t column) {
  static const std::string kEmpty;
  const auto* text = std::get_if<std::string>(&row.at(column));
  return text == nullptr ? kEmpty : *text;
}

std::int64_t Number(const io::SqlRow& row, std::size_t column) {
  const auto* number = std::get_if<std::int64_t>(&row.at(column));
  return number == nullptr ? 0 : *number;
}

matrix::TokenRoute RouteOf(std::int64_t number) {
  switch (number) {
    case 1:
      return matrix::TokenRoute::kOpenId;
    case 2:
      return matrix::TokenRoute::kHomeserver;
    case 3:
      return matrix::TokenRoute::kFederation;
    default:
      return matrix::TokenRoute::kLegacy;
  }
}

}  // namespace

StateStore::StateStore(uv_loop_t* loop, std::unique_ptr<io::Database> database, LogSink& log)
    : log_(&log),
      database_(std::move(database)),
      purge_timer_(std::make_unique<io::Timer>(
          loop, [this] { PurgeExpired(io::WallNow().value / 1'000'000); })) {
  purge_timer_->StartEvery(Seconds(3600));
}

Result<std::unique_ptr<StateStore>, std::string> StateStore::Open(uv_loop_t* loop,
                                                                  const std::string& file,
                                                                  LogSink& log) {
  auto database = io::Database::Open(loop, file, kUpgrades, log);
  if (!database.ok()) return Failure{database.error()};
  return std::unique_ptr<StateStore>(new StateStore(loop, std::move(*database), log));
}

void StateStore::Write(io::SqlStatement statement) {
  if (database_ != nullptr) database_->Write(std::move(statement));
}

// Of revocations: a token that is refused has to be refused after a restart, too, whatever else
// waits for the disk. Nothing depends on their order relative to other tables.
void StateStore::WriteUrgent(io::SqlStatement statement) {
  if (database_ != nullptr) database_->WriteUrgent(std::move(statement));
}

std::vector<io::SqlRow> StateStore::Read(const io::SqlStatement& query) {
  if (database_ == nullptr) return {};
  (void)database_->Flush();
  auto rows = database_->Read(query);
  if (rows.ok()) return std::move(*rows);
  log_->Log(LogLevel::kError, "state file: " + rows.error());
  return {};
}

std::vector<matrix::LeaveJob> StateStore::Jobs() {
  std::vector<matrix::LeaveJob> jobs;
  for (const io::SqlRow& row :
       Read({"SELECT room, identity, user_id, server_name, delay_id, delay_timeout_ms,"
             " restarted_unix_ms, was_connected FROM jobs",
             {}})) {
    matrix::LeaveJob job;
    job.key = {Text(row, 0), Text(row, 1)};
    job.user_id = Text(row, 2);
    job.server_name = Text(row, 3);
    job.delay_id = Text(row, 4);
    // Before it becomes nanoseconds, so that no number in the file can overflow.
    job.delay_timeout =
        Millis(std::clamp<std::int64_t>(Number(row, 5), 0, ToMillis(limits::kDelayTimeoutMax)));
    job.restarted_unix_ms = Number(row, 6);
    job.was_connected = Number(row, 7) != 0;
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::vector<std::string> StateStore::TransactionIds() {
  std::vector<std::string> ids;
  for (const io::SqlRow& row : Read({"SELECT id FROM transactions ORDER BY number", {}})) {
    ids.push_back(Text(row, 0));
  }
  return ids;
}

std::vector<matrix::MintedIdentity> StateStore::Identities() {
  std::vector<matrix::MintedIdentity> identities;
  for (const io::SqlRow& row :
       Read({"SELECT room, identity, room_id, slot_id, user_id, device_id, member_id,"
             " server_name, full_access, route, issued_unix, expires_unix FROM identities"
             " ORDER BY issued_unix DESC LIMIT ?",
             {static_cast<std::int64_t>(limits::kAdmissionsMax)}})) {
    matrix::MintedIdentity identity;
    identity.room_name = Text(row, 0);
    identity.identity = Text(row, 1);
    identity.room_id = Text(row, 2);
    identity.slot_id = Text(row, 3);
    identity.user_id = Text(row, 4);
    identity.device_id = Text(row, 5);
    identity.member_id = Text(row, 6);
    identity.server_name = Text(row, 7);
    identity.full_access = Number(row, 8) != 0;
    identity.route = RouteOf(Number(row, 9));
    identity.issued_unix = Number(row, 10);
    identity.expires_unix = Number(row, 11);
    identities.push_back(std::move(identity));
  }
  return identities;
}

std::vector<StoredRevocation> StateStore::Revocations() {
  std::vector<StoredRevocation> revocations;
  for (const io::SqlRow& row :
       Read({"SELECT room, identity, not_before_unix FROM"
             " (SELECT * FROM revocations ORDER BY not_before_unix DESC LIMIT ?)"
             " ORDER BY not_before_unix",
             {static_cast<std::int64_t>(limits::kRevocationsMax)}})) {
    revocations.push_back({Text(row, 0), Text(row, 1), Number(row, 2)});
  }
  return revocations;
}

void StateStore::LoadInto(livekit::Revocations& revocations) {
  for (const StoredRevocation& row : Revocations()) {
    revocations.Revoke(row.room_name, row.identity, row.not_before_unix);
  }
}

void StateStore::PutJob(const matrix::LeaveJob& job) {
  Write({"INSERT OR REPLACE INTO jobs VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
         {job.key.room_name, job.key.identity, job.user_id, job.server_name, job.delay_id,
          ToMillis(job.delay_timeout), job.restarted_unix_ms, std::int64_t{job.was_connected}}});
}

void StateStore::RemoveJob(const matrix::LeaveKey& key) {
  Write({"DELETE FROM jobs WHERE room = ? AND identity = ?", {key.room_name, key.identity}});
}

void StateStore::PutTransactionId(const std::string& id) {
  Write({"INSERT OR IGNORE INTO transactions(id) VALUES(?)", {id}});
  Write({"DELETE FROM transactions WHERE number <= (SELECT max(number) FROM transactions) - ?",
         {static_cast<std::int64_t>(limits::kTransactionIdsMax)}});
}

void StateStore::PutIdentity(const matrix::MintedIdentity& identity) {
  Write({"INSERT OR REPLACE INTO identities VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
         {identity.room_name, identity.identity, identity.room_id, identity.slot_id,
          identity.user_id, identity.device_id, identity.member_id, identity.server_name,
          std::int64_t{identity.full_access}, static_cast<std::int64_t>(identity.route),
          identity.issued_unix, identity.expires_unix}});
}

void StateStore::RemoveIdentity(const std::string& room_name, const std::string& identity) {
  Write({"DELETE FROM identities WHERE room = ? AND identity = ?", {room_name, identity}});
}

void StateStore::PutRevocation(const StoredRevocation& revocation) {
  WriteUrgent(
      {"INSERT INTO revocations VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET"
       " not_before_unix = max(not_before_unix, excluded.not_before_unix)",
       {revocation.room_name, revocation.identity, revocation.not_before_unix}});
}

void StateStore::RemoveRevocation(const std::string& room_name, const std::string& identity) {
  WriteUrgent({"DELETE FROM revocations WHERE room = ? AND identity = ?", {room_name, identity}});
}

void StateStore::PurgeExpired(std::int64_t now_unix) {
  Write({"DELETE FROM identities WHERE expires_unix < ?", {now_unix - kIdentityKeptSeconds}});
  WriteUrgent(
      {"DELETE FROM revocations WHERE not_before_unix < ?", {now_unix - kRevocationKeptSeconds}});
}

void StateStore::Flush() {
  if (database_ != nullptr) (void)database_->Flush();
}

}  // namespace fovea::app
