// Datagrams in and out of the sans-IO cores. RxBatch and TxBatch live in sfu/worker; here are the
// small values that every layer shares.
#pragma once

#include <cstdint>

#include "sfu/core/bytes.h"
#include "sfu/core/net_address.h"

namespace fovea {

// A received datagram. Mutable: SRTP is decrypted in place.
struct Datagram {
  NetAddress remote;
  MutableByteSpan bytes;
};

// Where cores put datagrams they want sent (STUN answers, DTLS flights, RTCP, SCTP). The owner of
// the sink sends them at the end of the current Poll. Not for media fan-out, which has TxBatch.
class TransmitSink {
 public:
  virtual ~TransmitSink() = default;
  // Copies `bytes`. Drops and counts when full.
  virtual void Transmit(const NetAddress& remote, ByteSpan bytes) = 0;
};

}  // namespace fovea
