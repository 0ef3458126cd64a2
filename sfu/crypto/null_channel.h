// A stand-in for DTLS in the simulator: same states, events, timers and losses, but deterministic
// and in plain text. Production code cannot make one: the constructor wants a SimulatorAccess, and
// only tests/support defines how to get that. Thread: owned by the worker of the session.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/core/inline_vector.h"
#include "sfu/crypto/secure_channel.h"

namespace fovea::crypto {

// Proof that the caller is a test. The only way to one is SimulatorAccessForTests, which is
// declared here and defined nowhere but in tests/support.
class SimulatorAccess {
 private:
  friend struct SimulatorAccessForTests;
  SimulatorAccess() = default;
};

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +---------------+---------------+---------------+---------------+
// | 22 hello      |  1 if answer  |  fingerprint (32 bytes) ...
// | 23 data       |  payload ...
// | 21 goodbye    |
// +---------------+
// The client repeats its hello until an answer comes; the server answers each.
class NullChannel final : public SecureChannel {
 public:
  static constexpr Duration kRetransmit = Millis(50);

  NullChannel(SimulatorAccess access, const Fingerprint& local, bool is_client);

  [[nodiscard]] State state() const override { return state_; }
  void SetRemoteFingerprint(const Fingerprint& fingerprint) override;
  void Start(Instant now, const Path& path) override;
  std::optional<DropReason> HandleDatagram(Instant now, MutableByteSpan datagram, const Path& path,
                                           AppData& app_data) override;
  void HandleTimeout(Instant now, const Path& path) override;
  [[nodiscard]] Deadline NextDeadline() const override;
  [[nodiscard]] std::optional<ChannelEvent> PollEvent() override;
  [[nodiscard]] SrtpKeyingMaterial ExportSrtpKeys() const override;
  [[nodiscard]] bool SendAppData(Instant now, ByteSpan data, const Path& path) override;
  void Close(Instant now, const Path& path) override;
  [[nodiscard]] bool IsConsistent() const override;

 private:
  void SendHello(const Path& path, bool is_answer) const;
  void HandleHello(Instant now, ByteSpan datagram, const Path& path);
  void CheckFingerprint();
  void Finish(State state, ChannelEvent event);

  // Constant after construction.
  const Fingerprint local_;
  const bool is_client_;

  // Owned by the worker.
  State state_ = State::kIdle;
  std::optional<Fingerprint> expected_;
  std::optional<Fingerprint> peer_;
  Instant retransmit_at_ = kNever;
  Instant handshake_ends_at_ = kNever;
  InlineVector<ChannelEvent, 2> events_;
};

}  // namespace fovea::crypto
