// Publishing and its negotiation: livekit-protocol reference sections 2.2, 3.4, 4.6, 4.7.
#include "tests/unit/signaling/livekit/room_fixture.h"

namespace fovea::livekit {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

// What tests/golden/sdp/chromium-221/06-pub-offer-3.sdp sends.
constexpr const char* kChromiumMicrophone = "58e93df9-d3b8-44f8-ab98-ea8b4a6df167";
constexpr const char* kChromiumCamera = "cf5d17be-3958-4f41-9c87-69b67e67c748";

class RoomPublish : public RoomTest {
 protected:
  static void OfferGolden(Client& client, const std::string& name, std::uint32_t id) {
    pb::SignalRequest request;
    request.mutable_offer()->set_type("offer");
    request.mutable_offer()->set_sdp(Golden(name));
    request.mutable_offer()->set_id(id);
    client.Send(request);
  }
};

TEST_F(RoomPublish, AnswersAddTrackWithItsCidExactlyAsSent) {
  Client& alice = Join("alice");
  alice.AddTrack(Camera("{3c2f6a-braces}"));
  const pb::TrackPublishedResponse response = alice.heard().back().track_published();
  EXPECT_EQ(response.cid(), "{3c2f6a-braces}");
  EXPECT_TRUE(response.track().sid().starts_with("TR_VC"));
  EXPECT_EQ(response.track().layers_size(), 3);
  EXPECT_TRUE(response.track().simulcast());
}

TEST_F(RoomPublish, GivesTheSameSidToARepeatedRequest) {
  Client& alice = Join("alice");
  alice.AddTrack(Microphone("mic"));
  alice.AddTrack(Microphone("mic"));
  const Messages published = alice.HeardOf(Case::kTrackPublished);
  ASSERT_EQ(published.size(), 2U);
  EXPECT_EQ(published[0].track_published().track().sid(),
            published[1].track_published().track().sid());
}

TEST_F(RoomPublish, PublishesWhatChromiumOffers) {
  Client& alice = JoinOnly("alice");
  Client& bob = Join("bob");
  OfferGolden(alice, "chromium-221/02-pub-offer-1.sdp", 1);
  OfferGolden(alice, "chromium-221/04-pub-offer-2.sdp", 2);
  alice.ConnectMedia();
  alice.AddTrack(Microphone(kChromiumMicrophone));
  alice.AddTrack(Camera(kChromiumCamera));
  OfferGolden(alice, "chromium-221/06-pub-offer-3.sdp", 3);

  EXPECT_EQ(alice.Last(Case::kAnswer).answer().id(), 3U);
  const auto added = world_.media.Posted<control::AddPublication>();
  ASSERT_EQ(added.size(), 2U);
  EXPECT_EQ(added[0].mid.view(), "7");
  EXPECT_EQ(added[1].mid.view(), "8");
  EXPECT_EQ(added[1].layers.size(), 3U);
  const pb::ParticipantInfo known = bob.Knows("alice");
  ASSERT_EQ(known.tracks_size(), 2);
  for (const pb::TrackInfo& track : known.tracks()) {
    EXPECT_THAT(track.mime_type(), testing::AnyOf("audio/opus", "video/VP8"));
    EXPECT_FALSE(track.mid().empty());
  }
  EXPECT_TRUE(known.is_publisher());

  // The camera's section goes inactive: unpublished.
  OfferGolden(alice, "chromium-221/08-pub-offer-4.sdp", 4);
  EXPECT_EQ(world_.media.Posted<control::RemovePublication>().size(), 1U);
  ASSERT_EQ(bob.Knows("alice").tracks_size(), 1);
  EXPECT_EQ(bob.Knows("alice").tracks(0).source(), pb::TrackSource::MICROPHONE);
  EXPECT_THAT(alice.HeardOf(Case::kTrackUnpublished), IsEmpty());

  // New ICE credentials restart the session in place.
  OfferGolden(alice, "chromium-221/10-pub-offer-5.sdp", 5);
  EXPECT_EQ(world_.media.Posted<control::RestartIce>().size(), 1U);
  EXPECT_EQ(world_.media.Posted<control::AddPublication>().size(), 2U);
}

TEST_F(RoomPublish, HoldsAnOfferThatComesBeforeItsAddTrack) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  alice.AddSection(Microphone("mic"));
  alice.Offer();
  EXPECT_THAT(world_.media.Posted<control::AddPublication>(), IsEmpty());
  EXPECT_EQ(bob.Knows("alice").tracks_size(), 0);
  alice.AddTrack(Microphone("mic"));
  EXPECT_EQ(world_.media.Posted<control::AddPublication>().size(), 1U);
  ASSERT_EQ(bob.Knows("alice").tracks_size(), 1);
  EXPECT_EQ(bob.Knows("alice").tracks(0).sid(),
            alice.Last(Case::kTrackPublished).track_published().track().sid());
}

TEST_F(RoomPublish, TellsSubscribersOfThePublisherBeforeItAsksForSections) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  Client& carol = JoinOnly("carol");
  carol.sketch().Data();
  carol.Offer();
  carol.Take();
  bob.Take();
  alice.Publish(Camera("cam"));
  EXPECT_THAT(KindsOf(carol.Take()), ElementsAre("update", "media_sections_requirement"));
  // Bob has a free section, so he is only asked to offer.
  const Messages bob_heard = bob.Take();
  ASSERT_THAT(KindsOf(bob_heard), ElementsAre("update", "media_sections_requirement"));
  EXPECT_EQ(bob_heard[1].media_sections_requirement().num_videos(), 0U);
}

TEST_F(RoomPublish, AsksForManySectionsAtOnceAndForTheRestOnly) {
  Client& alice = Join("alice");
  Client& carol = JoinOnly("carol");
  carol.sketch().Data();
  carol.Offer();
  alice.Publish(Microphone("mic"));
  alice.Publish(Camera("cam"));
  const Messages asked = carol.HeardOf(Case::kMediaSectionsRequirement);
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0].media_sections_requirement().num_audios(), 1U);
  EXPECT_EQ(asked[0].media_sections_requirement().num_videos(), 0U);
  EXPECT_EQ(asked[1].media_sections_requirement().num_audios(), 0U);
  EXPECT_EQ(asked[1].media_sections_requirement().num_videos(), 1U);
}

TEST_F(RoomPublish, SendsTheCompleteMapOfDownlinksWithEveryAnswer) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string mic = alice.Publish(Microphone("mic"));
  Settle();
  EXPECT_THAT(bob.Last(Case::kAnswer).answer().mid_to_track_id(), ElementsAre(Pair("0", mic)));
  const std::string camera = alice.Publish(Camera("cam"));
  Settle();
  EXPECT_THAT(bob.Last(Case::kAnswer).answer().mid_to_track_id(),
              UnorderedElementsAre(Pair("0", mic), Pair("1", camera)));
  bob.Offer();
  EXPECT_EQ(bob.Last(Case::kAnswer).answer().mid_to_track_id().size(), 2U);
}

TEST_F(RoomPublish, ForwardsToASubscriberOnceAndToEveryLaterOneFromTheirFirstAnswer) {
  Client& alice = Join("alice");
  const std::string camera = alice.Publish(Camera("cam"));
  Client& bob = Join("bob");
  const auto added = world_.media.Posted<control::AddSubscription>();
  ASSERT_EQ(added.size(), 1U);
  EXPECT_EQ(added[0].session, bob.session());
  EXPECT_EQ(added[0].publication, alice.participant()->track(camera)->primary().publication);
  bob.Offer();
  EXPECT_EQ(world_.media.Posted<control::AddSubscription>().size(), 1U);
  EXPECT_THAT(bob.HeardOf(Case::kMediaSectionsRequirement), IsEmpty());
}

TEST_F(RoomPublish, ReusesTheSectionsOfThoseWhoLeft) {
  Client& bob = Join("bob");
  std::size_t sections = 0;
  for (int round = 0; round < 10; ++round) {
    Client& alice = Join("alice");
    alice.Publish(Microphone("mic"));
    alice.Publish(Camera("cam"));
    Settle();
    EXPECT_EQ(bob.participant()->downlinks.size(), 2U);
    if (round == 2) sections = bob.sketch().sdp().media.size();
  }
  EXPECT_EQ(bob.sketch().sdp().media.size(), sections);
  for (const auto& [sid, downlink] : bob.participant()->downlinks) {
    EXPECT_TRUE(downlink.subscription.valid()) << sid;
  }
}

TEST_F(RoomPublish, RefusesWhatThePermissionDoesNotCover) {
  JoinParams params = World::Params("room", "alice");
  params.permission.add_can_publish_sources(pb::TrackSource::MICROPHONE);
  Client& alice = Join(params);
  alice.AddTrack(Camera("cam"));
  const pb::RequestResponse refusal = alice.heard().back().request_response();
  EXPECT_EQ(refusal.reason(), pb::RequestResponse::NOT_ALLOWED);
  EXPECT_EQ(refusal.add_track().cid(), "cam");
  alice.AddTrack(Microphone("mic"));
  EXPECT_EQ(alice.heard().back().track_published().cid(), "mic");
  params = World::Params("room", "listener");
  params.permission.set_can_publish(false);
  Client& listener = Join(params);
  listener.AddTrack(Microphone("mic"));
  EXPECT_EQ(listener.heard().back().request_response().reason(), pb::RequestResponse::NOT_ALLOWED);
}

TEST_F(RoomPublish, ForgetsARequestThatIsForbiddenBeforeItsOfferComes) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  alice.AddTrack(Camera("cam"));
  alice.AddTrack(Microphone("mic"));
  const std::string mic = alice.Last(Case::kTrackPublished).track_published().track().sid();
  pb::UpdateParticipantRequest request;
  *request.mutable_permission() = alice.participant()->info.permission();
  request.mutable_permission()->add_can_publish_sources(pb::TrackSource::CAMERA);
  alice.room().UpdateParticipant(world_.now, *alice.participant(), request);
  EXPECT_EQ(alice.Last(Case::kTrackUnpublished).track_unpublished().track_sid(), mic);
  alice.AddSection(Camera("cam"));
  alice.AddSection(Microphone("mic"));
  alice.Offer();
  ASSERT_EQ(bob.Knows("alice").tracks_size(), 1);
  EXPECT_EQ(bob.Knows("alice").tracks(0).source(), pb::TrackSource::CAMERA);
}

TEST_F(RoomPublish, BoundsTheRequestsThatWaitForTheirOffer) {
  Client& alice = Join("alice");
  for (std::size_t i = 0; i < limits::kPendingTracksMax; ++i) {
    alice.AddTrack(Microphone("mic" + std::to_string(i)));
  }
  alice.AddTrack(Microphone("one too many"));
  EXPECT_EQ(alice.heard().back().request_response().reason(), pb::RequestResponse::LIMIT_EXCEEDED);
  EXPECT_EQ(alice.HeardOf(Case::kTrackPublished).size(), limits::kPendingTracksMax);
}

// A client that unpublishes and publishes the same MediaStreamTrack within one negotiation: its
// request comes before or behind the offer that does both.
TEST_F(RoomPublish, PublishesACidAgainInTheOfferThatEndsItsPredecessor) {
  for (const bool request_first : {true, false}) {
    const std::string name = request_first ? "alice" : "carol";
    Client& alice = Join(name);
    Client& bob = Join("bob");
    const std::string first = alice.Publish(Microphone("mic"));
    alice.Take();
    if (request_first) {
      alice.AddTrack(Microphone("mic"));
      const pb::RequestResponse response = alice.heard().back().request_response();
      EXPECT_EQ(response.reason(), pb::RequestResponse::QUEUED);
      EXPECT_EQ(response.add_track().cid(), "mic");
    }
    alice.sketch().last().direction = wire::SdpDirection::kInactive;
    alice.AddSection(Microphone("mic"));
    alice.Offer();
    if (!request_first) alice.AddTrack(Microphone("mic"));
    ASSERT_EQ(alice.HeardOf(Case::kTrackPublished).size(), 2U);
    const auto second = alice.Last(Case::kTrackPublished).track_published();
    EXPECT_EQ(second.cid(), "mic");
    EXPECT_NE(second.track().sid(), first);
    ASSERT_EQ(bob.Knows(name).tracks_size(), 1);
    EXPECT_EQ(bob.Knows(name).tracks(0).sid(), second.track().sid());
    EXPECT_EQ(bob.Knows(name).tracks(0).mid(), alice.sketch().last().mid);
    EXPECT_TRUE(alice.participant()->pending.empty());
  }
}

TEST_F(RoomPublish, HoldsASecondSectionOfACidUntilTheFirstOneEnds) {
  Client& alice = Join("alice");
  const std::string first = alice.Publish(Microphone("mic"));
  const std::string old_mid = alice.sketch().last().mid;
  alice.AddTrack(Microphone("mic"));
  alice.AddSection(Microphone("mic"));
  alice.Offer();
  EXPECT_EQ(world_.media.Posted<control::AddPublication>().size(), 1U);
  EXPECT_NE(alice.participant()->track(first), nullptr);
  for (wire::SdpMedia& media : alice.sketch().sdp().media) {
    if (media.mid == old_mid) media.direction = wire::SdpDirection::kInactive;
  }
  alice.Offer();
  EXPECT_EQ(world_.media.Posted<control::AddPublication>().size(), 2U);
  EXPECT_EQ(alice.participant()->track(first), nullptr);
  EXPECT_EQ(alice.participant()->tracks.size(), 1U);
}

TEST_F(RoomPublish, PublishesATrackThatIsMutedFromTheStart) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  pb::AddTrackRequest request = Microphone("mic");
  request.set_muted(true);
  alice.Publish(request);
  EXPECT_TRUE(bob.Knows("alice").tracks(0).muted());
  EXPECT_TRUE(world_.media.Posted<control::AddPublication>().back().muted);
}

TEST_F(RoomPublish, TellsOthersOfAMuteButDoesNotEchoIt) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string mic = alice.Publish(Microphone("mic"));
  alice.Take();
  alice.Mute(mic, true);
  EXPECT_TRUE(bob.Knows("alice").tracks(0).muted());
  EXPECT_THAT(alice.Take(), IsEmpty());
  EXPECT_TRUE(world_.media.Posted<control::SetPublicationMuted>().back().muted);
  alice.Mute(mic, false);
  EXPECT_FALSE(bob.Knows("alice").tracks(0).muted());
  EXPECT_FALSE(world_.media.Posted<control::SetPublicationMuted>().back().muted);
}

TEST_F(RoomPublish, AsksForAKeyFrameWhenACameraIsUnmuted) {
  Client& alice = Join("alice");
  const std::string camera = alice.Publish(Camera("cam"));
  alice.Mute(camera, true);
  alice.Mute(camera, false);
  EXPECT_EQ(world_.media.Posted<control::RequestKeyFrame>().size(), 1U);
}

TEST_F(RoomPublish, LetsAPublisherLiftAMuteOfTheServer) {
  Client& alice = Join("alice");
  const std::string mic = alice.Publish(Microphone("mic"));
  world_.options.room.enable_remote_unmute = true;
  alice.room().MutePublishedTrack(*alice.participant(), mic, true);
  alice.Mute(mic, false);
  EXPECT_FALSE(world_.media.Posted<control::SetPublicationMuted>().back().muted);
}

TEST_F(RoomPublish, ReportsPublishingToWebhooksBetweenJoinAndLeave) {
  Client& alice = Join("alice");
  alice.Publish(Microphone("mic"));
  pb::SignalRequest leave;
  leave.mutable_leave();
  alice.Send(leave);
  EXPECT_THAT(world_.webhooks.Names(),
              ElementsAre("room_started", "participant_joined", "track_published",
                          "track_unpublished", "participant_left"));
}

TEST_F(RoomPublish, SaysOnceThatATrackHasASubscriber) {
  Client& alice = Join("alice");
  Join("bob");
  const std::string mic = alice.Publish(Microphone("mic"));
  Settle();
  const auto added = world_.media.Posted<control::AddSubscription>();
  ASSERT_EQ(added.size(), 1U);
  for (int i = 0; i < 2; ++i) {
    world_.manager.HandleWorkerEvent(world_.now,
                                     control::SubscriptionStarted{added[0].subscription});
  }
  ASSERT_EQ(alice.HeardOf(Case::kTrackSubscribed).size(), 1U);
  EXPECT_EQ(alice.Last(Case::kTrackSubscribed).track_subscribed().track_sid(), mic);
}

TEST_F(RoomPublish, KnowsOnlySoManyCodecsOfASection) {
  Client& alice = Join("alice");
  alice.AddTrack(Camera("cam"));
  alice.sketch().Send(MediaKind::kVideo, "cam");
  auto& codecs = alice.sketch().last().codecs;
  codecs.clear();
  for (std::size_t i = 0; i <= limits::kCodecsPerSectionMax; ++i) {
    const auto type = static_cast<std::uint8_t>(100 + i);
    codecs.push_back({PayloadType(type), "VP8", 90000, 0, "", {"nack"}});
  }
  alice.Offer();
  const auto added = world_.media.Posted<control::AddPublication>();
  ASSERT_EQ(added.size(), 1U);
  EXPECT_EQ(added[0].codecs.size(), limits::kCodecsPerSectionMax);
}

TEST_F(RoomPublish, RefusesACodecTheSubscriberDidNotOffer) {
  Client& alice = Join("alice");
  Client& bob = JoinOnly("bob");
  bob.sketch().Receive(MediaKind::kVideo);
  std::erase_if(bob.sketch().last().codecs, [](const auto& codec) {
    return codec.payload_type.value() == 96 || codec.payload_type.value() == 97;
  });
  bob.Offer();
  const std::string camera = alice.Publish(Camera("cam"));
  Settle();
  const auto response = bob.Last(Case::kSubscriptionResponse).subscription_response();
  EXPECT_EQ(response.track_sid(), camera);
  EXPECT_EQ(response.err(), pb::SubscriptionError::SE_CODEC_UNSUPPORTED);
}

// --- Dual mode ---

class DualMode : public RoomPublish {
 protected:
  Client& JoinDual(const std::string& identity) {
    JoinParams params = World::Params("room", identity);
    params.single_peer_connection = false;
    return JoinOnly(params);
  }
  static void AnswerGolden(Client& client, std::uint32_t id) {
    pb::SignalRequest request;
    request.mutable_answer()->set_type("answer");
    request.mutable_answer()->set_sdp(Golden("chromium-221-dual/02-sub-answer.sdp"));
    request.mutable_answer()->set_id(id);
    client.Send(request);
  }
};

TEST_F(DualMode, OffersTheSubscriberConnectionAtOnce) {
  Client& alice = JoinDual("alice");
  EXPECT_THAT(KindsOf(alice.heard()),
              ElementsAre("join", "refresh_token", "offer", "trickle", "trickle"));
  EXPECT_TRUE(alice.heard()[0].join().subscriber_primary());
  const std::uint32_t id = alice.Last(Case::kOffer).offer().id();
  EXPECT_GE(id, 1U);
  EXPECT_LE(id, 256U);
  for (const pb::SignalResponse& message : alice.HeardOf(Case::kTrickle)) {
    EXPECT_EQ(message.trickle().target(), pb::SignalTarget::SUBSCRIBER);
  }
}

TEST_F(DualMode, OffersTheSubscriberConnectionWhenSubscribingIsGrantedLater) {
  Client& alice = Join("alice");
  const std::string mic = alice.Publish(Microphone("mic"));
  JoinParams params = World::Params("room", "bob");
  params.single_peer_connection = false;
  params.permission.set_can_subscribe(false);
  Client& bob = JoinOnly(params);
  EXPECT_FALSE(bob.heard()[0].join().subscriber_primary());
  EXPECT_THAT(bob.HeardOf(Case::kOffer), IsEmpty());
  bob.ConnectMedia();
  EXPECT_TRUE(bob.participant()->active());

  pb::UpdateParticipantRequest grant;
  *grant.mutable_permission() = params.permission;
  grant.mutable_permission()->set_can_subscribe(true);
  bob.room().UpdateParticipant(world_.now, *bob.participant(), grant);
  bob.room().Flush(world_.now);
  ASSERT_EQ(bob.HeardOf(Case::kOffer).size(), 1U);
  EXPECT_THAT(bob.Last(Case::kOffer).offer().mid_to_track_id(), ElementsAre(Pair("1", mic)));
  EXPECT_EQ(bob.Last(Case::kTrickle).trickle().target(), pb::SignalTarget::SUBSCRIBER);
  // The client still takes the publisher connection for the session's.
  bob.LoseSignal();
  EXPECT_NE(bob.participant(), nullptr);
  EXPECT_TRUE(bob.participant()->primary() == bob.participant()->uplink());
}

TEST_F(DualMode, StaysWithoutASubscriberConnectionWhenTheWorkerIsFull) {
  JoinParams params = World::Params("room", "bob");
  params.single_peer_connection = false;
  params.permission.set_can_subscribe(false);
  Client& bob = JoinOnly(params);
  world_.media.full = true;
  pb::UpdateParticipantRequest grant;
  *grant.mutable_permission() = params.permission;
  grant.mutable_permission()->set_can_subscribe(true);
  bob.room().UpdateParticipant(world_.now, *bob.participant(), grant);
  bob.room().Flush(world_.now);
  EXPECT_THAT(bob.HeardOf(Case::kOffer), IsEmpty());
  EXPECT_NE(bob.participant(), nullptr);
}

TEST_F(DualMode, NeverHasTwoOffersUnanswered) {
  Client& alice = Join("alice");
  Client& bob = JoinDual("bob");
  alice.Publish(Microphone("mic"));
  alice.Publish(Camera("cam"));
  ASSERT_EQ(bob.HeardOf(Case::kOffer).size(), 1U);
  const std::uint32_t first = bob.Last(Case::kOffer).offer().id();
  AnswerGolden(bob, first);
  ASSERT_EQ(bob.HeardOf(Case::kOffer).size(), 2U);
  const pb::SessionDescription second = bob.Last(Case::kOffer).offer();
  EXPECT_EQ(second.id(), first + 1);
  EXPECT_EQ(second.mid_to_track_id().size(), 2U);
  AnswerGolden(bob, first);  // late: ignored
  EXPECT_EQ(bob.HeardOf(Case::kOffer).size(), 2U);
}

TEST_F(DualMode, EndsASessionWhoseClientDoesNotAnswerOrNotReadably) {
  for (const bool answers : {false, true}) {
    Client& alice = JoinDual("alice");
    alice.ConnectMedia();
    if (answers) {
      pb::SignalRequest request;
      request.mutable_answer()->set_type("answer");
      request.mutable_answer()->set_sdp("this is no SDP");
      alice.Send(request);
    }
    world_.Advance(Millis(14'999));
    EXPECT_NE(alice.participant(), nullptr);
    world_.Advance(Millis(1));
    EXPECT_EQ(alice.participant(), nullptr);
    EXPECT_EQ(alice.heard().back().leave().reason(), pb::DisconnectReason::STATE_MISMATCH);
    EXPECT_EQ(alice.heard().back().leave().action(), pb::LeaveRequest::RECONNECT);
  }
}

TEST_F(DualMode, KeepsASessionWhoseClientAnswersInTime) {
  Client& alice = JoinDual("alice");
  alice.ConnectMedia();
  world_.Advance(Seconds(14));
  AnswerGolden(alice, 0);
  world_.Advance(Seconds(60));
  EXPECT_NE(alice.participant(), nullptr);
}

TEST_F(DualMode, OffersAgainToAResumerWhoseOfferWasLostWithItsSocket) {
  Client& alice = JoinDual("alice");
  alice.ConnectMedia();
  const std::uint32_t lost = alice.Last(Case::kOffer).offer().id();
  world_.Advance(Seconds(10));
  alice.LoseSignal();
  world_.Advance(Seconds(10));  // no answer can come meanwhile
  ASSERT_NE(alice.participant(), nullptr);
  JoinParams params = alice.params();
  params.request.set_reconnect(true);
  params.request.set_participant_sid(alice.sid());
  Client& again = JoinOnly(params);
  ASSERT_EQ(again.HeardOf(Case::kOffer).size(), 1U);
  EXPECT_EQ(again.Last(Case::kOffer).offer().id(), lost + 1);
  world_.Advance(Seconds(14));
  AnswerGolden(again, lost + 1);
  world_.Advance(Seconds(60));
  EXPECT_NE(again.participant(), nullptr);
}

TEST_F(DualMode, ForwardsUnderTheSsrcOfTheNewestWishWhenTheWishChangedBeforeTheAnswer) {
  Client& alice = Join("alice");
  Client& bob = JoinDual("bob");
  const auto answer = [&bob] {
    const pb::SessionDescription offer = bob.Last(Case::kOffer).offer();
    OfferSketch sketch;
    sketch.Data().Receive(MediaKind::kAudio,
                          static_cast<int>(MustParse(offer.sdp()).media.size()) - 1);
    for (wire::SdpMedia& media : sketch.sdp().media) {
      media.transport.setup = wire::SdpSetup::kActive;
    }
    pb::SignalRequest request;
    request.mutable_answer()->set_type("answer");
    request.mutable_answer()->set_sdp(sketch.text());
    request.mutable_answer()->set_id(offer.id());
    bob.Send(request);
  };
  answer();
  const std::string mic = alice.Publish(Microphone("mic"));
  bob.Subscribe(mic, false);
  bob.Subscribe(mic, true);
  for (std::size_t offers = 0; offers != bob.HeardOf(Case::kOffer).size();) {
    offers = bob.HeardOf(Case::kOffer).size();
    answer();
  }
  const auto added = world_.media.Posted<control::AddSubscription>();
  ASSERT_EQ(added.size(), 1U);
  EXPECT_EQ(added[0].ssrc.value(), bob.participant()->downlinks.at(mic).ssrc);
  EXPECT_THAT(bob.Last(Case::kOffer).offer().sdp(),
              testing::HasSubstr("a=ssrc:" + std::to_string(added[0].ssrc.value())));
}

TEST_F(DualMode, IsActiveAndHasDataChannelsWhenTheSubscriberConnectionIsUp) {
  Client& alice = JoinDual("alice");
  const control::SessionHandle publisher = alice.participant()->uplink()->session;
  const control::SessionHandle subscriber = alice.participant()->downlink()->session;
  world_.manager.HandleWorkerEvent(world_.now, control::SessionConnected{publisher});
  EXPECT_FALSE(alice.participant()->active());
  world_.manager.HandleWorkerEvent(world_.now, control::SessionConnected{subscriber});
  EXPECT_TRUE(alice.participant()->active());
  EXPECT_THAT(world_.media.opened, ElementsAre(subscriber));
}

TEST_F(DualMode, PublishesWhatChromiumOffersOnThePublisherConnection) {
  Client& alice = JoinDual("alice");
  alice.AddTrack(Microphone("78ac6710-55fb-43db-959f-8c06eac51305"));
  alice.AddTrack(Camera("a9f31f83-637a-419d-8198-876e31b177de"));
  OfferGolden(alice, "chromium-221-dual/03-pub-offer-1.sdp", 1);
  OfferGolden(alice, "chromium-221-dual/05-pub-offer-2.sdp", 2);
  const auto added = world_.media.Posted<control::AddPublication>();
  ASSERT_EQ(added.size(), 2U);
  EXPECT_EQ(added[0].session, alice.participant()->uplink()->session);
  EXPECT_EQ(alice.Last(Case::kTrickle).trickle().target(), pb::SignalTarget::PUBLISHER);
}

}  // namespace
}  // namespace fovea::livekit
