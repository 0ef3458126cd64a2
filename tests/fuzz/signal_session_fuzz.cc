// fuzz-deps: signaling_livekit
// A room with two people and a visitor, driven by arbitrary messages: what clients send on their
// sockets and data channels, what the workers report, what the server API asks, and time. The room
// must stay consistent, keep the order of first messages, and say nothing after `leave`.
//
// Input: records of  | op 1 byte | length 2 bytes, big endian | body |
#include <cstddef>
#include <cstdint>
#include <string>

#include "sfu/core/check.h"
#include "signaling/livekit/room_manager.h"
#include "tests/support/livekit_fakes.h"

namespace {

using namespace fovea;           // NOLINT
using namespace fovea::livekit;  // NOLINT

constexpr std::size_t kRecordsMax = 200;

class Session {
 public:
  Session() {
    alice_ = world_.Open(World::Params("room", "alice"));
    JoinParams dual = World::Params("room", "bob");
    dual.single_peer_connection = false;
    dual.request.mutable_connection_settings()->set_adaptive_stream(true);
    dual.permission.set_can_update_metadata(true);
    bob_ = world_.Open(dual);
  }

  void Step(std::uint8_t op, ByteSpan body) {
    switch (op % 10) {
      case 0:
        Signal(alice_, body);
        break;
      case 1:
        Signal(bob_, body);
        break;
      case 2:
        Data(body);
        break;
      case 3:
        Report(body);
        break;
      case 4:
        world_.Advance(Millis(10) * (body.empty() ? 1 : body[0]));
        break;
      case 5:
        Resume(body);
        break;
      case 6:
        Visit(body);
        break;
      case 7:
        Api(body);
        break;
      case 8:
        world_.manager.HandleSignalClosed(world_.now, body.empty() ? alice_ : bob_);
        break;
      case 9:
        world_.media.full = !world_.media.full;
        break;
    }
    Check();
  }

 private:
  void Signal(ConnectionId connection, ByteSpan body) {
    pb::SignalRequest request;
    if (!request.ParseFromArray(body.data(), static_cast<int>(body.size()))) return;
    world_.manager.HandleSignal(world_.now, connection, request);
  }

  // The n-th live handle, so that short inputs reach something.
  template <class Map>
  static typename Map::key_type Pick(const Map& map, std::uint8_t n) {
    if (map.empty()) return {};
    return std::next(map.begin(), static_cast<std::ptrdiff_t>(n % map.size()))->first;
  }

  void Data(ByteSpan body) {
    if (body.size() < 2) return;
    const auto session = Pick(world_.context.index.sessions, body[0]);
    world_.manager.HandleData(world_.now, session, static_cast<DataLane>(body[1] % 3),
                              body.subspan(2));
  }

  void Report(ByteSpan body) {
    if (body.size() < 3) return;
    const Index& index = world_.context.index;
    const auto session = Pick(index.sessions, body[1]);
    const auto publication = Pick(index.publications, body[1]);
    const auto subscription = Pick(index.subscriptions, body[1]);
    const std::uint32_t value = body[2];
    control::WorkerEvent event = control::SessionConnected{session};
    switch (body[0] % 6) {
      case 0:
        break;
      case 1:
        event =
            control::SessionDisconnected{session, static_cast<control::DisconnectCause>(value % 4)};
        break;
      case 2:
        event = control::SpeakerLevel{publication, static_cast<float>(value) / 255.0F, value > 99};
        break;
      case 3:
        event = control::UplinkQuality{publication, 100, value, value, value, value};
        break;
      case 4:
        event = control::DownlinkQuality{subscription, 100, value, value, value, value};
        break;
      case 5:
        event = control::SubscriptionStarted{subscription};
        break;
    }
    world_.manager.HandleWorkerEvent(world_.now, event);
  }

  void Resume(ByteSpan body) {
    Room* room = world_.manager.Find("room");
    Participant* participant =
        room == nullptr ? nullptr : room->Find(body.empty() ? "alice" : "bob");
    if (participant == nullptr) return;
    JoinParams params = World::Params("room", participant->identity);
    params.request.set_reconnect(true);
    params.request.set_participant_sid(participant->sid);
    (body.empty() ? alice_ : bob_) = world_.Open(params);
  }

  // A join with an arbitrary join request; the identity of somebody who is here, now and then.
  void Visit(ByteSpan body) {
    JoinParams params = World::Params("room", body.size() % 4 == 0 ? "alice" : "visitor");
    if (!params.request.ParseFromArray(body.data(), static_cast<int>(body.size()))) return;
    params.permission.set_can_update_metadata(true);
    if (params.request.reconnect() || world_.manager.CheckJoin(params).has_value()) return;
    const ConnectionId connection = world_.Open(params);
    if (params.identity == "alice") alice_ = connection;
  }

  void Api(ByteSpan body) {
    Room* room = world_.manager.Find("room");
    pb::UpdateParticipantRequest request;
    if (room == nullptr || !request.ParseFromArray(body.data(), static_cast<int>(body.size())))
      return;
    Participant* participant = room->Find(request.identity());
    if (participant == nullptr) return;
    room->UpdateParticipant(world_.now, *participant, request);
    room->Flush(world_.now);
  }

  void Check() {
    FOVEA_CHECK(world_.IsConsistent());
    for (auto& [id, connection] : world_.signal.connections) {
      Heard& heard = heard_[id];
      for (const pb::SignalResponse& message : connection.sent) {
        const auto kind = message.message_case();
        const bool opens =
            kind == pb::SignalResponse::kJoin || kind == pb::SignalResponse::kReconnect;
        const bool ends = kind == pb::SignalResponse::kLeave;
        FOVEA_CHECK(opens ? !heard.anything : (heard.anything || ends));
        FOVEA_CHECK(!heard.leave);
        heard = {true, ends};
      }
      connection.sent.clear();
    }
    world_.media.commands.clear();
    world_.media.data.clear();
    world_.webhooks.events.clear();
    world_.log.lines.clear();
  }

  World world_;
  ConnectionId alice_;
  ConnectionId bob_;
  struct Heard {
    bool anything = false;
    bool leave = false;
  };
  std::map<ConnectionId, Heard> heard_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Session session;
  ByteSpan rest(data, size);
  for (std::size_t i = 0; i < kRecordsMax && rest.size() >= 3; ++i) {
    const std::uint8_t op = rest[0];
    const std::size_t length = std::min<std::size_t>(LoadBe16(&rest[1]), rest.size() - 3);
    session.Step(op, rest.subspan(3, length));
    rest = rest.subspan(3 + length);
  }
  return 0;
}
