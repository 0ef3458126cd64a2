// Answers to /sync. What was read must be of the rooms that were asked for, and within bounds.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sfu/core/check.h"
#include "signaling/matrix/sync_response.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto sync = matrix::ParseSync(body);
  if (!sync) return 0;
  FOVEA_CHECK(!sync->next_batch.empty());
  for (const matrix::SyncRoom& room : sync->joined) {
    FOVEA_CHECK(room.state_events <= room.events.size());
    for (const matrix::Event& event : room.events) {
      FOVEA_CHECK(event.room_id == room.room_id);
      FOVEA_CHECK(event.kind != matrix::EventKind::kOther);
    }
  }
  const auto none = matrix::ParseSync(body, [](std::string_view) { return false; });
  FOVEA_CHECK(!none || none->joined.empty());
  return 0;
}
