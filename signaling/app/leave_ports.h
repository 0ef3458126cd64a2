// What delegated leave needs of its surroundings, as interfaces: where homeservers are, how to call
// them, where jobs are kept, and the SFU that knows who is in a call. Thread: signaling.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sfu/core/time.h"
#include "signaling/matrix/leave_job.h"
#include "signaling/wire/http_message.h"

namespace fovea::app {

// A homeserver's client-server API.
struct CsApi {
  std::string base_url;  // without a slash at the end
  // Found by the server's own word, not configured: called within the egress policy only.
  bool is_discovered = false;
};

class CsApiResolver {
 public:
  using OnResolved = std::function<void(std::optional<CsApi>)>;
  virtual ~CsApiResolver() = default;
  // Calls back once, at once or later; nothing: that server has no such API that we may call.
  virtual void Resolve(const std::string& server_name, OnResolved on_resolved) = 0;
};

// HTTP calls within the egress policy: never to addresses that are none of the internet's business.
class GuardedHttp {
 public:
  using OnDone = std::function<void(std::optional<wire::HttpResponse>)>;
  virtual ~GuardedHttp() = default;
  // Calls back once, later; nothing: there was no complete response. Follows no redirects.
  virtual void Start(wire::OutgoingRequest request, Duration timeout, OnDone on_done) = 0;
};

class LeaveJobStore {
 public:
  virtual ~LeaveJobStore() = default;
  virtual void PutJob(const matrix::LeaveJob& job) = 0;
  virtual void RemoveJob(const matrix::LeaveKey& key) = 0;
};

// The SFU that tokens and jobs are about: our own rooms, or another LiveKit server.
class SfuControl {
 public:
  using OnCreated = std::function<void(bool created)>;
  virtual ~SfuControl() = default;
  // Makes the room exist before a token for it is given out. Calls back once, at once or later.
  virtual void CreateRoom(const std::string& room_name, OnCreated on_created) = 0;
  // There is a job for that participant now, to be connected within `wait`: what is known of them
  // is to be reported. Again for a job that took the place of another.
  virtual void Watch(Instant now, const matrix::LeaveKey& key, Duration wait) = 0;
  virtual void Unwatch(const matrix::LeaveKey& key) = 0;
};

}  // namespace fovea::app
