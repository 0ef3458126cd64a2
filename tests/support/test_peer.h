// The other end of a transport::Session: an ICE agent with one pair that nominates on every check,
// a secure channel and SRTP. For unit tests, the simulator and the load generator; sans-IO like
// what it talks to. Thread: owned by whoever made it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/datagram.h"
#include "sfu/core/deadline.h"
#include "sfu/core/rng.h"
#include "sfu/crypto/secure_channel.h"
#include "sfu/crypto/srtp_receiver.h"
#include "sfu/crypto/srtp_sender.h"
#include "sfu/stun/message.h"
#include "sfu/transport/session.h"

namespace fovea::test {

// What a session description says about one side.
struct IceParameters {
  std::string ufrag;
  std::string password;
};

class TestPeer {
 public:
  // Larger: slower start over a lossy link. Chromium paces its checks like this.
  static constexpr Duration kCheckInterval = Millis(50);
  static constexpr Duration kConsentInterval = Millis(2500);

  // `seed` makes transaction ids, and so the whole exchange, repeatable (with null crypto).
  TestPeer(IceParameters local, std::unique_ptr<crypto::SecureChannel> channel, std::uint64_t seed);

  // The server's answer. Checks begin with the next HandleTimeout().
  void SetRemote(Instant now, const IceParameters& remote, const crypto::Fingerprint& fingerprint,
                 const NetAddress& address);
  // ICE restart: new credentials on both sides.
  void Restart(Instant now, IceParameters local, const IceParameters& remote);
  // Checks are sent no more; what was sent before may still be answered.
  void StopChecks() { next_check_at_ = kNever; }

  // `output` as Session::HandleDatagram fills it.
  void HandleDatagram(Instant now, const Datagram& datagram, TransmitSink& sink,
                      transport::SessionOutput& output);
  void HandleTimeout(Instant now, TransmitSink& sink);
  [[nodiscard]] Deadline NextDeadline() const;

  // Protects and sends one packet; false unless connected. `seq` must continue the packet's
  // sequence number, as for SrtpSender. The header is the packet's first `header_bytes`.
  bool SendRtp(ExtSeq seq, ByteSpan packet, std::size_t header_bytes, TransmitSink& sink);
  bool SendRtcp(ByteSpan packet, TransmitSink& sink);
  bool SendAppData(Instant now, ByteSpan data, TransmitSink& sink);
  void Close(Instant now, TransmitSink& sink);

  [[nodiscard]] const IceParameters& local() const { return local_; }
  // A check was answered with the right integrity.
  [[nodiscard]] bool is_ice_connected() const { return is_ice_connected_; }
  [[nodiscard]] bool is_connected() const { return send_keys_.has_value(); }
  [[nodiscard]] crypto::SecureChannel::State channel_state() const { return channel_->state(); }
  [[nodiscard]] std::optional<crypto::ChannelEvent> last_event() const { return last_event_; }
  // REQUIRES: is_connected().
  [[nodiscard]] crypto::SrtpProfile srtp_profile() const { return *profile_; }

 private:
  void SendCheck(Instant now, TransmitSink& sink);
  void HandleStun(Instant now, ByteSpan datagram, TransmitSink& sink);
  void DrainChannel();

  IceParameters local_;
  IceParameters remote_;
  NetAddress server_;
  Rng rng_;
  std::uint64_t tie_breaker_;
  Instant next_check_at_ = kNever;
  // Of the latest checks: answers may take longer than kCheckInterval.
  std::array<stun::TransactionId, 32> checks_{};
  std::size_t check_count_ = 0;
  bool is_ice_connected_ = false;
  std::unique_ptr<crypto::SecureChannel> channel_;
  std::optional<crypto::ChannelEvent> last_event_;
  std::optional<crypto::SrtpProfile> profile_;
  std::optional<crypto::SrtpReceiver> receiver_;
  std::optional<crypto::SrtpSendKeys> send_keys_;
  std::vector<crypto::SrtpSender> senders_;
};

}  // namespace fovea::test
