// LiveKit's RoomService: the server API over HTTP, on top of the rooms. One call is one function of
// its request; what a call makes due in its room is sent before it is answered.
// livekit-protocol reference section 5.1. Thread: signaling.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sfu/core/result.h"
#include "signaling/livekit/context.h"
#include "signaling/livekit/room_manager.h"
#include "signaling/livekit/twirp.h"
#include "signaling/wire/http_message.h"
#include "signaling/wire/token_grants.h"

namespace fovea::livekit {

class RoomService {
 public:
  static constexpr std::string_view kName = "livekit.RoomService";

  // All three are borrowed for this object's life.
  RoomService(Context& context, RoomManager& rooms, const wire::ApiKeys& keys)
      : context_(context), rooms_(rooms), keys_(keys) {}

  using Respond = std::function<void(wire::HttpResponse)>;

  // Answers POST /twirp/livekit.RoomService/<Method>, and everything else with an error. `respond`
  // is called once: from inside, except where a participant has to answer first (PerformRpc). CORS
  // headers are the caller's to add.
  void Handle(Instant now, const wire::HttpRequest& request, const Respond& respond);

 private:
  // Who calls, and when.
  struct Call {
    Instant now;
    wire::VideoGrants grants;
    TwirpEncoding encoding = TwirpEncoding::kJson;
  };
  template <class Reply>
  using Answer = Result<Reply, TwirpError>;
  struct Member {
    Room* room = nullptr;
    Participant* participant = nullptr;
  };
  using Handler = void (RoomService::*)(const Call&, const std::string& body, const Respond&);
  struct Method {
    std::string_view name;
    Handler handler;
  };

  [[nodiscard]] static const Method* FindMethod(std::string_view name);
  template <auto kMethod>
  void Run(const Call& call, const std::string& body, const Respond& respond);
  void Refuse(const Call& call, const std::string& body, const Respond& respond);
  void PerformRpc(const Call& call, const std::string& body, const Respond& respond);

  // One per method of the service.
  Answer<pb::Room> CreateRoom(const Call& call, const pb::CreateRoomRequest& request);
  Answer<pb::ListRoomsResponse> ListRooms(const Call& call, const pb::ListRoomsRequest& request);
  Answer<pb::DeleteRoomResponse> DeleteRoom(const Call& call, const pb::DeleteRoomRequest& request);
  Answer<pb::ListParticipantsResponse> ListParticipants(const Call& call,
                                                        const pb::ListParticipantsRequest& request);
  Answer<pb::ParticipantInfo> GetParticipant(const Call& call,
                                             const pb::RoomParticipantIdentity& request);
  Answer<pb::RemoveParticipantResponse> RemoveParticipant(
      const Call& call, const pb::RoomParticipantIdentity& request);
  Answer<pb::MuteRoomTrackResponse> MutePublishedTrack(const Call& call,
                                                       const pb::MuteRoomTrackRequest& request);
  Answer<pb::ParticipantInfo> UpdateParticipant(const Call& call,
                                                const pb::UpdateParticipantRequest& request);
  Answer<pb::UpdateSubscriptionsResponse> UpdateSubscriptions(
      const Call& call, const pb::UpdateSubscriptionsRequest& request);
  Answer<pb::SendDataResponse> SendData(const Call& call, const pb::SendDataRequest& request);
  Answer<pb::Room> UpdateRoomMetadata(const Call& call,
                                      const pb::UpdateRoomMetadataRequest& request);

  [[nodiscard]] Answer<Room*> AdministeredRoom(const Call& call, const std::string& room);
  [[nodiscard]] Answer<Member> AdministeredMember(const Call& call, const std::string& room,
                                                  const std::string& identity);
  [[nodiscard]] std::optional<TwirpError> CheckLimits(
      const pb::ParticipantInfo& current, const pb::UpdateParticipantRequest& request) const;

  Context& context_;
  RoomManager& rooms_;
  const wire::ApiKeys& keys_;
};

}  // namespace fovea::livekit
