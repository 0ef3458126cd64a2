// Who receives what, in which size: livekit-protocol reference sections 4.3, 4.5, 4.6.
#include "tests/unit/signaling/livekit/room_fixture.h"

namespace fovea::livekit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class RoomSubscribe : public RoomTest {
 protected:
  static void Show(Client& client, const std::string& track_sid, std::uint32_t width,
                   std::uint32_t height) {
    pb::SignalRequest request;
    request.mutable_track_setting()->add_track_sids(track_sid);
    request.mutable_track_setting()->set_width(width);
    request.mutable_track_setting()->set_height(height);
    client.Send(request);
  }
  static void Hide(Client& client, const std::string& track_sid) {
    pb::SignalRequest request;
    request.mutable_track_setting()->add_track_sids(track_sid);
    request.mutable_track_setting()->set_disabled(true);
    client.Send(request);
  }
  static void Permit(Client& publisher, const pb::SubscriptionPermission& permission) {
    pb::SignalRequest request;
    *request.mutable_subscription_permission() = permission;
    publisher.Send(request);
  }
  // The qualities that the last subscribed_quality_update switches on.
  static std::vector<int> Enabled(Client& publisher) {
    std::vector<int> enabled;
    const auto update = publisher.Last(Case::kSubscribedQualityUpdate).subscribed_quality_update();
    for (const auto& quality : update.subscribed_qualities()) {
      if (quality.enabled()) enabled.push_back(quality.quality());
    }
    return enabled;
  }
  static std::size_t Updates(Client& publisher) {
    return publisher.HeardOf(Case::kSubscribedQualityUpdate).size();
  }
  JoinParams Adaptive(const std::string& identity) {
    JoinParams params = World::Params("room", identity);
    params.request.mutable_connection_settings()->set_adaptive_stream(true);
    return params;
  }
};

TEST_F(RoomSubscribe, StopsForwardingOnUnsubscribeAndUsesANewSsrcAfterwards) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string mic = alice.Publish(Microphone("mic"));
  Settle();
  bob.Subscribe(mic, false);
  EXPECT_EQ(world_.media.Posted<control::RemoveSubscription>().size(), 1U);
  bob.Offer();
  EXPECT_THAT(bob.Last(Case::kAnswer).answer().mid_to_track_id(), IsEmpty());
  bob.Subscribe(mic, true);
  Settle();
  const auto added = world_.media.Posted<control::AddSubscription>();
  ASSERT_EQ(added.size(), 2U);
  EXPECT_NE(added[0].ssrc, added[1].ssrc);
}

TEST_F(RoomSubscribe, WaitsForPlaceWhereSubscriptionsAreLimited) {
  world_.options.audio_subscriptions_max = 1;
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string first = alice.Publish(Microphone("first"));
  const std::string second = alice.Publish(Microphone("second"));
  alice.Publish(Camera("camera"));
  Settle();
  const auto of_bob = [&] {
    std::vector<std::string> sids;
    for (const auto& [track_sid, downlink] : bob.participant()->downlinks) {
      if (downlink.rtx_ssrc == 0) sids.push_back(track_sid);
    }
    return sids;
  };
  EXPECT_THAT(of_bob(), ElementsAre(first));
  EXPECT_EQ(bob.participant()->downlinks.size(), 2U) << "videos are another limit";
  bob.Subscribe(first, false);
  EXPECT_THAT(of_bob(), ElementsAre(second));
  bob.Subscribe(first, true);
  EXPECT_THAT(of_bob(), ElementsAre(second));
}

TEST_F(RoomSubscribe, GivesThePlaceOfWhoLeftToWhoWaits) {
  world_.options.audio_subscriptions_max = 1;
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  Client& carol = Join("carol");
  alice.Publish(Microphone("mic"));
  alice.Publish(Camera("camera"));
  Settle();
  const std::string waiting = bob.Publish(Microphone("mic"));
  Settle();
  EXPECT_FALSE(carol.participant()->downlinks.contains(waiting));
  pb::SignalRequest leave;
  leave.mutable_leave();
  alice.Send(leave);
  EXPECT_TRUE(carol.participant()->downlinks.contains(waiting));
}

TEST_F(RoomSubscribe, SubscribesByHandWithoutAutoSubscribe) {
  Client& alice = Join("alice");
  JoinParams params = World::Params("room", "bob");
  params.request.mutable_connection_settings()->set_auto_subscribe(false);
  Client& bob = Join(params);
  const std::string mic = alice.Publish(Microphone("mic"));
  alice.Publish(Camera("cam"));
  Settle();
  EXPECT_TRUE(bob.participant()->downlinks.empty());
  bob.Subscribe(mic, true);
  Settle();
  EXPECT_EQ(bob.participant()->downlinks.size(), 1U);
}

TEST_F(RoomSubscribe, RemembersAWishForATrackThatComesLater) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  alice.AddTrack(Microphone("mic"));
  const std::string mic = alice.Last(Case::kTrackPublished).track_published().track().sid();
  bob.Subscribe(mic, false);
  alice.AddSection(Microphone("mic"));
  alice.Offer();
  EXPECT_TRUE(bob.participant()->downlinks.empty());
}

TEST_F(RoomSubscribe, FollowsThePublishersPermissions) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  Client& carol = Join("carol");
  const std::string mic = alice.Publish(Microphone("mic"));
  Settle();
  pb::SubscriptionPermission only_carol;
  only_carol.add_track_permissions()->set_participant_identity("carol");
  only_carol.mutable_track_permissions(0)->set_all_tracks(true);
  Permit(alice, only_carol);
  EXPECT_FALSE(bob.participant()->downlinks.contains(mic));
  EXPECT_TRUE(carol.participant()->downlinks.contains(mic));
  auto update = bob.Last(Case::kSubscriptionPermissionUpdate).subscription_permission_update();
  EXPECT_EQ(update.participant_sid(), alice.sid());
  EXPECT_EQ(update.track_sid(), mic);
  EXPECT_FALSE(update.allowed());
  EXPECT_THAT(carol.HeardOf(Case::kSubscriptionPermissionUpdate), IsEmpty());

  pb::SubscriptionPermission everybody;
  everybody.set_all_participants(true);
  Permit(alice, everybody);
  Settle();
  EXPECT_TRUE(bob.participant()->downlinks.contains(mic));
  update = bob.Last(Case::kSubscriptionPermissionUpdate).subscription_permission_update();
  EXPECT_TRUE(update.allowed());
  // Said again by every client on connect: changes nothing.
  bob.Take();
  Permit(alice, everybody);
  EXPECT_THAT(bob.Take(), IsEmpty());
}

TEST_F(RoomSubscribe, PermitsSingleTracksBySid) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string mic = alice.Publish(Microphone("mic"));
  const std::string camera = alice.Publish(Camera("cam"));
  pb::SubscriptionPermission permission;
  permission.add_track_permissions()->set_participant_sid(bob.sid());
  permission.mutable_track_permissions(0)->add_track_sids(mic);
  Permit(alice, permission);
  EXPECT_TRUE(bob.participant()->downlinks.contains(mic));
  EXPECT_FALSE(bob.participant()->downlinks.contains(camera));
}

TEST_F(RoomSubscribe, AppliesPermissionsToTracksPublishedLater) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  Permit(alice, pb::SubscriptionPermission{});
  alice.Publish(Microphone("mic"));
  EXPECT_TRUE(bob.participant()->downlinks.empty());
}

// --- Adaptive stream ---

TEST_F(RoomSubscribe, BeginsLowForAdaptiveClientsAndHighForOthers) {
  Client& alice = Join("alice");
  alice.Publish(Camera("cam"));
  Join(Adaptive("bob"));
  Join("carol");
  const auto added = world_.media.Posted<control::AddSubscription>();
  ASSERT_EQ(added.size(), 2U);
  EXPECT_EQ(added[0].spatial_max, 0);
  EXPECT_EQ(added[1].spatial_max, 2);
}

TEST_F(RoomSubscribe, ForwardsTheSizeThatIsShown) {
  Client& alice = Join("alice");
  Client& bob = Join(Adaptive("bob"));
  const std::string camera = alice.Publish(Camera("cam"));
  Settle();
  const auto spatial = [&](std::uint32_t width, std::uint32_t height) {
    Show(bob, camera, width, height);
    return int{world_.media.Posted<control::SetSubscription>().back().spatial_max};
  };
  EXPECT_EQ(spatial(320, 180), 0);
  EXPECT_EQ(spatial(640, 360), 1);
  EXPECT_EQ(spatial(1280, 720), 2);
  EXPECT_EQ(spatial(1920, 1080), 2);
}

TEST_F(RoomSubscribe, PausesWhatIsHiddenAndRemembersThatBeforeTheSubscription) {
  Client& alice = Join("alice");
  Client& bob = Join(Adaptive("bob"));
  alice.AddTrack(Camera("cam"));
  const std::string camera = alice.Last(Case::kTrackPublished).track_published().track().sid();
  Hide(bob, camera);
  alice.AddSection(Camera("cam"));
  alice.Offer();
  Settle();
  EXPECT_TRUE(world_.media.Posted<control::AddSubscription>().back().paused);
  Show(bob, camera, 320, 180);
  EXPECT_FALSE(world_.media.Posted<control::SetSubscription>().back().paused);
  Hide(bob, camera);
  EXPECT_TRUE(world_.media.Posted<control::SetSubscription>().back().paused);
}

// --- Dynacast ---

TEST_F(RoomSubscribe, SwitchesLayersOnAtOnceAndOffAfterFiveSeconds) {
  Client& alice = Join("alice");
  Client& bob = Join(Adaptive("bob"));
  const std::string camera = alice.Publish(Camera("cam"));
  Settle();
  Show(bob, camera, 1280, 720);
  EXPECT_THAT(Enabled(alice), ElementsAre(0, 1, 2));
  const auto update = alice.Last(Case::kSubscribedQualityUpdate).subscribed_quality_update();
  EXPECT_EQ(update.track_sid(), camera);
  ASSERT_EQ(update.subscribed_codecs_size(), 1);
  EXPECT_EQ(update.subscribed_codecs(0).codec(), "vp8");

  Show(bob, camera, 320, 180);
  world_.Advance(Millis(4999));
  EXPECT_THAT(Enabled(alice), ElementsAre(0, 1, 2));
  world_.Advance(Millis(1));
  EXPECT_THAT(Enabled(alice), ElementsAre(0));

  Show(bob, camera, 640, 360);
  EXPECT_THAT(Enabled(alice), ElementsAre(0, 1));
}

TEST_F(RoomSubscribe, ForgetsALowerWishThatDidNotLast) {
  Client& alice = Join("alice");
  Client& bob = Join(Adaptive("bob"));
  const std::string camera = alice.Publish(Camera("cam"));
  Settle();
  Show(bob, camera, 1280, 720);
  const std::size_t before = Updates(alice);
  Show(bob, camera, 320, 180);
  world_.Advance(Seconds(4));
  Show(bob, camera, 1280, 720);
  world_.Advance(Seconds(20));
  EXPECT_EQ(Updates(alice), before);
}

TEST_F(RoomSubscribe, EnablesWhatTheMostDemandingSubscriberWants) {
  Client& alice = Join("alice");
  Client& bob = Join(Adaptive("bob"));
  Client& carol = Join(Adaptive("carol"));
  const std::string camera = alice.Publish(Camera("cam"));
  Settle();
  Show(bob, camera, 640, 360);
  Show(carol, camera, 320, 180);
  world_.Advance(Seconds(10));
  EXPECT_THAT(Enabled(alice), ElementsAre(0, 1));
  bob.Subscribe(camera, false);
  world_.Advance(Seconds(5));
  EXPECT_THAT(Enabled(alice), ElementsAre(0));
}

TEST_F(RoomSubscribe, SwitchesEverythingOffTenSecondsAfterPublishingToNobody) {
  Client& alice = Join("alice");
  alice.Publish(Camera("cam"));
  EXPECT_EQ(Updates(alice), 0U);
  world_.Advance(Seconds(9));
  EXPECT_EQ(Updates(alice), 0U);
  world_.Advance(Seconds(1));
  EXPECT_EQ(Updates(alice), 1U);
  EXPECT_THAT(Enabled(alice), IsEmpty());
  Join("bob");
  EXPECT_THAT(Enabled(alice), ElementsAre(0, 1, 2));
}

// --- Speakers and quality ---

TEST_F(RoomSubscribe, TellsListenersWhoSpeaksAndOnceWhoStopped) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string mic = alice.Publish(Microphone("mic"));
  Settle();
  const auto say = [&](float level, bool active) {
    const auto publication = alice.participant()->track(mic)->primary().publication;
    world_.manager.HandleWorkerEvent(world_.now, control::SpeakerLevel{publication, level, active});
    world_.Advance(Millis(400));
  };
  say(0.5F, true);
  say(0.5F, true);
  ASSERT_EQ(bob.HeardOf(Case::kSpeakersChanged).size(), 1U);
  auto speaker = bob.Last(Case::kSpeakersChanged).speakers_changed().speakers(0);
  EXPECT_EQ(speaker.sid(), alice.sid());
  EXPECT_TRUE(speaker.active());
  say(0, false);
  say(0, false);
  ASSERT_EQ(bob.HeardOf(Case::kSpeakersChanged).size(), 2U);
  speaker = bob.Last(Case::kSpeakersChanged).speakers_changed().speakers(0);
  EXPECT_FALSE(speaker.active());
  EXPECT_EQ(speaker.level(), 0.0F);
}

// Somebody who is heard to speak, and what others were told of that.
class RoomSpeakers : public RoomSubscribe {
 protected:
  void Say(Client& client, const std::string& track_sid, bool active) {
    const auto publication = client.participant()->track(track_sid)->primary().publication;
    world_.manager.HandleWorkerEvent(
        world_.now, control::SpeakerLevel{publication, active ? 0.5F : 0.0F, active});
    world_.Advance(Millis(400));
  }
  // Whether `listener` was told since it was last asked, and what at last.
  static std::optional<bool> Told(Client& listener, const std::string& speaker_sid) {
    std::optional<bool> told;
    for (const pb::SignalResponse& message : listener.Take()) {
      for (const auto& info : message.speakers_changed().speakers()) {
        if (info.sid() == speaker_sid) told = info.active();
      }
    }
    return told;
  }
};

TEST_F(RoomSpeakers, AreToldOnSubscribingAndForgottenOnUnsubscribing) {
  Client& alice = Join("alice");
  const std::string mic = alice.Publish(Microphone("mic"));
  Say(alice, mic, true);
  Client& bob = JoinOnly("bob");
  EXPECT_EQ(Told(bob, alice.sid()), std::nullopt);
  bob.ConnectMedia();
  EXPECT_EQ(Told(bob, alice.sid()), true);
  bob.Subscribe(mic, false);
  EXPECT_EQ(Told(bob, alice.sid()), false);
  bob.Subscribe(mic, true);
  EXPECT_EQ(Told(bob, alice.sid()), true);
  // Nothing to tell of the silent.
  Say(alice, mic, false);
  EXPECT_EQ(Told(bob, alice.sid()), false);
  bob.Subscribe(mic, false);
  bob.Subscribe(mic, true);
  EXPECT_EQ(Told(bob, alice.sid()), std::nullopt);
}

TEST_F(RoomSpeakers, StopWhenTheirMicrophoneIsUnpublishedOrTheyGo) {
  for (const bool removed : {false, true}) {
    Client& alice = Join("alice");
    Client& bob = Join("bob");
    const std::string mic = alice.Publish(Microphone("mic"));
    const std::string sid = alice.sid();
    Settle();
    Say(alice, mic, true);
    EXPECT_EQ(Told(bob, sid), true);
    EXPECT_EQ(Told(alice, sid), true);
    if (removed) {
      alice.room().Remove(world_.now, *alice.participant(),
                          pb::DisconnectReason::PARTICIPANT_REMOVED);
    } else {
      alice.sketch().last().direction = wire::SdpDirection::kInactive;
      alice.Offer();
      EXPECT_FALSE(alice.participant()->speaking);
      EXPECT_EQ(Told(alice, sid), false);
    }
    EXPECT_EQ(Told(bob, sid), false);
    world_.Advance(Seconds(1));
    EXPECT_EQ(Told(bob, sid), std::nullopt);
  }
}

TEST_F(RoomSpeakers, AreToldToAResumerAlsoWhenTheyStoppedMeanwhile) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  const std::string mic = alice.Publish(Microphone("mic"));
  Settle();
  Say(alice, mic, true);
  EXPECT_EQ(Told(bob, alice.sid()), true);
  bob.LoseSignal();
  Say(alice, mic, false);
  JoinParams params = bob.params();
  params.request.set_reconnect(true);
  params.request.set_participant_sid(bob.sid());
  EXPECT_EQ(Told(JoinOnly(params), alice.sid()), false);
}

TEST_F(RoomSubscribe, TellsWhoComesLateOrResumesHowGoodTheOthersLinksAre) {
  Client& alice = Join("alice");
  alice.Publish(Microphone("mic"));
  world_.Advance(Seconds(6));
  const auto qualities = [](const Messages& heard) {
    std::vector<std::pair<std::string, pb::ConnectionQuality>> all;
    for (const pb::SignalResponse& message : heard) {
      for (const auto& info : message.connection_quality().updates())
        all.emplace_back(info.participant_sid(), info.quality());
    }
    return all;
  };
  Client& bob = JoinOnly("bob");
  EXPECT_THAT(qualities(bob.heard()), IsEmpty());
  bob.ConnectMedia();
  EXPECT_THAT(qualities(bob.heard()),
              ElementsAre(Pair(alice.sid(), pb::ConnectionQuality::EXCELLENT)));
  EXPECT_THAT(bob.Last(Case::kConnectionQuality).connection_quality().updates(0).score(),
              testing::Gt(80.0F));
  // Once is enough, and nobody hears of whom they do not receive.
  alice.Publish(Camera("cam"));
  bob.Take();
  Client& carol = Join("carol");
  world_.Advance(Seconds(6));
  EXPECT_THAT(qualities(bob.Take()), ElementsAre(Pair(bob.sid(), testing::_)));

  bob.LoseSignal();
  JoinParams params = bob.params();
  params.request.set_reconnect(true);
  params.request.set_participant_sid(bob.sid());
  EXPECT_THAT(
      qualities(JoinOnly(params).heard()),
      testing::UnorderedElementsAre(Pair(alice.sid(), testing::_), Pair(bob.sid(), testing::_)));
  EXPECT_THAT(qualities(carol.heard()), testing::Contains(Pair(alice.sid(), testing::_)));
}

TEST_F(RoomSubscribe, JudgesALinkByLossJitterAndRoundTripTime) {
  using Quality = pb::ConnectionQuality;
  Client& alice = Join("alice");
  const std::string mic = alice.Publish(Microphone("mic"));
  const auto publication = alice.participant()->track(mic)->primary().publication;
  const auto judged = [&](std::uint32_t lost_percent, std::uint32_t jitter_ms,
                          std::uint32_t rtt_ms) {
    world_.manager.HandleWorkerEvent(
        world_.now,
        control::UplinkQuality{publication, 100, lost_percent, jitter_ms * 1000, rtt_ms * 1000, 0});
    world_.Advance(Seconds(5));
    return alice.Last(Case::kConnectionQuality).connection_quality().updates(0).quality();
  };
  EXPECT_EQ(judged(1, 5, 40), Quality::EXCELLENT);
  EXPECT_EQ(judged(4, 5, 40), Quality::GOOD);
  EXPECT_EQ(judged(9, 5, 40), Quality::POOR);
  EXPECT_EQ(judged(0, 5, 40), Quality::EXCELLENT);
  EXPECT_EQ(judged(0, 100, 300), Quality::GOOD);
  EXPECT_EQ(judged(0, 400, 40), Quality::POOR);
  EXPECT_EQ(judged(0, 5, 1000), Quality::GOOD);
}

TEST_F(RoomSubscribe, NeverCallsALinkLost) {
  Client& alice = Join("alice");
  Join("bob");
  const std::string mic = alice.Publish(Microphone("mic"));
  world_.Advance(Seconds(6));
  EXPECT_EQ(alice.Last(Case::kConnectionQuality).connection_quality().updates(0).quality(),
            pb::ConnectionQuality::EXCELLENT);
  const auto publication = alice.participant()->track(mic)->primary().publication;
  world_.manager.HandleWorkerEvent(world_.now,
                                   control::UplinkQuality{publication, 100, 100, 0, 0, 0});
  world_.Advance(Seconds(5));
  EXPECT_EQ(alice.Last(Case::kConnectionQuality).connection_quality().updates(0).quality(),
            pb::ConnectionQuality::POOR);
}

}  // namespace
}  // namespace fovea::livekit
