#include "sfu/stun/message_writer.h"

#include "sfu/core/check.h"

namespace fovea::stun {
namespace {

ByteSpan AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

MessageWriter::MessageWriter(MessageClass message_class, const TransactionId& id,
                             std::uint16_t method) {
  const unsigned bits = static_cast<unsigned>(message_class);
  const unsigned type = (method & 0x000FU) | ((method & 0x0070U) << 1) | ((method & 0x0F80U) << 2) |
                        ((bits & 1) << 4) | ((bits & 2) << 7);
  writer_.U16(static_cast<std::uint16_t>(type));
  writer_.U16(0);
  writer_.U32(kMagicCookie);
  writer_.Bytes(id);
}

void MessageWriter::Begin(Attribute type, std::size_t value_bytes) {
  writer_.U16(static_cast<std::uint16_t>(type));
  writer_.U16(static_cast<std::uint16_t>(value_bytes));
}

void MessageWriter::Pad() {
  writer_.Zeros((4 - writer_.size() % 4) % 4);
  SetLength(0);
}

void MessageWriter::SetLength(std::size_t upcoming) {
  StoreBe16(&buffer_[2], static_cast<std::uint16_t>(writer_.size() + upcoming - kHeaderBytes));
}

void MessageWriter::Raw(std::uint16_t type, ByteSpan value) {
  Begin(static_cast<Attribute>(type), value.size());
  writer_.Bytes(value);
  Pad();
}

void MessageWriter::Username(std::string_view username) {
  Raw(static_cast<std::uint16_t>(Attribute::kUsername), AsBytes(username));
}

void MessageWriter::Software(std::string_view software) {
  Raw(static_cast<std::uint16_t>(Attribute::kSoftware), AsBytes(software));
}

void MessageWriter::Priority(std::uint32_t priority) {
  Begin(Attribute::kPriority, 4);
  writer_.U32(priority);
  Pad();
}

void MessageWriter::UseCandidate() {
  Begin(Attribute::kUseCandidate, 0);
  Pad();
}

void MessageWriter::IceControlling(std::uint64_t tie_breaker) {
  Begin(Attribute::kIceControlling, 8);
  writer_.U64(tie_breaker);
  Pad();
}

void MessageWriter::IceControlled(std::uint64_t tie_breaker) {
  Begin(Attribute::kIceControlled, 8);
  writer_.U64(tie_breaker);
  Pad();
}

void MessageWriter::XorMappedAddress(const NetAddress& address) {
  const std::uint16_t port = static_cast<std::uint16_t>(address.port ^ (kMagicCookie >> 16));
  if (address.is_v4()) {
    Begin(Attribute::kXorMappedAddress, 8);
    writer_.U16(1);
    writer_.U16(port);
    writer_.U32(address.v4() ^ kMagicCookie);
  } else {
    Begin(Attribute::kXorMappedAddress, 20);
    writer_.U16(2);
    writer_.U16(port);
    for (std::size_t i = 0; i < address.ip.size(); ++i) {
      writer_.U8(static_cast<std::uint8_t>(address.ip[i] ^ buffer_[4 + i]));
    }
  }
  Pad();
}

void MessageWriter::ErrorCode(std::uint16_t code, std::string_view reason) {
  FOVEA_CHECK(code >= 300 && code < 700);
  Begin(Attribute::kErrorCode, 4 + reason.size());
  writer_.U16(0);
  writer_.U8(static_cast<std::uint8_t>(code / 100));
  writer_.U8(static_cast<std::uint8_t>(code % 100));
  writer_.Bytes(AsBytes(reason));
  Pad();
}

void MessageWriter::UnknownAttributes(std::span<const std::uint16_t> types) {
  Begin(Attribute::kUnknownAttributes, 2 * types.size());
  for (const std::uint16_t type : types) writer_.U16(type);
  Pad();
}

void MessageWriter::Integrity(ByteSpan key, HmacSha1 hmac) {
  SetLength(4 + std::tuple_size_v<Sha1Digest>);
  const Sha1Digest digest = hmac(key, writer_.written());
  Begin(Attribute::kMessageIntegrity, digest.size());
  writer_.Bytes(digest);
  Pad();
}

void MessageWriter::Fingerprint() {
  SetLength(8);
  const std::uint32_t fingerprint = FingerprintOf(writer_.written());
  Begin(Attribute::kFingerprint, 4);
  writer_.U32(fingerprint);
  Pad();
}

ByteSpan MessageWriter::Finish() const {
  if (writer_.failed()) return {};
  return writer_.written();
}

}  // namespace fovea::stun
