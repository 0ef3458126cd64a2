#include "signaling/app/webhooks.h"

#include <optional>
#include <utility>

#include "sfu/io/system_clock.h"

namespace fovea::app {

void Webhooks::Pump(Instant now) {
  while (std::optional<livekit::WebhookRequest> request = queue_.PollRequest(now)) {
    const std::optional<wire::HttpUrl> url = wire::ParseHttpUrl(request->url);
    if (!url.has_value()) {
      queue_.HandleResult(now, request->id, std::nullopt);
      continue;
    }
    wire::OutgoingRequest outgoing;
    outgoing.method = wire::HttpMethod::kPost;
    outgoing.url = *url;
    outgoing.headers = std::move(request->headers);
    outgoing.body = std::move(request->body);
    client_.Start(std::move(outgoing), [this, id = request->id](const auto& result) {
      std::optional<int> status;
      if (result.ok()) status = result->status;
      queue_.HandleResult(io::MonotonicNow(), id, status);
      on_answer_();
    });
  }
}

}  // namespace fovea::app
