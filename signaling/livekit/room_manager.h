// All rooms of the process: who may open one, which connection belongs to whom, and which room an
// event from a worker concerns. Thread: signaling.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "sfu/control/event.h"
#include "sfu/core/deadline.h"
#include "sfu/core/result.h"
#include "signaling/livekit/context.h"
#include "signaling/livekit/revocations.h"
#include "signaling/livekit/room.h"
#include "signaling/livekit/room_schedule.h"

namespace fovea::livekit {

// Why a join is refused before the WebSocket is accepted.
struct JoinRefusal {
  int status = 400;
  std::string message;
};

class RoomManager {
 public:
  explicit RoomManager(Context& context) : context_(context) {}

  // The checks that /validate and the join share. Nothing when the join may go on.
  [[nodiscard]] std::optional<JoinRefusal> CheckJoin(const JoinParams& params) const;
  // What only a real join is refused for (validate still says 200): a full room.
  [[nodiscard]] std::optional<JoinRefusal> CheckCapacity(const JoinParams& params) const;
  // A new or resuming session on an accepted socket. The first message is queued on return.
  // REQUIRES: CheckJoin and CheckCapacity passed.
  void StartSession(Instant now, ConnectionId connection, const JoinParams& params);
  void HandleSignal(Instant now, ConnectionId connection, const pb::SignalRequest& request);
  void HandleSignalClosed(Instant now, ConnectionId connection);
  void HandleWorkerEvent(Instant now, const control::WorkerEvent& event);
  void HandleData(Instant now, control::SessionHandle session, DataLane lane, ByteSpan message);

  // Server API. Null when there is no such room. A room that is found may be changed in this turn
  // of the loop, not later: its deadline is read again at the next question.
  [[nodiscard]] Room* Find(const std::string& name);
  Room& FindOrCreate(Instant now, const std::string& name);
  void Delete(Instant now, const std::string& name);
  // An empty name is no preset, which is always there.
  [[nodiscard]] bool HasPreset(const std::string& name) const;
  // Sets what `preset` says, and over it what `own` says; zero and empty say nothing.
  void Configure(Room& room, const std::string& preset, const pb::RoomConfiguration& own) const;
  [[nodiscard]] const std::map<std::string, std::unique_ptr<Room>>& rooms() const { return rooms_; }
  // Puts an identity out of a room and refuses its tokens issued before `tokens_before_unix`, also
  // to resume. Whether it is there or not: its token may be. Returns the fence after which no
  // packet passes to or from it; nothing when it was not there.
  std::optional<std::uint64_t> Evict(Instant now, const std::string& room,
                                     const std::string& identity, std::int64_t tokens_before_unix);
  // Tokens that CheckJoin refuses although they are well signed.
  [[nodiscard]] Revocations& revocations() { return revocations_; }

  void HandleTimeout(Instant now);
  [[nodiscard]] Deadline NextDeadline();
  [[nodiscard]] bool IsConsistent() const { return schedule_.IsConsistent(); }
  // Puts everybody out; for an orderly stop.
  void Shutdown(Instant now);

 private:
  struct ConnectionOwner {
    Room* room = nullptr;
    std::string participant_sid;
  };
  // Resumes, or replaces itself.
  [[nodiscard]] bool IsThere(const JoinParams& params) const;
  [[nodiscard]] bool HasSlots(const JoinParams& params) const;
  // Of the whole server, as the operator set it.
  [[nodiscard]] bool HasReachedLimit(const JoinParams& params) const;
  [[nodiscard]] Participant* ParticipantOf(const ConnectionOwner& owner);
  void Remember(ConnectionId connection, ConnectionOwner owner);
  void Erase(const std::string& name);

  Context& context_;
  std::map<std::string, std::unique_ptr<Room>> rooms_;  // by name
  RoomSchedule schedule_;                               // all of rooms_
  // May hold connections that we closed, which nobody reports: Remember clears them out.
  std::unordered_map<ConnectionId, ConnectionOwner> connections_;
  std::size_t sweep_at_ = 64;
  Revocations revocations_;
};

}  // namespace fovea::livekit
