// Everything of the focus that speaks Matrix, put together: state, membership, tokens, delegated
// leave, well-known. Thread: signaling.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "sfu/core/deadline.h"
#include "signaling/app/config.h"
#include "signaling/app/delayed_leaves.h"
#include "signaling/app/external_sfu.h"
#include "signaling/app/matrix_focus.h"
#include "signaling/app/state_store.h"
#include "signaling/app/token_front.h"
#include "signaling/app/well_known.h"
#include "signaling/io/http_server.h"
#include "signaling/io/tls.h"

namespace fovea::app {

// Outlived by everything it is given.
class MatrixSide : public livekit::PresencePort, private LeaveJobStore {
 public:
  struct Parts {
    uv_loop_t* loop = nullptr;
    const Config& config;
    LogSink& log;
    livekit::Context& context;
    livekit::RoomManager& rooms;
    std::function<void()> turn_soon;  // something came that a turn has to follow up
  };
  explicit MatrixSide(const Parts& parts) : parts_(parts) {}
  ~MatrixSide() override;

  // Takes up what was stored. The error is a sentence for the operator.
  [[nodiscard]] std::optional<std::string> Start(Instant now);

  // Answers the request if it is for us, now or later; otherwise false, and `writer` is untouched.
  [[nodiscard]] bool Handle(Instant now, io::IncomingRequest& request, io::ResponseWriter& writer);
  [[nodiscard]] bool IsTokenRequest(const wire::RequestTarget& target) const {
    return tokens_ != nullptr && TokenService::Handles(target);
  }
  // Token requests are refused from now on.
  void StopServing() {
    if (tokens_ != nullptr) tokens_->service().StopServing();
  }
  [[nodiscard]] std::size_t LargeBodyBytesMax(const wire::HttpRequest& head) const;

  // livekit::PresencePort
  void OnActive(Instant now, const std::string& room, const std::string& identity) override;
  void OnGone(Instant now, const std::string& room, const std::string& identity,
              pb::DisconnectReason reason, bool was_active) override;
  void OnPublishing(Instant now, const std::string& room, const std::string& identity,
                    std::size_t audio_tracks, std::size_t video_tracks) override;

  void HandleFence(Instant now, std::uint64_t fence);
  void Pump(Instant now);
  void Count(Instant now, MetricsFacts& facts) const;
  // Null: no homeserver is configured.
  [[nodiscard]] const focus::Conductor* conductor() const {
    return focus_ == nullptr ? nullptr : &focus_->conductor();
  }
  [[nodiscard]] Deadline NextDeadline() const;

 private:
  // LeaveJobStore
  void PutJob(const matrix::LeaveJob& job) override { store_->PutJob(job); }
  void RemoveJob(const matrix::LeaveKey& key) override { store_->RemoveJob(key); }

  [[nodiscard]] std::optional<std::string> StartTls();
  // Null: https will fail.
  [[nodiscard]] const io::TlsClient* tls() const { return tls_.has_value() ? &*tls_ : nullptr; }
  [[nodiscard]] std::optional<std::string> StartTokens();
  void StartLeaves(Instant now);
  void OpenRoom(const std::string& room_name);
  [[nodiscard]] bool IsConnected(const matrix::LeaveKey& key) const;

  const Parts parts_;
  std::optional<io::TlsClient> tls_;  // whom we believe to be our homeserver
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<MatrixFocus> focus_;  // null: no homeserver is configured
  std::unique_ptr<TokenFront> tokens_;  // null: nobody to give tokens to
  std::unique_ptr<OwnSfu> sfu_;
  std::unique_ptr<DelayedLeaves> leaves_;  // null: delegation is off
  std::unique_ptr<WellKnown> well_known_;  // null: somebody else serves it
};

}  // namespace fovea::app
