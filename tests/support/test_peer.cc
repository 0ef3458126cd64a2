#include "tests/support/test_peer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sfu/crypto/hmac.h"
#include "sfu/stun/message_writer.h"
#include "sfu/transport/demux.h"

namespace fovea::test {
namespace {

using transport::PacketKind;
using transport::Protocol;

ByteSpan AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

TestPeer::TestPeer(IceParameters local, std::unique_ptr<crypto::SecureChannel> channel,
                   std::uint64_t seed)
    : local_(std::move(local)),
      rng_(seed),
      tie_breaker_(rng_.Next64()),
      channel_(std::move(channel)) {}

void TestPeer::SetRemote(Instant now, const IceParameters& remote,
                         const crypto::Fingerprint& fingerprint, const NetAddress& address) {
  remote_ = remote;
  server_ = address;
  next_check_at_ = now;
  channel_->SetRemoteFingerprint(fingerprint);
  DrainChannel();
}

void TestPeer::Restart(Instant now, IceParameters local, const IceParameters& remote) {
  local_ = std::move(local);
  remote_ = remote;
  is_ice_connected_ = false;
  next_check_at_ = now;
}

void TestPeer::HandleDatagram(Instant now, const Datagram& datagram, TransmitSink& sink,
                              transport::SessionOutput& output) {
  output.Clear();
  const Protocol protocol = transport::Demultiplex(datagram.bytes);
  if (protocol == Protocol::kStun) {
    HandleStun(now, datagram.bytes, sink);
  } else if (protocol == Protocol::kDtls) {
    output.drop = channel_->HandleDatagram(now, datagram.bytes, {sink, server_}, output.app_data);
    if (!output.app_data.empty()) output.kind = PacketKind::kAppData;
    DrainChannel();
  } else if (protocol == Protocol::kUnknown) {
    output.drop = DropReason::kNotDemultiplexable;
  } else if (!receiver_) {
    output.drop = DropReason::kDtlsNotReady;
  } else {
    const bool is_rtp = protocol == Protocol::kRtp;
    const auto size =
        is_rtp ? receiver_->UnprotectRtp(datagram.bytes) : receiver_->UnprotectRtcp(datagram.bytes);
    if (!size.ok()) {
      output.drop = size.error();
      return;
    }
    output.kind = is_rtp ? PacketKind::kRtp : PacketKind::kRtcp;
    output.packet = datagram.bytes.first(*size);
  }
}

void TestPeer::HandleStun(Instant now, ByteSpan datagram, TransmitSink& sink) {
  const auto message = stun::Parse(datagram);
  if (!message.ok() || message->message_class != stun::MessageClass::kSuccess) return;
  if (std::find(checks_.begin(), checks_.end(), message->transaction_id) == checks_.end()) return;
  if (!stun::VerifyIntegrity(*message, AsBytes(remote_.password), &crypto::HmacSha1)) return;
  if (next_check_at_ != kNever) next_check_at_ = now + kConsentInterval;
  is_ice_connected_ = true;
  channel_->Start(now, {sink, server_});
}

void TestPeer::HandleTimeout(Instant now, TransmitSink& sink) {
  if (next_check_at_ <= now) SendCheck(now, sink);
  if (channel_->NextDeadline().IsDue(now)) {
    channel_->HandleTimeout(now, {sink, server_});
    DrainChannel();
  }
}

void TestPeer::SendCheck(Instant now, TransmitSink& sink) {
  stun::TransactionId& id = checks_[check_count_++ % checks_.size()];
  for (std::uint8_t& byte : id) byte = static_cast<std::uint8_t>(rng_.Next32());
  stun::MessageWriter check(stun::MessageClass::kRequest, id);
  check.Username(remote_.ufrag + ":" + local_.ufrag);
  check.Priority(1853824767);  // a peer-reflexive host candidate, RFC 8445 section 5.1.2
  check.IceControlling(tie_breaker_);
  check.UseCandidate();
  check.Integrity(AsBytes(remote_.password), &crypto::HmacSha1);
  check.Fingerprint();
  sink.Transmit(server_, check.Finish());
  next_check_at_ = now + (is_ice_connected_ ? kConsentInterval : kCheckInterval);
}

Deadline TestPeer::NextDeadline() const {
  return Soonest({.at = next_check_at_, .why = WakeReason::kIceConsent}, channel_->NextDeadline());
}

void TestPeer::DrainChannel() {
  while (const auto event = channel_->PollEvent()) {
    last_event_ = *event;
    if (*event == crypto::ChannelEvent::kConnected) {
      const crypto::SrtpKeyingMaterial keys = channel_->ExportSrtpKeys();
      profile_ = keys.profile;
      receiver_.emplace(keys);
      send_keys_.emplace(keys);
    } else {
      receiver_.reset();
      send_keys_.reset();
    }
  }
}

bool TestPeer::SendRtp(ExtSeq seq, ByteSpan packet, std::size_t header_bytes, TransmitSink& sink) {
  if (!send_keys_ || header_bytes < 12 || header_bytes > packet.size()) return false;
  const Ssrc ssrc{LoadBe32(&packet[8])};
  auto sender =
      std::find_if(senders_.begin(), senders_.end(),
                   [ssrc](const crypto::SrtpSender& known) { return known.ssrc() == ssrc; });
  if (sender == senders_.end()) sender = senders_.emplace(senders_.end(), ssrc);
  std::array<std::uint8_t, limits::kDatagramBytesMax> out;
  const auto size = send_keys_->ProtectRtp(
      *sender,
      {.seq = seq, .header = packet.first(header_bytes), .payload = packet.subspan(header_bytes)},
      out);
  if (!size.ok()) return false;
  sink.Transmit(server_, ByteSpan(out).first(*size));
  return true;
}

bool TestPeer::SendRtcp(ByteSpan packet, TransmitSink& sink) {
  if (!send_keys_) return false;
  std::array<std::uint8_t, limits::kDatagramBytesMax> out;
  const auto size = send_keys_->ProtectRtcp(packet, out);
  if (!size.ok()) return false;
  sink.Transmit(server_, ByteSpan(out).first(*size));
  return true;
}

bool TestPeer::SendAppData(Instant now, ByteSpan data, TransmitSink& sink) {
  return channel_->SendAppData(now, data, {sink, server_});
}

void TestPeer::Close(Instant now, TransmitSink& sink) {
  channel_->Close(now, {sink, server_});
  receiver_.reset();
  send_keys_.reset();
  next_check_at_ = kNever;
}

}  // namespace fovea::test
