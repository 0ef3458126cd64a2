// Delivers webhooks: the queue decides, the HTTP client carries. Thread: signaling.
#pragma once

#include "signaling/app/https_client.h"
#include "signaling/io/http_client.h"
#include "signaling/io/tls.h"
#include "signaling/livekit/webhook_queue.h"

namespace fovea::app {

class Webhooks {
 public:
  // Without `tls`, https addresses fail; it outlives this object.
  Webhooks(uv_loop_t* loop, livekit::WebhookOptions options, std::int64_t wall_offset_us,
           const io::TlsClient* tls)
      : queue_(std::move(options), wall_offset_us), client_(loop, HttpsClientOptions(tls)) {}

  [[nodiscard]] livekit::WebhookQueue& queue() { return queue_; }
  // Starts the requests that are due.
  void Pump(Instant now);
  [[nodiscard]] Deadline NextDeadline() const { return queue_.NextDeadline(); }

 private:
  livekit::WebhookQueue queue_;
  io::HttpClient client_;
};

}  // namespace fovea::app
