#include "signaling/matrix/sync_response.h"

#include <array>
#include <utility>

#include "signaling/matrix/json_scan.h"

namespace fovea::matrix {
namespace {

// Both spellings of a section; the stable one first.
std::optional<std::string_view> Section(std::string_view object, std::string_view stable,
                                        std::string_view unstable) {
  if (const auto section = JsonMember(object, stable)) return section;
  return JsonMember(object, unstable);
}

// Appends the events of a section {"events": [...]}. False where it cannot be read.
bool AddSection(std::optional<std::string_view> section, std::string_view room_id,
                Transaction& into) {
  if (!section) return true;
  const auto list = JsonMember(*section, "events");
  if (!list) return section->front() == '{';
  if (list->front() != '[') return false;
  JsonWalk walk(*list);
  while (const auto item = walk.Next()) AddEvent(item->value, room_id, into);
  return !walk.failed();
}

bool ReadRoom(std::string_view text, SyncRoom& room, SyncResponse& response) {
  Transaction state;
  Transaction timeline;
  const auto state_after = Section(text, "state_after", "org.matrix.msc4222.state_after");
  room.has_state_after = state_after.has_value();
  const auto timeline_section = JsonMember(text, "timeline");
  if (!AddSection(state_after ? state_after : JsonMember(text, "state"), room.room_id, state) ||
      !AddSection(timeline_section, room.room_id, timeline) ||
      !AddSection(Section(text, "sticky", "msc4354_sticky"), room.room_id, timeline)) {
    return false;
  }
  if (timeline_section) {
    const auto limited = JsonMember(*timeline_section, "limited");
    room.is_limited = limited && *limited == "true";
  }
  room.events = std::move(state.events);
  room.state_events = room.events.size();
  for (Event& event : timeline.events) {
    if (room.has_state_after && event.state_key) continue;
    room.events.push_back(std::move(event));
  }
  for (const Transaction* part : {&state, &timeline}) {
    response.skipped += part->skipped;
    response.soft_failed += part->soft_failed;
    response.malformed += part->malformed;
  }
  return true;
}

bool ReadJoined(std::string_view rooms, const RoomFilter& wants_room, SyncResponse& response) {
  JsonWalk walk(rooms);
  if (!walk.is_object()) return false;
  while (const auto item = walk.Next()) {
    if (item->value.front() != '{') return false;
    if (item->key.empty() || (wants_room && !wants_room(item->key))) continue;
    SyncRoom room;
    room.room_id = std::string(item->key);
    if (!ReadRoom(item->value, room, response)) return false;
    response.joined.push_back(std::move(room));
  }
  return !walk.failed();
}

bool ReadLeft(std::string_view rooms, SyncResponse& response) {
  JsonWalk walk(rooms);
  if (!walk.is_object()) return false;
  while (const auto item = walk.Next()) response.left.emplace_back(item->key);
  return !walk.failed();
}

}  // namespace

std::string_view SyncFilter() {
  return R"({"account_data":{"types":[]},"presence":{"types":[]},"room":{)"
         R"("account_data":{"types":[]},"ephemeral":{"types":[]},)"
         R"("state":{"types":["m.room.*","*call.member","*rtc.member","*rtc.slot"]},)"
         R"("timeline":{"limit":50,"types":["m.room.member","m.room.server_acl",)"
         R"("m.room.redaction","m.room.create","m.room.encryption","m.room.tombstone",)"
         R"("*call.member","*rtc.member","*rtc.slot"]}}})";
}

std::optional<SyncResponse> ParseSync(std::string_view body, const RoomFilter& wants_room) {
  const auto object = TakeJsonValue(body);
  if (!object) return std::nullopt;
  JsonWalk walk(*object);
  if (!walk.is_object()) return std::nullopt;
  std::optional<std::string_view> next_batch;
  std::optional<std::string_view> rooms;
  while (const auto item = walk.Next()) {
    if (item->key == "next_batch") next_batch = PlainString(item->value);
    if (item->key == "rooms") rooms = item->value;
  }
  if (walk.failed() || !next_batch || next_batch->empty()) return std::nullopt;
  SyncResponse response;
  response.next_batch = std::string(*next_batch);
  if (!rooms) return response;
  JsonWalk kinds(*rooms);
  if (!kinds.is_object()) return std::nullopt;
  while (const auto item = kinds.Next()) {
    if (item->key == "join" && !ReadJoined(item->value, wants_room, response)) return std::nullopt;
    if (item->key == "leave" && !ReadLeft(item->value, response)) return std::nullopt;
  }
  if (kinds.failed()) return std::nullopt;
  return response;
}

}  // namespace fovea::matrix
