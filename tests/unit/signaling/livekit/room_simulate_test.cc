// Scenarios that clients ask for in their tests: livekit-protocol reference section 2.6.
#include <limits>

#include "sfu/core/limits.h"
#include "tests/unit/signaling/livekit/room_fixture.h"

namespace fovea::livekit {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class RoomSimulate : public RoomTest {
 protected:
  static void Simulate(Client& client, const pb::SimulateScenario& scenario) {
    pb::SignalRequest request;
    *request.mutable_simulate() = scenario;
    client.Send(request);
  }
  static JoinParams ResumeOf(Client& client) {
    JoinParams params = client.params();
    params.request.set_reconnect(true);
    params.request.set_participant_sid(client.sid());
    return params;
  }
};

TEST_F(RoomSimulate, LetsAParticipantSpeakForSomeSecondsWithoutASound) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  pb::SimulateScenario scenario;
  scenario.set_speaker_update(3);
  Simulate(alice, scenario);
  pb::SpeakerInfo speaker = bob.Last(Case::kSpeakersChanged).speakers_changed().speakers(0);
  EXPECT_EQ(speaker.sid(), alice.sid());
  EXPECT_TRUE(speaker.active());
  EXPECT_FLOAT_EQ(speaker.level(), 0.9F);
  world_.Advance(Millis(2900));
  EXPECT_THAT(bob.HeardOf(Case::kSpeakersChanged), SizeIs(1));
  world_.Advance(Millis(100));
  speaker = bob.Last(Case::kSpeakersChanged).speakers_changed().speakers(0);
  EXPECT_FALSE(speaker.active());
  EXPECT_FLOAT_EQ(speaker.level(), 0.0F);
  world_.Advance(Seconds(10));
  EXPECT_THAT(bob.HeardOf(Case::kSpeakersChanged), SizeIs(2));
}

TEST_F(RoomSimulate, LetsNobodySpeakForeverOrBackInTime) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  pb::SimulateScenario scenario;
  scenario.set_speaker_update(std::numeric_limits<std::int32_t>::max());
  Simulate(alice, scenario);
  world_.Advance(Seconds(limits::kFakeSpeechSecondsMax) - Millis(1));
  EXPECT_THAT(bob.HeardOf(Case::kSpeakersChanged), SizeIs(1));
  world_.Advance(Millis(1));
  EXPECT_THAT(bob.HeardOf(Case::kSpeakersChanged), SizeIs(2));
  scenario.set_speaker_update(-1);
  Simulate(alice, scenario);
  world_.Advance(Millis(1));
  EXPECT_THAT(bob.HeardOf(Case::kSpeakersChanged), SizeIs(4));
}

TEST_F(RoomSimulate, FailsANodeAndMigratesWithoutAWord) {
  for (const bool migration : {false, true}) {
    Client& alice = Join("alice");
    pb::SimulateScenario scenario;
    if (migration) {
      scenario.set_migration(true);
    } else {
      scenario.set_node_failure(true);
    }
    Simulate(alice, scenario);
    EXPECT_TRUE(alice.socket().aborted);
    EXPECT_THAT(alice.HeardOf(Case::kLeave), IsEmpty());
    EXPECT_EQ(alice.participant(), nullptr);
    const ConnectionId again = world_.Open(ResumeOf(alice));
    EXPECT_EQ(world_.signal.connections[again].sent.front().leave().action(),
              pb::LeaveRequest::RECONNECT);
  }
}

TEST_F(RoomSimulate, LeavesAsAServerThatStops) {
  Client& alice = Join("alice");
  pb::SimulateScenario scenario;
  scenario.set_server_leave(true);
  Simulate(alice, scenario);
  EXPECT_EQ(alice.heard().back().leave().action(), pb::LeaveRequest::DISCONNECT);
  EXPECT_EQ(alice.heard().back().leave().reason(), pb::DisconnectReason::SERVER_SHUTDOWN);
  EXPECT_EQ(alice.participant(), nullptr);
}

TEST_F(RoomSimulate, AsksForANewSession) {
  Client& alice = Join("alice");
  pb::SimulateScenario scenario;
  scenario.set_leave_request_full_reconnect(true);
  Simulate(alice, scenario);
  EXPECT_EQ(alice.heard().back().leave().action(), pb::LeaveRequest::RECONNECT);
  EXPECT_TRUE(alice.heard().back().leave().can_reconnect());
  EXPECT_EQ(alice.participant(), nullptr);
}

TEST_F(RoomSimulate, AsksForAResumeToSwitchTheCandidateProtocol) {
  Client& alice = Join("alice");
  pb::SimulateScenario scenario;
  scenario.set_switch_candidate_protocol(pb::CandidateProtocol::TCP);
  Simulate(alice, scenario);
  EXPECT_EQ(alice.heard().back().leave().action(), pb::LeaveRequest::RESUME);
  EXPECT_FALSE(alice.socket().open());
  EXPECT_NE(alice.participant(), nullptr);
  const ConnectionId again = world_.Open(ResumeOf(alice));
  EXPECT_TRUE(world_.signal.connections[again].sent.front().has_reconnect());
}

TEST_F(RoomSimulate, DropsTheNextResumeBehindItsFirstMessage) {
  Client& alice = Join("alice");
  pb::SimulateScenario scenario;
  scenario.set_disconnect_signal_on_resume(true);
  Simulate(alice, scenario);
  alice.LoseSignal();
  const ConnectionId first = world_.Open(ResumeOf(alice));
  ASSERT_FALSE(world_.signal.connections[first].sent.empty());
  EXPECT_TRUE(world_.signal.connections[first].sent.front().has_reconnect());
  EXPECT_TRUE(world_.signal.connections[first].aborted);
  const ConnectionId second = world_.Open(ResumeOf(alice));
  EXPECT_TRUE(world_.signal.connections[second].open());
}

TEST_F(RoomSimulate, DropsTheNextResumeBeforeAnyMessage) {
  Client& alice = Join("alice");
  pb::SimulateScenario scenario;
  scenario.set_disconnect_signal_on_resume_no_messages(true);
  Simulate(alice, scenario);
  alice.LoseSignal();
  const ConnectionId first = world_.Open(ResumeOf(alice));
  EXPECT_THAT(world_.signal.connections[first].sent, IsEmpty());
  EXPECT_TRUE(world_.signal.connections[first].aborted);
  const ConnectionId second = world_.Open(ResumeOf(alice));
  EXPECT_TRUE(world_.signal.connections[second].open());
}

TEST_F(RoomSimulate, ForgetsAfterFiveSecondsThatAResumeWasToBeDropped) {
  Client& alice = Join("alice");
  pb::SimulateScenario scenario;
  scenario.set_disconnect_signal_on_resume(true);
  Simulate(alice, scenario);
  world_.Advance(Seconds(5));
  alice.LoseSignal();
  const ConnectionId again = world_.Open(ResumeOf(alice));
  EXPECT_TRUE(world_.signal.connections[again].open());
}

// --- Bandwidth ---

class RoomBandwidth : public RoomSimulate {
 protected:
  static pb::AddTrackRequest CameraWithRates(const std::string& cid) {
    pb::AddTrackRequest request = Camera(cid);
    std::uint32_t rate = 150'000;
    for (pb::VideoLayer& layer : *request.mutable_layers()) {
      layer.set_bitrate(rate);
      rate *= 3;
    }
    return request;
  }
  static void Limit(Client& client, std::int64_t bits_per_second) {
    pb::SimulateScenario scenario;
    scenario.set_subscriber_bandwidth(bits_per_second);
    Simulate(client, scenario);
  }
  control::SetSubscription LastTarget() {
    return world_.media.Posted<control::SetSubscription>().back();
  }
};

TEST_F(RoomBandwidth, ForwardsTheLayersThatFit) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  alice.Publish(CameraWithRates("cam"));
  Settle();
  EXPECT_EQ(world_.media.Posted<control::AddSubscription>().back().spatial_max, 2);
  Limit(bob, 500'000);
  EXPECT_EQ(LastTarget().spatial_max, 1);
  Limit(bob, 200'000);
  EXPECT_EQ(LastTarget().spatial_max, 0);
  Limit(bob, 1);
  EXPECT_EQ(LastTarget().spatial_max, 0);
  EXPECT_FALSE(LastTarget().paused);
  Limit(bob, 0);
  EXPECT_EQ(LastTarget().spatial_max, 2);
  EXPECT_THAT(bob.HeardOf(Case::kStreamStateUpdate), IsEmpty());
}

TEST_F(RoomBandwidth, DoesNotTellThePublisherToSendLess) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  alice.Publish(CameraWithRates("cam"));
  Settle();
  alice.Take();
  Limit(bob, 200'000);
  world_.Advance(Seconds(20));
  EXPECT_THAT(alice.HeardOf(Case::kSubscribedQualityUpdate), SizeIs(1));
}

TEST_F(RoomBandwidth, PausesTheYoungestTrackOfAClientThatAllowsItAndSaysSo) {
  Client& alice = Join("alice");
  JoinParams params = World::Params("room", "bob");
  params.request.mutable_connection_settings()->set_subscriber_allow_pause(true);
  Client& bob = Join(params);
  const std::string camera = alice.Publish(CameraWithRates("cam"));
  Settle();
  world_.Advance(Seconds(1));
  const std::string second = alice.Publish(CameraWithRates("cam2"));
  Settle();
  Limit(bob, 200'000);
  EXPECT_TRUE(LastTarget().paused);
  const auto paused = bob.Last(Case::kStreamStateUpdate).stream_state_update();
  ASSERT_THAT(paused.stream_states(), SizeIs(1));
  EXPECT_EQ(paused.stream_states(0).track_sid(), second);
  EXPECT_EQ(paused.stream_states(0).participant_sid(), alice.sid());
  EXPECT_EQ(paused.stream_states(0).state(), pb::StreamState::PAUSED);
  Limit(bob, 0);
  EXPECT_FALSE(LastTarget().paused);
  const auto active = bob.Last(Case::kStreamStateUpdate).stream_state_update();
  EXPECT_EQ(active.stream_states(0).track_sid(), second);
  EXPECT_EQ(active.stream_states(0).state(), pb::StreamState::ACTIVE);
}

}  // namespace
}  // namespace fovea::livekit
