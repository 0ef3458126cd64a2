// Data packets, data tracks, own metadata, keepalive: livekit-protocol reference sections 2.3, 3.8,
// 3.9.
#include <google/protobuf/unknown_field_set.h>

#include "signaling/livekit/data_track_packet.h"
#include "tests/unit/signaling/livekit/room_fixture.h"

namespace fovea::livekit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RoomData : public RoomTest {
 protected:
  static pb::DataPacket User(const std::string& payload) {
    pb::DataPacket packet;
    packet.mutable_user()->set_payload(payload);
    return packet;
  }
  static pb::DataPacket Numbered(std::uint32_t sequence) {
    pb::DataPacket packet = User("number " + std::to_string(sequence));
    packet.set_sequence(sequence);
    return packet;
  }
  // What went to a client's data channels since the last call for anybody.
  struct Sent {
    control::SessionHandle session;
    DataLane lane;
    pb::DataPacket packet;
  };
  std::vector<Sent> TakeData() {
    std::vector<Sent> out;
    for (const FakeMediaPort::Data& data : std::exchange(world_.media.data, {})) {
      Sent& sent = out.emplace_back(Sent{data.session, data.lane, {}});
      EXPECT_TRUE(
          sent.packet.ParseFromArray(data.message.data(), static_cast<int>(data.message.size())));
    }
    return out;
  }
  [[nodiscard]] std::uint64_t Dropped(DataDrop reason) const {
    return world_.context.data_drops[static_cast<std::size_t>(reason)];
  }
  static std::vector<std::uint32_t> SequencesOf(const std::vector<Sent>& sent) {
    std::vector<std::uint32_t> sequences;
    for (const Sent& packet : sent) sequences.push_back(packet.packet.sequence());
    return sequences;
  }
  static void PublishDataTrack(Client& client, std::uint32_t handle, const std::string& name) {
    pb::SignalRequest request;
    request.mutable_publish_data_track_request()->set_pub_handle(handle);
    request.mutable_publish_data_track_request()->set_name(name);
    client.Send(request);
  }
};

TEST_F(RoomData, StampsTheSenderWhateverThePacketClaims) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  pb::DataPacket packet = User("hi");
  packet.set_participant_identity("mallory");
  packet.mutable_user()->set_participant_sid("PA_mallory");
  alice.SendData(DataLane::kLossy, packet);
  const auto sent = TakeData();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].session, bob.session());
  EXPECT_EQ(sent[0].lane, DataLane::kLossy);
  EXPECT_EQ(sent[0].packet.participant_identity(), "alice");
  EXPECT_EQ(sent[0].packet.participant_sid(), alice.sid());
  EXPECT_EQ(sent[0].packet.user().participant_sid(), alice.sid());
  EXPECT_EQ(sent[0].packet.user().payload(), "hi");
}

TEST_F(RoomData, ReachesOnlyTheNamed) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  Client& carol = Join("carol");
  pb::DataPacket packet = User("hi");
  packet.add_destination_identities("carol");
  alice.SendData(DataLane::kReliable, packet);
  auto sent = TakeData();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].session, carol.session());
  packet = User("old spelling");
  packet.mutable_user()->add_destination_sids(bob.sid());
  alice.SendData(DataLane::kReliable, packet);
  sent = TakeData();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].session, bob.session());
  alice.SendData(DataLane::kReliable, User("everybody"));
  EXPECT_EQ(TakeData().size(), 2U);
}

TEST_F(RoomData, SendsMetricsOnlyToWhoMaySubscribeToThem) {
  JoinParams params = World::Params("room", "observer");
  params.permission.set_can_subscribe_metrics(true);
  Client& observer = Join(params);
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  pb::DataPacket metrics;
  metrics.mutable_metrics()->set_timestamp_ms(1);
  alice.SendData(DataLane::kReliable, metrics);
  auto sent = TakeData();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].session, observer.session());
  EXPECT_EQ(sent[0].packet.metrics().timestamp_ms(), 1);
  metrics.add_destination_identities("bob");
  alice.SendData(DataLane::kLossy, metrics);
  EXPECT_THAT(TakeData(), IsEmpty());
  // Nor afterwards, to one whose channel opens late.
  world_.media.closed_lanes.insert(bob.session());
  alice.SendData(DataLane::kReliable, Numbered(1));
  metrics.clear_destination_identities();
  metrics.set_sequence(2);
  alice.SendData(DataLane::kReliable, metrics);
  TakeData();
  world_.media.closed_lanes.clear();
  world_.Advance(Millis(500));
  EXPECT_THAT(SequencesOf(TakeData()), ElementsAre(1));
}

TEST_F(RoomData, TakesTranscriptionsOnlyFromAgents) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  pb::DataPacket packet;
  packet.mutable_transcription()->set_track_id("TR_x");
  alice.SendData(DataLane::kReliable, packet);
  EXPECT_THAT(TakeData(), IsEmpty());
  EXPECT_EQ(Dropped(DataDrop::kNotPermitted), 1U);
  JoinParams by_kind = World::Params("room", "kind");
  by_kind.kind = pb::ParticipantInfo::AGENT;
  JoinParams by_grant = World::Params("room", "grant");
  by_grant.permission.set_agent(true);
  packet.add_destination_identities("bob");
  for (const JoinParams& params : {by_kind, by_grant}) {
    Join(params).SendData(DataLane::kReliable, packet);
    const auto sent = TakeData();
    ASSERT_EQ(sent.size(), 1U) << params.identity;
    EXPECT_EQ(sent[0].session, bob.session());
    EXPECT_EQ(sent[0].packet.transcription().track_id(), "TR_x");
  }
}

TEST_F(RoomData, KeepsFieldsItDoesNotKnow) {
  Client& alice = Join("alice");
  Join("bob");
  pb::DataPacket packet = User("hi");
  packet.GetReflection()->MutableUnknownFields(&packet)->AddVarint(4242, 7);
  alice.SendData(DataLane::kReliable, packet);
  const auto sent = TakeData();
  ASSERT_EQ(sent.size(), 1U);
  const auto& unknown = sent[0].packet.GetReflection()->GetUnknownFields(sent[0].packet);
  ASSERT_EQ(unknown.field_count(), 1);
  EXPECT_EQ(unknown.field(0).varint(), 7U);
}

TEST_F(RoomData, DropsReliablePacketsItHasSeenAndTellsAResumerWhichWasLast) {
  Client& alice = Join("alice");
  Join("bob");
  for (const std::uint32_t sequence : {1U, 2U, 2U, 1U, 3U}) {
    pb::DataPacket packet = User("x");
    packet.set_sequence(sequence);
    alice.SendData(DataLane::kReliable, packet);
  }
  EXPECT_EQ(TakeData().size(), 3U);
  JoinParams resume = World::Params("room", "alice");
  resume.request.set_reconnect(true);
  resume.request.set_participant_sid(alice.sid());
  EXPECT_EQ(JoinOnly(resume).heard()[0].reconnect().last_message_seq(), 3U);
}

TEST_F(RoomData, SendsReliablePacketsAgainOnceTheReceiversChannelIsOpen) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  world_.media.closed_lanes.insert(bob.session());
  for (std::uint32_t i = 1; i <= 3; ++i) alice.SendData(DataLane::kReliable, Numbered(i));
  alice.SendData(DataLane::kReliable, User("without a number"));
  alice.SendData(DataLane::kLossy, User("lossy"));
  world_.Advance(Millis(500));
  EXPECT_THAT(TakeData(), IsEmpty());
  world_.media.closed_lanes.clear();
  // A packet that comes now must not overtake those that wait.
  alice.SendData(DataLane::kReliable, Numbered(4));
  EXPECT_THAT(SequencesOf(TakeData()), ElementsAre(1, 2, 3, 4));
  world_.Advance(Seconds(1));
  EXPECT_THAT(TakeData(), IsEmpty());
}

TEST_F(RoomData, GivesUpOnAReceiverWhoseChannelStaysClosed) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  world_.media.closed_lanes.insert(bob.session());
  alice.SendData(DataLane::kReliable, Numbered(1));
  world_.Advance(Seconds(3));
  world_.media.closed_lanes.clear();
  world_.Advance(Seconds(1));
  EXPECT_THAT(TakeData(), IsEmpty());
  EXPECT_THAT(bob.participant()->missed_reliable, IsEmpty());
}

TEST_F(RoomData, ReplaysToAResumerWhatCameAfterTheLastNumberItSaw) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  Client& carol = Join("carol");
  for (std::uint32_t i = 1; i <= 4; ++i) alice.SendData(DataLane::kReliable, Numbered(i));
  pb::DataPacket secret = Numbered(5);
  secret.add_destination_identities("carol");
  alice.SendData(DataLane::kReliable, secret);
  carol.SendData(DataLane::kReliable, Numbered(1));
  TakeData();
  bob.LoseSignal();
  JoinParams params = bob.params();
  params.request.set_reconnect(true);
  params.request.set_participant_sid(bob.sid());
  Client& again = JoinOnly(params);
  pb::SignalRequest sync;
  const auto got = [&](const std::string& sid, std::uint32_t last) {
    pb::DataChannelReceiveState& state =
        *sync.mutable_sync_state()->add_datachannel_receive_states();
    state.set_publisher_sid(sid);
    state.set_last_seq(last);
  };
  got(alice.sid(), 2);
  got("PA_gone", 7);
  again.Send(sync);
  const auto sent = TakeData();
  EXPECT_THAT(SequencesOf(sent), ElementsAre(3, 4));
  for (const Sent& packet : sent) {
    EXPECT_EQ(packet.session, bob.session());
    EXPECT_EQ(packet.packet.participant_sid(), alice.sid());
  }
}

TEST_F(RoomData, CallsAMethodOfAParticipantForTheServer) {
  Client& alice = Join("alice");
  Join("bob");
  pb::PerformRpcRequest request;
  request.set_method("greet");
  request.set_payload("hello");
  std::string answer;
  alice.room().PerformRpc(
      world_.now, *alice.participant(), request,
      [&](const Result<std::string, TwirpError>& result) { answer = result.ok() ? *result : "?"; });
  auto sent = TakeData();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].session, alice.session());
  const pb::RpcRequest rpc = sent[0].packet.rpc_request();
  EXPECT_EQ(rpc.id().size(), 36U);
  EXPECT_EQ(sent[0].packet.participant_identity(), rpc.id());
  EXPECT_EQ(rpc.method(), "greet");
  EXPECT_EQ(rpc.payload(), "hello");
  EXPECT_EQ(rpc.version(), 1U);
  EXPECT_EQ(rpc.response_timeout_ms(), 10'000U);

  pb::DataPacket packet;
  packet.add_destination_identities(rpc.id());
  packet.mutable_rpc_ack()->set_request_id(rpc.id());
  alice.SendData(DataLane::kReliable, packet);
  packet.mutable_rpc_response()->set_request_id(rpc.id());
  packet.mutable_rpc_response()->set_payload("hello to you");
  alice.SendData(DataLane::kReliable, packet);
  EXPECT_EQ(answer, "hello to you");
  EXPECT_THAT(TakeData(), IsEmpty());
}

TEST_F(RoomData, CallsWithAsMuchAsACallMayCarry) {
  Client& alice = Join("alice");
  const auto call = [&](std::size_t payload_bytes) {
    pb::PerformRpcRequest request;
    request.set_payload(std::string(payload_bytes, 'x'));
    std::string error;
    alice.room().PerformRpc(world_.now, *alice.participant(), request,
                            [&error](const Result<std::string, TwirpError>& result) {
                              error = result.ok() ? "" : result.error().message;
                            });
    const auto sent = TakeData();
    EXPECT_EQ(sent.empty(), !error.empty());
    return sent.empty() ? error : std::to_string(sent[0].packet.rpc_request().payload().size());
  };
  EXPECT_EQ(call(limits::kRpcPayloadBytesMax), std::to_string(limits::kRpcPayloadBytesMax));
  EXPECT_EQ(call(limits::kRpcPayloadBytesMax + 1), "RpcError 1402: Request payload too large");
}

TEST_F(RoomData, EndsACallWhenItsDestinationLeavesOrSaysNothing) {
  Client& alice = Join("alice");
  std::vector<std::string> errors;
  const auto call = [&](Client& destination) {
    alice.room().PerformRpc(world_.now, *destination.participant(), pb::PerformRpcRequest{},
                            [&](const Result<std::string, TwirpError>& result) {
                              errors.push_back(result.ok() ? "ok" : result.error().message);
                            });
  };
  call(alice);
  world_.Advance(Seconds(2));
  Client& bob = Join("bob");
  call(bob);
  bob.room().Remove(world_.now, *bob.participant(), pb::DisconnectReason::PARTICIPANT_REMOVED);
  EXPECT_THAT(errors, ElementsAre("RpcError 1501: Connection timeout",
                                  "RpcError 1503: Recipient disconnected"));
}

TEST_F(RoomData, DropsDataOfThoseWhoMayNotPublishItAndWhatCannotBeRead) {
  JoinParams params = World::Params("room", "alice");
  params.permission.set_can_publish_data(false);
  Client& alice = Join(params);
  Client& bob = Join("bob");
  alice.SendData(DataLane::kReliable, User("no"));
  const std::vector<std::uint8_t> garbage = {0xff, 0xff};
  world_.manager.HandleData(world_.now, bob.session(), DataLane::kReliable, garbage);
  EXPECT_THAT(TakeData(), IsEmpty());
  EXPECT_EQ(Dropped(DataDrop::kNotPermitted), 1U);
  EXPECT_EQ(Dropped(DataDrop::kUnreadable), 1U);
}

TEST_F(RoomData, CountsWhatGoesNoFurther) {
  Client& alice = Join("alice");
  Join("bob");
  pb::DataPacket first = User("one");
  first.set_sequence(1);
  alice.SendData(DataLane::kReliable, first);
  alice.SendData(DataLane::kReliable, first);
  EXPECT_EQ(TakeData().size(), 1U);
  EXPECT_EQ(Dropped(DataDrop::kRepeated), 1U);
  std::vector<std::uint8_t> packet(kDataTrackHeaderBytes + 1, 0);
  SetDataTrackHandle(packet, 77);
  world_.manager.HandleData(world_.now, alice.session(), DataLane::kDataTrack, packet);
  EXPECT_EQ(Dropped(DataDrop::kUnknownTrack), 1U);
  world_.manager.HandleData(world_.now, alice.session(), DataLane::kDataTrack, {});
  EXPECT_EQ(Dropped(DataDrop::kUnreadable), 1U);
  const control::SessionHandle session = alice.session();
  alice.room().Remove(world_.now, *alice.participant(), pb::DisconnectReason::CLIENT_INITIATED);
  world_.manager.HandleData(world_.now, session, DataLane::kLossy, {});
  EXPECT_EQ(Dropped(DataDrop::kUnknownSender), 1U);
}

TEST_F(RoomData, DropsNothingForWhoMayNotSubscribe) {
  JoinParams params = World::Params("room", "bob");
  params.single_peer_connection = false;
  params.permission.set_can_subscribe(false);
  Join(params);
  Client& alice = Join("alice");
  alice.SendData(DataLane::kLossy, User("hello"));
  EXPECT_THAT(TakeData(), IsEmpty());
  EXPECT_EQ(Dropped(DataDrop::kNotConnected), 0U);
}

TEST_F(RoomData, HidesWhoAHiddenSenderIs) {
  JoinParams params = World::Params("room", "recorder");
  params.permission.set_hidden(true);
  Client& recorder = Join(params);
  Join("bob");
  recorder.SendData(DataLane::kReliable, User("psst"));
  const auto sent = TakeData();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].packet.participant_identity(), "");
  EXPECT_EQ(sent[0].packet.participant_sid(), "");
}

// --- Data tracks ---

TEST_F(RoomData, ForwardsDataTracksUnderTheSubscribersOwnHandle) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  Client& carol = Join("carol");
  PublishDataTrack(carol, 9, "first");  // takes bob's handle 1
  PublishDataTrack(alice, 500, "sensor");
  const auto info =
      alice.Last(Case::kPublishDataTrackResponse).publish_data_track_response().info();
  EXPECT_TRUE(info.sid().starts_with("DTR_"));
  EXPECT_EQ(bob.Knows("alice").data_tracks(0).sid(), info.sid());
  const auto handles =
      bob.Last(Case::kDataTrackSubscriberHandles).data_track_subscriber_handles().sub_handles();
  ASSERT_EQ(handles.size(), 2U);
  ASSERT_TRUE(handles.contains(2));
  EXPECT_EQ(handles.at(2).track_sid(), info.sid());
  EXPECT_EQ(handles.at(2).publisher_identity(), "alice");

  std::vector<std::uint8_t> packet(kDataTrackHeaderBytes + 3, 7);
  packet[0] = 0x18;
  SetDataTrackHandle(packet, 500);
  world_.manager.HandleData(world_.now, alice.session(), DataLane::kDataTrack, packet);
  ASSERT_EQ(world_.media.data.size(), 2U);
  for (const FakeMediaPort::Data& data : world_.media.data) {
    if (data.session != bob.session()) continue;
    EXPECT_EQ(DataTrackHandle(data.message), 2);
    EXPECT_EQ(data.message.size(), packet.size());
  }
}

TEST_F(RoomData, RefusesBadHandlesAndNames) {
  Client& alice = Join("alice");
  const auto refusal = [&](std::uint32_t handle, const std::string& name) {
    PublishDataTrack(alice, handle, name);
    return alice.heard().back().request_response().reason();
  };
  EXPECT_EQ(refusal(0, "a"), pb::RequestResponse::INVALID_HANDLE);
  EXPECT_EQ(refusal(65536, "a"), pb::RequestResponse::INVALID_HANDLE);
  EXPECT_EQ(refusal(1, ""), pb::RequestResponse::INVALID_NAME);
  const std::string longest(limits::kDataTrackNameBytesMax, 'n');
  EXPECT_EQ(refusal(1, longest + "n"), pb::RequestResponse::INVALID_NAME);
  PublishDataTrack(alice, 500, longest);
  EXPECT_EQ(alice.heard().back().message_case(), Case::kPublishDataTrackResponse);
  PublishDataTrack(alice, 1, "a");
  EXPECT_EQ(refusal(1, "b"), pb::RequestResponse::DUPLICATE_HANDLE);
  EXPECT_EQ(refusal(2, "a"), pb::RequestResponse::DUPLICATE_NAME);
}

TEST_F(RoomData, RefusesOneDataTrackTooMany) {
  Client& alice = Join("alice");
  for (std::uint32_t i = 1; i <= limits::kDataTracksPerParticipantMax; ++i) {
    PublishDataTrack(alice, i, std::to_string(i));
  }
  EXPECT_EQ(alice.participant()->data_tracks.size(), limits::kDataTracksPerParticipantMax);
  PublishDataTrack(alice, 500, "one more");
  EXPECT_EQ(alice.heard().back().request_response().reason(), pb::RequestResponse::LIMIT_EXCEEDED);
  EXPECT_EQ(alice.participant()->data_tracks.size(), limits::kDataTracksPerParticipantMax);
  pb::SignalRequest request;
  request.mutable_unpublish_data_track_request()->set_pub_handle(1);
  alice.Send(request);
  PublishDataTrack(alice, 500, "one more");
  EXPECT_TRUE(alice.participant()->data_tracks.contains(500));
}

TEST_F(RoomData, TakesHandlesBackWhenATrackOrItsPublisherGoes) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  PublishDataTrack(alice, 1, "a");
  PublishDataTrack(alice, 2, "b");
  pb::SignalRequest request;
  request.mutable_unpublish_data_track_request()->set_pub_handle(1);
  alice.Send(request);
  const auto handles = [&] {
    return bob.Last(Case::kDataTrackSubscriberHandles)
        .data_track_subscriber_handles()
        .sub_handles_size();
  };
  EXPECT_EQ(handles(), 1);
  EXPECT_EQ(bob.Knows("alice").data_tracks_size(), 1);
  request.mutable_leave();
  alice.Send(request);
  EXPECT_EQ(handles(), 0);
  EXPECT_TRUE(bob.participant()->data_handles.empty());
}

TEST_F(RoomData, BoundsTheWishesForDataTracks) {
  Client& alice = Join("alice");
  for (const bool subscribe : {true, false}) {
    pb::SignalRequest request;
    for (std::size_t i = 0; i <= limits::kEarlyWishesMax; ++i) {
      auto& update = *request.mutable_update_data_subscription()->add_updates();
      update.set_track_sid((subscribe ? "DTR_a" : "DTR_b") + std::to_string(i));
      update.set_subscribe(subscribe);
    }
    alice.Send(request);
  }
  EXPECT_EQ(alice.participant()->data_subscribed.size(), limits::kEarlyWishesMax);
  EXPECT_EQ(alice.participant()->data_unsubscribed.size(), limits::kEarlyWishesMax);
}

TEST_F(RoomData, LeavesDataTracksToTheWishesOfWhoJoinedWithoutAutoSubscribe) {
  Client& alice = Join("alice");
  JoinParams params = World::Params("room", "bob");
  params.request.mutable_connection_settings()->set_auto_subscribe_data_track(false);
  Client& bob = Join(params);
  PublishDataTrack(alice, 1, "a");
  EXPECT_THAT(bob.HeardOf(Case::kDataTrackSubscriberHandles), IsEmpty());
  EXPECT_EQ(bob.Knows("alice").data_tracks_size(), 1);
  const std::string sid = bob.Knows("alice").data_tracks(0).sid();
  const auto wish = [&](bool subscribe) {
    pb::SignalRequest request;
    auto& update = *request.mutable_update_data_subscription()->add_updates();
    update.set_track_sid(sid);
    update.set_subscribe(subscribe);
    bob.Send(request);
    const pb::SignalResponse last = bob.Last(Case::kDataTrackSubscriberHandles);
    std::vector<std::string> sids;
    for (const auto& [handle, track] : last.data_track_subscriber_handles().sub_handles()) {
      sids.push_back(track.track_sid());
    }
    return sids;
  };
  EXPECT_THAT(wish(true), ElementsAre(sid));
  EXPECT_THAT(wish(false), IsEmpty());
  EXPECT_EQ(bob.HeardOf(Case::kDataTrackSubscriberHandles).size(), 2U);
}

TEST_F(RoomData, ForgetsTheWishesForADataTrackThatIsGone) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  PublishDataTrack(alice, 1, "a");
  pb::SignalRequest request;
  auto& update = *request.mutable_update_data_subscription()->add_updates();
  update.set_track_sid(
      alice.Last(Case::kPublishDataTrackResponse).publish_data_track_response().info().sid());
  bob.Send(request);
  EXPECT_EQ(bob.participant()->data_unsubscribed.size(), 1U);
  request.mutable_unpublish_data_track_request()->set_pub_handle(1);
  alice.Send(request);
  EXPECT_THAT(bob.participant()->data_unsubscribed, IsEmpty());
}

TEST_F(RoomData, GivesAFreedHandleAgainWhenAllOthersHaveHadTheirTurn) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const auto handles = [&] {
    std::vector<std::uint32_t> all;
    for (const auto& [handle, sid] : bob.participant()->data_handles) all.push_back(handle);
    return all;
  };
  const auto unpublish = [&](std::uint32_t handle) {
    pb::SignalRequest request;
    request.mutable_unpublish_data_track_request()->set_pub_handle(handle);
    alice.Send(request);
  };
  PublishDataTrack(alice, 1, "a");
  PublishDataTrack(alice, 2, "b");
  EXPECT_THAT(handles(), ElementsAre(1, 2));
  unpublish(1);
  PublishDataTrack(alice, 3, "c");
  EXPECT_THAT(handles(), ElementsAre(2, 3));
  bob.participant()->last_data_handle = kDataTrackHandleMax - 1;
  for (std::uint32_t i = 4; i <= 6; ++i) PublishDataTrack(alice, i, "d" + std::to_string(i));
  EXPECT_THAT(handles(), ElementsAre(1, 2, 3, 4, kDataTrackHandleMax));
}

// --- Metadata ---

TEST_F(RoomData, RefusesOwnMetadataWithoutThePermission) {
  Client& alice = Join("alice");
  pb::SignalRequest request;
  request.mutable_update_metadata()->set_name("Alice");
  request.mutable_update_metadata()->set_request_id(7);
  alice.Send(request);
  const auto response = alice.heard().back().request_response();
  EXPECT_EQ(response.reason(), pb::RequestResponse::NOT_ALLOWED);
  EXPECT_EQ(response.request_id(), 7U);
  EXPECT_EQ(alice.participant()->info.name(), "");
}

TEST_F(RoomData, ReturnsOwnMetadataInAnUpdateToOneselfAndOthers) {
  Client& bob = Join("bob");
  JoinParams params = World::Params("room", "alice");
  params.permission.set_can_update_metadata(true);
  Client& alice = Join(params);
  pb::SignalRequest request;
  (*request.mutable_update_metadata()->mutable_attributes())["hand"] = "raised";
  request.mutable_update_metadata()->set_request_id(7);
  alice.Send(request);
  EXPECT_THAT(KindsOf(alice.Take()), ElementsAre("update", "request_response"));
  EXPECT_EQ(alice.Last(Case::kRequestResponse).request_response().reason(),
            pb::RequestResponse::OK);
  EXPECT_EQ(bob.Knows("alice").attributes().at("hand"), "raised");
  request.mutable_update_metadata()->set_metadata(std::string(limits::kMetadataBytesMax + 1, 'm'));
  alice.Send(request);
  EXPECT_EQ(alice.heard().back().request_response().reason(), pb::RequestResponse::LIMIT_EXCEEDED);
  EXPECT_EQ(alice.participant()->info.metadata(), "");
}

TEST_F(RoomData, RefusesAnOwnNameThatIsTooLong) {
  JoinParams params = World::Params("room", "alice");
  params.permission.set_can_update_metadata(true);
  Client& alice = Join(params);
  const std::string longest(limits::kParticipantNameCharsMax, 'n');
  pb::SignalRequest request;
  request.mutable_update_metadata()->set_name(longest);
  alice.Send(request);
  EXPECT_EQ(alice.participant()->info.name(), longest);
  request.mutable_update_metadata()->set_name(longest + "n");
  alice.Send(request);
  EXPECT_EQ(alice.heard().back().request_response().reason(), pb::RequestResponse::LIMIT_EXCEEDED);
  EXPECT_EQ(alice.participant()->info.name(), longest);
}

// --- Keepalive and the unknown ---

TEST_F(RoomData, AnswersBothKindsOfPing) {
  Client& alice = Join("alice");
  pb::SignalRequest request;
  request.set_ping(1);
  alice.Send(request);
  EXPECT_EQ(alice.heard().back().pong(), world_.WallSeconds() * 1000);
  request.mutable_ping_req()->set_timestamp(42);
  alice.Send(request);
  EXPECT_EQ(alice.heard().back().pong_resp().last_ping_timestamp(), 42);
}

TEST_F(RoomData, SaysThatItDoesNotKnowARequest) {
  Client& alice = Join("alice");
  alice.Send(pb::SignalRequest{});
  EXPECT_EQ(alice.heard().back().request_response().reason(),
            pb::RequestResponse::UNSUPPORTED_TYPE);
}

}  // namespace
}  // namespace fovea::livekit
