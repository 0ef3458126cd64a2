// The seam between a session and what secures it: DTLS in production (dtls.h), a plain-text
// stand-in in the simulator (null_channel.h). Sans-IO: datagrams and `now` in, datagrams to a sink,
// events polled. Thread: owned by the worker of the session.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sfu/core/bytes.h"
#include "sfu/core/datagram.h"
#include "sfu/core/deadline.h"
#include "sfu/core/drop_reason.h"
#include "sfu/core/inline_vector.h"
#include "sfu/core/limits.h"
#include "sfu/core/time.h"
#include "sfu/crypto/certificate.h"
#include "sfu/crypto/srtp_keys.h"

namespace fovea::crypto {

// Where answers go during one call. Borrowed for the call.
struct Path {
  TransmitSink& sink;
  const NetAddress& remote;
};

enum class ChannelEvent : std::uint8_t {
  kConnected,            // the peer proved that it owns the expected certificate; keys can be taken
  kClosed,               // the peer said goodbye
  kFingerprintMismatch,  // somebody else's certificate
  kHandshakeFailed,      // incompatible, or broken more often than kDtlsRestartsMax
  kHandshakeTimeout,
  kProtocolError,  // an authenticated peer broke the protocol or sent a fatal alert
};

[[nodiscard]] std::string_view ToString(ChannelEvent event);

// Decrypted application data (SCTP packets) of one datagram, as views into that datagram.
using AppData = InlineVector<MutableByteSpan, limits::kDtlsAppRecordsPerDatagramMax>;

class SecureChannel {
 public:
  enum class State : std::uint8_t {
    kIdle,  // nothing heard, nothing sent
    kHandshaking,
    kAwaitingFingerprint,  // the handshake is done, the peer is not yet known to be the right one
    kConnected,
    kClosed,  // by either side; terminal
    kFailed,  // terminal
  };

  virtual ~SecureChannel() = default;

  [[nodiscard]] virtual State state() const = 0;
  // May come before, during or after the handshake. Not connected before it matches. A different
  // one later is a mismatch.
  virtual void SetRemoteFingerprint(const Fingerprint& fingerprint) = 0;
  // Sends the first flight if we are the client; nothing if we are the server.
  virtual void Start(Instant now, const Path& path) = 0;
  // Consumes a datagram whose first byte is in 20..63; application data is decrypted in place.
  // Returns why it was dropped, if it was.
  virtual std::optional<DropReason> HandleDatagram(Instant now, MutableByteSpan datagram,
                                                   const Path& path, AppData& app_data) = 0;
  virtual void HandleTimeout(Instant now, const Path& path) = 0;
  [[nodiscard]] virtual Deadline NextDeadline() const = 0;
  // To be drained after every mutation.
  [[nodiscard]] virtual std::optional<ChannelEvent> PollEvent() = 0;
  // The SRTP keys. REQUIRES: kConnected.
  [[nodiscard]] virtual SrtpKeyingMaterial ExportSrtpKeys() const = 0;
  // False unless connected and `data` fits the path MTU.
  [[nodiscard]] virtual bool SendAppData(Instant now, ByteSpan data, const Path& path) = 0;
  // Says goodbye if connected, and forgets all keys. No event follows.
  virtual void Close(Instant now, const Path& path) = 0;
  // A table per state; checked after each mutation in debug builds.
  [[nodiscard]] virtual bool IsConsistent() const = 0;
};

[[nodiscard]] std::string_view ToString(SecureChannel::State state);

}  // namespace fovea::crypto
