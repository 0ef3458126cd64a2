// Delivers webhooks: the queue decides, the HTTP client carries. Thread: signaling.
#pragma once

#include <functional>
#include <utility>

#include "signaling/app/https_client.h"
#include "signaling/io/http_client.h"
#include "signaling/io/tls.h"
#include "signaling/livekit/webhook_queue.h"

namespace fovea::app {

class Webhooks {
 public:
  // `on_answer` follows every answer, and every lack of one: then it is time for Pump and for the
  // next deadline. Without `tls`, https addresses fail; it outlives this object.
  Webhooks(uv_loop_t* loop, livekit::WebhookOptions options, WallOffset wall_offset,
           const io::TlsClient* tls, std::function<void()> on_answer)
      : on_answer_(std::move(on_answer)),
        queue_(std::move(options), std::move(wall_offset)),
        client_(loop, HttpsClientOptions(tls)) {}

  [[nodiscard]] livekit::WebhookQueue& queue() { return queue_; }
  // Starts the requests that are due.
  void Pump(Instant now);
  [[nodiscard]] Deadline NextDeadline() const { return queue_.NextDeadline(); }

 private:
  const std::function<void()> on_answer_;
  livekit::WebhookQueue queue_;
  io::HttpClient client_;
};

}  // namespace fovea::app
