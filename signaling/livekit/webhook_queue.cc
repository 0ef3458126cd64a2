#include "signaling/livekit/webhook_queue.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "sfu/core/check.h"
#include "sfu/crypto/hmac.h"
#include "signaling/wire/base64.h"
#include "signaling/wire/token_grants.h"

namespace fovea::livekit {
namespace {

// Upstream's: long enough for skewed clocks, short enough that a recorded request is soon
// worthless.
constexpr std::int64_t kSignatureSeconds = 300;

bool Contains(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool Wants(const WebhookTarget& target, const std::string& event) {
  if (Contains(target.exclude_events, event)) return false;
  return target.include_events.empty() || Contains(target.include_events, event);
}

enum class Verdict { kDelivered, kTryAgain, kRefused };

Verdict Judge(std::optional<int> status) {
  if (!status.has_value()) return Verdict::kTryAgain;
  if (*status >= 200 && *status < 300) return Verdict::kDelivered;
  // Another attempt would say the same to a receiver that understood us and said no.
  const bool may_pass = *status == 408 || *status == 429 || *status >= 500;
  return may_pass ? Verdict::kTryAgain : Verdict::kRefused;
}

}  // namespace

WebhookQueue::WebhookQueue(WebhookOptions options, WallOffset wall_offset)
    : options_(std::move(options)), wall_offset_(std::move(wall_offset)) {
  for (const WebhookTarget& target : options_.targets) lanes_.emplace_back().target = target;
}

void WebhookQueue::Notify(const pb::WebhookEvent& event) {
  for (Lane& lane : lanes_) {
    if (!Wants(lane.target, event.event())) continue;
    const std::size_t bytes = event.ByteSizeLong();
    lane.queue.push_back({event, bytes});
    lane.bytes += bytes;
    const std::size_t kept = lane.in_flight.has_value() ? 1 : 0;
    while (lane.queue.size() > limits::kWebhookQueueMax ||
           (lane.bytes > limits::kWebhookQueueBytesMax && lane.queue.size() > kept + 1)) {
      DropOldestWaiting(lane);
    }
  }
  FOVEA_DCHECK(IsConsistent());
}

std::optional<WebhookRequest> WebhookQueue::PollRequest(Instant now) {
  for (Lane& lane : lanes_) {
    if (lane.queue.empty() || lane.in_flight.has_value() || now < lane.try_at) continue;
    return MakeRequest(now, lane);
  }
  return std::nullopt;
}

WebhookRequest WebhookQueue::MakeRequest(Instant now, Lane& lane) {
  pb::WebhookEvent& event = lane.queue.front().event;
  // What was dropped since the first attempt is told now too: the body may differ between attempts.
  event.set_num_dropped(lane.dropped);
  WebhookRequest request;
  request.id = WebhookRequestId{++last_id_};
  request.url = lane.target.url;
  if (!google::protobuf::util::MessageToJsonString(event, &request.body).ok()) {
    // Only text that is no UTF-8 could do this, and the edges refuse it. Tell what can be told.
    pb::WebhookEvent bare;
    bare.set_event(event.event());
    bare.set_id(event.id());
    request.body.clear();
    (void)google::protobuf::util::MessageToJsonString(bare, &request.body);
  }

  const std::int64_t wall_s = WallAt(wall_offset_, now).value / 1'000'000;
  wire::TokenGrants grants;
  grants.api_key = options_.api_key;
  grants.not_before_unix = wall_s;
  grants.expires_at_unix = wall_s + kSignatureSeconds;
  grants.sha256 = wire::Base64Encode(crypto::Sha256(wire::AsBytes(request.body)));
  // The bare token: receivers pass the whole header value to their verifier.
  request.headers = {{"Content-Type", "application/webhook+json"},
                     {"Authorization", wire::SignToken(grants, options_.secret)}};
  lane.in_flight = request.id;
  ++lane.attempts;
  return request;
}

void WebhookQueue::HandleResult(Instant now, WebhookRequestId id, std::optional<int> status) {
  const auto lane = std::find_if(lanes_.begin(), lanes_.end(),
                                 [&](const Lane& each) { return each.in_flight == id; });
  if (lane == lanes_.end()) return;
  lane->in_flight.reset();
  const Verdict verdict = Judge(status);
  if (verdict == Verdict::kDelivered) {
    ++delivered_total_;
    lane->dropped -= lane->queue.front().event.num_dropped();
    PopFront(*lane);
  } else if (verdict == Verdict::kRefused || lane->attempts >= options_.attempts_max) {
    PopFront(*lane);
    CountDrop(*lane);
  } else {
    Duration delay = options_.retry_delay_min;
    for (int i = 1; i < lane->attempts && delay < options_.retry_delay_max; ++i) delay *= 2;
    lane->try_at = now + std::min(delay, options_.retry_delay_max);
  }
  FOVEA_DCHECK(IsConsistent());
}

void WebhookQueue::PopFront(Lane& lane) {
  lane.bytes -= lane.queue.front().bytes;
  lane.queue.pop_front();
  lane.attempts = 0;
  lane.try_at = Instant::min();
}

void WebhookQueue::DropOldestWaiting(Lane& lane) {
  CountDrop(lane);
  if (!lane.in_flight.has_value()) {
    // The receiver is away: the next event inherits the wait, or a full queue would retry at once.
    const Instant try_at = lane.try_at;
    PopFront(lane);
    lane.try_at = try_at;
    return;
  }
  const auto victim = lane.queue.begin() + 1;
  lane.bytes -= victim->bytes;
  lane.queue.erase(victim);
}

void WebhookQueue::CountDrop(Lane& lane) {
  ++lane.dropped;
  ++dropped_total_;
}

Deadline WebhookQueue::NextDeadline() const {
  Deadline deadline;
  for (const Lane& lane : lanes_) {
    if (lane.queue.empty() || lane.in_flight.has_value()) continue;
    deadline = Soonest(deadline, Deadline{lane.try_at, WakeReason::kNone});
  }
  return deadline;
}

bool WebhookQueue::IsIdle() const {
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const Lane& lane) { return lane.queue.empty(); });
}

bool WebhookQueue::IsConsistent() const {
  return std::all_of(lanes_.begin(), lanes_.end(), [](const Lane& lane) {
    std::size_t bytes = 0;
    for (const Pending& pending : lane.queue) bytes += pending.bytes;
    return bytes == lane.bytes && lane.queue.size() <= limits::kWebhookQueueMax &&
           lane.dropped >= 0 &&
           (!lane.in_flight.has_value() || (!lane.queue.empty() && lane.attempts > 0));
  });
}

}  // namespace fovea::livekit
