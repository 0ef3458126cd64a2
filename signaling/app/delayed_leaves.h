// Delegated leave at work: makes the calls that matrix::DelayedLeaves asks for, and keeps its jobs.
// matrixrtc reference, section 4.8. Thread: signaling.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/log.h"
#include "sfu/core/wall_offset.h"
#include "signaling/app/leave_ports.h"
#include "signaling/app/metrics.h"
#include "signaling/app/token_ports.h"
#include "signaling/io/http_client.h"
#include "signaling/io/timer.h"
#include "signaling/matrix/delayed_leave.h"

namespace fovea::app {

struct DelayedLeavesConfig {
  matrix::DelayedLeaveOptions table;
  std::string own_server_name;  // the homeserver that `as_token` is good for
  std::string as_token;         // empty: every call is made without credentials
  std::uint64_t seed = 0;
  WallOffset wall_offset;
};

class DelayedLeaves : public DelegationPort {
 public:
  // All of them outlive this object, and none calls back once the owners of the loop's handles go.
  struct Ports {
    CsApiResolver& cs_api;
    GuardedHttp* discovered = nullptr;  // null: only configured homeservers are called
    LeaveJobStore& store;
    SfuControl& sfu;
    LogSink& log;
  };

  DelayedLeaves(uv_loop_t* loop, DelayedLeavesConfig config, Ports ports,
                io::HttpClientOptions http);
  DelayedLeaves(const DelayedLeaves&) = delete;
  DelayedLeaves& operator=(const DelayedLeaves&) = delete;

  // What the store held. Expired jobs are removed from it before this returns; the rest wait for
  // their participants. Before /healthz is 200. How many were resumed.
  std::size_t Resume(Instant now, const std::vector<matrix::LeaveJob>& jobs);

  // Asks the own homeserver about an event that does not exist, and again every 30 s until the
  // answer shows that it serves delayed events. Until then delegation is not to be offered.
  void VerifyOwnServer();
  // For a focus without a homeserver of its own, in front of another LiveKit server.
  void SkipVerification() { is_verified_ = true; }

  // DelegationPort. The caller has checked who asks, and that they may.
  [[nodiscard]] bool IsOffered() const override { return is_verified_; }
  void FindClientApi(const std::string& server_name, OnKnown on_known) override;
  [[nodiscard]] bool AddJob(Instant now, const Delegation& delegation) override;
  matrix::AddJobResult AddJob(Instant now, matrix::LeaveJob job);

  void HandleConnected(Instant now, const std::string& room, const std::string& identity);
  void HandleLeft(Instant now, const std::string& room, const std::string& identity,
                  matrix::LeftReason reason);
  void HandleAborted(Instant now, const std::string& room, const std::string& identity);

  [[nodiscard]] const matrix::DelayedLeaves& table() const { return table_; }
  [[nodiscard]] DelayedLeaveFacts CountLeaves() const;

 private:
  using OnAnswer = std::function<void(const std::optional<wire::HttpResponse>&)>;
  enum class Credentials : std::uint8_t { kAppservice, kNone };

  void Pump(Instant now);
  void Apply(const matrix::JobStoreOperation& operation);
  void Resolve(const matrix::DelayedCall& call);
  void Call(const matrix::DelayedCall& call, const CsApi& api, Credentials credentials);
  void Start(wire::OutgoingRequest request, bool is_discovered, OnAnswer on_answer);
  void HandleAnswer(const matrix::DelayedCall& call,
                    const std::optional<wire::HttpResponse>& answer);
  void WarnOfFailure(const std::string& server_name, std::string_view what);
  void HandleProbe(const CsApi& api, const std::optional<wire::HttpResponse>& answer);
  void HandleVersions(const std::optional<wire::HttpResponse>& answer);
  void VerifyLater(const std::string& why);
  [[nodiscard]] std::optional<wire::OutgoingRequest> RequestOf(const matrix::DelayedCall& call,
                                                               const CsApi& api,
                                                               Credentials credentials) const;

  // Constant after construction.
  const DelayedLeavesConfig config_;
  Ports ports_;

  matrix::DelayedLeaves table_;
  io::HttpClient http_;
  io::Timer timer_;
  io::Timer verify_timer_;
  bool is_verified_ = false;
  bool is_pumping_ = false;
  std::optional<Instant> warned_at_;
};

// How a LiveKit DisconnectReason (its number on the wire) ends a participant.
[[nodiscard]] matrix::LeftReason LeftReasonOf(int disconnect_reason);

}  // namespace fovea::app
