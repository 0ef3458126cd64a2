// What /metrics says: the facts as values, and the page made of them. Names are LiveKit's where the
// meaning is the same, so that its dashboards work, and fovea_* otherwise. Every family and its
// help text is in metrics.cc. Thread: plain values, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/time.h"
#include "sfu/io/worker_thread.h"
#include "signaling/focus/call_facts.h"
#include "signaling/focus/data_hub.h"
#include "signaling/livekit/data_drops.h"
#include "signaling/matrix/admission_policy.h"
#include "signaling/matrix/delayed_leave.h"
#include "signaling/matrix/evidence.h"

namespace fovea::app {

struct ProcessFacts {
  std::uint64_t resident_bytes = 0;  // 0: not known on this system
  std::uint64_t open_files = 0;      // 0: not known
  Duration cpu{};
  double started_unix = 0;
};

// One room with somebody in it.
struct CallLine {
  std::string room;  // LiveKit's name of it; for a MatrixRTC call a hash
  double since_unix = 0;
  std::uint64_t participants = 0;
  std::uint64_t publish_audio = 0;  // participants
  std::uint64_t publish_video = 0;
  // Of a MatrixRTC call.
  bool is_matrix = false;
  std::uint64_t members = 0;  // of record
  std::uint64_t members_without_media = 0;
  std::uint64_t media_without_member = 0;
  std::string intent{};     // "audio" or "video"
  std::string last_left{};  // why the last one who left did; empty: nobody did
};

struct MediaFacts {
  std::vector<io::WorkerThread::Snapshot> workers{};
  focus::DataHubDrops data_hub{};
  livekit::DataDropCounts data_drops{};
  std::uint64_t rooms = 0;
  std::uint64_t participants = 0;
  std::uint64_t audio_published = 0;  // tracks
  std::uint64_t video_published = 0;
  std::uint64_t audio_subscribed = 0;
  std::uint64_t video_subscribed = 0;
  std::uint64_t joins = 0;
  std::uint64_t joins_refused = 0;
  std::uint64_t webhooks_delivered = 0;
  std::uint64_t webhooks_dropped = 0;
  std::vector<CallLine> calls{};  // see LimitCalls
  std::uint64_t calls_left_out_total = 0;
};

// What the homeserver told, and what came of it. Arrays are by the enumeration's value.
struct MembershipFacts {
  std::optional<double> push_age_s{};  // nothing: it has not pushed yet
  bool is_answering = true;            // the last question was answered
  std::uint64_t transactions = 0;
  std::uint64_t transactions_repeated = 0;
  std::uint64_t transactions_unreadable = 0;
  std::uint64_t transactions_refused = 0;
  std::uint64_t admissions = 0;
  std::uint64_t watched_rooms = 0;
  std::uint64_t calls = 0;
  std::uint64_t calls_started = 0;
  std::array<std::uint64_t, focus::kDepartureReasons> calls_ended{};
  std::array<std::uint64_t, matrix::kEvidenceKinds> evictions{};
  Duration eviction_total{};  // from the evidence to the acknowledged fence
  Duration eviction_longest{};
  std::uint64_t evictions_fenced = 0;
  std::array<std::uint64_t, matrix::kMintCases> decisions{};
};

struct TokenFacts {
  std::uint64_t minted = 0;
  std::uint64_t refused = 0;
  std::uint64_t limited = 0;  // by the rate limit
};

struct DelayedLeaveFacts {
  bool is_offered = false;
  std::uint64_t jobs = 0;
  std::array<std::uint64_t, matrix::kLeaveEnds> ended{};
  std::uint64_t failed_calls = 0;
};

struct StateFacts {
  bool is_degraded = false;
};

struct MetricsFacts {
  std::string version{};
  std::string node_id{};
  ProcessFacts process{};
  std::uint64_t http_connections = 0;
  std::optional<MediaFacts> media{};  // nothing: another LiveKit server has the media
  std::optional<MembershipFacts> membership{};
  std::optional<TokenFacts> tokens{};
  std::optional<DelayedLeaveFacts> delayed_leaves{};
  std::optional<StateFacts> state{};
};

// Brings `calls` within kMetricsCallsMax and into the order of their names, each name as it will be
// shown and there once. The calls with the most participants stay, among equals the oldest: whoever
// opens rooms by the thousand hides none that is in use. Returns how many were left out.
std::uint64_t LimitCalls(std::vector<CallLine>& calls);

// REQUIRES: the calls went through LimitCalls.
[[nodiscard]] std::string MetricsPage(const MetricsFacts& facts);

}  // namespace fovea::app
