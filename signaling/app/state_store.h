// What a restart must not forget: delegated leaves, transactions that were seen, revoked tokens,
// and who is behind which identity. Rows in an io::Database. Thread: signaling.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sfu/core/log.h"
#include "sfu/core/result.h"
#include "signaling/app/leave_ports.h"
#include "signaling/io/database.h"
#include "signaling/io/timer.h"
#include "signaling/livekit/revocations.h"
#include "signaling/matrix/leave_job.h"
#include "signaling/matrix/minted_identity.h"

namespace fovea::app {

struct StoredRevocation {
  std::string room_name;
  std::string identity;
  std::int64_t not_before_unix = 0;
};

// Durability and what a failing disk does: see io::Database. Without a file every write is a no-op
// and everything reads empty.
class StateStore : public LeaveJobStore {
 public:
  // Without a file.
  StateStore() = default;
  [[nodiscard]] static Result<std::unique_ptr<StateStore>, std::string> Open(
      uv_loop_t* loop, const std::string& file, LogSink& log);

  // Reading is for the start, after PurgeExpired. What cannot be read is told to the log, and
  // empty.
  [[nodiscard]] std::vector<matrix::LeaveJob> Jobs();
  [[nodiscard]] std::vector<std::string> TransactionIds();  // oldest first, kTransactionIdsMax
  [[nodiscard]] std::vector<matrix::MintedIdentity> Identities();
  [[nodiscard]] std::vector<StoredRevocation> Revocations();  // oldest first, kRevocationsMax
  void LoadInto(livekit::Revocations& revocations);

  void PutJob(const matrix::LeaveJob& job) override;
  void RemoveJob(const matrix::LeaveKey& key) override;
  void PutTransactionId(const std::string& id);
  void PutIdentity(const matrix::MintedIdentity& identity);
  void RemoveIdentity(const std::string& room_name, const std::string& identity);
  void PutRevocation(const StoredRevocation& revocation);  // never to an earlier time
  void RemoveRevocation(const std::string& room_name, const std::string& identity);

  // Removes identities and revocations that no token can bring back. Also done once an hour.
  // Jobs expire by DelayedLeaves::RestoreJob, which knows their times.
  void PurgeExpired(std::int64_t now_unix);
  // Blocks until all is on disk; for the orderly stop.
  void Flush();

  [[nodiscard]] bool has_file() const { return database_ != nullptr; }
  // The last transaction failed: a restart may forget what changed since.
  [[nodiscard]] bool is_degraded() const {
    return database_ != nullptr && database_->is_degraded();
  }
  [[nodiscard]] const io::Database* database() const { return database_.get(); }

 private:
  StateStore(uv_loop_t* loop, std::unique_ptr<io::Database> database, LogSink& log);
  void Write(io::SqlStatement statement);
  void WriteUrgent(io::SqlStatement statement);
  [[nodiscard]] std::vector<io::SqlRow> Read(const io::SqlStatement& query);

  LogSink* log_ = nullptr;
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<io::Timer> purge_timer_;
};

}  // namespace fovea::app
