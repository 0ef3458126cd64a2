#include "signaling/focus/admission_table.h"

#include <algorithm>

#include "sfu/core/limits.h"

namespace fovea::focus {

Instant AbsenceDue(const Admission& row) {
  if (!row.absence || row.absence->asked_since) return kNever;
  const Absence& absence = *row.absence;
  return absence.since + (absence.is_silent ? absence.until_evicted : absence.until_silent);
}

bool AdmissionTable::IsFull(const std::string& room_id, const std::string& user_id) const {
  if (rows_.size() >= limits::kAdmissionsMax) return true;
  const auto room = index_.find(room_id);
  if (room == index_.end()) return false;
  const auto user = room->second.find(user_id);
  return user != room->second.end() && user->second.size() >= limits::kAdmissionsPerUserMax;
}

Admission* AdmissionTable::Find(const AdmissionKey& key) {
  const auto it = rows_.find(key);
  return it == rows_.end() ? nullptr : &it->second.admission;
}

Admission& AdmissionTable::Insert(const matrix::MintedIdentity& minted) {
  const AdmissionKey key{minted.room_name, minted.identity};
  const auto [it, is_new] = rows_.try_emplace(key);
  if (is_new) {
    it->second.admission.minted = minted;
    index_[minted.room_id][minted.user_id].insert(key);
  }
  return it->second.admission;
}

void AdmissionTable::Erase(const AdmissionKey& key) {
  const auto it = rows_.find(key);
  if (it == rows_.end()) return;
  timers_.erase({it->second.timer_at, key});
  const auto room = index_.find(it->second.admission.minted.room_id);
  const auto user = room->second.find(it->second.admission.minted.user_id);
  user->second.erase(key);
  if (user->second.empty()) room->second.erase(user);
  if (room->second.empty()) index_.erase(room);
  rows_.erase(it);
}

void AdmissionTable::UpdateTimer(const AdmissionKey& key) {
  const auto it = rows_.find(key);
  if (it == rows_.end()) return;
  const Admission& row = it->second.admission;
  Instant at = row.connections > 0 ? AbsenceDue(row) : row.keep_until;
  if (row.pending) at = std::min(at, row.pending->due_at);
  if (at == it->second.timer_at) return;
  timers_.erase({it->second.timer_at, key});
  it->second.timer_at = at;
  if (at != kNever) timers_.emplace(at, key);
}

std::optional<AdmissionKey> AdmissionTable::Due(Instant now) const {
  if (timers_.empty() || timers_.begin()->first > now) return std::nullopt;
  return timers_.begin()->second;
}

std::vector<AdmissionKey> AdmissionTable::OfUser(const std::string& room_id,
                                                 const std::string& user_id) const {
  const auto room = index_.find(room_id);
  if (room == index_.end()) return {};
  const auto user = room->second.find(user_id);
  if (user == room->second.end()) return {};
  return {user->second.begin(), user->second.end()};
}

std::vector<AdmissionKey> AdmissionTable::OfRoom(const std::string& room_id) const {
  std::vector<AdmissionKey> keys;
  const auto room = index_.find(room_id);
  if (room == index_.end()) return keys;
  for (const auto& [user_id, rows] : room->second) {
    keys.insert(keys.end(), rows.begin(), rows.end());
  }
  return keys;
}

std::vector<std::string> AdmissionTable::UsersOf(const std::string& room_id) const {
  std::vector<std::string> users;
  const auto room = index_.find(room_id);
  if (room == index_.end()) return users;
  for (const auto& [user_id, rows] : room->second) users.push_back(user_id);
  return users;
}

std::vector<std::string> AdmissionTable::Rooms() const {
  std::vector<std::string> rooms;
  for (const auto& [room_id, users] : index_) rooms.push_back(room_id);
  return rooms;
}

bool AdmissionTable::IsConsistent() const {
  std::size_t indexed = 0;
  for (const auto& [room_id, users] : index_) {
    if (users.empty()) return false;
    for (const auto& [user_id, rows] : users) {
      if (rows.empty()) return false;
      indexed += rows.size();
    }
  }
  std::size_t timed = 0;
  for (const auto& [key, entry] : rows_) {
    if (entry.timer_at == kNever) continue;
    ++timed;
    if (!timers_.contains({entry.timer_at, key})) return false;
  }
  return indexed == rows_.size() && timed == timers_.size();
}

}  // namespace fovea::focus
