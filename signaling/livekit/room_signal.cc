// Room: one client message in, dispatched. livekit-protocol reference section 2.3.
#include "signaling/livekit/room.h"

namespace fovea::livekit {

void Room::HandleSignal(Instant now, Participant& participant, const pb::SignalRequest& request) {
  using Request = pb::SignalRequest;
  const auto pong = [&](std::int64_t last_ping_timestamp) {
    pb::SignalResponse response;
    response.mutable_pong_resp()->set_last_ping_timestamp(last_ping_timestamp);
    response.mutable_pong_resp()->set_timestamp(context_.Wall(now).value / 1000);
    Send(participant, response);
  };
  switch (request.message_case()) {
    case Request::kOffer:
      return HandleOffer(now, participant, request.offer());
    case Request::kAnswer:
      return HandleAnswer(now, participant, request.answer());
    case Request::kTrickle:
      return;  // ICE-lite: the peer's checks tell its address
    case Request::kAddTrack:
      return AddTrack(now, participant, request.add_track());
    case Request::kMute:
      return MuteByClient(participant, request.mute());
    case Request::kSubscription:
      return HandleSubscriptionRequest(now, participant, request.subscription());
    case Request::kTrackSetting:
      return HandleTrackSettings(now, participant, request.track_setting());
    case Request::kLeave:
      return Remove(now, participant, pb::DisconnectReason::CLIENT_INITIATED);
    case Request::kUpdateLayers:
      return;  // deprecated by LiveKit; the packets tell which layers live
    case Request::kSubscriptionPermission:
      return HandleSubscriptionPermission(now, participant, request.subscription_permission());
    case Request::kSyncState:
      return SyncState(now, participant, request.sync_state());
    case Request::kSimulate:
      return Simulate(now, participant, request.simulate());
    case Request::kPing: {
      pb::SignalResponse response;
      response.set_pong(context_.Wall(now).value / 1000);
      return Send(participant, response);
    }
    case Request::kPingReq:
      return pong(request.ping_req().timestamp());
    case Request::kUpdateMetadata:
      return UpdateOwnMetadata(now, participant, request.update_metadata());
    case Request::kUpdateAudioTrack:
    case Request::kUpdateVideoTrack:
      return UpdateLocalTrack(participant, request);
    case Request::kPublishDataTrackRequest:
      return PublishDataTrack(participant, request.publish_data_track_request());
    case Request::kUnpublishDataTrackRequest:
      return UnpublishDataTrack(participant, request.unpublish_data_track_request().pub_handle(),
                                true);
    case Request::kUpdateDataSubscription:
      return UpdateDataSubscription(participant, request.update_data_subscription());
    case Request::kStoreDataBlobRequest:
      return RefuseDataBlob(participant, request.store_data_blob_request().request_id());
    case Request::kGetDataBlobRequest:
      return RefuseDataBlob(participant, request.get_data_blob_request().request_id());
    case Request::MESSAGE_NOT_SET: {
      pb::RequestResponse response;
      response.set_reason(pb::RequestResponse::UNSUPPORTED_TYPE);
      response.set_message("this server does not know the request");
      return RespondToRequest(participant, std::move(response));
    }
  }
}

void Room::UpdateLocalTrack(Participant& participant, const pb::SignalRequest& request) {
  const bool audio = request.has_update_audio_track();
  Track* track = participant.track(audio ? request.update_audio_track().track_sid()
                                         : request.update_video_track().track_sid());
  if (track == nullptr) return;
  if (audio) {
    *track->info.mutable_audio_features() = request.update_audio_track().features();
  } else {
    track->info.set_width(request.update_video_track().width());
    track->info.set_height(request.update_video_track().height());
  }
  participant.BumpVersion();
  BroadcastSoon(participant);
}

void Room::RefuseDataBlob(Participant& participant, std::uint32_t request_id) {
  pb::RequestResponse response;
  response.set_request_id(request_id);
  response.set_reason(pb::RequestResponse::NOT_ALLOWED);
  response.set_message("data blobs are not enabled on this server");
  RespondToRequest(participant, std::move(response));
}

}  // namespace fovea::livekit
