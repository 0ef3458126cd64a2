// Signalling messages over WebSockets: which connection speaks protobuf and which JSON.
// livekit-protocol reference section 1.5. Thread: signaling.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "signaling/io/http_server.h"
#include "signaling/livekit/ports.h"

namespace fovea::app {

// One message of a client: JSON in a text frame, nested no deeper than kJsonDepthMax, protobuf in a
// binary one. Nothing for what is neither.
[[nodiscard]] std::optional<pb::SignalRequest> ReadSignal(wire::WebSocketKind kind,
                                                          const std::string& payload);

class SignalHub : public livekit::SignalPort {
 public:
  // Takes an accepted connection; its id names it from now on.
  livekit::ConnectionId Add(const io::WebSocketConnection& connection);
  void Remove(livekit::ConnectionId connection) { connections_.erase(connection); }
  // A client message, or nothing when it cannot be read. Text frames are JSON, and switch the
  // answers to JSON until a binary frame arrives.
  [[nodiscard]] std::optional<pb::SignalRequest> Decode(livekit::ConnectionId connection,
                                                        const wire::WebSocketMessage& message);

  // livekit::SignalPort
  void Send(livekit::ConnectionId connection, const pb::SignalResponse& message) override;
  void Close(livekit::ConnectionId connection, livekit::CloseCode code,
             std::string_view reason) override;
  void Abort(livekit::ConnectionId connection) override;

 private:
  struct Entry {
    io::WebSocketConnection socket;
    bool json = false;
  };
  std::unordered_map<livekit::ConnectionId, Entry> connections_;
};

}  // namespace fovea::app
