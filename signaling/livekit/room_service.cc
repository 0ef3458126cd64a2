#include "signaling/livekit/room_service.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>
#include <vector>

namespace fovea::livekit {
namespace {

// The message type that a method takes.
template <class>
struct RequestOf;
template <class Reply, class Call, class Request>
struct RequestOf<Reply (RoomService::*)(const Call&, const Request&)> {
  using type = Request;
};

Failure<TwirpError> Fail(TwirpCode code, std::string message) {
  return Failure{TwirpError{code, std::move(message)}};
}

// Upstream calls a missing grant unauthenticated, not permission_denied; callers compare the code.
Failure<TwirpError> Denied() { return Fail(TwirpCode::kUnauthenticated, "permissions denied"); }
Failure<TwirpError> NoRoom() { return Fail(TwirpCode::kNotFound, "requested room does not exist"); }
Failure<TwirpError> NoParticipant() {
  return Fail(TwirpCode::kNotFound, "participant does not exist");
}

constexpr const char* kUndecodable = "the request could not be decoded";

bool MayAdminister(const wire::VideoGrants& grants, const std::string& room) {
  return grants.room_admin && !room.empty() && grants.room == room;
}

}  // namespace

template <auto kMethod>
void RoomService::Run(const Call& call, const std::string& body, const Respond& respond) {
  typename RequestOf<decltype(kMethod)>::type request;
  if (!ReadTwirp(call.encoding, body, request)) {
    return respond(ToResponse({TwirpCode::kMalformed, kUndecodable}));
  }
  const auto answer = (this->*kMethod)(call, request);
  respond(answer.ok() ? WriteTwirp(call.encoding, *answer) : ToResponse(answer.error()));
}

void RoomService::Refuse(const Call& /*call*/, const std::string& /*body*/,
                         const Respond& respond) {
  respond(ToResponse({TwirpCode::kUnimplemented, "this server does not offer the method"}));
}

const RoomService::Method* RoomService::FindMethod(std::string_view name) {
  using S = RoomService;
  // Forwarding and moving belong to the commercial product upstream.
  static constexpr std::array<Method, 14> kMethods{{
      {"CreateRoom", &S::Run<&S::CreateRoom>},
      {"ListRooms", &S::Run<&S::ListRooms>},
      {"DeleteRoom", &S::Run<&S::DeleteRoom>},
      {"ListParticipants", &S::Run<&S::ListParticipants>},
      {"GetParticipant", &S::Run<&S::GetParticipant>},
      {"RemoveParticipant", &S::Run<&S::RemoveParticipant>},
      {"MutePublishedTrack", &S::Run<&S::MutePublishedTrack>},
      {"UpdateParticipant", &S::Run<&S::UpdateParticipant>},
      {"UpdateSubscriptions", &S::Run<&S::UpdateSubscriptions>},
      {"SendData", &S::Run<&S::SendData>},
      {"UpdateRoomMetadata", &S::Run<&S::UpdateRoomMetadata>},
      {"PerformRpc", &S::PerformRpc},
      {"ForwardParticipant", &S::Refuse},
      {"MoveParticipant", &S::Refuse},
  }};
  const auto* const it = std::find_if(kMethods.begin(), kMethods.end(),
                                      [&](const Method& method) { return method.name == name; });
  return it == kMethods.end() ? nullptr : it;
}

void RoomService::Handle(Instant now, const wire::HttpRequest& request, const Respond& respond) {
  const auto fail = [&](const TwirpError& error) { respond(ToResponse(error)); };
  const Result<std::string, TwirpError> name = TwirpMethodOf(request, kName);
  if (!name.ok()) return fail(name.error());
  const Method* method = FindMethod(*name);
  if (method == nullptr) return fail({TwirpCode::kBadRoute, "the service has no such method"});
  const std::optional<TwirpEncoding> encoding = TwirpEncodingOf(request);
  if (!encoding.has_value()) return fail({TwirpCode::kBadRoute, "unexpected Content-Type"});
  const auto unauthenticated = [&](const wire::TokenError& error) {
    fail({TwirpCode::kUnauthenticated, std::string(error.body())});
  };
  const Result<std::string, wire::TokenError> token = wire::TokenOf(request);
  if (!token.ok()) return unauthenticated(token.error());
  const auto grants = wire::VerifyToken(*token, keys_, context_.Wall(now).value / 1'000'000);
  if (!grants.ok()) return unauthenticated(grants.error());
  const Call call{now, grants->video.value_or(wire::VideoGrants{}), *encoding};
  (this->*method->handler)(call, request.body, respond);
}

// --- Rooms ---------------------------------------------------------------------------------------

RoomService::Answer<pb::Room> RoomService::CreateRoom(const Call& call,
                                                      const pb::CreateRoomRequest& request) {
  if (!call.grants.room_create) return Denied();
  if (request.name().empty()) {
    return Fail(TwirpCode::kInvalidArgument, "room name cannot be empty");
  }
  const ServerOptions& options = context_.options;
  if (request.name().size() > options.room_name_chars_max) {
    return Fail(TwirpCode::kInvalidArgument, "room name exceeds the length limit");
  }
  if (request.metadata().size() > options.metadata_bytes_max) {
    return Fail(TwirpCode::kInvalidArgument, "metadata size exceeds limits");
  }
  if (!rooms_.HasPreset(request.room_preset())) {
    return Fail(TwirpCode::kInvalidArgument, "unknown room configuration in create room request");
  }
  pb::RoomConfiguration own;
  own.set_empty_timeout(request.empty_timeout());
  own.set_departure_timeout(request.departure_timeout());
  own.set_max_participants(request.max_participants());
  own.set_metadata(request.metadata());
  Room& room = rooms_.FindOrCreate(call.now, request.name());
  rooms_.Configure(room, request.room_preset(), own);
  room.KeepOpen(call.now);
  room.Flush(call.now);
  return room.Info();
}

RoomService::Answer<pb::ListRoomsResponse> RoomService::ListRooms(
    const Call& call, const pb::ListRoomsRequest& request) {
  if (!call.grants.room_list) return Denied();
  const auto& names = request.names();
  pb::ListRoomsResponse response;
  for (const auto& [name, room] : rooms_.rooms()) {
    const bool listed = names.empty() || std::find(names.begin(), names.end(), name) != names.end();
    if (listed) *response.add_rooms() = room->Info();
  }
  return response;
}

RoomService::Answer<pb::DeleteRoomResponse> RoomService::DeleteRoom(
    const Call& call, const pb::DeleteRoomRequest& request) {
  if (!call.grants.room_create) return Denied();
  if (rooms_.Find(request.room()) == nullptr) return NoRoom();
  rooms_.Delete(call.now, request.room());
  return pb::DeleteRoomResponse{};
}

RoomService::Answer<pb::Room> RoomService::UpdateRoomMetadata(
    const Call& call, const pb::UpdateRoomMetadataRequest& request) {
  const Answer<Room*> room = AdministeredRoom(call, request.room());
  if (!room.ok()) return Failure{room.error()};
  if (request.metadata().size() > context_.options.metadata_bytes_max) {
    return Fail(TwirpCode::kInvalidArgument, "metadata size exceeds limits");
  }
  (*room)->SetMetadata(request.metadata());
  return (*room)->Info();
}

RoomService::Answer<pb::SendDataResponse> RoomService::SendData(
    const Call& call, const pb::SendDataRequest& request) {
  const Answer<Room*> room = AdministeredRoom(call, request.room());
  if (!room.ok()) return Failure{room.error()};
  if (request.data().size() > limits::kDataMessageBytesMax) {
    return Fail(TwirpCode::kInvalidArgument, "data exceeds the size limit");
  }
  (*room)->SendServerData(call.now, request);
  return pb::SendDataResponse{};
}

RoomService::Answer<Room*> RoomService::AdministeredRoom(const Call& call,
                                                         const std::string& room) {
  if (!MayAdminister(call.grants, room)) return Denied();
  Room* found = rooms_.Find(room);
  if (found == nullptr) return NoRoom();
  return found;
}

// --- Participants --------------------------------------------------------------------------------

RoomService::Answer<RoomService::Member> RoomService::AdministeredMember(
    const Call& call, const std::string& room, const std::string& identity) {
  if (!MayAdminister(call.grants, room)) return Denied();
  Member member;
  member.room = rooms_.Find(room);
  if (member.room != nullptr) member.participant = member.room->Find(identity);
  // Upstream says the same whether the room or only the participant is missing.
  if (member.participant == nullptr) return NoParticipant();
  return member;
}

RoomService::Answer<pb::ListParticipantsResponse> RoomService::ListParticipants(
    const Call& call, const pb::ListParticipantsRequest& request) {
  if (!MayAdminister(call.grants, request.room())) return Denied();
  pb::ListParticipantsResponse response;
  const Room* room = rooms_.Find(request.room());
  if (room == nullptr) return response;
  for (const auto& [identity, participant] : room->participants()) {
    *response.add_participants() = participant->Snapshot();
  }
  return response;
}

RoomService::Answer<pb::ParticipantInfo> RoomService::GetParticipant(
    const Call& call, const pb::RoomParticipantIdentity& request) {
  const Answer<Member> member = AdministeredMember(call, request.room(), request.identity());
  if (!member.ok()) return Failure{member.error()};
  return member->participant->Snapshot();
}

RoomService::Answer<pb::RemoveParticipantResponse> RoomService::RemoveParticipant(
    const Call& call, const pb::RoomParticipantIdentity& request) {
  const Answer<Member> member = AdministeredMember(call, request.room(), request.identity());
  // The revocation also stands for somebody who is not here now: their token may be.
  const bool permitted = MayAdminister(call.grants, request.room());
  if (permitted && request.revoke_token_ts() > 0) {
    rooms_.revocations().Revoke(request.room(), request.identity(), request.revoke_token_ts());
  }
  if (!member.ok()) return Failure{member.error()};
  member->room->Remove(call.now, *member->participant, pb::DisconnectReason::PARTICIPANT_REMOVED);
  member->room->Flush(call.now);
  return pb::RemoveParticipantResponse{};
}

RoomService::Answer<pb::MuteRoomTrackResponse> RoomService::MutePublishedTrack(
    const Call& call, const pb::MuteRoomTrackRequest& request) {
  const Answer<Member> member = AdministeredMember(call, request.room(), request.identity());
  if (!member.ok()) return Failure{member.error()};
  if (!request.muted() && !context_.options.room.enable_remote_unmute) {
    return Fail(TwirpCode::kFailedPrecondition, "remote unmute not enabled");
  }
  const Track* track =
      member->room->MutePublishedTrack(*member->participant, request.track_sid(), request.muted());
  if (track == nullptr) return Fail(TwirpCode::kNotFound, "track does not exist");
  member->room->Flush(call.now);
  pb::MuteRoomTrackResponse response;
  *response.mutable_track() = track->info;
  return response;
}

RoomService::Answer<pb::ParticipantInfo> RoomService::UpdateParticipant(
    const Call& call, const pb::UpdateParticipantRequest& request) {
  const Answer<Member> member = AdministeredMember(call, request.room(), request.identity());
  if (!member.ok()) return Failure{member.error()};
  if (const auto error = CheckLimits(member->participant->info, request)) return Failure{*error};
  member->room->UpdateParticipant(call.now, *member->participant, request);
  member->room->Flush(call.now);
  return member->participant->Snapshot();
}

RoomService::Answer<pb::UpdateSubscriptionsResponse> RoomService::UpdateSubscriptions(
    const Call& call, const pb::UpdateSubscriptionsRequest& request) {
  const Answer<Member> member = AdministeredMember(call, request.room(), request.identity());
  if (!member.ok()) return Failure{member.error()};
  std::vector<std::string> track_sids(request.track_sids().begin(), request.track_sids().end());
  for (const pb::ParticipantTracks& tracks : request.participant_tracks()) {
    track_sids.insert(track_sids.end(), tracks.track_sids().begin(), tracks.track_sids().end());
  }
  member->room->UpdateSubscriptions(call.now, *member->participant, track_sids,
                                    request.subscribe());
  member->room->Flush(call.now);
  return pb::UpdateSubscriptionsResponse{};
}

void RoomService::PerformRpc(const Call& call, const std::string& body, const Respond& respond) {
  const auto fail = [&](TwirpCode code, const char* message) {
    respond(ToResponse({code, message}));
  };
  pb::PerformRpcRequest request;
  if (!ReadTwirp(call.encoding, body, request)) return fail(TwirpCode::kMalformed, kUndecodable);
  if (!MayAdminister(call.grants, request.room())) return respond(ToResponse(Denied().error));
  if (request.destination_identity().empty()) {
    return fail(TwirpCode::kInvalidArgument, "destination identity is required");
  }
  const Answer<Member> member =
      AdministeredMember(call, request.room(), request.destination_identity());
  // Upstream asks a bus on which only participants answer.
  if (!member.ok()) return fail(TwirpCode::kUnavailable, "no response: no such participant");
  const auto reply = [encoding = call.encoding, respond](const Answer<std::string>& result) {
    if (!result.ok()) return respond(ToResponse(result.error()));
    pb::PerformRpcResponse response;
    response.set_payload(*result);
    respond(WriteTwirp(encoding, response));
  };
  member->room->PerformRpc(call.now, *member->participant, request, reply);
}

std::optional<TwirpError> RoomService::CheckLimits(
    const pb::ParticipantInfo& current, const pb::UpdateParticipantRequest& request) const {
  const ServerOptions& options = context_.options;
  const auto too_large = [](const char* message) {
    return TwirpError{TwirpCode::kInvalidArgument, message};
  };
  if (request.metadata().size() > options.metadata_bytes_max) {
    return too_large("metadata size exceeds limits");
  }
  if (request.name().size() > options.name_chars_max) {
    return too_large("participant name exceeds the length limit");
  }
  std::map<std::string_view, std::string_view> after(current.attributes().begin(),
                                                     current.attributes().end());
  for (const auto& [key, value] : request.attributes()) after[key] = value;
  std::size_t bytes = 0;
  for (const auto& [key, value] : after) {
    if (!value.empty()) bytes += key.size() + value.size();
  }
  if (bytes > options.attributes_bytes_max) return too_large("attributes size exceeds limits");
  return std::nullopt;
}

}  // namespace fovea::livekit
