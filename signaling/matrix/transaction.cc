#include "signaling/matrix/transaction.h"

#include <algorithm>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/matrix/json_scan.h"

namespace fovea::matrix {
namespace {

std::string_view PeekString(std::string_view event, std::string_view key) {
  const auto member = JsonMember(event, key);
  if (!member) return {};
  return PlainString(*member).value_or(std::string_view());
}

bool IsSticky(std::string_view event) {
  return JsonMember(event, "msc4354_sticky").has_value() || JsonMember(event, "sticky").has_value();
}

// {"changed": [user id...], "left": [...]}. A hint: what cannot be read is passed over.
std::vector<std::string> ReadChangedDevices(std::string_view lists) {
  std::vector<std::string> users;
  const auto changed = JsonMember(lists, "changed");
  if (!changed || changed->empty() || changed->front() != '[') return users;
  JsonWalk walk(*changed);
  while (const auto item = walk.Next()) {
    const auto user = PlainString(item->value);
    if (user && users.size() < limits::kChangedUsersMax) users.emplace_back(*user);
  }
  return users;
}

// Written by clients, not by the room's own rules: may be anything, and hides nothing else.
bool IsClientData(EventKind kind) {
  return kind == EventKind::kCallMember || kind == EventKind::kRtcMember ||
         kind == EventKind::kEncrypted || kind == EventKind::kRedaction;
}

}  // namespace

EventKind PeekKind(std::string_view event) {
  const EventKind kind = KindOf(PeekString(event, "type"));
  // Most of what happens in encrypted rooms has this type; a sticky one is a rare exception.
  if (kind == EventKind::kEncrypted && !IsSticky(event)) return EventKind::kOther;
  return kind;
}

void AddEvent(std::string_view event, std::string_view room_id, Transaction& transaction) {
  if (PeekKind(event) == EventKind::kOther) {
    ++transaction.skipped;
    return;
  }
  auto parsed = ParseEvent(event, room_id);
  if (parsed) {
    transaction.events.push_back(*std::move(parsed));
    return;
  }
  switch (parsed.error()) {
    case EventRefusal::kOfNoInterest:
      ++transaction.skipped;
      break;
    case EventRefusal::kSoftFailed:
      ++transaction.soft_failed;
      break;
    case EventRefusal::kMalformed:
      ++transaction.malformed;
      break;
  }
}

std::optional<Transaction> ParseTransaction(std::string_view body, const RoomFilter& wants_room) {
  if (body.size() > limits::kTransactionBytesMax) return std::nullopt;
  const auto object = TakeJsonValue(body);
  if (!object) return std::nullopt;
  JsonWalk walk(*object);
  if (!walk.is_object()) return std::nullopt;
  std::optional<std::string_view> list;
  std::optional<std::string_view> device_lists;
  while (const auto item = walk.Next()) {
    if (item->key == "events") list = item->value;
    if (item->key == "org.matrix.msc3202.device_lists" || item->key == "device_lists") {
      device_lists = item->value;
    }
  }
  if (walk.failed() || !list || list->front() != '[') return std::nullopt;
  Transaction transaction;
  if (device_lists) transaction.changed_devices = ReadChangedDevices(*device_lists);
  JsonWalk events(*list);
  while (const auto item = events.Next()) {
    if (wants_room && !wants_room(PeekString(item->value, "room_id"))) {
      ++transaction.skipped;
      continue;
    }
    AddEvent(item->value, {}, transaction);
  }
  if (events.failed()) return std::nullopt;
  return transaction;
}

std::optional<std::vector<Event>> ParseRoomState(std::string_view body, std::string_view room_id) {
  const auto array = TakeJsonValue(body);
  if (!array) return std::nullopt;
  JsonWalk walk(*array);
  if (walk.is_object()) return std::nullopt;
  Transaction found;
  while (const auto item = walk.Next()) {
    AddEvent(item->value, room_id, found);
    // The room's own events are well-formed, or the answer is not what we asked for.
    const bool is_lost = std::exchange(found.malformed, 0) > 0;
    if (is_lost && !IsClientData(PeekKind(item->value))) return std::nullopt;
  }
  if (walk.failed()) return std::nullopt;
  return std::move(found.events);
}

std::optional<std::string> TransactionIds::Add(const std::string& id) {
  std::string cut = Cut(id);
  if (!known_.insert(cut).second) {
    order_.erase(std::find(order_.begin(), order_.end(), cut));
    order_.push_back(std::move(cut));
    return std::nullopt;
  }
  order_.push_back(std::move(cut));
  if (order_.size() <= limits::kTransactionIdsMax) return std::nullopt;
  std::string forgotten = std::move(order_.front());
  order_.pop_front();
  known_.erase(forgotten);
  return forgotten;
}

}  // namespace fovea::matrix
