// Webhooks on their way out: which event goes to which URL, in order, signed, and tried again when
// the other side is away. No I/O: the caller makes the HTTP requests. livekit-protocol reference
// section 5.2. Thread: signaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/deadline.h"
#include "sfu/core/limits.h"
#include "sfu/core/strong_id.h"
#include "sfu/core/wall_offset.h"
#include "signaling/livekit/ports.h"
#include "signaling/wire/http_message.h"

namespace fovea::livekit {

struct WebhookTarget {
  std::string url;
  std::vector<std::string> include_events;  // empty: all
  std::vector<std::string> exclude_events;  // wins over include_events
};

struct WebhookOptions {
  std::string api_key;  // `iss` of the signature; receivers pick their secret by it
  std::string secret;
  std::vector<WebhookTarget> targets;
  // An event is given up after this many attempts. With the delays below ten attempts span about
  // two minutes: enough for a restart of the receiver, and short enough that events are still news.
  int attempts_max = 10;
  Duration retry_delay_min = Millis(500);  // doubles with each attempt
  Duration retry_delay_max = Seconds(30);
};

using WebhookRequestId = StrongId<struct WebhookRequestTag, std::uint64_t>;

// A POST to be made. REQUIRES of the caller: one HandleResult for each, also after a timeout.
struct WebhookRequest {
  WebhookRequestId id;
  std::string url;
  wire::HttpHeaders headers;
  std::string body;
};

// Invariants:
//  (1) Per URL, events go out in the order of Notify and one at a time; URLs do not wait for each
//      other.
//  (2) Every event that a URL should have had and did not get is counted in the `num_dropped` of
//      the next event it is sent.
// Limits: kWebhookQueueMax events and kWebhookQueueBytesMax per URL; beyond, the oldest that is not
// on its way is dropped.
class WebhookQueue : public WebhookPort {
 public:
  WebhookQueue(WebhookOptions options, WallOffset wall_offset);

  void Notify(const pb::WebhookEvent& event) override;

  // The next request that is due, or nothing. Call until it returns nothing.
  [[nodiscard]] std::optional<WebhookRequest> PollRequest(Instant now);
  // The status of the response; nothing when there was none. An unknown id is ignored.
  void HandleResult(Instant now, WebhookRequestId id, std::optional<int> status);
  [[nodiscard]] Deadline NextDeadline() const;

  // Nothing waits and nothing is on its way; an orderly stop waits for this, within limits.
  [[nodiscard]] bool IsIdle() const;
  [[nodiscard]] std::uint64_t dropped_total() const { return dropped_total_; }
  [[nodiscard]] std::uint64_t delivered_total() const { return delivered_total_; }
  [[nodiscard]] bool IsConsistent() const;

 private:
  struct Pending {
    pb::WebhookEvent event;
    std::size_t bytes = 0;
  };
  struct Lane {
    WebhookTarget target;
    std::deque<Pending> queue;  // the front is on its way while `in_flight` is set
    std::size_t bytes = 0;
    std::optional<WebhookRequestId> in_flight;
    int attempts = 0;  // of the front
    Instant try_at = Instant::min();
    std::int32_t dropped = 0;  // not yet told to the receiver
  };

  [[nodiscard]] WebhookRequest MakeRequest(Instant now, Lane& lane);
  void PopFront(Lane& lane);
  void DropOldestWaiting(Lane& lane);
  void CountDrop(Lane& lane);

  // Constant after construction.
  const WebhookOptions options_;
  const WallOffset wall_offset_;

  std::vector<Lane> lanes_;
  std::uint64_t last_id_ = 0;
  std::uint64_t dropped_total_ = 0;
  std::uint64_t delivered_total_ = 0;
};

}  // namespace fovea::livekit
