#include "tests/sim/admission/homeserver.h"

#include <algorithm>

#include "signaling/matrix/ids.h"
#include "signaling/matrix/server_acl.h"

namespace fovea::test {

using Json = nlohmann::json;

std::size_t SimHomeserver::Send(std::int64_t server_wall_ms, const std::string& room_id,
                                const std::string& type, std::optional<std::string> key,
                                const std::string& sender, Json content,
                                std::optional<std::int64_t> sticky_ms) {
  LogEntry entry{.room_id = room_id,
                 .type = type,
                 .key = key.value_or(""),
                 .sender = sender,
                 .event = {},
                 .replaced = {},
                 .is_pushed = true};
  entry.event = {{"type", type},
                 {"room_id", room_id},
                 {"sender", sender},
                 {"event_id", "$" + std::to_string(++events_)},
                 {"origin_server_ts", server_wall_ms},
                 {"content", std::move(content)}};
  if (sticky_ms) entry.event["msc4354_sticky"] = {{"duration_ms", *sticky_ms}};
  if (key) {
    entry.event["state_key"] = *key;
    Json& current = rooms_[room_id][{type, *key}];
    if (!current.is_null()) {
      entry.replaced = current["event_id"].get<std::string>();
      past_[room_id][{type, *key}].push_back(current);
      if (tells_order_) entry.event["unsigned"]["replaces_state"] = entry.replaced;
    }
    current = entry.event;
  }
  log_.push_back(std::move(entry));
  queue_.push_back(log_.size() - 1);
  return log_.size() - 1;
}

void SimHomeserver::Reset(const std::string& room_id, const std::string& type,
                          const std::string& key) {
  Json& current = rooms_[room_id][{type, key}];
  const auto& past = past_[room_id][{type, key}];
  if (past.empty() || rng_.Below(2) == 0) {
    current = nullptr;
  } else {
    current = past[rng_.Below(static_cast<std::uint32_t>(past.size()))];
  }
  log_.push_back({.room_id = room_id,
                  .type = type,
                  .key = key,
                  .sender = {},
                  .event = current,
                  .replaced = {},
                  .is_pushed = false});
}

const Json* SimHomeserver::Current(const std::string& room_id, const std::string& type,
                                   const std::string& key) const {
  const auto room = rooms_.find(room_id);
  if (room == rooms_.end()) return nullptr;
  const auto it = room->second.find({type, key});
  return it == room->second.end() || it->second.is_null() ? nullptr : &it->second;
}

std::string SimHomeserver::MembershipOf(const std::string& room_id,
                                        const std::string& user_id) const {
  const Json* event = Current(room_id, "m.room.member", user_id);
  return event == nullptr ? "leave" : (*event)["content"]["membership"].get<std::string>();
}

bool SimHomeserver::IsIn(const std::string& room_id) const {
  const auto room = rooms_.find(room_id);
  if (room == rooms_.end()) return false;
  return std::any_of(room->second.begin(), room->second.end(), [](const auto& entry) {
    return entry.first.first == "m.room.member" && !entry.second.is_null() &&
           matrix::ServerNameOf(entry.first.second) == "hs" &&
           entry.second["content"]["membership"] == "join";
  });
}

bool SimHomeserver::Entitles(const std::string& room_id, const std::string& user_id,
                             bool slot_binds) const {
  if (MembershipOf(room_id, user_id) != "join" || !IsIn(room_id)) return false;
  const std::string_view server = matrix::ServerNameOf(user_id);
  if (const Json* acl = Current(room_id, "m.room.server_acl", "")) {
    const auto read = matrix::ServerAcl::Read((*acl)["content"]);
    if (read && server != "hs" && !read->Permits(server)) return false;
  }
  if (!slot_binds) return true;
  const Json* slot = Current(room_id, "m.rtc.slot", "m.call#ROOM");
  return slot == nullptr || (*slot)["content"]["status"] == "open";
}

Json SimHomeserver::StateOf(const std::string& room_id) const {
  Json state = Json::array();
  const auto room = rooms_.find(room_id);
  if (room == rooms_.end()) return state;
  for (const auto& [key, event] : room->second) {
    if (!event.is_null()) state.push_back(event);
  }
  return state;
}

const SimTransaction* SimHomeserver::Transaction() {
  if (!under_way_) {
    if (queue_.empty()) return nullptr;
    under_way_.emplace();
    under_way_->id = std::to_string(++txn_);
    const std::size_t count = std::min<std::size_t>(queue_.size(), 1 + rng_.Below(5));
    under_way_->positions.assign(queue_.begin(),
                                 queue_.begin() + static_cast<std::ptrdiff_t>(count));
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return &*under_way_;
}

void SimHomeserver::Acknowledge() { under_way_.reset(); }

std::vector<SimTransaction> SimHomeserver::TakeTwo() {
  std::vector<SimTransaction> taken;
  for (int i = 0; i < 2; ++i) {
    const SimTransaction* next = Transaction();
    if (next == nullptr) break;
    taken.push_back(*next);
    Acknowledge();
  }
  return taken;
}

void SimHomeserver::LoseQueue() {
  queue_.clear();
  under_way_.reset();
  ++txn_;
}

std::string SimHomeserver::BodyOf(const SimTransaction& transaction) const {
  Json events = Json::array();
  for (const std::size_t position : transaction.positions) {
    events.push_back(log_[position].event);
  }
  return Json{{"events", std::move(events)}}.dump();
}

}  // namespace fovea::test
