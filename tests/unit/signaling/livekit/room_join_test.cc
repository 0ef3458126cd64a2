// Joining, resuming and leaving: livekit-protocol reference sections 2.1, 2.2, 2.7, 3.11, 4.7, 4.8.
#include "tests/unit/signaling/livekit/room_fixture.h"

namespace fovea::livekit {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class RoomJoin : public RoomTest {
 protected:
  static JoinParams WithOffer(const std::string& identity, const std::string& sdp,
                              std::uint32_t id) {
    JoinParams params = World::Params("room", identity);
    params.request.mutable_publisher_offer()->set_type("offer");
    params.request.mutable_publisher_offer()->set_sdp(sdp);
    params.request.mutable_publisher_offer()->set_id(id);
    return params;
  }
  static JoinParams ResumeOf(const std::string& identity, const std::string& sid) {
    JoinParams params = World::Params("room", identity);
    params.request.set_reconnect(true);
    params.request.set_participant_sid(sid);
    return params;
  }
};

TEST_F(RoomJoin, SaysJoinFirstThenATokenThenTheAnswerThenCandidates) {
  Client& alice = JoinOnly(WithOffer("alice", Golden("chromium-221/02-pub-offer-1.sdp"), 1));
  EXPECT_THAT(KindsOf(alice.heard()),
              ElementsAre("join", "refresh_token", "answer", "trickle", "trickle"));
}

TEST_F(RoomJoin, EchoesTheIdOfTheOfferAlsoWhenItIsZero) {
  for (const std::uint32_t id : {0U, 1U, 77U}) {
    Client& client = JoinOnly(
        WithOffer("client" + std::to_string(id), Golden("chromium-221/02-pub-offer-1.sdp"), id));
    EXPECT_EQ(client.Last(Case::kAnswer).answer().id(), id);
    EXPECT_EQ(client.Last(Case::kAnswer).answer().type(), "answer");
  }
}

TEST_F(RoomJoin, MarksTheLastCandidateAndGivesTheFieldsRustUnwraps) {
  Client& alice = JoinOnly(WithOffer("alice", Golden("chromium-221/02-pub-offer-1.sdp"), 1));
  const Messages trickles = alice.HeardOf(Case::kTrickle);
  ASSERT_EQ(trickles.size(), 2U);
  EXPECT_FALSE(trickles[0].trickle().final());
  EXPECT_TRUE(trickles[1].trickle().final());
  const auto init = nlohmann::json::parse(trickles[0].trickle().candidateinit());
  EXPECT_TRUE(init["candidate"].is_string());
  EXPECT_TRUE(init["sdpMid"].is_string());
  EXPECT_TRUE(init["sdpMLineIndex"].is_number_integer());
}

TEST_F(RoomJoin, DescribesTheRoomAndTheOthersButNotTheHiddenOnes) {
  Join("alice");
  JoinParams hidden = World::Params("room", "recorder");
  hidden.permission.set_hidden(true);
  Join(hidden);
  Client& bob = JoinOnly("bob");
  const pb::JoinResponse join = bob.heard().front().join();
  EXPECT_EQ(join.room().name(), "room");
  EXPECT_EQ(join.room().num_participants(), 2U);
  ASSERT_EQ(join.other_participants_size(), 1);
  EXPECT_EQ(join.other_participants(0).identity(), "alice");
  EXPECT_EQ(join.participant().identity(), "bob");
  EXPECT_TRUE(join.participant().permission().can_publish());
  EXPECT_FALSE(join.subscriber_primary());
  EXPECT_GT(join.ping_interval(), 0);
  EXPECT_GT(join.enabled_publish_codecs_size(), 0);
  EXPECT_EQ(join.sif_trailer().size(), 16U);
}

TEST_F(RoomJoin, TellsTheOthersOfEveryStateAndOfTheWebhookOnlyWhenMediaIsUp) {
  Client& alice = Join("alice");
  Client& bob = JoinOnly("bob");
  EXPECT_EQ(alice.Knows("bob").state(), pb::ParticipantInfo::JOINED);
  EXPECT_THAT(world_.webhooks.Names(), ElementsAre("room_started", "participant_joined"));
  bob.ConnectMedia();
  EXPECT_EQ(alice.Knows("bob").state(), pb::ParticipantInfo::ACTIVE);
  EXPECT_EQ(bob.Knows("bob").state(), pb::ParticipantInfo::ACTIVE);
  EXPECT_THAT(world_.webhooks.Names(),
              ElementsAre("room_started", "participant_joined", "participant_joined"));
}

TEST_F(RoomJoin, RaisesTheVersionWithEveryUpdateOfOneSid) {
  Client& alice = Join("alice");
  Client& bob = JoinOnly("bob");
  bob.sketch().Data();
  bob.Offer();
  bob.ConnectMedia();
  const std::string mic = bob.Publish(Microphone("mic"));
  bob.Mute(mic, true);
  bob.Mute(mic, false);
  pb::SignalRequest leave;
  leave.mutable_leave();
  bob.Send(leave);
  std::uint32_t last = 0;
  for (const pb::SignalResponse& message : alice.HeardOf(Case::kUpdate)) {
    for (const pb::ParticipantInfo& info : message.update().participants()) {
      if (info.identity() != "bob") continue;
      EXPECT_GT(info.version(), last);
      last = info.version();
    }
  }
  EXPECT_GE(last, 6U);
  EXPECT_EQ(alice.Knows("bob").state(), pb::ParticipantInfo::DISCONNECTED);
}

TEST_F(RoomJoin, TellsAHiddenParticipantOnlyToThemselves) {
  Client& alice = Join("alice");
  JoinParams hidden = World::Params("room", "recorder");
  hidden.permission.set_hidden(true);
  Client& recorder = Join(hidden);
  EXPECT_EQ(alice.Knows("recorder").identity(), "");
  EXPECT_EQ(recorder.Knows("recorder").state(), pb::ParticipantInfo::ACTIVE);
}

TEST_F(RoomJoin, OnlyClosesTheSocketWhenTheClientLeavesByItself) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  pb::SignalRequest leave;
  leave.mutable_leave();
  bob.Send(leave);
  EXPECT_THAT(bob.HeardOf(Case::kLeave), IsEmpty());
  EXPECT_EQ(bob.socket().closed, CloseCode::kNormal);
  EXPECT_EQ(alice.Knows("bob").disconnect_reason(), pb::DisconnectReason::CLIENT_INITIATED);
  EXPECT_EQ(world_.webhooks.events.back().event(), "participant_left");
  EXPECT_EQ(world_.webhooks.events.back().participant().disconnect_reason(),
            pb::DisconnectReason::CLIENT_INITIATED);
}

TEST_F(RoomJoin, SaysLeaveLastAndThenClosesWhenTheServerEndsIt) {
  Client& alice = Join("alice");
  world_.manager.Delete(world_.now, "room");
  EXPECT_EQ(alice.heard().back().leave().reason(), pb::DisconnectReason::ROOM_DELETED);
  EXPECT_EQ(alice.heard().back().leave().action(), pb::LeaveRequest::DISCONNECT);
  EXPECT_EQ(alice.socket().closed, CloseCode::kNormal);
  EXPECT_EQ(world_.webhooks.events.back().event(), "room_finished");
}

TEST_F(RoomJoin, PutsTheOlderOneOfAnIdentityOutWithoutAGoodbyeToTheOthers) {
  Client& bob = Join("bob");
  Client& first = Join("alice");
  const std::string first_sid = first.sid();
  bob.Take();
  Client& second = JoinOnly("alice");
  EXPECT_EQ(first.heard().back().leave().reason(), pb::DisconnectReason::DUPLICATE_IDENTITY);
  EXPECT_EQ(first.heard().back().leave().action(), pb::LeaveRequest::DISCONNECT);
  EXPECT_FALSE(first.socket().open());
  EXPECT_NE(second.sid(), first_sid);
  for (const pb::SignalResponse& message : bob.Take()) {
    for (const auto& info : message.update().participants()) {
      EXPECT_NE(info.state(), pb::ParticipantInfo::DISCONNECTED);
    }
  }
  EXPECT_EQ(bob.Knows("alice").sid(), second.sid());
}

TEST_F(RoomJoin, IgnoresTheSocketThatWasReplaced) {
  Client& first = Join("alice");
  Client& second = Join("alice");
  pb::SignalRequest leave;
  leave.mutable_leave();
  first.Send(leave);
  first.LoseSignal();
  EXPECT_EQ(second.participant()->connection, second.connection());
}

TEST_F(RoomJoin, EndsAJoinWhoseOfferIsUnreadableWithAReconnect) {
  Client& alice = JoinOnly(WithOffer("alice", "this is no SDP", 1));
  EXPECT_THAT(KindsOf(alice.heard()), ElementsAre("join", "refresh_token", "leave"));
  EXPECT_EQ(alice.heard().back().leave().action(), pb::LeaveRequest::RECONNECT);
  EXPECT_EQ(alice.participant(), nullptr);
}

TEST_F(RoomJoin, IsRefusedWhenTheWorkersAreFull) {
  world_.media.full = true;
  Client& alice = JoinOnly("alice");
  ASSERT_THAT(KindsOf(alice.heard()), ElementsAre("leave"));
  EXPECT_EQ(alice.heard()[0].leave().reason(), pb::DisconnectReason::JOIN_FAILURE);
}

TEST_F(RoomJoin, IsRefusedBeforeTheSocketWhenTheWorkersAreFullExceptToReplaceOrResume) {
  Client& alice = Join("alice");
  EXPECT_FALSE(world_.manager.CheckJoin(World::Params("room", "bob")).has_value());
  world_.media.full = true;
  const auto refusal = world_.manager.CheckJoin(World::Params("room", "bob"));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->status, 503);
  EXPECT_EQ(world_.manager.CheckJoin(World::Params("other room", "alice"))->status, 503);
  EXPECT_FALSE(world_.manager.CheckJoin(World::Params("room", "alice")).has_value());
  EXPECT_FALSE(world_.manager.CheckJoin(ResumeOf("alice", alice.sid())).has_value());
}

TEST_F(RoomJoin, IsRefusedAtTheLimitsOfTheServerExceptToReplaceOrResume) {
  Client& alice = Join("alice");
  Join("bob");
  const auto joins = [&](const JoinParams& params) {
    return !world_.manager.CheckJoin(params).has_value();
  };
  const JoinParams carol = World::Params("room", "carol");
  world_.options.tracks_max = 2;
  EXPECT_TRUE(joins(carol));
  alice.Publish(Microphone("mic"));
  Settle();
  EXPECT_EQ(world_.manager.CheckJoin(carol)->status, 503);
  EXPECT_TRUE(joins(World::Params("room", "bob")));
  EXPECT_TRUE(joins(ResumeOf("alice", alice.sid())));
  world_.options.tracks_max = 3;
  EXPECT_TRUE(joins(carol));
  world_.options.bytes_per_second_max = 1000;
  EXPECT_TRUE(joins(carol));
  world_.context.bytes_per_second = 1000;
  EXPECT_EQ(world_.manager.CheckJoin(carol)->status, 503);
}

TEST_F(RoomJoin, IsRefusedWhenTheRoomIsFullExceptToReplaceOneself) {
  world_.options.room.max_participants = 2;
  Join("alice");
  JoinParams agent = World::Params("room", "agent");
  agent.kind = pb::ParticipantInfo::AGENT;
  Join(agent);
  EXPECT_FALSE(world_.manager.CheckCapacity(World::Params("room", "bob")).has_value());
  Join("bob");
  EXPECT_EQ(world_.manager.CheckCapacity(World::Params("room", "carol"))->status, 503);
  EXPECT_FALSE(world_.manager.CheckCapacity(World::Params("room", "bob")).has_value());
}

TEST_F(RoomJoin, NeedsARoomWhenRoomsAreNotMadeByThemselves) {
  world_.options.room.auto_create = false;
  const auto refusal = world_.manager.CheckJoin(World::Params("room", "alice"));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->status, 404);
  EXPECT_EQ(refusal->message, "requested room does not exist");
  JoinParams creator = World::Params("room", "alice");
  creator.may_create_room = true;
  EXPECT_FALSE(world_.manager.CheckJoin(creator).has_value());
  world_.manager.FindOrCreate(world_.now, "room");
  EXPECT_FALSE(world_.manager.CheckJoin(World::Params("room", "bob")).has_value());
}

TEST_F(RoomJoin, RefusesMetadataOfItsOwnWithoutThePermission) {
  JoinParams params = World::Params("room", "alice");
  params.request.set_metadata("mine");
  EXPECT_EQ(world_.manager.CheckJoin(params)->status, 401);
  params.permission.set_can_update_metadata(true);
  EXPECT_FALSE(world_.manager.CheckJoin(params).has_value());
}

TEST_F(RoomJoin, RefusesMetadataAndAttributesThatAreTooLargeWhoeverSetsThem) {
  const auto status = [&](const JoinParams& params) {
    const auto refusal = world_.manager.CheckJoin(params);
    return refusal.has_value() ? refusal->status : 200;
  };
  JoinParams plain = World::Params("room", "alice");
  plain.permission.set_can_update_metadata(true);
  for (const bool in_token : {true, false}) {
    JoinParams params = plain;
    std::string& metadata = in_token ? params.metadata : *params.request.mutable_metadata();
    metadata.assign(limits::kMetadataBytesMax, 'm');
    EXPECT_EQ(status(params), 200);
    metadata += 'm';
    EXPECT_EQ(status(params), 400);
  }
  // Attributes count with their keys, and as they are together.
  JoinParams params = plain;
  params.attributes["k"] = std::string(limits::kAttributesBytesMax - 4, 'v');
  auto& own = *params.request.mutable_participant_attributes();
  own["own"] = "";
  EXPECT_EQ(status(params), 200);
  own["own"] = "v";
  EXPECT_EQ(status(params), 400);
  own["k"] = "v";
  EXPECT_EQ(status(params), 200);
}

TEST_F(RoomJoin, RefusesNamesThatAreTooLong) {
  const auto refusal = [&](std::string JoinParams::*name, std::size_t size) {
    JoinParams params = World::Params("room", "alice");
    (params.*name).assign(size, 'n');
    const auto refused = world_.manager.CheckJoin(params);
    return refused.has_value() ? refused->message : "";
  };
  EXPECT_EQ(refusal(&JoinParams::identity, limits::kIdentityCharsMax), "");
  EXPECT_EQ(refusal(&JoinParams::identity, limits::kIdentityCharsMax + 1),
            "participant identity exceeds the length limit");
  EXPECT_EQ(refusal(&JoinParams::name, limits::kParticipantNameCharsMax), "");
  EXPECT_EQ(refusal(&JoinParams::name, limits::kParticipantNameCharsMax + 1),
            "participant name exceeds the length limit");
  EXPECT_EQ(refusal(&JoinParams::room, limits::kRoomNameCharsMax), "");
  EXPECT_EQ(refusal(&JoinParams::room, limits::kRoomNameCharsMax + 1),
            "room name exceeds the length limit");
}

TEST_F(RoomJoin, KeepsAnAttributeOfTheTokenThatTheRequestLeavesEmpty) {
  JoinParams params = World::Params("room", "alice");
  params.permission.set_can_update_metadata(true);
  params.attributes = {{"role", "host"}, {"hand", "down"}};
  (*params.request.mutable_participant_attributes())["role"] = "";
  (*params.request.mutable_participant_attributes())["hand"] = "raised";
  const auto attributes = JoinOnly(params).Last(Case::kJoin).join().participant().attributes();
  EXPECT_EQ(attributes.at("role"), "host");
  EXPECT_EQ(attributes.at("hand"), "raised");
}

TEST_F(RoomJoin, RemovesWhoNeverConnectsAfterAMinute) {
  Client& alice = JoinOnly("alice");
  world_.Advance(Seconds(59));
  EXPECT_TRUE(alice.socket().open());
  world_.Advance(Seconds(1));
  EXPECT_EQ(alice.heard().back().leave().reason(), pb::DisconnectReason::JOIN_FAILURE);
  EXPECT_THAT(world_.webhooks.Names(),
              ElementsAre("room_started", "participant_connection_aborted"));
}

TEST_F(RoomJoin, RefreshesTheTokenEveryFiveMinutes) {
  Client& alice = Join("alice");
  world_.Advance(Seconds(300));
  EXPECT_EQ(alice.HeardOf(Case::kRefreshToken).size(), 2U);
  EXPECT_EQ(alice.Last(Case::kRefreshToken).refresh_token(), "token for alice in room, 600 s");
}

TEST_F(RoomJoin, ARefreshedTokenLastsAsLongAsTheOneThatTheClientCameWith) {
  JoinParams params = World::Params("room", "alice");
  params.token.expires_at_unix = world_.WallSeconds() + 3600;
  Client& alice = JoinOnly(params);
  const auto token = [&] { return alice.Last(Case::kRefreshToken).refresh_token(); };
  EXPECT_EQ(token(), "token for alice in room, 3600 s");
  alice.ConnectMedia();
  world_.Advance(Seconds(300));
  EXPECT_EQ(token(), "token for alice in room, 3300 s");
  world_.Advance(Seconds(3300));
  EXPECT_EQ(token(), "token for alice in room, 600 s");
}

// --- Resume ---

TEST_F(RoomJoin, ResumesWithReconnectFirstThenEverybodyIncludingOneself) {
  Client& alice = Join("alice");
  Join("bob");
  alice.LoseSignal();
  world_.Advance(Seconds(3));
  Client& again = JoinOnly(ResumeOf("alice", alice.sid()));
  ASSERT_THAT(KindsOf(again.heard()),
              ElementsAre("reconnect", "refresh_token", "update", "room_update"));
  std::vector<std::string> identities;
  for (const auto& info : again.heard()[2].update().participants()) {
    identities.push_back(info.identity());
  }
  EXPECT_THAT(identities, testing::UnorderedElementsAre("alice", "bob"));
  world_.Advance(Seconds(60));
  EXPECT_TRUE(again.socket().open());
}

TEST_F(RoomJoin, TellsAResumerOfALargeRosterInSeveralMessages) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  struct Told {
    std::vector<int> participants;  // of each message
    std::size_t bytes = 0;          // of all
  };
  const auto resume = [&](std::size_t metadata_bytes) {
    pb::UpdateParticipantRequest update;
    update.set_metadata(std::string(metadata_bytes, 'm'));
    bob.room().UpdateParticipant(world_.now, *bob.participant(), update);
    Client& again = JoinOnly(ResumeOf("alice", alice.sid()));
    Told told;
    for (const auto& message : again.HeardOf(Case::kUpdate)) {
      told.participants.push_back(message.update().participants_size());
      for (const auto& info : message.update().participants()) told.bytes += info.ByteSizeLong();
    }
    return told;
  };
  constexpr std::size_t kSome = limits::kUpdateChunkBytes - 10'000;
  const std::size_t rest = resume(kSome).bytes - kSome;
  Told told = resume(limits::kUpdateChunkBytes - rest);
  EXPECT_EQ(told.bytes, limits::kUpdateChunkBytes);
  EXPECT_THAT(told.participants, ElementsAre(2));
  told = resume(limits::kUpdateChunkBytes - rest + 1);
  EXPECT_EQ(told.bytes, limits::kUpdateChunkBytes + 1);
  EXPECT_THAT(told.participants, ElementsAre(1, 1));
  EXPECT_THAT(resume(2 * limits::kUpdateChunkBytes).participants, ElementsAre(1, 1))
      << "one that is larger goes alone";
}

TEST_F(RoomJoin, AnswersAResumeOfAnUnknownSidWithLeaveReconnectFirst) {
  Client& alice = Join("alice");
  Client& again = JoinOnly(ResumeOf("alice", "PA_unknown"));
  ASSERT_THAT(KindsOf(again.heard()), ElementsAre("leave"));
  EXPECT_EQ(again.heard()[0].leave().action(), pb::LeaveRequest::RECONNECT);
  EXPECT_EQ(again.heard()[0].leave().reason(), pb::DisconnectReason::STATE_MISMATCH);
  EXPECT_TRUE(again.heard()[0].leave().can_reconnect());
  EXPECT_FALSE(again.socket().open());
  EXPECT_TRUE(alice.socket().open());
  EXPECT_FALSE(JoinOnly(ResumeOf("nobody", "PA_x")).socket().open());
}

TEST_F(RoomJoin, ClosesTheOldSocketWhenANewOneResumes) {
  Client& alice = Join("alice");
  Client& again = JoinOnly(ResumeOf("alice", alice.sid()));
  EXPECT_EQ(alice.socket().closed, CloseCode::kNormal);
  EXPECT_EQ(again.participant()->connection, again.connection());
}

TEST_F(RoomJoin, KeepsAParticipantWithoutASocketForTwentySeconds) {
  Client& bob = Join("bob");
  Client& alice = Join("alice");
  alice.LoseSignal();
  world_.Advance(Seconds(19));
  EXPECT_EQ(bob.Knows("alice").state(), pb::ParticipantInfo::ACTIVE);
  world_.Advance(Seconds(1));
  EXPECT_EQ(bob.Knows("alice").disconnect_reason(), pb::DisconnectReason::SIGNAL_CLOSE);
}

TEST_F(RoomJoin, DropsAParticipantWhoLosesTheSocketBeforeMediaEverCame) {
  Client& alice = JoinOnly("alice");
  alice.LoseSignal();
  EXPECT_EQ(alice.participant(), nullptr);
}

TEST_F(RoomJoin, StartsAnewWhenSyncStateNamesATrackThatIsNotHere) {
  Client& alice = Join("alice");
  pb::SignalRequest sync;
  sync.mutable_sync_state()->add_publish_tracks()->mutable_track()->set_sid("TR_gone");
  alice.Send(sync);
  EXPECT_EQ(alice.heard().back().leave().action(), pb::LeaveRequest::RECONNECT);
  EXPECT_EQ(alice.participant(), nullptr);
}

TEST_F(RoomJoin, AsksForANewSessionWhenThePathIsLost) {
  Client& alice = Join("alice");
  world_.manager.HandleWorkerEvent(
      world_.now,
      control::SessionDisconnected{alice.session(), control::DisconnectCause::kConsentLost});
  EXPECT_EQ(alice.heard().back().leave().action(), pb::LeaveRequest::RECONNECT);
  EXPECT_EQ(alice.heard().back().leave().reason(), pb::DisconnectReason::CONNECTION_TIMEOUT);
  EXPECT_EQ(world_.media.Posted<control::RemoveSession>().size(), 1U);
}

// --- Room life ---

TEST_F(RoomJoin, ARoomNobodyJoinedEndsAfterFiveMinutes) {
  world_.manager.FindOrCreate(world_.now, "room");
  world_.Advance(Seconds(299));
  EXPECT_NE(world_.manager.Find("room"), nullptr);
  world_.Advance(Seconds(1));
  EXPECT_EQ(world_.manager.Find("room"), nullptr);
  EXPECT_THAT(world_.webhooks.Names(), ElementsAre("room_started", "room_finished"));
  EXPECT_EQ(world_.webhooks.events.back().room_end_reason(), pb::ROOM_END_IDLE_TIMEOUT);
}

TEST_F(RoomJoin, SaysInTheWebhookWhyARoomEnded) {
  Join("alice");
  world_.manager.Delete(world_.now, "room");
  EXPECT_EQ(world_.webhooks.events.back().event(), "room_finished");
  EXPECT_EQ(world_.webhooks.events.back().room_end_reason(), pb::ROOM_END_API_DELETE);
  Join("bob");
  world_.manager.Shutdown(world_.now);
  EXPECT_EQ(world_.webhooks.events.back().event(), "room_finished");
  EXPECT_EQ(world_.webhooks.events.back().room_end_reason(), pb::ROOM_END_SERVER_SHUTDOWN);
}

TEST_F(RoomJoin, TakesTheRoomsSettingsFromThePresetAndTheConfigurationOfTheToken) {
  pb::RoomConfiguration& preset = world_.options.room.configurations["meeting"];
  preset.set_max_participants(9);
  preset.set_departure_timeout(40);
  preset.set_metadata("of the preset");
  JoinParams params = World::Params("room", "alice");
  params.room_preset = "meeting";
  params.room_configuration.emplace().set_metadata("of the token");
  Client& alice = JoinOnly(params);
  const pb::Room room = alice.Last(Case::kJoin).join().room();
  EXPECT_EQ(room.max_participants(), 9U);
  EXPECT_EQ(room.departure_timeout(), 40U);
  EXPECT_EQ(room.empty_timeout(), 300U);
  EXPECT_EQ(room.metadata(), "of the token");
  // Only who opens the room shapes it.
  params = World::Params("room", "bob");
  params.room_configuration.emplace().set_max_participants(1);
  EXPECT_EQ(JoinOnly(params).Last(Case::kJoin).join().room().max_participants(), 9U);
}

TEST_F(RoomJoin, RefusesAPresetThatTheOperatorDidNotName) {
  JoinParams params = World::Params("room", "alice");
  params.room_preset = "nothing of that name";
  const auto refusal = world_.manager.CheckJoin(params);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->status, 400);
}

TEST_F(RoomJoin, ARoomEndsTwentySecondsAfterTheLastOneLeft) {
  Client& alice = Join("alice");
  world_.Advance(Seconds(1000));
  alice.room().Remove(world_.now, *alice.participant(), pb::DisconnectReason::PARTICIPANT_REMOVED);
  world_.Advance(Seconds(19));
  EXPECT_NE(world_.manager.Find("room"), nullptr);
  world_.Advance(Seconds(1));
  EXPECT_EQ(world_.manager.Find("room"), nullptr);
}

TEST_F(RoomJoin, AnAgentDoesNotKeepARoomOpenNorShortensItsEnd) {
  Client& alice = Join("alice");
  JoinParams params = World::Params("room", "agent");
  params.kind = pb::ParticipantInfo::AGENT;
  Client& agent = Join(params);
  world_.Advance(Seconds(1000));
  alice.room().Remove(world_.now, *alice.participant(), pb::DisconnectReason::PARTICIPANT_REMOVED);
  world_.Advance(Seconds(19));
  EXPECT_NE(world_.manager.Find("room"), nullptr);
  world_.Advance(Seconds(1));
  EXPECT_EQ(world_.manager.Find("room"), nullptr);
  EXPECT_EQ(agent.heard().back().leave().reason(), pb::DisconnectReason::ROOM_CLOSED);
}

TEST_F(RoomJoin, ARecorderNeitherCountsNorKeepsARoomOpen) {
  world_.options.room.max_participants = 1;
  JoinParams params = World::Params("room", "recorder");
  params.token.video.emplace().recorder = true;
  params.permission.set_recorder(true);
  Join(params);
  EXPECT_FALSE(world_.manager.CheckCapacity(World::Params("room", "alice")).has_value());
  Client& alice = Join("alice");
  alice.room().Remove(world_.now, *alice.participant(), pb::DisconnectReason::PARTICIPANT_REMOVED);
  world_.Advance(Seconds(20));
  EXPECT_EQ(world_.manager.Find("room"), nullptr);
}

TEST_F(RoomJoin, SaysThatItIsRecordedWhileARecorderIsThere) {
  Client& alice = Join("alice");
  const auto recording = [&] { return alice.Last(Case::kRoomUpdate).room_update().room(); };
  JoinParams bot = World::Params("room", "bot");
  bot.permission.set_recorder(true);
  bot.permission.set_hidden(true);
  Client& recorder = Join(bot);
  world_.Advance(Seconds(1));
  EXPECT_TRUE(recording().active_recording());
  JoinParams egress = World::Params("room", "egress");
  egress.kind = pb::ParticipantInfo::EGRESS;
  Client& other = Join(egress);
  const auto remove = [&](Client& client) {
    client.room().Remove(world_.now, *client.participant(),
                         pb::DisconnectReason::PARTICIPANT_REMOVED);
    world_.Advance(Seconds(1));
  };
  remove(recorder);
  EXPECT_TRUE(recording().active_recording());
  remove(other);
  EXPECT_FALSE(recording().active_recording());
}

TEST_F(RoomJoin, TellsTheDetailsOfAKind) {
  Client& alice = Join("alice");
  JoinParams params = World::Params("room", "agent");
  params.kind = pb::ParticipantInfo::AGENT;
  params.kind_details = {pb::ParticipantInfo::CLOUD_AGENT};
  Join(params);
  EXPECT_THAT(alice.Knows("agent").kind_details(), ElementsAre(pb::ParticipantInfo::CLOUD_AGENT));
}

TEST_F(RoomJoin, ReleasesEveryHandleWhenARoomEnds) {
  Client& alice = Join("alice");
  Join("bob");
  alice.Publish(Camera("cam"));
  Settle();
  world_.manager.Delete(world_.now, "room");
  EXPECT_TRUE(world_.context.index.sessions.empty());
  EXPECT_TRUE(world_.context.index.publications.empty());
  EXPECT_TRUE(world_.context.index.subscriptions.empty());
  EXPECT_EQ(world_.media.Posted<control::RemoveSubscription>().size(), 1U);
  EXPECT_EQ(world_.media.Posted<control::RemovePublication>().size(), 1U);
  EXPECT_EQ(world_.media.Posted<control::RemoveSession>().size(), 2U);
}

TEST_F(RoomJoin, ShutdownSaysSoToEverybody) {
  Client& alice = Join("alice");
  world_.manager.Shutdown(world_.now);
  EXPECT_EQ(alice.heard().back().leave().reason(), pb::DisconnectReason::SERVER_SHUTDOWN);
}

}  // namespace
}  // namespace fovea::livekit
