// One peer connection's transport: ICE-lite, DTLS and SRTP on one UDP port. Datagrams in, decrypted
// RTP, RTCP and SCTP out, and back. RFC 8445, RFC 5764, RFC 7983. Thread: owned by one worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sfu/core/datagram.h"
#include "sfu/core/deadline.h"
#include "sfu/core/drop_reason.h"
#include "sfu/core/inline_vector.h"
#include "sfu/core/net_address.h"
#include "sfu/core/result.h"
#include "sfu/core/time.h"
#include "sfu/crypto/certificate.h"
#include "sfu/crypto/secure_channel.h"
#include "sfu/crypto/srtp_receiver.h"
#include "sfu/crypto/srtp_sender.h"
#include "sfu/ice/ice_lite_agent.h"

namespace fovea::transport {

enum class PacketKind : std::uint8_t { kNone, kRtp, kRtcp, kAppData };

// What came of one datagram. Views point into that datagram. Reused from packet to packet.
struct SessionOutput {
  PacketKind kind = PacketKind::kNone;  // kNone: consumed (STUN, DTLS) or dropped
  MutableByteSpan packet;               // kRtp, kRtcp: decrypted
  crypto::AppData app_data;             // kAppData: SCTP packets, at least one
  std::optional<DropReason> drop;       // why the datagram, or a part of it, was discarded

  void Clear() {
    kind = PacketKind::kNone;
    packet = {};
    app_data.Clear();
    drop.reset();
  }
};

enum class DisconnectReason : std::uint8_t {
  kNone,
  kConsentLost,  // no ICE checks any more; comes back with the next one or an ICE restart
  // The rest is final.
  kPeerClosed,
  kFingerprintMismatch,
  kHandshakeFailed,
  kHandshakeTimeout,
  kProtocolError,
  kClosedByUs,
};

[[nodiscard]] std::string_view ToString(DisconnectReason reason);
[[nodiscard]] constexpr bool IsFinal(DisconnectReason reason) {
  return reason != DisconnectReason::kNone && reason != DisconnectReason::kConsentLost;
}

enum class SessionEventKind : std::uint8_t {
  kTupleAdded,       // datagrams from `remote` are for this session from now on
  kTupleRemoved,     // no longer
  kSelectedChanged,  // media goes to `remote` from now on
  kIceRestarted,     // the peer uses the new credentials; the old ones are void
  kConnected,        // media may flow: the first time, or again after kConsentLost
  kDisconnected,     // it may not; `reason` says why, and whether for good
};

struct SessionEvent {
  SessionEventKind kind = SessionEventKind::kConnected;
  NetAddress remote;  // of the first three
  DisconnectReason reason = DisconnectReason::kNone;
};

// Every mutation is followed by PollEvent() until it is empty; then NextDeadline() says when to
// call HandleTimeout().
//
// Invariants:
//  (1) Only tuples that ICE validated are heard. Others get zero bytes back, apart from answers to
//      STUN requests with right integrity, which validate them.
//  (2) Media flows, either way, only while connected: handshake done, fingerprint matched, a tuple
//      with fresh consent.
//  (3) After the end no datagram is answered and no key is left in memory.
//  (4) No allocation per RTP or RTCP packet, except for the first one of an SSRC.
class Session {
 public:
  enum class State : std::uint8_t {
    kNew,         // the peer's user fragment is not known
    kConnecting,  // no tuple yet, or the handshake runs
    kConnected,
    kSuspended,  // secured, but no tuple has consent
    kClosed,
  };

  // `channel` is a DtlsTransport (or, in the simulator, its stand-in). The user fragment and
  // password are ours. REQUIRES: lengths as RFC 8445 section 5.3 wants them.
  Session(std::string_view local_ufrag, std::string_view local_password,
          std::unique_ptr<crypto::SecureChannel> channel);

  // What the peer's session description says. May be repeated with each description. False, and
  // nothing is changed, if the user fragment has a length that RFC 8445 forbids.
  [[nodiscard]] bool SetRemote(const crypto::Fingerprint& fingerprint,
                               std::string_view remote_ufrag);
  // New credentials on both sides. The old ones are accepted until the first check with the new
  // ones; DTLS and SRTP go on untouched. False as above.
  [[nodiscard]] bool RestartIce(std::string_view local_ufrag, std::string_view local_password,
                                std::string_view remote_ufrag);

  void HandleDatagram(Instant now, const Datagram& datagram, TransmitSink& sink,
                      SessionOutput& output);
  void HandleTimeout(Instant now, TransmitSink& sink);
  [[nodiscard]] Deadline NextDeadline() const;
  [[nodiscard]] std::optional<SessionEvent> PollEvent();

  // Protects one packet for this peer. kTxNotConnected unless connected, otherwise as SrtpSendKeys.
  [[nodiscard]] Result<std::size_t, DropReason> ProtectRtp(crypto::SrtpSender& sender,
                                                           const crypto::RtpPlaintext& packet,
                                                           MutableByteSpan out);
  [[nodiscard]] Result<std::size_t, DropReason> RepeatRtp(const crypto::SrtpSender& sender,
                                                          const crypto::RtpPlaintext& packet,
                                                          MutableByteSpan out);
  [[nodiscard]] Result<std::size_t, DropReason> ProtectRtcp(ByteSpan packet, MutableByteSpan out);
  // One SCTP packet. nullopt if it went out.
  [[nodiscard]] std::optional<DropReason> SendAppData(Instant now, ByteSpan data,
                                                      TransmitSink& sink);
  // Says goodbye, forgets all keys and tuples. kDisconnected{kClosedByUs} follows, nothing after
  // it.
  void Close(Instant now, TransmitSink& sink);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] DisconnectReason disconnect_reason() const { return reason_; }
  // Where media goes. nullopt unless ICE has a tuple.
  [[nodiscard]] std::optional<NetAddress> selected_remote() const;
  [[nodiscard]] bool IsValidated(const NetAddress& remote) const {
    return ice_ && ice_->IsValidated(remote);
  }

  [[nodiscard]] bool IsConsistent() const;
  // Without addresses and keys.
  [[nodiscard]] std::string DebugString(Instant now) const;

 private:
  [[nodiscard]] std::optional<DropReason> Dispatch(Instant now, const Datagram& datagram,
                                                   TransmitSink& sink, SessionOutput& output);
  [[nodiscard]] std::optional<DropReason> HandleStun(Instant now, const Datagram& datagram,
                                                     TransmitSink& sink);
  [[nodiscard]] std::optional<DropReason> HandleDtls(Instant now, const Datagram& datagram,
                                                     TransmitSink& sink, SessionOutput& output);
  [[nodiscard]] std::optional<DropReason> HandleSrtp(PacketKind kind, MutableByteSpan packet,
                                                     SessionOutput& output);
  void OnIceEvents(Instant now, const ice::IceEvents& events, TransmitSink& sink);
  void DrainChannel();
  void OnSecured();
  void Connect();
  void End(DisconnectReason reason);

  // Owned by the worker.
  State state_ = State::kNew;
  DisconnectReason reason_ = DisconnectReason::kNone;  // of the last kDisconnected
  std::string local_ufrag_;
  std::string local_password_;
  std::string remote_ufrag_;
  std::optional<ice::IceLiteAgent> ice_;
  std::unique_ptr<crypto::SecureChannel> channel_;
  // Both from the end of the handshake to the end of the session.
  std::optional<crypto::SrtpReceiver> receiver_;
  std::optional<crypto::SrtpSendKeys> send_keys_;
  // Every ICE event of one call, a change of connection and an end.
  InlineVector<SessionEvent, ice::IceEvents::kCapacity + 3> events_;
};

[[nodiscard]] std::string_view ToString(Session::State state);

}  // namespace fovea::transport
