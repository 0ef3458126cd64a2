#include "sfu/transport/session.h"

#include <utility>

#include "sfu/core/check.h"
#include "sfu/crypto/hmac.h"
#include "sfu/transport/demux.h"

namespace fovea::transport {
namespace {

// For a channel that wants to send while no tuple has consent.
class DiscardSink final : public TransmitSink {
 public:
  void Transmit(const NetAddress&, ByteSpan) override {}
};

DisconnectReason ReasonOf(crypto::ChannelEvent event) {
  switch (event) {
    case crypto::ChannelEvent::kConnected:
      return DisconnectReason::kNone;
    case crypto::ChannelEvent::kClosed:
      return DisconnectReason::kPeerClosed;
    case crypto::ChannelEvent::kFingerprintMismatch:
      return DisconnectReason::kFingerprintMismatch;
    case crypto::ChannelEvent::kHandshakeFailed:
      return DisconnectReason::kHandshakeFailed;
    case crypto::ChannelEvent::kHandshakeTimeout:
      return DisconnectReason::kHandshakeTimeout;
    case crypto::ChannelEvent::kProtocolError:
      return DisconnectReason::kProtocolError;
  }
  return DisconnectReason::kProtocolError;
}

SessionEventKind KindOf(ice::IceEventKind kind) {
  switch (kind) {
    case ice::IceEventKind::kTupleAdded:
      return SessionEventKind::kTupleAdded;
    case ice::IceEventKind::kTupleRemoved:
      return SessionEventKind::kTupleRemoved;
    case ice::IceEventKind::kConnected:
    case ice::IceEventKind::kSelectedChanged:
      return SessionEventKind::kSelectedChanged;
    case ice::IceEventKind::kRestarted:
      return SessionEventKind::kIceRestarted;
    case ice::IceEventKind::kConsentLost:
      return SessionEventKind::kDisconnected;
  }
  return SessionEventKind::kDisconnected;
}

}  // namespace

std::string_view ToString(DisconnectReason reason) {
  switch (reason) {
    case DisconnectReason::kNone:
      return "none";
    case DisconnectReason::kConsentLost:
      return "consent_lost";
    case DisconnectReason::kPeerClosed:
      return "peer_closed";
    case DisconnectReason::kFingerprintMismatch:
      return "fingerprint_mismatch";
    case DisconnectReason::kHandshakeFailed:
      return "handshake_failed";
    case DisconnectReason::kHandshakeTimeout:
      return "handshake_timeout";
    case DisconnectReason::kProtocolError:
      return "protocol_error";
    case DisconnectReason::kClosedByUs:
      return "closed_by_us";
  }
  return "unknown";
}

std::string_view ToString(Session::State state) {
  switch (state) {
    case Session::State::kNew:
      return "new";
    case Session::State::kConnecting:
      return "connecting";
    case Session::State::kConnected:
      return "connected";
    case Session::State::kSuspended:
      return "suspended";
    case Session::State::kClosed:
      return "closed";
  }
  return "unknown";
}

Session::Session(std::string_view local_ufrag, std::string_view local_password,
                 std::unique_ptr<crypto::SecureChannel> channel)
    : local_ufrag_(local_ufrag), local_password_(local_password), channel_(std::move(channel)) {
  FOVEA_CHECK(channel_ != nullptr);
  FOVEA_CHECK(ice::Credentials::Make(local_ufrag, local_password, "peer").has_value());
}

bool Session::SetRemote(const crypto::Fingerprint& fingerprint, std::string_view remote_ufrag) {
  const auto credentials = ice::Credentials::Make(local_ufrag_, local_password_, remote_ufrag);
  if (!credentials) return false;
  if (state_ == State::kClosed) return true;
  if (!ice_) {
    ice_.emplace(*credentials, &crypto::HmacSha1);
    state_ = State::kConnecting;
  } else if (remote_ufrag != remote_ufrag_) {
    ice_->SetLocalCredentials(*credentials);
  }
  remote_ufrag_ = remote_ufrag;
  channel_->SetRemoteFingerprint(fingerprint);
  DrainChannel();
  FOVEA_DCHECK(IsConsistent());
  return true;
}

bool Session::RestartIce(std::string_view local_ufrag, std::string_view local_password,
                         std::string_view remote_ufrag) {
  const auto credentials = ice::Credentials::Make(local_ufrag, local_password, remote_ufrag);
  if (!credentials) return false;
  if (state_ == State::kClosed) return true;
  local_ufrag_ = local_ufrag;
  local_password_ = local_password;
  remote_ufrag_ = remote_ufrag;
  if (ice_) {
    ice_->SetLocalCredentials(*credentials);
  } else {
    ice_.emplace(*credentials, &crypto::HmacSha1);
    state_ = State::kConnecting;
  }
  FOVEA_DCHECK(IsConsistent());
  return true;
}

void Session::HandleDatagram(Instant now, const Datagram& datagram, TransmitSink& sink,
                             SessionOutput& output) {
  FOVEA_DCHECK(events_.empty());
  output.Clear();
  output.drop = Dispatch(now, datagram, sink, output);
  FOVEA_DCHECK(IsConsistent());
}

std::optional<DropReason> Session::Dispatch(Instant now, const Datagram& datagram,
                                            TransmitSink& sink, SessionOutput& output) {
  const Protocol protocol = Demultiplex(datagram.bytes);
  if (state_ == State::kClosed) return DropReason::kUnknownPeer;
  if (protocol == Protocol::kStun) return HandleStun(now, datagram, sink);
  // Everything but STUN is unauthenticated until we know who sent it: nothing of it may reach DTLS,
  // let alone be answered, from an address that has not proven to be the peer's.
  if (!IsValidated(datagram.remote)) return DropReason::kUnknownPeer;
  switch (protocol) {
    case Protocol::kDtls:
      return HandleDtls(now, datagram, sink, output);
    case Protocol::kRtp:
      return HandleSrtp(PacketKind::kRtp, datagram.bytes, output);
    case Protocol::kRtcp:
      return HandleSrtp(PacketKind::kRtcp, datagram.bytes, output);
    case Protocol::kStun:
    case Protocol::kUnknown:
      return DropReason::kNotDemultiplexable;
  }
  return DropReason::kNotDemultiplexable;
}

std::optional<DropReason> Session::HandleStun(Instant now, const Datagram& datagram,
                                              TransmitSink& sink) {
  if (!ice_) return DropReason::kUnknownUfrag;
  const ice::BindingOutcome outcome =
      ice_->HandleBinding(now, datagram.remote, datagram.bytes, sink);
  OnIceEvents(now, outcome.events, sink);
  return outcome.drop;
}

std::optional<DropReason> Session::HandleDtls(Instant now, const Datagram& datagram,
                                              TransmitSink& sink, SessionOutput& output) {
  // Answers go to the selected tuple, not to the sender: only ICE may move us.
  const NetAddress remote = ice_->selected().value_or(datagram.remote);
  const std::optional<DropReason> drop =
      channel_->HandleDatagram(now, datagram.bytes, {sink, remote}, output.app_data);
  if (!output.app_data.empty()) output.kind = PacketKind::kAppData;
  DrainChannel();
  return drop;
}

std::optional<DropReason> Session::HandleSrtp(PacketKind kind, MutableByteSpan packet,
                                              SessionOutput& output) {
  if (!receiver_) return DropReason::kDtlsNotReady;
  const Result<std::size_t, DropReason> size =
      kind == PacketKind::kRtp ? receiver_->UnprotectRtp(packet) : receiver_->UnprotectRtcp(packet);
  if (!size.ok()) return size.error();
  output.kind = kind;
  output.packet = packet.first(*size);
  return std::nullopt;
}

void Session::OnIceEvents(Instant now, const ice::IceEvents& events, TransmitSink& sink) {
  for (const ice::IceEvent& event : events) {
    if (event.kind == ice::IceEventKind::kConsentLost) {
      if (state_ != State::kConnected) continue;
      state_ = State::kSuspended;
      reason_ = DisconnectReason::kConsentLost;
      events_.Push({.kind = SessionEventKind::kDisconnected, .remote = {}, .reason = reason_});
      continue;
    }
    events_.Push(
        {.kind = KindOf(event.kind), .remote = event.remote, .reason = DisconnectReason::kNone});
    if (event.kind != ice::IceEventKind::kConnected) continue;
    if (state_ == State::kSuspended) Connect();
    if (state_ == State::kConnecting) channel_->Start(now, {sink, event.remote});
  }
}

void Session::DrainChannel() {
  while (const std::optional<crypto::ChannelEvent> event = channel_->PollEvent()) {
    if (*event == crypto::ChannelEvent::kConnected) {
      OnSecured();
    } else {
      End(ReasonOf(*event));
    }
  }
}

void Session::OnSecured() {
  const crypto::SrtpKeyingMaterial keys = channel_->ExportSrtpKeys();
  receiver_.emplace(keys);
  send_keys_.emplace(keys);
  if (ice_->selected()) {
    Connect();
  } else {
    state_ = State::kSuspended;
  }
}

void Session::Connect() {
  state_ = State::kConnected;
  events_.Push({.kind = SessionEventKind::kConnected, .remote = {}, .reason = {}});
}

void Session::End(DisconnectReason reason) {
  receiver_.reset();
  send_keys_.reset();
  ice_.reset();
  state_ = State::kClosed;
  reason_ = reason;
  events_.Push({.kind = SessionEventKind::kDisconnected, .remote = {}, .reason = reason});
}

void Session::HandleTimeout(Instant now, TransmitSink& sink) {
  FOVEA_DCHECK(events_.empty());
  if (ice_ && ice_->NextDeadline().IsDue(now)) OnIceEvents(now, ice_->HandleTimeout(now), sink);
  if (state_ != State::kClosed && channel_->NextDeadline().IsDue(now)) {
    DiscardSink discard;
    const std::optional<NetAddress> remote = selected_remote();
    TransmitSink& out = remote ? sink : discard;
    channel_->HandleTimeout(now, {out, remote.value_or(NetAddress{})});
    DrainChannel();
  }
  FOVEA_DCHECK(IsConsistent());
}

Deadline Session::NextDeadline() const {
  if (state_ == State::kClosed) return {};
  const Deadline channel = channel_->NextDeadline();
  return ice_ ? Soonest(ice_->NextDeadline(), channel) : channel;
}

std::optional<SessionEvent> Session::PollEvent() {
  if (events_.empty()) return std::nullopt;
  const SessionEvent event = events_[0];
  events_.EraseAt(0);
  return event;
}

Result<std::size_t, DropReason> Session::ProtectRtp(crypto::SrtpSender& sender,
                                                    const crypto::RtpPlaintext& packet,
                                                    MutableByteSpan out) {
  if (state_ != State::kConnected) return Failure{DropReason::kTxNotConnected};
  return send_keys_->ProtectRtp(sender, packet, out);
}

Result<std::size_t, DropReason> Session::RepeatRtp(const crypto::SrtpSender& sender,
                                                   const crypto::RtpPlaintext& packet,
                                                   MutableByteSpan out) {
  if (state_ != State::kConnected) return Failure{DropReason::kTxNotConnected};
  return send_keys_->RepeatRtp(sender, packet, out);
}

Result<std::size_t, DropReason> Session::ProtectRtcp(ByteSpan packet, MutableByteSpan out) {
  if (state_ != State::kConnected) return Failure{DropReason::kTxNotConnected};
  return send_keys_->ProtectRtcp(packet, out);
}

std::optional<DropReason> Session::SendAppData(Instant now, ByteSpan data, TransmitSink& sink) {
  const std::optional<NetAddress> remote = selected_remote();
  if (state_ != State::kConnected || !remote) return DropReason::kTxNotConnected;
  if (!channel_->SendAppData(now, data, {sink, *remote})) return DropReason::kTxError;
  return std::nullopt;
}

void Session::Close(Instant now, TransmitSink& sink) {
  if (state_ == State::kClosed) return;
  DiscardSink discard;
  const std::optional<NetAddress> remote = selected_remote();
  TransmitSink& out = remote ? sink : discard;
  channel_->Close(now, {out, remote.value_or(NetAddress{})});
  End(DisconnectReason::kClosedByUs);
  FOVEA_DCHECK(IsConsistent());
}

std::optional<NetAddress> Session::selected_remote() const {
  return ice_ ? ice_->selected() : std::nullopt;
}

bool Session::IsConsistent() const {
  if (ice_ && !ice_->IsConsistent()) return false;
  if (!channel_->IsConsistent() || receiver_.has_value() != send_keys_.has_value()) return false;
  const crypto::SecureChannel::State channel = channel_->state();
  const bool is_secured = channel == crypto::SecureChannel::State::kConnected;
  const bool is_over = channel == crypto::SecureChannel::State::kClosed ||
                       channel == crypto::SecureChannel::State::kFailed;
  switch (state_) {
    case State::kNew:
      return !ice_ && !receiver_ && channel == crypto::SecureChannel::State::kIdle;
    case State::kConnecting:
      return ice_ && !receiver_ && !is_secured && !is_over;
    case State::kConnected:
      return ice_ && ice_->selected() && receiver_ && is_secured;
    case State::kSuspended:
      return ice_ && !ice_->selected() && receiver_ && is_secured;
    case State::kClosed:
      return !ice_ && !receiver_ && is_over && IsFinal(reason_);
  }
  return false;
}

std::string Session::DebugString(Instant now) const {
  std::string text = "session state=";
  text += ToString(state_);
  text += " channel=";
  text += ToString(channel_->state());
  text += " reason=";
  text += ToString(reason_);
  text += " ssrcs=" + std::to_string(receiver_ ? receiver_->stream_count() : 0);
  if (ice_) text += " ice=[" + ice_->DebugString(now) + "]";
  return text;
}

}  // namespace fovea::transport
