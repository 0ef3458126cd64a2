// Calls of the server API into a participant (RoomService.PerformRpc): a request packet goes out,
// an acknowledgement and a response come back, or do not. LiveKit's RPC protocol over data packets.
// Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "sfu/core/limits.h"
#include "sfu/core/result.h"
#include "sfu/core/time.h"
#include "signaling/livekit/pb.h"
#include "signaling/livekit/twirp.h"

namespace fovea::livekit {

// What one RPC error code means to a caller over HTTP; the message is LiveKit's.
[[nodiscard]] TwirpError RpcFailure(std::uint32_t code, std::string_view message,
                                    std::string_view data = {});

// Invariant: every call that was started is answered exactly once, at the latest by Fail or by
// HandleTimeout after its deadline.
class ServerCalls {
 public:
  using Reply = std::function<void(Result<std::string, TwirpError>)>;

  // A destination that takes longer to say that it got the request is not there; LiveKit's figure.
  static constexpr Duration kAckTimeout = Seconds(2);
  static constexpr Duration kResponseTimeout = Seconds(10);  // unless the request has its own

  struct Call {
    std::string id;
    std::string identity;  // of the destination
    Duration response_timeout = kResponseTimeout;
    Reply reply;
  };

  [[nodiscard]] bool IsFull() const { return pending_.size() >= limits::kRpcPendingMax; }
  // REQUIRES: not full, and the id is new.
  void Start(Instant now, Call call);
  // A packet of `identity`. False: it answers no call of ours and is to be forwarded.
  bool HandlePacket(const std::string& identity, const pb::DataPacket& packet);
  // The participant is gone.
  void Fail(const std::string& identity);
  void HandleTimeout(Instant now);
  [[nodiscard]] Instant NextDeadline() const;

 private:
  struct Pending {
    std::string identity;
    Reply reply;
    Instant ack_by;  // kNever: acknowledged
    Instant respond_by;
  };
  // Forgets the call before it is answered: the answer may start another one.
  void Finish(const std::string& id, const Result<std::string, TwirpError>& result);

  std::map<std::string, Pending> pending_;  // by id
};

}  // namespace fovea::livekit
