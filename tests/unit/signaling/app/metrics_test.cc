#include "signaling/app/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sfu/core/limits.h"
#include "signaling/app/metrics_listener.h"
#include "signaling/wire/base64.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::app {
namespace {

using testing::HasSubstr;
using testing::Not;

CallLine Call(std::string room, std::uint64_t participants, double since = 0) {
  CallLine call{.room = std::move(room)};
  call.participants = participants;
  call.since_unix = since;
  return call;
}

std::vector<std::string> NamesOf(const std::vector<CallLine>& calls) {
  std::vector<std::string> names;
  for (const CallLine& call : calls) names.push_back(call.room);
  return names;
}

TEST(Metrics, WritesAPageByTheFormat) {
  MetricsFacts facts{.version = "1.2.3"};
  facts.process = {.resident_bytes = 4096,
                   .open_files = 0,
                   .cpu = Millis(1500),
                   .started_unix = 1'800'000'000.5};
  facts.http_connections = 7;
  facts.tokens = TokenFacts{.minted = 5, .refused = 2, .limited = 1};
  DelayedLeaveFacts leaves{.is_offered = true, .jobs = 3};
  leaves.ended = {10, 11, 12, 13};
  leaves.failed_calls = 4;
  facts.delayed_leaves = leaves;
  facts.state = StateFacts{.is_degraded = true};
  EXPECT_EQ(MetricsPage(facts), R"(# HELP fovea_build_info Always 1; the version is the label.
# TYPE fovea_build_info gauge
fovea_build_info{version="1.2.3"} 1
# HELP process_cpu_seconds_total Processor time of all threads.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
# HELP process_start_time_seconds When the process started, Unix time.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1800000000.5
# HELP process_resident_memory_bytes Resident memory.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 4096
# HELP fovea_http_connections Open HTTP and WebSocket connections, those of scrapers left out.
# TYPE fovea_http_connections gauge
fovea_http_connections 7
# HELP fovea_token_requests_total Requests to the token service.
# TYPE fovea_token_requests_total counter
fovea_token_requests_total{result="minted"} 5
fovea_token_requests_total{result="refused"} 2
fovea_token_requests_total{result="rate_limited"} 1
# HELP fovea_delayed_leave_offered 1: clients may delegate their leave.
# TYPE fovea_delayed_leave_offered gauge
fovea_delayed_leave_offered 1
# HELP fovea_delayed_leave_jobs Leaves that are looked after.
# TYPE fovea_delayed_leave_jobs gauge
fovea_delayed_leave_jobs 3
# HELP fovea_delayed_leaves_total Delegated leaves that are no more.
# TYPE fovea_delayed_leaves_total counter
fovea_delayed_leaves_total{result="sent"} 10
fovea_delayed_leaves_total{result="aborted"} 11
fovea_delayed_leaves_total{result="replaced"} 12
fovea_delayed_leaves_total{result="failed"} 13
# HELP fovea_delayed_leave_failed_calls_total Calls that failed.
# TYPE fovea_delayed_leave_failed_calls_total counter
fovea_delayed_leave_failed_calls_total 4
# HELP fovea_state_degraded 1: the state file cannot be written; a restart may forget.
# TYPE fovea_state_degraded gauge
fovea_state_degraded 1
)");
}

MediaFacts TwoWorkers() {
  MediaFacts media;
  io::WorkerThread::Snapshot first;
  first.stats.rtp_received = 100;
  first.stats.rtx_received = 10;
  first.stats.rtp_bytes_received = 1000;
  first.stats.rtx_bytes_received = 200;
  first.stats.rtp_forwarded = 300;
  first.stats.rtp_bytes_retransmitted = 77;
  first.drops.Add(DropReason::kLaneFull, 2);
  first.cpu = Millis(250);
  io::WorkerThread::Snapshot second = first;
  second.drops.Add(DropReason::kLaneFull, 3);
  media.workers = {first, second};
  return media;
}

TEST(Metrics, AddsUpWorkersUnderLiveKitsNames) {
  MetricsFacts facts{.node_id = "ND_x"};
  facts.media = TwoWorkers();
  facts.media->participants = 4;
  const std::string page = MetricsPage(facts);
  constexpr const char* kNode = R"(node_id="ND_x",node_type="SERVER"} )";
  const auto has = [&](const std::string& series, const char* value) {
    EXPECT_THAT(page, HasSubstr(series + kNode + value + "\n"));
  };
  has("livekit_participant_total{", "4");
  has(R"(livekit_packet_total{direction="incoming",transmission="initial",)", "180");
  has(R"(livekit_packet_total{direction="incoming",transmission="retransmit",)", "20");
  has(R"(livekit_packet_bytes{direction="incoming",transmission="initial",)", "1600");
  has(R"(livekit_packet_total{direction="outgoing",transmission="initial",)", "600");
  has(R"(livekit_packet_bytes{direction="outgoing",transmission="retransmit",)", "154");
}

TEST(Metrics, TellsWorkersApartAndDropsByReason) {
  MetricsFacts facts;
  facts.media = TwoWorkers();
  const std::string page = MetricsPage(facts);
  EXPECT_THAT(page, HasSubstr("fovea_worker_cpu_seconds_total{worker=\"1\"} 0.25\n"));
  EXPECT_THAT(page, HasSubstr("fovea_packets_dropped_total{reason=\"lane_full\"} 7\n"));
  EXPECT_THAT(page, HasSubstr("fovea_packets_dropped_total{reason=\"rtp_too_long\"} 0\n"));
}

TEST(Metrics, CountsWhatDataChannelsDiscard) {
  MetricsFacts facts;
  MediaFacts& media = facts.media.emplace(TwoWorkers());
  media.workers[0].drops.Add(DropReason::kAppDataRingFull, 1);
  media.data_hub.packets.Add(DropReason::kAppDataRingFull, 2);
  media.data_hub.packets.Add(DropReason::kSctpMalformed, 4);
  media.data_hub.no_channel = 5;
  media.data_hub.too_long = 6;
  media.data_hub.channels = 7;
  media.data_drops[static_cast<std::size_t>(livekit::DataDrop::kRepeated)] = 8;
  const std::string page = MetricsPage(facts);
  EXPECT_THAT(page, HasSubstr("fovea_packets_dropped_total{reason=\"app_data_ring_full\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("fovea_packets_dropped_total{reason=\"sctp_malformed\"} 4\n"));
  const auto has = [&](const char* reason, const char* value) {
    EXPECT_THAT(page, HasSubstr("fovea_data_messages_dropped_total{reason=\"" +
                                std::string(reason) + "\"} " + value + "\n"));
  };
  has("no_channel", "5");
  has("too_long", "6");
  has("repeated", "8");
  has("not_permitted", "0");
  EXPECT_THAT(page, HasSubstr("fovea_data_channels_refused_total 7\n"));
}

TEST(Metrics, SaysOfMatrixCallsWhoIsOfRecord) {
  MetricsFacts facts;
  MediaFacts& media = facts.media.emplace();
  CallLine matrix = Call("hash", 3);
  matrix.is_matrix = true;
  matrix.members = 4;
  matrix.members_without_media = 2;
  matrix.media_without_member = 1;
  matrix.intent = "video";
  matrix.last_left = "evicted";
  media.calls = {matrix, Call("plain", 1)};
  const std::string page = MetricsPage(facts);
  EXPECT_THAT(page, HasSubstr("fovea_call_members{room=\"hash\"} 4\n"));
  EXPECT_THAT(page, HasSubstr("fovea_call_members_without_media{room=\"hash\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("fovea_call_media_without_member{room=\"hash\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("fovea_call_info{room=\"hash\",intent=\"video\",last_left="
                              "\"evicted\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("fovea_call_participants{room=\"plain\"} 1\n"));
  EXPECT_THAT(page, Not(HasSubstr("fovea_call_members{room=\"plain\"}")));
}

TEST(Metrics, CountsEvictionsDecisionsAndEndsByReason) {
  MetricsFacts facts;
  MembershipFacts& membership = facts.membership.emplace();
  membership.evictions[static_cast<std::size_t>(matrix::EvidenceKind::kUserBanned)] = 2;
  membership.decisions[static_cast<std::size_t>(matrix::MintCase::kNotJoined)] = 3;
  membership.decisions[static_cast<std::size_t>(matrix::MintCase::kUnknownAllowed)] = 4;
  membership.calls_ended[static_cast<std::size_t>(focus::DepartureReason::kClientLeft)] = 5;
  membership.eviction_total = Millis(90);
  membership.evictions_fenced = 2;
  const std::string page = MetricsPage(facts);
  EXPECT_THAT(page, HasSubstr("fovea_evictions_total{reason=\"user_banned\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("_total{verdict=\"deny\",reason=\"not_joined\"} 3\n"));
  EXPECT_THAT(page, HasSubstr("_total{verdict=\"allow\",reason=\"unknown_room\"} 4\n"));
  EXPECT_THAT(page, HasSubstr("fovea_calls_ended_total{last_left=\"client_left\"} 5\n"));
  EXPECT_THAT(page, HasSubstr("fovea_eviction_seconds_sum 0.09\nfovea_eviction_seconds_count 2\n"));
  EXPECT_THAT(page, Not(HasSubstr("last_push_age")));
}

TEST(LimitCalls, LeavesOutTheEmptiestAndThenTheYoungest) {
  std::vector<CallLine> calls;
  for (std::size_t i = 0; i < limits::kMetricsCallsMax; ++i) {
    calls.push_back(Call("flood" + std::to_string(i), 1, 100));
  }
  calls.push_back(Call("in use", 5, 200));
  calls.push_back(Call("old", 1, 50));
  EXPECT_EQ(LimitCalls(calls), 2U);
  EXPECT_EQ(calls.size(), limits::kMetricsCallsMax);
  EXPECT_THAT(NamesOf(calls), testing::IsSupersetOf({"in use", "old", "flood0"}));
  EXPECT_TRUE(std::is_sorted(calls.begin(), calls.end(),
                             [](const auto& a, const auto& b) { return a.room < b.room; }));
}

TEST(LimitCalls, LeavesOutNamesThatLookTheSame) {
  std::vector<CallLine> calls{Call("a\x01", 1), Call("a\x02", 2), Call("b", 1)};
  EXPECT_EQ(LimitCalls(calls), 1U);
  EXPECT_THAT(NamesOf(calls), testing::ElementsAre("a\uFFFD", "b"));
  EXPECT_EQ(calls[0].participants, 2U);
}

wire::HttpRequest Asking(const std::string& authorization) {
  wire::HttpRequest request;
  if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
  return request;
}

std::string Basic(std::string_view credentials) {
  return "Basic " + wire::Base64Encode(wire::AsBytes(credentials));
}

TEST(MayReadMetrics, AsksForNothingWhereNothingIsConfigured) {
  EXPECT_TRUE(MayReadMetrics({}, Asking("")));
}

TEST(MayReadMetrics, AsksForBothNameAndPassword) {
  const PrometheusConfig config{.port = 1, .username = "u", .password = "p"};
  EXPECT_TRUE(MayReadMetrics(config, Asking(Basic("u:p"))));
  EXPECT_FALSE(MayReadMetrics(config, Asking(Basic("u:q"))));
  EXPECT_FALSE(MayReadMetrics(config, Asking(Basic("u:p "))));
  EXPECT_FALSE(MayReadMetrics(config, Asking("")));
  EXPECT_FALSE(MayReadMetrics(config, Asking("Bearer p")));
  EXPECT_FALSE(MayReadMetrics(config, Asking("Basic ***")));
}

TEST(MayReadMetrics, IsNotOpenBecauseOneOfTheTwoIsMissing) {
  const PrometheusConfig config{.port = 1, .username = "", .password = "p"};
  EXPECT_FALSE(MayReadMetrics(config, Asking("")));
  EXPECT_TRUE(MayReadMetrics(config, Asking(Basic(":p"))));
}

class MetricsListenerTest : public io::LoopTest {
 protected:
  void SetUp() override {
    listener_.emplace(&loop_, config_, [] { return MetricsFacts{}; });
    ASSERT_EQ(listener_->Open({"127.0.0.1"}), std::nullopt);
  }
  void TearDown() override {
    scrapers_.clear();
    listener_.reset();
  }
  // Whether a further scraper, which keeps its connection, is answered.
  [[nodiscard]] bool Scrape() {
    scrapers_.push_back(std::make_unique<io::RawClient>(&loop_, listener_->bound().front()));
    io::RawClient& client = *scrapers_.back();
    client.Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(
        RunUntil([&] { return !client.received.empty() || client.ended || client.failed; }));
    return client.received.starts_with("HTTP/1.1 200 ");
  }

  const PrometheusConfig config_;
  std::optional<MetricsListener> listener_;
  std::vector<std::unique_ptr<io::RawClient>> scrapers_;
};

TEST_F(MetricsListenerTest, RefusesFurtherScrapersUntilOneGoes) {
  for (std::size_t i = 0; i < limits::kMetricsConnectionsMax; ++i) ASSERT_TRUE(Scrape()) << i;
  EXPECT_FALSE(Scrape());
  EXPECT_TRUE(scrapers_.back()->received.empty());
  scrapers_.front()->HangUp();
  bool is_answered = false;  // once the listener saw that there is a place
  EXPECT_TRUE(RunUntil([&] { return is_answered || (is_answered = Scrape()); }));
}

}  // namespace
}  // namespace fovea::app
