// The rooms of a server are called when they want to be, whatever happened to which of them.
#include <gtest/gtest.h>

#include "tests/unit/signaling/livekit/room_fixture.h"

namespace fovea::livekit {
namespace {

class RoomSchedule : public RoomTest {};

// Dozens of rooms in which people come, publish, go silent and leave, and timers run.
TEST_F(RoomSchedule, AgreesWithALookAtEveryRoomThroughAnything) {
  Rng rng(4);
  const auto any = [&](std::size_t count) { return rng.Below(static_cast<std::uint32_t>(count)); };
  int made = 0;
  for (int step = 0; step < 600; ++step) {
    const std::uint32_t what = clients_.size() < 20 ? 0 : any(8);
    if (what == 0) {
      JoinParams params =
          World::Params("room" + std::to_string(any(30)), "p" + std::to_string(++made));
      params.single_peer_connection = any(3) > 0;  // else it owes us an answer, and never gives it
      Join(std::move(params));
    } else {
      Client& client = *clients_[any(clients_.size())];
      const bool is_there = client.participant() != nullptr;
      ASSERT_TRUE(world_.KnowsDeadlines());  // Looking for it touched its room.
      if (what == 1 && is_there) client.LoseSignal();
      if (what == 2 && is_there) client.Publish(Camera("cam" + std::to_string(step)));
      if (what == 3 && is_there) client.ConnectMedia();
      if (what == 4 && step % 7 == 0) world_.manager.Delete(world_.now, client.params().room);
      if (what == 5) world_.Advance(Millis(any(2000)));
      if (what == 7 && is_there) {
        pb::SignalRequest request;  // Told to the others in a moment, which is soon for a room.
        request.mutable_update_video_track()->set_track_sid(
            client.Last(Case::kTrackPublished).track_published().track().sid());
        request.mutable_update_video_track()->set_width(any(1000));
        client.Send(request);
      }
      if (what == 6 && step % 50 == 0) world_.Advance(Seconds(any(400)));
    }
    ASSERT_TRUE(world_.KnowsDeadlines()) << "after step " << step << " of kind " << what;
  }
}

TEST_F(RoomSchedule, ForgetsARoomThatExpired) {
  world_.manager.FindOrCreate(world_.now, "empty");
  EXPECT_NE(world_.manager.NextDeadline().at, kNever);
  world_.Advance(Seconds(3600));
  EXPECT_TRUE(world_.manager.rooms().empty());
  EXPECT_EQ(world_.manager.NextDeadline().at, kNever);
}

TEST_F(RoomSchedule, CallsARoomAgainUntilItsDeadlineHasPassed) {
  Client& alice = Join("alice");
  alice.LoseSignal();
  world_.Advance(world_.options.resume_timeout - Millis(1));
  EXPECT_NE(alice.participant(), nullptr);
  world_.Advance(Millis(1));
  EXPECT_EQ(alice.participant(), nullptr);
}

}  // namespace
}  // namespace fovea::livekit
