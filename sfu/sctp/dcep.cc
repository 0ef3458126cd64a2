#include "sfu/sctp/dcep.h"

#include "sfu/core/limits.h"

namespace fovea::sctp {
namespace {

constexpr std::uint8_t kOpenType = 0x03;
constexpr std::uint8_t kUnorderedBit = 0x80;
constexpr std::uint8_t kReliable = 0x00;
constexpr std::uint8_t kPartialReliableRexmit = 0x01;
constexpr std::uint8_t kPartialReliableTimed = 0x02;

std::string_view AsText(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
ByteSpan AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// |  Message Type |  Channel Type |            Priority           |
// |                    Reliability Parameter                      |
// |         Label Length          |       Protocol Length         |
// |                     Label, then Protocol                      |
std::optional<OpenMessage> ParseOpen(ByteSpan bytes) {
  ByteReader reader(bytes);
  if (reader.U8() != kOpenType) return std::nullopt;
  const std::uint8_t channel_type = reader.U8();
  OpenMessage message;
  message.priority = reader.U16();
  const std::uint32_t parameter = reader.U32();
  const std::size_t label_bytes = reader.U16();
  const std::size_t protocol_bytes = reader.U16();
  message.label = AsText(reader.Bytes(label_bytes));
  message.protocol = AsText(reader.Bytes(protocol_bytes));
  if (reader.failed() || reader.remaining() != 0) return std::nullopt;
  if (label_bytes > limits::kDataChannelLabelBytesMax ||
      protocol_bytes > limits::kDataChannelLabelBytesMax) {
    return std::nullopt;
  }
  message.reliability.ordered = (channel_type & kUnorderedBit) == 0;
  switch (channel_type & ~kUnorderedBit) {
    case kReliable:
      return message;
    case kPartialReliableRexmit:
      message.reliability.max_retransmits = parameter;
      return message;
    case kPartialReliableTimed:
      message.reliability.max_lifetime_ms = parameter;
      return message;
    default:
      return std::nullopt;
  }
}

bool IsAck(ByteSpan bytes) { return bytes.size() == 1 && bytes[0] == kAckMessage[0]; }

ByteSpan WriteOpen(const OpenMessage& message, MutableByteSpan out) {
  if (message.label.size() > limits::kDataChannelLabelBytesMax) return {};
  if (message.protocol.size() > limits::kDataChannelLabelBytesMax) return {};
  const Reliability& reliability = message.reliability;
  std::uint8_t type = kReliable;
  if (reliability.max_retransmits) type = kPartialReliableRexmit;
  if (reliability.max_lifetime_ms) type = kPartialReliableTimed;
  if (!reliability.ordered) type |= kUnorderedBit;
  ByteWriter writer(out);
  writer.U8(kOpenType);
  writer.U8(type);
  writer.U16(message.priority);
  writer.U32(reliability.max_lifetime_ms.value_or(reliability.max_retransmits.value_or(0)));
  writer.U16(static_cast<std::uint16_t>(message.label.size()));
  writer.U16(static_cast<std::uint16_t>(message.protocol.size()));
  writer.Bytes(AsBytes(message.label));
  writer.Bytes(AsBytes(message.protocol));
  if (writer.failed()) return {};
  return writer.written();
}

}  // namespace fovea::sctp
