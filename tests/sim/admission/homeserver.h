// A homeserver as the focus sees it: rooms with state, pushes in transactions, answers to questions
// for state; and the faults of each. Its log is the truth that the checkers go by.
// Thread: the simulation's only one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sfu/core/rng.h"
#include "sfu/core/time.h"
#include "signaling/wire/json.h"

namespace fovea::test {

// One change of a room, in the order in which the homeserver took it. A reset has no event.
struct LogEntry {
  std::string room_id;
  std::string type;
  std::string key;
  std::string sender;
  nlohmann::json event;    // null: the state under that key vanished
  std::string replaced;    // id of the event that stood there
  bool is_pushed = false;  // resets are not
};

struct SimTransaction {
  std::string id;
  std::vector<std::size_t> positions;  // in the log
};

class SimHomeserver {
 public:
  // `tells_order`: says which event a state event replaces, as Synapse does.
  SimHomeserver(std::uint64_t seed, bool tells_order) : rng_(seed), tells_order_(tells_order) {}

  // --- What happens in rooms. Returns the position in the log.
  std::size_t Send(std::int64_t server_wall_ms, const std::string& room_id, const std::string& type,
                   std::optional<std::string> key, const std::string& sender,
                   nlohmann::json content, std::optional<std::int64_t> sticky_ms = std::nullopt);
  // The state under that key becomes what it was at some earlier time, or nothing. No event.
  void Reset(const std::string& room_id, const std::string& type, const std::string& key);

  // --- The truth.
  [[nodiscard]] const std::vector<LogEntry>& log() const { return log_; }
  [[nodiscard]] std::string MembershipOf(const std::string& room_id,
                                         const std::string& user_id) const;
  [[nodiscard]] bool Entitles(const std::string& room_id, const std::string& user_id,
                              bool slot_binds) const;
  [[nodiscard]] bool IsIn(const std::string& room_id) const;  // a user of ours is joined
  [[nodiscard]] nlohmann::json StateOf(const std::string& room_id) const;
  [[nodiscard]] const nlohmann::json* Current(const std::string& room_id, const std::string& type,
                                              const std::string& key) const;

  // --- Pushing: the transaction under way, or the next one. It stays until Acknowledge.
  [[nodiscard]] const SimTransaction* Transaction();
  void Acknowledge();
  // The next two transactions, for a delivery in the wrong order.
  [[nodiscard]] std::vector<SimTransaction> TakeTwo();
  // Loses what is queued, and a transaction number with it.
  void LoseQueue();
  [[nodiscard]] bool HasQueue() const { return under_way_ || !queue_.empty(); }
  [[nodiscard]] std::string BodyOf(const SimTransaction& transaction) const;
  [[nodiscard]] bool tells_order() const { return tells_order_; }

 private:
  using StateKey = std::pair<std::string, std::string>;

  Rng rng_;
  const bool tells_order_;
  std::vector<LogEntry> log_;
  std::map<std::string, std::map<StateKey, nlohmann::json>> rooms_;
  std::map<std::string, std::map<StateKey, std::vector<nlohmann::json>>> past_;
  std::deque<std::size_t> queue_;
  std::optional<SimTransaction> under_way_;
  std::uint64_t txn_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace fovea::test
