#include "sfu/crypto/secure_channel.h"

namespace fovea::crypto {

std::string_view ToString(ChannelEvent event) {
  switch (event) {
    case ChannelEvent::kConnected:
      return "connected";
    case ChannelEvent::kClosed:
      return "closed";
    case ChannelEvent::kFingerprintMismatch:
      return "fingerprint_mismatch";
    case ChannelEvent::kHandshakeFailed:
      return "handshake_failed";
    case ChannelEvent::kHandshakeTimeout:
      return "handshake_timeout";
    case ChannelEvent::kProtocolError:
      return "protocol_error";
  }
  return "unknown";
}

std::string_view ToString(SecureChannel::State state) {
  switch (state) {
    case SecureChannel::State::kIdle:
      return "idle";
    case SecureChannel::State::kHandshaking:
      return "handshaking";
    case SecureChannel::State::kAwaitingFingerprint:
      return "awaiting_fingerprint";
    case SecureChannel::State::kConnected:
      return "connected";
    case SecureChannel::State::kClosed:
      return "closed";
    case SecureChannel::State::kFailed:
      return "failed";
  }
  return "unknown";
}

}  // namespace fovea::crypto
