#include "sfu/crypto/null_channel.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "sfu/core/check.h"

namespace fovea::crypto {
namespace {

constexpr std::uint8_t kGoodbye = 21;
constexpr std::uint8_t kHello = 22;
constexpr std::uint8_t kData = 23;
constexpr std::size_t kHelloBytes = 2 + 32;

}  // namespace

NullChannel::NullChannel(SimulatorAccess, const Fingerprint& local, bool is_client)
    : local_(local), is_client_(is_client) {}

void NullChannel::SetRemoteFingerprint(const Fingerprint& fingerprint) {
  expected_ = fingerprint;
  CheckFingerprint();
}

void NullChannel::Start(Instant now, const Path& path) {
  if (!is_client_ || state_ != State::kIdle) return;
  state_ = State::kHandshaking;
  handshake_ends_at_ = now + limits::kDtlsHandshakeTimeout;
  retransmit_at_ = now + kRetransmit;
  SendHello(path, false);
}

std::optional<DropReason> NullChannel::HandleDatagram(Instant now, MutableByteSpan datagram,
                                                      const Path& path, AppData& app_data) {
  if (state_ == State::kClosed || state_ == State::kFailed) return DropReason::kDtlsNotReady;
  if (datagram.empty()) return DropReason::kDtlsMalformed;
  if (datagram[0] == kHello) {
    if (datagram.size() != kHelloBytes) return DropReason::kDtlsMalformed;
    HandleHello(now, datagram, path);
    return std::nullopt;
  }
  if (datagram[0] != kData && datagram[0] != kGoodbye) return DropReason::kDtlsMalformed;
  if (state_ != State::kConnected) return DropReason::kDtlsNotReady;
  if (datagram[0] == kGoodbye) {
    Finish(State::kClosed, ChannelEvent::kClosed);
  } else if (!app_data.TryPush(datagram.subspan(1))) {
    return DropReason::kSctpQueueFull;
  }
  return std::nullopt;
}

void NullChannel::HandleHello(Instant now, ByteSpan datagram, const Path& path) {
  const bool is_answer = datagram[1] != 0;
  if (is_answer != is_client_) return;  // our own hello, reflected
  if (!peer_) {
    peer_.emplace();
    std::memcpy(peer_->data(), &datagram[2], peer_->size());
    if (state_ == State::kIdle) handshake_ends_at_ = now + limits::kDtlsHandshakeTimeout;
    state_ = State::kAwaitingFingerprint;
    retransmit_at_ = kNever;
    CheckFingerprint();
  }
  if (!is_client_ && state_ != State::kFailed) SendHello(path, true);
}

void NullChannel::CheckFingerprint() {
  if (!expected_ || !peer_) return;
  if (*expected_ != *peer_) {
    if (state_ != State::kClosed && state_ != State::kFailed) {
      Finish(State::kFailed, ChannelEvent::kFingerprintMismatch);
    }
  } else if (state_ == State::kAwaitingFingerprint) {
    state_ = State::kConnected;
    handshake_ends_at_ = kNever;
    events_.Push(ChannelEvent::kConnected);
  }
}

void NullChannel::HandleTimeout(Instant now, const Path& path) {
  if (handshake_ends_at_ <= now) {
    Finish(State::kFailed, ChannelEvent::kHandshakeTimeout);
  } else if (retransmit_at_ <= now) {
    retransmit_at_ = now + kRetransmit;
    SendHello(path, false);
  }
}

Deadline NullChannel::NextDeadline() const {
  return {.at = std::min(retransmit_at_, handshake_ends_at_), .why = WakeReason::kDtlsRetransmit};
}

std::optional<ChannelEvent> NullChannel::PollEvent() {
  if (events_.empty()) return std::nullopt;
  const ChannelEvent event = events_[0];
  events_.EraseAt(0);
  return event;
}

SrtpKeyingMaterial NullChannel::ExportSrtpKeys() const {
  FOVEA_CHECK(state_ == State::kConnected);
  SrtpKeyingMaterial material;
  material.null_ = true;
  return material;
}

bool NullChannel::SendAppData(Instant, ByteSpan data, const Path& path) {
  if (state_ != State::kConnected || data.size() >= limits::kPathMtuBytes) return false;
  std::array<std::uint8_t, limits::kPathMtuBytes> datagram;
  datagram[0] = kData;
  if (!data.empty()) std::memcpy(&datagram[1], data.data(), data.size());
  path.sink.Transmit(path.remote, ByteSpan(datagram).first(data.size() + 1));
  return true;
}

void NullChannel::Close(Instant, const Path& path) {
  if (state_ == State::kConnected) {
    const std::array<std::uint8_t, 1> goodbye = {kGoodbye};
    path.sink.Transmit(path.remote, goodbye);
  }
  if (state_ != State::kFailed) state_ = State::kClosed;
  retransmit_at_ = kNever;
  handshake_ends_at_ = kNever;
}

bool NullChannel::IsConsistent() const {
  switch (state_) {
    case State::kIdle:
      return !peer_ && handshake_ends_at_ == kNever;
    case State::kHandshaking:
      return !peer_ && handshake_ends_at_ != kNever;
    case State::kAwaitingFingerprint:
      return peer_ && !expected_ && handshake_ends_at_ != kNever;
    case State::kConnected:
      return peer_ && expected_ && *peer_ == *expected_ && handshake_ends_at_ == kNever;
    case State::kClosed:
    case State::kFailed:
      return handshake_ends_at_ == kNever && retransmit_at_ == kNever;
  }
  return false;
}

void NullChannel::SendHello(const Path& path, bool is_answer) const {
  std::array<std::uint8_t, kHelloBytes> hello{};
  hello[0] = kHello;
  hello[1] = is_answer ? 1 : 0;
  std::memcpy(&hello[2], local_.data(), local_.size());
  path.sink.Transmit(path.remote, hello);
}

void NullChannel::Finish(State state, ChannelEvent event) {
  state_ = state;
  retransmit_at_ = kNever;
  handshake_ends_at_ = kNever;
  events_.Push(event);
}

}  // namespace fovea::crypto
