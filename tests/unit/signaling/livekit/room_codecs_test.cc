// A track in two codecs: who gets which, when the second is asked for, and when it replaces the
// first. livekit-protocol reference section 4.5.
#include <gtest/gtest.h>

#include "tests/unit/signaling/livekit/room_fixture.h"

namespace fovea::livekit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

class RoomCodecs : public RoomTest {
 protected:
  // A camera in VP9 with VP8 announced as what it can add, as livekit-client asks for it.
  static pb::AddTrackRequest ScalableCamera(pb::BackupCodecPolicy policy) {
    pb::AddTrackRequest request = Camera("cam");
    request.set_backup_codec_policy(policy);
    pb::SimulcastCodec& primary = *request.add_simulcast_codecs();
    primary.set_codec("vp9");
    primary.set_cid("cam");
    request.add_simulcast_codecs()->set_codec("vp8");
    return request;
  }
  static std::string PublishScalable(
      Client& client, pb::BackupCodecPolicy policy = pb::BackupCodecPolicy::PREFER_REGRESSION) {
    client.AddTrack(ScalableCamera(policy));
    client.sketch().Send(MediaKind::kVideo, "cam");
    client.Offer();
    return client.Last(Case::kTrackPublished).track_published().track().sid();
  }
  static void PublishBackup(Client& client, const std::string& track_sid) {
    client.AddTrack(BackupOf(track_sid));
    client.sketch().Send(MediaKind::kVideo, "cam-in-vp8");
    client.Offer();
  }
  static pb::AddTrackRequest BackupOf(const std::string& track_sid) {
    pb::AddTrackRequest request =
        AddTrackOf("cam-in-vp8", pb::TrackType::VIDEO, pb::TrackSource::CAMERA);
    request.set_sid(track_sid);
    pb::SimulcastCodec& codec = *request.add_simulcast_codecs();
    codec.set_codec("vp8");
    codec.set_cid("cam-in-vp8");
    return request;
  }
  // Makes the last section one for AV1, as Chromium offers it.
  static void OnlyAv1(OfferSketch& sketch, bool with_dependency_descriptor) {
    sketch.last().codecs = {{PayloadType(45), "AV1", 90000, 0, "profile=0", {"nack", "nack pli"}},
                            {PayloadType(46), "rtx", 90000, 0, "apt=45", {}}};
    if (!with_dependency_descriptor) return;
    const auto uri = rtp::ToString(rtp::ExtensionUri::kDependencyDescriptor);
    sketch.last().extensions.push_back({12, std::string(uri), {}});
  }
  Client& JoinForAv1(const std::string& identity, bool with_dependency_descriptor) {
    Client& client = JoinOnly(identity);
    client.sketch().Receive(MediaKind::kVideo, 1);
    OnlyAv1(client.sketch(), with_dependency_descriptor);
    client.sketch().Data();
    client.Offer();
    client.ConnectMedia();
    return client;
  }
  // A client whose only video section offers VP8 alone.
  Client& JoinWithoutVp9(const std::string& identity) {
    Client& client = JoinOnly(identity);
    client.sketch().Receive(MediaKind::kAudio, 1).Receive(MediaKind::kVideo, 1);
    client.sketch().last().codecs.resize(2);
    client.sketch().Data();
    client.Offer();
    client.ConnectMedia();
    return client;
  }
  // Codec and highest enabled quality (-1: none), as the publisher was last told.
  static std::vector<std::pair<std::string, int>> Wanted(Client& publisher) {
    std::vector<std::pair<std::string, int>> wanted;
    const pb::SignalResponse last = publisher.Last(Case::kSubscribedQualityUpdate);
    for (const auto& codec : last.subscribed_quality_update().subscribed_codecs()) {
      int highest = -1;
      for (const auto& quality : codec.qualities()) {
        if (quality.enabled()) highest = quality.quality();
      }
      wanted.emplace_back(codec.codec(), highest);
    }
    return wanted;
  }
  rtp::Codec Receives(Client& client, const std::string& track_sid) {
    const auto& downlink = client.participant()->downlinks.at(track_sid);
    rtp::Codec codec = rtp::Codec::kUnknown;
    for (const auto& added : world_.media.Posted<control::AddSubscription>()) {
      if (added.subscription == downlink.subscription) codec = added.codecs[0].codec;
    }
    return codec;
  }
};

TEST_F(RoomCodecs, NamesTheBackupCodecInTheTrackBeforeAnybodyNeedsIt) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  PublishScalable(alice);
  Settle();
  const pb::TrackInfo track = bob.Knows("alice").tracks(0);
  EXPECT_EQ(track.mime_type(), "video/VP9");
  ASSERT_THAT(track.codecs(), SizeIs(2));
  EXPECT_EQ(track.codecs(0).mime_type(), "video/VP9");
  EXPECT_EQ(track.codecs(1).mime_type(), "video/VP8");
  EXPECT_EQ(track.codecs(1).cid(), "");
  EXPECT_THAT(Wanted(alice), ElementsAre(Pair("vp9", 2), Pair("vp8", -1)));
  EXPECT_THAT(world_.media.Posted<control::AddPublication>(), SizeIs(1));
}

TEST_F(RoomCodecs, AsksForTheBackupCodecWhenASubscriberCannotDecodeTheFirst) {
  Client& alice = Join("alice");
  Client& carol = JoinWithoutVp9("carol");
  const std::string camera = PublishScalable(alice, pb::BackupCodecPolicy::SIMULCAST);
  Settle();
  EXPECT_THAT(Wanted(alice), ElementsAre(Pair("vp9", -1), Pair("vp8", 2)));
  EXPECT_THAT(carol.HeardOf(Case::kSubscriptionResponse), IsEmpty());

  PublishBackup(alice, camera);
  EXPECT_EQ(alice.Last(Case::kTrackPublished).track_published().track().sid(), camera);
  EXPECT_EQ(alice.Last(Case::kTrackPublished).track_published().cid(), "cam-in-vp8");
  Settle();
  EXPECT_EQ(Receives(carol, camera), rtp::Codec::kVp8);
  EXPECT_THAT(carol.Last(Case::kAnswer).answer().mid_to_track_id(), ElementsAre(Pair("1", camera)));
  EXPECT_THAT(carol.Knows("alice").tracks(), SizeIs(1));
  EXPECT_EQ(carol.Knows("alice").tracks(0).codecs(1).cid(), "cam-in-vp8");
}

TEST_F(RoomCodecs, GivesOneLayerOfAv1ToWhoCannotTellLayersApart) {
  Client& alice = Join("alice");
  Client& bob = JoinForAv1("bob", true);
  Client& carol = JoinForAv1("carol", false);
  alice.AddTrack(Camera("cam"));
  alice.sketch().Send(MediaKind::kVideo, "cam");
  OnlyAv1(alice.sketch(), true);
  alice.Offer();
  const std::string camera = alice.Last(Case::kTrackPublished).track_published().track().sid();
  Settle();
  const auto spatial = [&](Client& client) {
    const auto& downlink = client.participant()->downlinks.at(camera);
    for (const auto& added : world_.media.Posted<control::AddSubscription>()) {
      if (added.subscription == downlink.subscription) return int{added.spatial_max};
    }
    return -1;
  };
  EXPECT_EQ(Receives(carol, camera), rtp::Codec::kAv1);
  EXPECT_EQ(spatial(bob), 2);
  EXPECT_EQ(spatial(carol), 0);
}

TEST_F(RoomCodecs, TakesTheOfferOfABackupCodecBeforeItsRequest) {
  Client& alice = Join("alice");
  Client& carol = JoinWithoutVp9("carol");
  const std::string camera = PublishScalable(alice);
  Settle();
  alice.sketch().Send(MediaKind::kVideo, "cam-in-vp8");
  alice.Offer();
  EXPECT_THAT(world_.media.Posted<control::AddPublication>(), SizeIs(1));
  alice.AddTrack(BackupOf(camera));
  EXPECT_THAT(world_.media.Posted<control::AddPublication>(), SizeIs(2));
  Settle();
  EXPECT_EQ(Receives(carol, camera), rtp::Codec::kVp8);
}

TEST_F(RoomCodecs, ServesEachInTheCodecItDecodesWhenThePublisherKeepsBoth) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  Client& carol = JoinWithoutVp9("carol");
  const std::string camera = PublishScalable(alice, pb::BackupCodecPolicy::SIMULCAST);
  Settle();
  PublishBackup(alice, camera);
  Settle();
  EXPECT_EQ(Receives(bob, camera), rtp::Codec::kVp9);
  EXPECT_EQ(Receives(carol, camera), rtp::Codec::kVp8);
  EXPECT_THAT(Wanted(alice), ElementsAre(Pair("vp9", 2), Pair("vp8", 2)));
}

TEST_F(RoomCodecs, MovesEverybodyToTheBackupCodecInASmallRoom) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  Client& carol = JoinWithoutVp9("carol");
  const std::string camera = PublishScalable(alice);
  Settle();
  ASSERT_EQ(Receives(bob, camera), rtp::Codec::kVp9);
  const auto before = bob.participant()->downlinks.at(camera);
  bob.Take();
  PublishBackup(alice, camera);
  // Until the move is negotiated he watches the first codec, so it is still wanted.
  EXPECT_EQ(Receives(bob, camera), rtp::Codec::kVp9);
  EXPECT_THAT(Wanted(alice), ElementsAre(Pair("vp9", 2), Pair("vp8", 2)));
  Settle();
  EXPECT_EQ(Receives(bob, camera), rtp::Codec::kVp8);
  EXPECT_EQ(Receives(carol, camera), rtp::Codec::kVp8);
  const auto after = bob.participant()->downlinks.at(camera);
  EXPECT_EQ(after.mid, before.mid);
  EXPECT_NE(after.ssrc, before.ssrc);
  EXPECT_EQ(world_.media.Posted<control::RemoveSubscription>().back().subscription,
            before.subscription);
  // His client never saw the section without the track.
  for (const pb::SignalResponse& message : bob.Take()) {
    if (message.has_answer()) {
      EXPECT_THAT(message.answer().mid_to_track_id(), ElementsAre(Pair(before.mid, camera)));
    }
  }
  world_.Advance(Seconds(6));
  EXPECT_THAT(Wanted(alice), ElementsAre(Pair("vp9", -1), Pair("vp8", 2)));
  Client& dave = Join("dave");
  EXPECT_EQ(Receives(dave, camera), rtp::Codec::kVp8);
}

TEST_F(RoomCodecs, KeepsBothCodecsInALargerRoom) {
  world_.options.codec_regression_threshold = 3;
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  JoinWithoutVp9("carol");
  const std::string camera = PublishScalable(alice);
  Settle();
  PublishBackup(alice, camera);
  Settle();
  EXPECT_EQ(Receives(bob, camera), rtp::Codec::kVp9);
}

TEST_F(RoomCodecs, AlwaysRegressesWithoutAThreshold) {
  world_.options.codec_regression_threshold = 0;
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  JoinWithoutVp9("carol");
  const std::string camera = PublishScalable(alice);
  Settle();
  PublishBackup(alice, camera);
  Settle();
  EXPECT_EQ(Receives(bob, camera), rtp::Codec::kVp8);
}

TEST_F(RoomCodecs, RegressesInALargeRoomWhenThePublisherSaysSo) {
  world_.options.codec_regression_threshold = 2;
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  JoinWithoutVp9("carol");
  const std::string camera = PublishScalable(alice, pb::BackupCodecPolicy::REGRESSION);
  Settle();
  PublishBackup(alice, camera);
  Settle();
  EXPECT_EQ(Receives(bob, camera), rtp::Codec::kVp8);
}

TEST_F(RoomCodecs, RemembersWhatASubscriberCannotDecode) {
  Client& alice = Join("alice");
  Client& carol = JoinWithoutVp9("carol");
  const std::string camera = PublishScalable(alice, pb::BackupCodecPolicy::SIMULCAST);
  Settle();
  PublishBackup(alice, camera);
  Settle();
  carol.Subscribe(camera, false);
  Settle();
  const std::size_t answers = carol.HeardOf(Case::kAnswer).size();
  carol.Subscribe(camera, true);
  Settle();
  EXPECT_EQ(Receives(carol, camera), rtp::Codec::kVp8);
  EXPECT_EQ(carol.HeardOf(Case::kAnswer).size(), answers + 1);
}

TEST_F(RoomCodecs, MutesAndUnpublishesBothCodecs) {
  Client& alice = Join("alice");
  Client& carol = JoinWithoutVp9("carol");
  const std::string camera = PublishScalable(alice);
  Settle();
  PublishBackup(alice, camera);
  Settle();
  alice.Mute(camera, true);
  EXPECT_THAT(world_.media.Posted<control::SetPublicationMuted>(), SizeIs(2));
  for (const auto index :
       {alice.sketch().sdp().media.size() - 2, alice.sketch().sdp().media.size() - 1}) {
    alice.sketch().at(index).direction = wire::SdpDirection::kInactive;
  }
  alice.Offer();
  EXPECT_THAT(world_.media.Posted<control::RemovePublication>(), SizeIs(2));
  EXPECT_THAT(carol.Knows("alice").tracks(), IsEmpty());
  EXPECT_THAT(carol.participant()->downlinks, IsEmpty());
}

TEST_F(RoomCodecs, GoesBackToTheFirstCodecWhenThePublisherDropsTheBackup) {
  Client& alice = Join("alice");
  Client& bob = Join("bob");
  JoinWithoutVp9("carol");
  const std::string camera = PublishScalable(alice);
  Settle();
  PublishBackup(alice, camera);
  Settle();
  ASSERT_EQ(Receives(bob, camera), rtp::Codec::kVp8);
  alice.sketch().last().direction = wire::SdpDirection::kInactive;
  alice.Offer();
  Settle();
  EXPECT_EQ(Receives(bob, camera), rtp::Codec::kVp9);
}

TEST_F(RoomCodecs, RefusesABackupCodecOfATrackThatIsNotThere) {
  Client& alice = Join("alice");
  alice.AddTrack(BackupOf("TR_none"));
  EXPECT_EQ(alice.heard().back().request_response().reason(), pb::RequestResponse::NOT_FOUND);
  EXPECT_EQ(alice.heard().back().request_response().add_track().sid(), "TR_none");
}

TEST_F(RoomCodecs, SaysThatACodecIsUnsupportedWhenThereIsNoBackup) {
  Client& alice = Join("alice");
  Client& carol = JoinWithoutVp9("carol");
  pb::AddTrackRequest request = Camera("cam");
  pb::SimulcastCodec& primary = *request.add_simulcast_codecs();
  primary.set_codec("vp9");
  primary.set_cid("cam");
  alice.AddTrack(request);
  alice.sketch().Send(MediaKind::kVideo, "cam");
  alice.Offer();
  Settle();
  EXPECT_EQ(carol.Last(Case::kSubscriptionResponse).subscription_response().err(),
            pb::SubscriptionError::SE_CODEC_UNSUPPORTED);
}

}  // namespace
}  // namespace fovea::livekit
