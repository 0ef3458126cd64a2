// Writes one STUN message into a buffer of its own. RFC 8489 section 5.
// Thread: a value of its maker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sfu/core/bytes.h"
#include "sfu/core/limits.h"
#include "sfu/core/net_address.h"
#include "sfu/stun/message.h"

namespace fovea::stun {

// Attributes appear in the order of the calls; RFC 8489 wants integrity before fingerprint and both
// at the end. What does not fit makes Finish() return an empty span.
class MessageWriter {
 public:
  MessageWriter(MessageClass message_class, const TransactionId& id,
                std::uint16_t method = kBindingMethod);
  MessageWriter(const MessageWriter&) = delete;  // writer_ points into buffer_
  MessageWriter& operator=(const MessageWriter&) = delete;

  void Username(std::string_view username);
  void Software(std::string_view software);
  void Priority(std::uint32_t priority);
  void UseCandidate();
  void IceControlling(std::uint64_t tie_breaker);
  void IceControlled(std::uint64_t tie_breaker);
  void XorMappedAddress(const NetAddress& address);
  // REQUIRES: 300 <= code < 700.
  void ErrorCode(std::uint16_t code, std::string_view reason);
  void UnknownAttributes(std::span<const std::uint16_t> types);
  void Integrity(ByteSpan key, HmacSha1 hmac);
  void Fingerprint();
  // Any other attribute.
  void Raw(std::uint16_t type, ByteSpan value);

  // The message so far, valid while the writer lives; empty if it did not fit.
  [[nodiscard]] ByteSpan Finish() const;

 private:
  void Begin(Attribute type, std::size_t value_bytes);
  void Pad();
  // Sets the header length as if `upcoming` more bytes were already written.
  void SetLength(std::size_t upcoming);

  std::array<std::uint8_t, limits::kStunMessageBytesMax> buffer_{};
  ByteWriter writer_{buffer_};
};

}  // namespace fovea::stun
