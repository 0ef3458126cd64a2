// What each message must do and in which order messages come, where no other test says it:
// livekit-protocol reference sections 2.2 to 2.5.
#include "signaling/livekit/turn_credential.h"
#include "tests/unit/signaling/livekit/room_fixture.h"

namespace fovea::livekit {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class RoomRules : public RoomTest {
 protected:
  // Position of the first message that fits, or its size.
  template <class Fits>
  static std::size_t IndexOf(const Messages& messages, Fits fits) {
    std::size_t i = 0;
    while (i < messages.size() && !fits(messages[i])) ++i;
    return i;
  }
  static bool KnowsTracks(const pb::SignalResponse& message, const std::string& identity) {
    for (const auto& info : message.update().participants()) {
      if (info.identity() == identity && info.tracks_size() > 0) return true;
    }
    return false;
  }
};

// --- Order ---

TEST_F(RoomRules, TellsOfThePublisherBeforeItsMediaOverOnePeerConnection) {
  Client& bob = Join("bob");
  Client& alice = Join("alice");
  bob.Take();
  alice.Publish(Camera("cam"));
  alice.Publish(Microphone("mic"));
  Settle();
  const Messages heard = bob.Take();
  const std::size_t update =
      IndexOf(heard, [](const auto& message) { return KnowsTracks(message, "alice"); });
  const std::size_t requirement =
      IndexOf(heard, [](const auto& message) { return message.has_media_sections_requirement(); });
  const std::size_t answer = IndexOf(heard, [](const auto& message) {
    return message.has_answer() && !message.answer().mid_to_track_id().empty();
  });
  EXPECT_LT(update, requirement);
  EXPECT_LT(requirement, answer);
  EXPECT_LT(answer, heard.size());
}

TEST_F(RoomRules, TellsOfThePublisherBeforeItsMediaOverTwoPeerConnections) {
  JoinParams params = World::Params("room", "bob");
  params.single_peer_connection = false;
  Client& bob = JoinOnly(params);
  pb::SignalRequest answer;
  answer.mutable_answer()->set_type("answer");
  answer.mutable_answer()->set_sdp(Golden("chromium-221-dual/02-sub-answer.sdp"));
  bob.Send(answer);
  bob.Take();
  Client& alice = Join("alice");
  alice.Publish(Camera("cam"));
  const Messages heard = bob.Take();
  const std::size_t update =
      IndexOf(heard, [](const auto& message) { return KnowsTracks(message, "alice"); });
  const std::size_t offer = IndexOf(heard, [](const auto& message) { return message.has_offer(); });
  EXPECT_LT(update, offer);
  ASSERT_LT(offer, heard.size());
  EXPECT_THAT(heard[offer].offer().mid_to_track_id(), SizeIs(1));
}

TEST_F(RoomRules, NeverOffersToAClientOfOnePeerConnection) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  alice.Publish(Camera("cam"));
  bob.Publish(Microphone("mic"));
  Settle();
  EXPECT_THAT(alice.HeardOf(Case::kOffer), IsEmpty());
  EXPECT_THAT(bob.HeardOf(Case::kOffer), IsEmpty());
}

TEST_F(RoomRules, SendsCandidatesBehindTheirDescriptionAndTheLastOneAsFinal) {
  for (const bool single : {true, false}) {
    JoinParams params = World::Params("room", single ? "one" : "two");
    params.single_peer_connection = single;
    Client& client = JoinOnly(params);
    if (single) {
      client.sketch().Data();
      client.Offer();
    }
    const Messages heard = client.heard();
    const std::size_t description = IndexOf(heard, [&](const auto& message) {
      return single ? message.has_answer() : message.has_offer();
    });
    const std::size_t candidate =
        IndexOf(heard, [](const auto& message) { return message.has_trickle(); });
    EXPECT_LT(description, candidate);
    std::vector<bool> finals;
    for (const pb::SignalResponse& message : client.HeardOf(Case::kTrickle))
      finals.push_back(message.trickle().final());
    EXPECT_THAT(finals, ElementsAre(false, true));
  }
}

TEST_F(RoomRules, AsksForOneMoreRequirementAtATime) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  bob.Take();
  for (int i = 0; i < 4; ++i) alice.Publish(Microphone("mic" + std::to_string(i)));
  // He has one free section, then wants one, two and three more; nothing came back from him yet.
  std::uint32_t asked = 0;
  for (const pb::SignalResponse& message : bob.HeardOf(Case::kMediaSectionsRequirement))
    asked += message.media_sections_requirement().num_audios();
  EXPECT_EQ(asked, 3U);
  Settle();
  EXPECT_EQ(bob.Last(Case::kAnswer).answer().mid_to_track_id().size(), 4U);
}

// --- What a client says ---

TEST_F(RoomRules, IgnoresCandidatesOfAnyKind) {
  Client& alice = Join("alice");
  const std::size_t commands = world_.media.commands.size();
  for (const char* init :
       {R"({"candidate":"","sdpMid":"0","sdpMLineIndex":0})",
        R"({"candidate":"candidate:1 1 udp 2 5e7a.local 5000 typ host","sdpMid":"0"})",
        R"({"candidate":"candidate:1 1 tcp 2 192.0.2.9 9 typ host tcptype active"})",
        R"({"candidate":"candidate:1 2 udp 2 192.0.2.9 5000 typ host","sdpMid":"7"})",
        "not even JSON"}) {
    pb::SignalRequest request;
    request.mutable_trickle()->set_candidateinit(init);
    alice.Send(request);
  }
  EXPECT_THAT(alice.Take(), IsEmpty());
  EXPECT_EQ(world_.media.commands.size(), commands);
  EXPECT_NE(alice.participant(), nullptr);
}

TEST_F(RoomRules, IgnoresDeprecatedLayerUpdates) {
  Client& alice = Join("alice");
  pb::SignalRequest request;
  request.mutable_update_layers()->set_track_sid("TR_any");
  alice.Send(request);
  EXPECT_THAT(alice.Take(), IsEmpty());
}

TEST_F(RoomRules, ShowsTheFeaturesAndTheSizeThatAPublisherReportsLater) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string mic = alice.Publish(Microphone("mic"));
  const std::string camera = alice.Publish(Camera("cam"));
  pb::SignalRequest audio;
  audio.mutable_update_audio_track()->set_track_sid(mic);
  audio.mutable_update_audio_track()->add_features(pb::AudioTrackFeature::TF_NOISE_SUPPRESSION);
  alice.Send(audio);
  pb::SignalRequest video;
  video.mutable_update_video_track()->set_track_sid(camera);
  video.mutable_update_video_track()->set_width(640);
  video.mutable_update_video_track()->set_height(360);
  alice.Send(video);
  video.mutable_update_video_track()->set_track_sid("TR_none");
  alice.Send(video);
  world_.Advance(Seconds(3));
  const pb::ParticipantInfo known = bob.Knows("alice");
  for (const pb::TrackInfo& track : known.tracks()) {
    if (track.sid() == mic) {
      EXPECT_THAT(track.audio_features(), ElementsAre(pb::AudioTrackFeature::TF_NOISE_SUPPRESSION));
    } else {
      EXPECT_EQ(track.width(), 640U);
      EXPECT_EQ(track.height(), 360U);
    }
  }
}

TEST_F(RoomRules, RefusesDataBlobs) {
  Client& alice = Join("alice");
  pb::SignalRequest store;
  store.mutable_store_data_blob_request()->set_request_id(7);
  alice.Send(store);
  EXPECT_EQ(alice.heard().back().request_response().request_id(), 7U);
  EXPECT_EQ(alice.heard().back().request_response().reason(), pb::RequestResponse::NOT_ALLOWED);
  pb::SignalRequest get;
  get.mutable_get_data_blob_request()->set_request_id(8);
  alice.Send(get);
  EXPECT_EQ(alice.heard().back().request_response().request_id(), 8U);
}

TEST_F(RoomRules, SaysAfterAMinuteThatATrackWasNeverThere) {
  Client& alice = Join("alice");
  alice.Subscribe("TR_never", true);
  alice.Subscribe("TR_changed_my_mind", true);
  alice.Subscribe("TR_changed_my_mind", false);
  world_.Advance(Seconds(59));
  EXPECT_THAT(alice.HeardOf(Case::kSubscriptionResponse), IsEmpty());
  world_.Advance(Seconds(1));
  const Messages responses = alice.HeardOf(Case::kSubscriptionResponse);
  ASSERT_THAT(responses, SizeIs(1));
  EXPECT_EQ(responses[0].subscription_response().track_sid(), "TR_never");
  EXPECT_EQ(responses[0].subscription_response().err(), pb::SubscriptionError::SE_TRACK_NOTFOUND);
}

TEST_F(RoomRules, TakesSubscriptionsByParticipantAndTrack) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string mic = alice.Publish(Microphone("mic"));
  Settle();
  pb::SignalRequest request;
  pb::ParticipantTracks& tracks = *request.mutable_subscription()->add_participant_tracks();
  tracks.set_participant_sid(alice.sid());
  tracks.add_track_sids(mic);
  request.mutable_subscription()->set_subscribe(false);
  bob.Send(request);
  EXPECT_THAT(bob.participant()->downlinks, IsEmpty());
}

TEST_F(RoomRules, RestoresWhatAResumerHadSwitchedOffAndNotSubscribed) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string mic = alice.Publish(Microphone("mic"));
  const std::string camera = alice.Publish(Camera("cam"));
  Settle();
  bob.LoseSignal();
  JoinParams params = bob.params();
  params.request.set_reconnect(true);
  params.request.set_participant_sid(bob.sid());
  Client& again = JoinOnly(params);
  pb::SignalRequest request;
  pb::SyncState& sync = *request.mutable_sync_state();
  sync.add_track_sids_disabled(camera);
  sync.mutable_subscription()->add_track_sids(mic);
  sync.mutable_subscription()->set_subscribe(false);
  again.Send(request);
  EXPECT_TRUE(world_.media.Posted<control::SetSubscription>().back().paused);
  EXPECT_FALSE(again.participant()->downlinks.contains(mic));
  EXPECT_TRUE(again.participant()->downlinks.contains(camera));
}

TEST_F(RoomRules, BoundsWhatAResumerMaySwitchOffBeforeItIsThere) {
  Client& alice = Join("alice");
  pb::SignalRequest request;
  for (std::size_t i = 0; i <= limits::kEarlyWishesMax; ++i)
    request.mutable_sync_state()->add_track_sids_disabled("TR_" + std::to_string(i));
  alice.Send(request);
  EXPECT_EQ(alice.participant()->early_settings.size(), limits::kEarlyWishesMax);
}

// --- What the server says ---

TEST_F(RoomRules, MakesACredentialForEachClientOfATurnServerThatSharesASecret) {
  IceServer turn{{"turn:turn.example.org"}, "", ""};
  turn.secret = "north";
  turn.credential_ttl_s = 60;
  world_.options.ice_servers = {turn};
  const auto given = [](const auto& message) { return message.ice_servers(0); };
  const auto expected = [&](Client& client) {
    return MakeTurnCredential("north", client.sid(), world_.WallSeconds() + 60);
  };
  Client& alice = JoinOnly("alice");
  EXPECT_EQ(given(alice.heard().front().join()).username(), expected(alice).username);
  EXPECT_EQ(given(alice.heard().front().join()).credential(), expected(alice).credential);
  alice.ConnectMedia();
  alice.LoseSignal();
  world_.Advance(Seconds(10));
  JoinParams params = World::Params("room", "alice");
  params.request.set_reconnect(true);
  params.request.set_participant_sid(alice.sid());
  const pb::ReconnectResponse again = JoinOnly(params).heard().front().reconnect();
  EXPECT_EQ(given(again).username(), expected(alice).username);
  EXPECT_EQ(given(again).credential(), expected(alice).credential);
}

TEST_F(RoomRules, GivesAClientAllItNeedsToStart) {
  world_.options.ice_servers = {{{"turn:turn.example.org"}, "user", "secret"}};
  JoinParams params = World::Params("room", "alice");
  const pb::JoinResponse join = JoinOnly(params).heard().front().join();
  ASSERT_THAT(join.ice_servers(), SizeIs(1));
  EXPECT_EQ(join.ice_servers(0).urls(0), "turn:turn.example.org");
  EXPECT_EQ(join.ice_servers(0).username(), "user");
  EXPECT_EQ(join.ice_servers(0).credential(), "secret");
  EXPECT_TRUE(join.fast_publish());
  EXPECT_FALSE(join.has_client_configuration());
  EXPECT_EQ(join.ping_timeout(), 15);
  EXPECT_EQ(join.ping_interval(), 5);
  EXPECT_EQ(join.server_info().version(), "1.13.5");
  EXPECT_EQ(join.server_info().protocol(), 17);
  EXPECT_THAT(join.room().sid(), testing::StartsWith("RM_"));
  EXPECT_GE(join.participant().version(), 1U);
  EXPECT_THAT(join.participant().state(),
              AnyOf(pb::ParticipantInfo::JOINING, pb::ParticipantInfo::JOINED));
  // Clients publish in the first codec that they know; video comes first.
  EXPECT_EQ(join.enabled_publish_codecs(0).mime(), "video/VP8");
  bool audio = false;
  for (const pb::Codec& codec : join.enabled_publish_codecs()) {
    EXPECT_FALSE(audio && codec.mime().starts_with("video/")) << codec.mime();
    EXPECT_THAT(codec.mime(), Not(testing::EndsWith("rtx")));
    audio = codec.mime().starts_with("audio/");
  }
  params = World::Params("room", "listener");
  params.permission.set_can_publish(false);
  EXPECT_FALSE(JoinOnly(params).heard().front().join().fast_publish());
}

TEST_F(RoomRules, MirrorsWhatOthersHaveToKnowOfAClient) {
  JoinParams params = World::Params("room", "alice");
  params.request.mutable_client_info()->set_client_protocol(2);
  params.request.mutable_client_info()->add_capabilities(
      static_cast<pb::ClientInfo::Capability>(1));
  Join(params);
  const pb::ParticipantInfo alice = JoinOnly("bob").heard().front().join().other_participants(0);
  EXPECT_EQ(alice.client_protocol(), 2);
  EXPECT_THAT(alice.capabilities(), SizeIs(1));
}

TEST_F(RoomRules, GivesAResumerTheServersPresentSettings) {
  Client& alice = Join("alice");
  alice.LoseSignal();
  world_.options.ice_servers = {{{"turn:new.example.org"}, "u", "c"}};
  JoinParams params = alice.params();
  params.request.set_reconnect(true);
  params.request.set_participant_sid(alice.sid());
  const pb::ReconnectResponse reconnect = JoinOnly(params).heard().front().reconnect();
  EXPECT_EQ(reconnect.ice_servers(0).urls(0), "turn:new.example.org");
  EXPECT_EQ(reconnect.server_info().version(), "1.13.5");
}

TEST_F(RoomRules, SendsTheRoomAtOnceWhenItsMetadataChangesAndCountersSoon) {
  Client& alice = Join("alice");
  world_.Advance(Seconds(10));
  const std::size_t before = alice.HeardOf(Case::kRoomUpdate).size();
  alice.room().SetMetadata("new");
  ASSERT_EQ(alice.HeardOf(Case::kRoomUpdate).size(), before + 1);
  const pb::Room room = alice.Last(Case::kRoomUpdate).room_update().room();
  EXPECT_EQ(room.metadata(), "new");
  EXPECT_EQ(room.sid(), alice.room().sid());
  Join("bob");
  world_.Advance(Seconds(5));
  EXPECT_EQ(alice.Last(Case::kRoomUpdate).room_update().room().num_participants(), 2U);
  const std::size_t settled = alice.HeardOf(Case::kRoomUpdate).size();
  world_.Advance(Seconds(30));
  EXPECT_EQ(alice.HeardOf(Case::kRoomUpdate).size(), settled);
}

TEST_F(RoomRules, DoesNotSayOkToClientsThatDoNotKnowIt) {
  for (const std::int32_t protocol : {14, 15}) {
    JoinParams params = World::Params("room", "p" + std::to_string(protocol));
    params.request.mutable_client_info()->set_protocol(protocol);
    params.permission.set_can_update_metadata(true);
    Client& client = Join(params);
    pb::SignalRequest request;
    request.mutable_update_metadata()->set_name("new name");
    client.Send(request);
    EXPECT_THAT(client.HeardOf(Case::kRequestResponse), SizeIs(protocol >= 15 ? 1 : 0));
  }
}

}  // namespace
}  // namespace fovea::livekit
