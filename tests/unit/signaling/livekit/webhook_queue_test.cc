#include "signaling/livekit/webhook_queue.h"

#include <gmock/gmock.h>

#include "sfu/crypto/hmac.h"
#include "signaling/wire/base64.h"
#include "signaling/wire/json.h"
#include "signaling/wire/token_grants.h"

namespace fovea::livekit {
namespace {

constexpr std::int64_t kWallOffsetUs = 1'700'000'000'000'000;
constexpr std::int64_t kWallSeconds = 1'700'000'000;

Instant At(Duration since_start) { return Instant{} + since_start; }

WebhookOptions Options(std::vector<WebhookTarget> targets) {
  WebhookOptions options;
  options.api_key = "devkey";
  options.secret = "secret";
  options.targets = std::move(targets);
  return options;
}

pb::WebhookEvent Event(const std::string& name, const std::string& id = "EV_1") {
  pb::WebhookEvent event;
  event.set_event(name);
  event.set_id(id);
  event.set_created_at(kWallSeconds);
  return event;
}

class WebhookQueueTest : public testing::Test {
 protected:
  explicit WebhookQueueTest(std::vector<WebhookTarget> targets = {{"http://a/hook", {}, {}}})
      : queue_(Options(std::move(targets)), [this] { return wall_offset_us_; }) {}

  WebhookRequest MustPoll(Duration at) {
    auto request = queue_.PollRequest(At(at));
    EXPECT_TRUE(request.has_value());
    return request.value_or(WebhookRequest{});
  }
  static nlohmann::json BodyOf(const WebhookRequest& request) {
    return wire::ParseJson(request.body).value_or(nlohmann::json());
  }
  void Deliver(Duration at, const WebhookRequest& request) {
    queue_.HandleResult(At(at), request.id, 200);
  }

  std::int64_t wall_offset_us_ = kWallOffsetUs;
  WebhookQueue queue_;
};

TEST_F(WebhookQueueTest, SignsTheBodyAsLiveKitDoes) {
  queue_.Notify(Event("room_started"));
  const WebhookRequest request = MustPoll(Seconds(7));
  EXPECT_EQ(request.url, "http://a/hook");
  EXPECT_EQ(wire::FindHeader(request.headers, "content-type"), "application/webhook+json");
  // The whole header value is the token, without "Bearer ".
  const auto token = wire::FindHeader(request.headers, "authorization");
  ASSERT_TRUE(token.has_value());
  const auto grants = wire::VerifyToken(*token, {{"devkey", "secret"}}, kWallSeconds + 7);
  ASSERT_TRUE(grants);
  EXPECT_EQ(grants->sha256, wire::Base64Encode(crypto::Sha256(wire::AsBytes(request.body))));
  EXPECT_EQ(grants->not_before_unix, kWallSeconds + 7);
  EXPECT_EQ(grants->expires_at_unix, kWallSeconds + 7 + 300);
}

TEST_F(WebhookQueueTest, SignsByTheWallClockAsItIsNow) {
  queue_.Notify(Event("room_started"));
  wall_offset_us_ += ToMicros(Seconds(3600));
  const WebhookRequest request = MustPoll({});
  const auto token = wire::FindHeader(request.headers, "authorization");
  ASSERT_TRUE(token.has_value());
  EXPECT_TRUE(wire::VerifyToken(*token, {{"devkey", "secret"}}, kWallSeconds + 3600));
}

TEST_F(WebhookQueueTest, WritesTheBodyInLowerCamelCaseWithoutZeros) {
  pb::WebhookEvent event = Event("participant_left");
  event.mutable_room()->set_name("R");
  event.mutable_participant()->set_identity("@a:hs:DEV");
  event.mutable_participant()->set_disconnect_reason(pb::DisconnectReason::CLIENT_INITIATED);
  queue_.Notify(event);
  const nlohmann::json body = BodyOf(MustPoll({}));
  EXPECT_EQ(body, nlohmann::json::parse(R"({"event":"participant_left","id":"EV_1",
      "createdAt":"1700000000","room":{"name":"R"},
      "participant":{"identity":"@a:hs:DEV","disconnectReason":"CLIENT_INITIATED"}})"));
}

TEST_F(WebhookQueueTest, SendsOneEventAtATimeAndInOrder) {
  queue_.Notify(Event("participant_joined"));
  queue_.Notify(Event("track_published"));
  const WebhookRequest first = MustPoll({});
  EXPECT_EQ(BodyOf(first)["event"], "participant_joined");
  EXPECT_FALSE(queue_.PollRequest(At({})).has_value());
  EXPECT_EQ(queue_.NextDeadline().at, kNever);
  Deliver(Millis(5), first);
  EXPECT_TRUE(queue_.NextDeadline().IsDue(At(Millis(5))));
  const WebhookRequest second = MustPoll(Millis(5));
  EXPECT_EQ(BodyOf(second)["event"], "track_published");
  Deliver(Millis(6), second);
  EXPECT_TRUE(queue_.IsIdle());
  EXPECT_EQ(queue_.delivered_total(), 2U);
}

TEST_F(WebhookQueueTest, RetriesWithDoublingDelaysAndASignatureOfItsOwn) {
  queue_.Notify(Event("room_started"));
  WebhookRequest request = MustPoll({});
  const std::string first_signature(*wire::FindHeader(request.headers, "authorization"));
  queue_.HandleResult(At(Millis(100)), request.id, std::nullopt);
  EXPECT_EQ(queue_.NextDeadline().at, At(Millis(600)));
  EXPECT_FALSE(queue_.PollRequest(At(Millis(599))).has_value());
  request = MustPoll(Millis(600));
  queue_.HandleResult(At(Seconds(2)), request.id, 503);
  EXPECT_EQ(queue_.NextDeadline().at, At(Seconds(3)));
  request = MustPoll(Seconds(3));
  EXPECT_NE(*wire::FindHeader(request.headers, "authorization"), first_signature);
}

TEST_F(WebhookQueueTest, NeverWaitsLongerThanTheLongestDelay) {
  queue_.Notify(Event("room_started"));
  Duration now{};
  for (int attempt = 1; attempt < 10; ++attempt) {
    queue_.HandleResult(At(now), MustPoll(now).id, 500);
    const Duration wait = queue_.NextDeadline().at - At(now);
    EXPECT_LE(wait, Seconds(30));
    now += wait;
  }
  EXPECT_EQ(queue_.NextDeadline().at - At(now), Duration{});
}

TEST_F(WebhookQueueTest, GivesUpAfterTenAttemptsAndSaysSoInTheNextEvent) {
  queue_.Notify(Event("room_started"));
  queue_.Notify(Event("room_finished"));
  Duration now{};
  for (int attempt = 0; attempt < 10; ++attempt) {
    queue_.HandleResult(At(now), MustPoll(now).id, std::nullopt);
    now += Seconds(31);
  }
  const WebhookRequest next = MustPoll(now);
  EXPECT_EQ(BodyOf(next)["event"], "room_finished");
  EXPECT_EQ(BodyOf(next)["numDropped"], 1);
  EXPECT_EQ(queue_.dropped_total(), 1U);
  Deliver(now, next);
  queue_.Notify(Event("room_started"));
  EXPECT_FALSE(BodyOf(MustPoll(now)).contains("numDropped"));
}

TEST_F(WebhookQueueTest, DoesNotRepeatWhatTheReceiverRefused) {
  queue_.Notify(Event("room_started"));
  queue_.HandleResult(At({}), MustPoll({}).id, 401);
  EXPECT_TRUE(queue_.IsIdle());
  EXPECT_EQ(queue_.dropped_total(), 1U);
}

TEST_F(WebhookQueueTest, DropsTheOldestWaitingEventWhenFull) {
  queue_.Notify(Event("room_started", "EV_0"));
  const WebhookRequest on_its_way = MustPoll({});
  for (std::size_t i = 1; i <= limits::kWebhookQueueMax; ++i) {
    queue_.Notify(Event("track_published", "EV_" + std::to_string(i)));
  }
  EXPECT_EQ(queue_.dropped_total(), 1U);
  Deliver({}, on_its_way);
  const WebhookRequest next = MustPoll({});
  EXPECT_EQ(BodyOf(next)["id"], "EV_2");
  EXPECT_EQ(BodyOf(next)["numDropped"], 1);
}

TEST_F(WebhookQueueTest, KeepsNoMoreBytesThanItsLimit) {
  pb::WebhookEvent big = Event("room_started");
  big.mutable_room()->set_metadata(std::string(limits::kMetadataBytesMax, 'm'));
  const std::size_t fit = limits::kWebhookQueueBytesMax / big.ByteSizeLong();
  for (std::size_t i = 0; i < fit; ++i) queue_.Notify(big);
  EXPECT_EQ(queue_.dropped_total(), 0U);
  queue_.Notify(big);
  EXPECT_EQ(queue_.dropped_total(), 1U);
}

TEST_F(WebhookQueueTest, AFullQueueDoesNotShortenTheWaitForAnAbsentReceiver) {
  for (std::size_t i = 0; i < limits::kWebhookQueueMax; ++i) queue_.Notify(Event("a"));
  queue_.HandleResult(At({}), MustPoll({}).id, std::nullopt);
  queue_.Notify(Event("b"));
  EXPECT_EQ(queue_.NextDeadline().at, At(Millis(500)));
}

TEST_F(WebhookQueueTest, IgnoresResultsItDidNotAskFor) {
  queue_.Notify(Event("room_started"));
  const WebhookRequest request = MustPoll({});
  queue_.HandleResult(At({}), WebhookRequestId{99}, 200);
  EXPECT_FALSE(queue_.IsIdle());
  Deliver({}, request);
  Deliver({}, request);
  EXPECT_EQ(queue_.delivered_total(), 1U);
}

class TwoUrls : public WebhookQueueTest {
 protected:
  TwoUrls()
      : WebhookQueueTest({{"http://a", {"room_started", "room_finished"}, {"room_finished"}},
                          {"http://b", {}, {"room_started"}}}) {}
};

TEST_F(TwoUrls, GetOnlyWhatTheirFiltersLetThrough) {
  for (const char* name : {"room_started", "room_finished", "track_published"}) {
    queue_.Notify(Event(name));
  }
  std::vector<std::string> sent;
  while (const auto request = queue_.PollRequest(At({}))) {
    sent.push_back(request->url + " " + BodyOf(*request)["event"].get<std::string>());
    Deliver({}, *request);
  }
  EXPECT_THAT(sent, testing::UnorderedElementsAre("http://a room_started", "http://b room_finished",
                                                  "http://b track_published"));
}

TEST_F(TwoUrls, DoNotWaitForEachOther) {
  queue_.Notify(Event("room_started"));
  queue_.Notify(Event("track_published"));
  EXPECT_EQ(MustPoll({}).url, "http://a");
  EXPECT_EQ(MustPoll({}).url, "http://b");
  EXPECT_FALSE(queue_.PollRequest(At({})).has_value());
}

}  // namespace
}  // namespace fovea::livekit
