#include "signaling/app/signal_hub.h"

#include <google/protobuf/util/json_util.h>

#include "signaling/wire/proto_json.h"

namespace fovea::app {

std::optional<pb::SignalRequest> ReadSignal(wire::WebSocketKind kind, const std::string& payload) {
  pb::SignalRequest request;
  const bool is_read = kind == wire::WebSocketKind::kText ? wire::ReadProtoJson(payload, request)
                                                          : request.ParseFromString(payload);
  if (!is_read) return std::nullopt;
  return request;
}

livekit::ConnectionId SignalHub::Add(const io::WebSocketConnection& connection) {
  const livekit::ConnectionId id{connection.id().value()};
  connections_[id] = Entry{connection, false};
  return id;
}

std::optional<pb::SignalRequest> SignalHub::Decode(livekit::ConnectionId connection,
                                                   const wire::WebSocketMessage& message) {
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return std::nullopt;
  it->second.json = message.kind == wire::WebSocketKind::kText;
  return ReadSignal(message.kind, message.payload);
}

void SignalHub::Send(livekit::ConnectionId connection, const pb::SignalResponse& message) {
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return;
  if (!it->second.json) {
    it->second.socket.SendBinary(message.SerializeAsString());
    return;
  }
  std::string text;
  if (google::protobuf::util::MessageToJsonString(message, &text).ok())
    it->second.socket.SendText(text);
}

void SignalHub::Close(livekit::ConnectionId connection, livekit::CloseCode code,
                      std::string_view reason) {
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return;
  it->second.socket.Close(static_cast<std::uint16_t>(code), reason);
  connections_.erase(it);
}

void SignalHub::Abort(livekit::ConnectionId connection) {
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return;
  it->second.socket.Abort();
  connections_.erase(it);
}

}  // namespace fovea::app
