// Vocabulary of the room tests: clients that join, offer, publish and answer requirements the way
// livekit-client does, in a world without sockets or media.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "signaling/livekit/quality.h"
#include "signaling/wire/json.h"
#include "tests/support/livekit_fakes.h"

// Its Downlink() makes a DownlinkTrack; here it hides the struct of that name, which no room test
// needs.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "tests/unit/signaling/livekit/negotiation_support.h"
#pragma GCC diagnostic pop

namespace fovea::livekit {

using Case = pb::SignalResponse::MessageCase;
using Messages = std::vector<pb::SignalResponse>;

inline std::string KindOf(const pb::SignalResponse& message) {
  const auto* field = pb::SignalResponse::descriptor()->FindFieldByNumber(message.message_case());
  return field == nullptr ? "nothing" : field->name();
}

inline std::vector<std::string> KindsOf(const Messages& messages) {
  std::vector<std::string> kinds;
  for (const pb::SignalResponse& message : messages) kinds.push_back(KindOf(message));
  return kinds;
}

inline pb::AddTrackRequest AddTrackOf(const std::string& cid, pb::TrackType type,
                                      pb::TrackSource source) {
  pb::AddTrackRequest request;
  request.set_cid(cid);
  request.set_type(type);
  request.set_source(source);
  return request;
}

inline pb::AddTrackRequest Camera(const std::string& cid) {
  pb::AddTrackRequest request = AddTrackOf(cid, pb::TrackType::VIDEO, pb::TrackSource::CAMERA);
  request.set_width(1280);
  request.set_height(720);
  std::uint32_t height = 180;
  for (const auto quality :
       {pb::VideoQuality::LOW, pb::VideoQuality::MEDIUM, pb::VideoQuality::HIGH}) {
    pb::VideoLayer& layer = *request.add_layers();
    layer.set_quality(quality);
    layer.set_height(height);
    layer.set_width(height * 16 / 9);
    height *= 2;
  }
  return request;
}

inline pb::AddTrackRequest Microphone(const std::string& cid) {
  return AddTrackOf(cid, pb::TrackType::AUDIO, pb::TrackSource::MICROPHONE);
}

// One client on one connection. The world outlives it.
class Client {
 public:
  Client(World& world, JoinParams params) : world_(world), params_(std::move(params)) {
    connection_ = world_.Open(params_);
  }

  // --- What it heard ---

  [[nodiscard]] const FakeSignalPort::Connection& socket() {
    return world_.signal.connections[connection_];
  }
  [[nodiscard]] const Messages& heard() { return socket().sent; }
  // What came since the last call.
  Messages Take() {
    const Messages& all = heard();
    Messages fresh(all.begin() + static_cast<std::ptrdiff_t>(taken_), all.end());
    taken_ = all.size();
    return fresh;
  }
  [[nodiscard]] Messages HeardOf(Case kind) {
    Messages out;
    for (const pb::SignalResponse& message : heard()) {
      if (message.message_case() == kind) out.push_back(message);
    }
    return out;
  }
  [[nodiscard]] pb::SignalResponse Last(Case kind) {
    const Messages all = HeardOf(kind);
    return all.empty() ? pb::SignalResponse{} : all.back();
  }
  // The newest that it knows about somebody.
  [[nodiscard]] pb::ParticipantInfo Knows(const std::string& identity) {
    pb::ParticipantInfo newest;
    for (const pb::SignalResponse& message : heard()) {
      for (const auto& info : message.join().other_participants()) {
        if (info.identity() == identity) newest = info;
      }
      for (const auto& info : message.update().participants()) {
        if (info.identity() == identity) newest = info;
      }
    }
    return newest;
  }

  // --- Who it is ---

  [[nodiscard]] const std::string& identity() const { return params_.identity; }
  [[nodiscard]] ConnectionId connection() const { return connection_; }
  [[nodiscard]] Room& room() { return *world_.manager.Find(params_.room); }
  [[nodiscard]] Participant* participant() {
    Room* room = world_.manager.Find(params_.room);
    return room == nullptr ? nullptr : room->Find(params_.identity);
  }
  [[nodiscard]] std::string sid() { return Last(Case::kJoin).join().participant().sid(); }
  [[nodiscard]] control::SessionHandle session() { return participant()->primary()->session; }
  [[nodiscard]] JoinParams& params() { return params_; }

  // --- What it does ---

  void Send(const pb::SignalRequest& request) {
    world_.manager.HandleSignal(world_.now, connection_, request);
  }
  void Offer() {
    pb::SignalRequest request;
    request.mutable_offer()->set_type("offer");
    request.mutable_offer()->set_sdp(sketch_.text());
    request.mutable_offer()->set_id(++offer_id_);
    Send(request);
  }
  void AddTrack(const pb::AddTrackRequest& track) {
    pb::SignalRequest request;
    *request.mutable_add_track() = track;
    Send(request);
  }
  void AddSection(const pb::AddTrackRequest& track) {
    if (track.type() == pb::TrackType::AUDIO) {
      sketch_.Send(MediaKind::kAudio, track.cid());
      return;
    }
    sketch_.Send(MediaKind::kVideo, track.cid());
    if (track.layers_size() > 1) sketch_.Simulcast({{"q", false}, {"h", false}, {"f", false}});
  }
  // Publishes as JS does: the request, then the offer. Returns the track's sid.
  std::string Publish(const pb::AddTrackRequest& track) {
    AddTrack(track);
    AddSection(track);
    Offer();
    return Last(Case::kTrackPublished).track_published().track().sid();
  }
  // Adds the sections it was asked for and offers them. False: it was not asked since the last
  // time.
  bool FollowRequirement() {
    const Messages asked = HeardOf(Case::kMediaSectionsRequirement);
    if (asked.size() == requirements_followed_) return false;
    requirements_followed_ = asked.size();
    const auto& requirement = asked.back().media_sections_requirement();
    sketch_.Receive(MediaKind::kAudio, static_cast<int>(requirement.num_audios()));
    sketch_.Receive(MediaKind::kVideo, static_cast<int>(requirement.num_videos()));
    Offer();
    return true;
  }
  void ConnectMedia() {
    world_.manager.HandleWorkerEvent(world_.now, control::SessionConnected{session()});
  }
  void LoseSignal() { world_.manager.HandleSignalClosed(world_.now, connection_); }
  void Mute(const std::string& track_sid, bool muted) {
    pb::SignalRequest request;
    request.mutable_mute()->set_sid(track_sid);
    request.mutable_mute()->set_muted(muted);
    Send(request);
  }
  void Subscribe(const std::string& track_sid, bool subscribe) {
    pb::SignalRequest request;
    request.mutable_subscription()->add_track_sids(track_sid);
    request.mutable_subscription()->set_subscribe(subscribe);
    Send(request);
  }
  void SendData(DataLane lane, const pb::DataPacket& packet) {
    const std::string bytes = packet.SerializeAsString();
    world_.manager.HandleData(
        world_.now, session(), lane,
        ByteSpan(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
  }
  [[nodiscard]] OfferSketch& sketch() { return sketch_; }

 private:
  World& world_;
  JoinParams params_;
  ConnectionId connection_;
  OfferSketch sketch_;
  std::uint32_t offer_id_ = 0;
  std::size_t taken_ = 0;
  std::size_t requirements_followed_ = 0;
};

class RoomTest : public testing::Test {
 protected:
  ~RoomTest() override { EXPECT_TRUE(world_.IsConsistent()); }

  // A client that joined with the offer that livekit-client joins with, and whose media is up.
  Client& Join(const std::string& identity) { return Join(World::Params("room", identity)); }
  Client& Join(JoinParams params) {
    Client& client = JoinOnly(std::move(params));
    client.sketch().Receive(MediaKind::kAudio, 1).Receive(MediaKind::kVideo, 1).Data();
    client.Offer();
    client.ConnectMedia();
    client.Take();
    return client;
  }
  // Only the join, nothing after it.
  Client& JoinOnly(JoinParams params) {
    clients_.push_back(std::make_unique<Client>(world_, std::move(params)));
    return *clients_.back();
  }
  Client& JoinOnly(const std::string& identity) {
    return JoinOnly(World::Params("room", identity));
  }
  // Everybody answers what they are asked, until nobody is asked any more.
  void Settle() {
    bool busy = true;
    while (busy) {
      busy = false;
      for (const auto& client : clients_) busy = client->FollowRequirement() || busy;
    }
  }

  World world_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace fovea::livekit
