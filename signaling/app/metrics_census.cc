#include "signaling/app/metrics_census.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "sfu/io/system_clock.h"

namespace fovea::app {
namespace {

// The second figure of statm, in pages: proc(5).
std::uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  if (!(statm >> size >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t OpenFiles() {
  std::error_code error;
  std::uint64_t count = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    ++count;
  }
  return error ? 0 : count;
}

using TrackSids = std::unordered_set<std::string_view>;

// Counts what each participant publishes; `videos` are the sids of the video tracks.
void CountPublished(const livekit::Room& room, MediaFacts& facts, CallLine& line,
                    TrackSids& videos) {
  for (const auto& [identity, participant] : room.participants()) {
    std::uint64_t audio = 0;
    std::uint64_t video = 0;
    for (const auto& [sid, track] : participant->tracks) {
      ++(track->is_video() ? video : audio);
      if (track->is_video()) videos.insert(sid);
    }
    facts.audio_published += audio;
    facts.video_published += video;
    if (audio > 0) ++line.publish_audio;
    if (video > 0) ++line.publish_video;
  }
}

void CountSubscribed(const livekit::Room& room, const TrackSids& videos, MediaFacts& facts) {
  for (const auto& [identity, participant] : room.participants()) {
    for (const auto& [sid, downlink] : participant->downlinks) {
      if (downlink.state != livekit::Downlink::State::kBound) continue;
      ++(videos.contains(sid) ? facts.video_subscribed : facts.audio_subscribed);
    }
  }
}

void AddMatrixFacts(const focus::Conductor& conductor, CallLine& line) {
  const std::optional<focus::CallFacts> call = conductor.Facts(line.room);
  if (!call.has_value() || !call->is_on) return;
  line.is_matrix = true;
  line.since_unix = static_cast<double>(call->since_unix_ms) / 1e3;
  line.members = call->members.size() - call->shadows;
  line.members_without_media = call->ghosts;
  line.media_without_member = call->shadows;
  line.intent = call->intent;
  if (call->last_departure) line.last_left = ToString(*call->last_departure);
}

}  // namespace

ProcessFacts CountProcess(double started_unix) {
  return {.resident_bytes = ResidentBytes(),
          .open_files = OpenFiles(),
          .cpu = io::ProcessCpuTime(),
          .started_unix = started_unix};
}

void CountRooms(const livekit::RoomManager& rooms, const focus::Conductor* conductor,
                MediaFacts& facts) {
  facts.rooms = rooms.rooms().size();
  for (const auto& [name, room] : rooms.rooms()) {
    if (room->participants().empty()) continue;
    CallLine line{.room = name};
    line.since_unix = static_cast<double>(room->created_at_unix());
    line.participants = room->participants().size();
    TrackSids videos;
    CountPublished(*room, facts, line, videos);
    CountSubscribed(*room, videos, facts);
    facts.participants += line.participants;
    facts.calls.push_back(std::move(line));
  }
  facts.calls_left_out_total += LimitCalls(facts.calls);
  if (conductor == nullptr) return;
  for (CallLine& line : facts.calls) AddMatrixFacts(*conductor, line);
}

}  // namespace fovea::app
