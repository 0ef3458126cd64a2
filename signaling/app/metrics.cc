#include "signaling/app/metrics.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "sfu/core/limits.h"
#include "signaling/wire/metrics_text.h"

namespace fovea::app {
namespace {

using wire::MetricsText;
using wire::MetricType;
constexpr auto kCounter = MetricType::kCounter;
constexpr auto kGauge = MetricType::kGauge;

double SecondsOf(Duration duration) { return static_cast<double>(ToMicros(duration)) / 1e6; }

void Single(MetricsText& page, std::string_view name, MetricType type, std::string_view help,
            std::uint64_t value) {
  page.Begin(name, type, help);
  page.Count({}, value);
}

void WriteProcess(MetricsText& page, const MetricsFacts& facts) {
  page.Begin("fovea_build_info", kGauge, "Always 1; the version is the label.");
  page.Count({{"version", facts.version}}, 1);
  const ProcessFacts& process = facts.process;
  page.Begin("process_cpu_seconds_total", kCounter, "Processor time of all threads.");
  page.Value({}, SecondsOf(process.cpu));
  page.Begin("process_start_time_seconds", kGauge, "When the process started, Unix time.");
  page.Value({}, process.started_unix);
  if (process.resident_bytes > 0) {
    Single(page, "process_resident_memory_bytes", kGauge, "Resident memory.",
           process.resident_bytes);
  }
  if (process.open_files > 0) {
    Single(page, "process_open_fds", kGauge, "Open file descriptors.", process.open_files);
  }
  Single(page, "fovea_http_connections", kGauge,
         "Open HTTP and WebSocket connections, those of scrapers left out.",
         facts.http_connections);
}

// --- What LiveKit's dashboards read --------------------------------------------------------------

// Every family of LiveKit's has these.
class LiveKitLabels {
 public:
  explicit LiveKitLabels(const std::string& node_id) : node_id_(node_id) {}
  void Count(MetricsText& page, std::uint64_t value) const {
    page.Count({{"node_id", node_id_}, {"node_type", "SERVER"}}, value);
  }
  void Count(MetricsText& page, wire::MetricLabel label, std::uint64_t value) const {
    page.Count({label, {"node_id", node_id_}, {"node_type", "SERVER"}}, value);
  }
  void Count(MetricsText& page, wire::MetricLabel first, wire::MetricLabel second,
             std::uint64_t value) const {
    page.Count({first, second, {"node_id", node_id_}, {"node_type", "SERVER"}}, value);
  }

 private:
  const std::string& node_id_;
};

worker::WorkerStats SumOf(const std::vector<io::WorkerThread::Snapshot>& workers) {
  worker::WorkerStats sum;
  for (const io::WorkerThread::Snapshot& worker : workers) {
    const worker::WorkerStats& one = worker.stats;
    sum.rtp_received += one.rtp_received;
    sum.rtp_bytes_received += one.rtp_bytes_received;
    sum.rtx_received += one.rtx_received;
    sum.rtx_bytes_received += one.rtx_bytes_received;
    sum.rtp_forwarded += one.rtp_forwarded;
    sum.rtp_bytes_forwarded += one.rtp_bytes_forwarded;
    sum.rtp_retransmitted += one.rtp_retransmitted;
    sum.rtp_bytes_retransmitted += one.rtp_bytes_retransmitted;
    sum.nacks_received += one.nacks_received;
    sum.nacks_sent += one.nacks_sent;
    sum.key_frame_requests_received += one.key_frame_requests_received;
    sum.key_frame_requests_sent += one.key_frame_requests_sent;
  }
  return sum;
}

void WriteRooms(MetricsText& page, const LiveKitLabels& labels, const MediaFacts& media) {
  page.Begin("livekit_room_total", kGauge, "Rooms that are open.");
  labels.Count(page, media.rooms);
  page.Begin("livekit_participant_total", kGauge, "Participants in all rooms.");
  labels.Count(page, media.participants);
  page.Begin("livekit_participant_join_total", kCounter,
             "Joins whose token and room were accepted (signal_connected), or refused.");
  labels.Count(page, {"state", "signal_connected"}, media.joins);
  labels.Count(page, {"state", "signal_failed"}, media.joins_refused);
  page.Begin("livekit_track_published_total", kGauge, "Tracks that are published.");
  labels.Count(page, {"kind", "AUDIO"}, media.audio_published);
  labels.Count(page, {"kind", "VIDEO"}, media.video_published);
  page.Begin("livekit_track_subscribed_total", kGauge, "Subscriptions that media flows to.");
  labels.Count(page, {"kind", "AUDIO"}, media.audio_subscribed);
  labels.Count(page, {"kind", "VIDEO"}, media.video_subscribed);
}

void WritePackets(MetricsText& page, const LiveKitLabels& labels, const MediaFacts& media) {
  const worker::WorkerStats sum = SumOf(media.workers);
  constexpr wire::MetricLabel kIn{"direction", "incoming"};
  constexpr wire::MetricLabel kOut{"direction", "outgoing"};
  constexpr wire::MetricLabel kFirst{"transmission", "initial"};
  constexpr wire::MetricLabel kAgain{"transmission", "retransmit"};
  page.Begin("livekit_packet_total", kCounter, "RTP packets.");
  labels.Count(page, kIn, kFirst, sum.rtp_received - sum.rtx_received);
  labels.Count(page, kIn, kAgain, sum.rtx_received);
  labels.Count(page, kOut, kFirst, sum.rtp_forwarded);
  labels.Count(page, kOut, kAgain, sum.rtp_retransmitted);
  page.Begin("livekit_packet_bytes", kCounter, "Bytes of RTP packets, headers included.");
  labels.Count(page, kIn, kFirst, sum.rtp_bytes_received - sum.rtx_bytes_received);
  labels.Count(page, kIn, kAgain, sum.rtx_bytes_received);
  labels.Count(page, kOut, kFirst, sum.rtp_bytes_forwarded);
  labels.Count(page, kOut, kAgain, sum.rtp_bytes_retransmitted);
  page.Begin("livekit_nack_total", kCounter, "Packets asked for again.");
  labels.Count(page, kIn, sum.nacks_received);
  labels.Count(page, kOut, sum.nacks_sent);
  page.Begin("livekit_pli_total", kCounter, "Key-frame requests; those received by FIR too.");
  labels.Count(page, kIn, sum.key_frame_requests_received);
  labels.Count(page, kOut, sum.key_frame_requests_sent);
}

// --- Ours ----------------------------------------------------------------------------------------

using Snapshot = io::WorkerThread::Snapshot;

template <class Value>
void PerWorker(MetricsText& page, const std::vector<Snapshot>& workers, Value value) {
  for (std::size_t i = 0; i < workers.size(); ++i) {
    page.Value({{"worker", std::to_string(i)}}, static_cast<double>(value(workers[i])));
  }
}

void WriteWorkers(MetricsText& page, const std::vector<Snapshot>& workers) {
  page.Begin("fovea_worker_cpu_seconds_total", kCounter,
             "Processor time of a media worker; a rate near 1 is a worker at its limit.");
  PerWorker(page, workers, [](const Snapshot& one) { return SecondsOf(one.cpu); });
  page.Begin("fovea_worker_sessions", kGauge, "Peer connections of a media worker.");
  PerWorker(page, workers, [](const Snapshot& one) { return one.peers; });
  page.Begin("fovea_worker_received_datagrams_total", kCounter, "UDP datagrams, of any kind.");
  PerWorker(page, workers, [](const Snapshot& one) { return one.stats.datagrams_received; });
  page.Begin("fovea_worker_received_bytes_total", kCounter, "Bytes in UDP datagrams.");
  PerWorker(page, workers, [](const Snapshot& one) { return one.stats.bytes_received; });
  page.Begin("fovea_worker_sent_datagrams_total", kCounter, "UDP datagrams, of any kind.");
  PerWorker(page, workers, [](const Snapshot& one) { return one.packets_sent; });
  page.Begin("fovea_worker_sent_bytes_total", kCounter, "Bytes of RTP and RTCP, encrypted.");
  PerWorker(page, workers, [](const Snapshot& one) { return one.stats.bytes_sent; });
  page.Begin("fovea_worker_receive_stalls_total", kCounter,
             "Turns without packet memory; the kernel's buffer held the datagrams.");
  PerWorker(page, workers, [](const Snapshot& one) { return one.stats.receive_stalls; });
}

void WriteDrops(MetricsText& page, const MediaFacts& media) {
  page.Begin("fovea_packets_dropped_total", kCounter, "Packets discarded, by reason.");
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    const auto reason = static_cast<DropReason>(i);
    std::uint64_t sum = media.data_hub.packets.Get(reason);
    for (const Snapshot& worker : media.workers) sum += worker.drops.Get(reason);
    page.Count({{"reason", ToString(reason)}}, sum);
  }
  page.Begin("fovea_data_messages_dropped_total", kCounter,
             "Messages of data channels that did not get through us, by reason.");
  page.Count({{"reason", "event_queue_full"}}, media.data_hub.event_queue_full);
  page.Count({{"reason", "no_channel"}}, media.data_hub.no_channel);
  page.Count({{"reason", "too_long"}}, media.data_hub.too_long);
  page.Count({{"reason", "bad_open"}}, media.data_hub.bad_open);
  for (std::size_t i = 0; i < livekit::kDataDrops; ++i) {
    const std::string_view reason = ToString(static_cast<livekit::DataDrop>(i));
    page.Count({{"reason", reason}}, media.data_drops[i]);
  }
  Single(page, "fovea_data_sends_refused_total", kCounter,
         "Sends that a full buffer refused; reliable ones are tried again.", media.data_hub.sends);
  Single(page, "fovea_data_channels_refused_total", kCounter,
         "Data channels refused: the session has too many.", media.data_hub.channels);
  Single(page, "fovea_data_associations_refused_total", kCounter,
         "Sessions that got no data channels at all: there are too many.",
         media.data_hub.associations);
}

template <class Value>
void PerCall(MetricsText& page, const std::vector<CallLine>& calls, Value value) {
  for (const CallLine& call : calls) page.Count({{"room", call.room}}, value(call));
}

template <class Value>
void PerMatrixCall(MetricsText& page, const std::vector<CallLine>& calls, Value value) {
  for (const CallLine& call : calls) {
    if (call.is_matrix) page.Count({{"room", call.room}}, value(call));
  }
}

void WriteCalls(MetricsText& page, const MediaFacts& media) {
  const std::vector<CallLine>& calls = media.calls;
  page.Begin("fovea_call_start_time_seconds", kGauge, "When the call started, Unix time.");
  for (const CallLine& call : calls) page.Value({{"room", call.room}}, call.since_unix);
  page.Begin("fovea_call_participants", kGauge, "Participants in a call.");
  PerCall(page, calls, [](const CallLine& call) { return call.participants; });
  page.Begin("fovea_call_publishers", kGauge, "Participants who publish that kind.");
  for (const CallLine& call : calls) {
    page.Count({{"room", call.room}, {"kind", "audio"}}, call.publish_audio);
    page.Count({{"room", call.room}, {"kind", "video"}}, call.publish_video);
  }
  page.Begin("fovea_call_members", kGauge, "Members of record: the Matrix room says so.");
  PerMatrixCall(page, calls, [](const CallLine& call) { return call.members; });
  page.Begin("fovea_call_members_without_media", kGauge,
             "Members of record who are not connected to this focus.");
  PerMatrixCall(page, calls, [](const CallLine& call) { return call.members_without_media; });
  page.Begin("fovea_call_media_without_member", kGauge,
             "Connections without a membership in the Matrix room.");
  PerMatrixCall(page, calls, [](const CallLine& call) { return call.media_without_member; });
  // Who opened it is personal: GET /fovea/v1/calls tells.
  page.Begin("fovea_call_info", kGauge, "1: what a Matrix call is, and why somebody last left it.");
  for (const CallLine& call : calls) {
    if (!call.is_matrix) continue;
    page.Count({{"room", call.room}, {"intent", call.intent}, {"last_left", call.last_left}}, 1);
  }
  Single(page, "fovea_call_series_left_out_total", kCounter,
         "Calls that had no series of their own, over all scrapes: there were too many.",
         media.calls_left_out_total);
}

void WriteMedia(MetricsText& page, const std::string& node_id, const MediaFacts& media) {
  const LiveKitLabels labels(node_id);
  WriteRooms(page, labels, media);
  WritePackets(page, labels, media);
  WriteWorkers(page, media.workers);
  WriteDrops(page, media);
  WriteCalls(page, media);
  Single(page, "fovea_webhooks_delivered_total", kCounter, "Webhooks that were taken.",
         media.webhooks_delivered);
  Single(page, "fovea_webhooks_dropped_total", kCounter, "Webhooks given up, or over the bound.",
         media.webhooks_dropped);
}

// The refusals among the decisions are the operator's first question; both have the same family.
void WriteDecisions(MetricsText& page, const MembershipFacts& facts) {
  page.Begin("fovea_admission_decisions_total", kCounter,
             "Requests for tokens by what the homeserver knew of the user.");
  for (const matrix::MintRow& row : matrix::MintPolicy()) {
    const bool allows = row.verdict == matrix::MintVerdict::kAllow;
    page.Count({{"verdict", allows ? "allow" : "deny"}, {"reason", ToString(row.which)}},
               facts.decisions[static_cast<std::size_t>(row.which)]);
  }
}

void WriteEvictions(MetricsText& page, const MembershipFacts& facts) {
  page.Begin("fovea_evictions_total", kCounter,
             "Identities put out or whose tokens were refused, by the evidence.");
  for (std::size_t i = 0; i < matrix::kEvidenceKinds; ++i) {
    page.Count({{"reason", ToString(static_cast<matrix::EvidenceKind>(i))}}, facts.evictions[i]);
  }
  page.Begin("fovea_eviction_seconds", MetricType::kSummary,
             "From the homeserver's word to the last packet, of who was connected.");
  page.SumAndCount(SecondsOf(facts.eviction_total), facts.evictions_fenced);
  page.Begin("fovea_eviction_longest_seconds", kGauge, "The longest of these since the start.");
  page.Value({}, SecondsOf(facts.eviction_longest));
}

void WriteMembership(MetricsText& page, const MembershipFacts& facts) {
  if (facts.push_age_s.has_value()) {
    page.Begin("fovea_homeserver_last_push_age_seconds", kGauge,
               "Since the homeserver last pushed, or answered /sync; long in a quiet server.");
    page.Value({}, *facts.push_age_s);
  }
  Single(page, "fovea_homeserver_answers", kGauge,
         "1: the last question about a room was answered. 0: it was not.",
         facts.is_answering ? 1 : 0);
  page.Begin("fovea_homeserver_transactions_total", kCounter, "Pushes of the homeserver.");
  page.Count({{"result", "taken"}}, facts.transactions);
  page.Count({{"result", "repeated"}}, facts.transactions_repeated);
  page.Count({{"result", "unreadable"}}, facts.transactions_unreadable);
  page.Count({{"result", "refused"}}, facts.transactions_refused);
  Single(page, "fovea_admissions", kGauge, "Identities with a token that is good, or connected.",
         facts.admissions);
  Single(page, "fovea_watched_rooms", kGauge, "Matrix rooms that are followed.",
         facts.watched_rooms);
  Single(page, "fovea_calls", kGauge, "MatrixRTC calls that are on.", facts.calls);
  Single(page, "fovea_calls_started_total", kCounter, "MatrixRTC calls that started.",
         facts.calls_started);
  page.Begin("fovea_calls_ended_total", kCounter,
             "MatrixRTC calls that ended, by why the last one left.");
  for (std::size_t i = 0; i < focus::kDepartureReasons; ++i) {
    page.Count({{"last_left", ToString(static_cast<focus::DepartureReason>(i))}},
               facts.calls_ended[i]);
  }
  WriteEvictions(page, facts);
  WriteDecisions(page, facts);
}

void WriteTokens(MetricsText& page, const TokenFacts& facts) {
  page.Begin("fovea_token_requests_total", kCounter, "Requests to the token service.");
  page.Count({{"result", "minted"}}, facts.minted);
  page.Count({{"result", "refused"}}, facts.refused);
  page.Count({{"result", "rate_limited"}}, facts.limited);
}

void WriteDelayedLeaves(MetricsText& page, const DelayedLeaveFacts& facts) {
  const auto ended = [&](matrix::LeaveEnd end) {
    return facts.ended[static_cast<std::size_t>(end)];
  };
  Single(page, "fovea_delayed_leave_offered", kGauge, "1: clients may delegate their leave.",
         facts.is_offered ? 1 : 0);
  Single(page, "fovea_delayed_leave_jobs", kGauge, "Leaves that are looked after.", facts.jobs);
  page.Begin("fovea_delayed_leaves_total", kCounter, "Delegated leaves that are no more.");
  page.Count({{"result", "sent"}}, ended(matrix::LeaveEnd::kSent));
  page.Count({{"result", "aborted"}}, ended(matrix::LeaveEnd::kAborted));
  page.Count({{"result", "replaced"}}, ended(matrix::LeaveEnd::kReplaced));
  page.Count({{"result", "failed"}}, ended(matrix::LeaveEnd::kGivenUp));
  Single(page, "fovea_delayed_leave_failed_calls_total", kCounter, "Calls that failed.",
         facts.failed_calls);
}

}  // namespace

std::uint64_t LimitCalls(std::vector<CallLine>& calls) {
  for (CallLine& call : calls) call.room = wire::ShownLabelValue(call.room);
  const auto rank = [](const CallLine& call) {
    return std::tuple(-static_cast<std::int64_t>(call.participants), call.since_unix,
                      std::string_view(call.room));
  };
  std::sort(calls.begin(), calls.end(),
            [&](const CallLine& a, const CallLine& b) { return rank(a) < rank(b); });
  const std::size_t all = calls.size();
  std::set<std::string> names;
  std::erase_if(calls, [&](const CallLine& call) {
    return names.size() >= limits::kMetricsCallsMax || !names.insert(call.room).second;
  });
  std::sort(calls.begin(), calls.end(),
            [](const CallLine& a, const CallLine& b) { return a.room < b.room; });
  return all - calls.size();
}

std::string MetricsPage(const MetricsFacts& facts) {
  MetricsText page;
  WriteProcess(page, facts);
  if (facts.media.has_value()) WriteMedia(page, facts.node_id, *facts.media);
  if (facts.membership.has_value()) WriteMembership(page, *facts.membership);
  if (facts.tokens.has_value()) WriteTokens(page, *facts.tokens);
  if (facts.delayed_leaves.has_value()) WriteDelayedLeaves(page, *facts.delayed_leaves);
  if (facts.state.has_value()) {
    Single(page, "fovea_state_degraded", kGauge,
           "1: the state file cannot be written; a restart may forget.",
           facts.state->is_degraded ? 1 : 0);
  }
  return page.Take();
}

}  // namespace fovea::app
