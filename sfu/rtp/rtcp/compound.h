// Compound RTCP: the common header, walking the packets of one datagram in bounds, and the helper
// every RTCP writer uses. RFC 3550 section 6.1 and 6.4; reduced-size datagrams (RFC 5506), which
// need not begin with a report, are accepted. Thread: plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "sfu/core/bytes.h"

namespace fovea::rtp {

enum class RtcpType : std::uint8_t {
  kSenderReport = 200,
  kReceiverReport = 201,
  kSourceDescription = 202,
  kBye = 203,
  kApplication = 204,
  kTransportFeedback = 205,  // RTPFB: format tells NACK from transport-wide feedback
  kPayloadFeedback = 206,    // PSFB: format tells PLI, FIR and REMB apart
  kExtendedReport = 207,
};

inline constexpr std::size_t kRtcpHeaderBytes = 4;
inline constexpr std::size_t kRtcpCountMax = 31;  // the count field has 5 bits

// The common header, without the length, which the walk has already used up.
struct RtcpHeader {
  std::uint8_t count_or_format = 0;
  RtcpType type = RtcpType::kSenderReport;  // other values occur: a switch over it needs a fallback
  [[nodiscard]] bool Is(RtcpType wanted) const { return type == wanted; }
  [[nodiscard]] bool Is(RtcpType wanted, std::uint8_t format) const {
    return type == wanted && count_or_format == format;
  }
};

// One packet of a compound datagram. The body is what follows the common header, padding removed.
struct RtcpPacket {
  RtcpHeader header;
  ByteSpan body;
};

// Walks a datagram. Stops with malformed() set at the first packet that does not fit; the packets
// before it are good.
class RtcpReader {
 public:
  explicit RtcpReader(ByteSpan datagram) : rest_(datagram) {}
  [[nodiscard]] std::optional<RtcpPacket> Next();
  [[nodiscard]] bool malformed() const { return malformed_; }

 private:
  ByteSpan rest_;
  bool malformed_ = false;
};

// Calls visit(const RtcpPacket&) for each packet. False when the datagram is empty or damaged
// somewhere: the caller counts kRtcpMalformed once, whatever was visited before.
template <class Visitor>
[[nodiscard]] bool ForEachRtcp(ByteSpan datagram, Visitor&& visit) {
  RtcpReader reader(datagram);
  bool any = false;
  while (const std::optional<RtcpPacket> packet = reader.Next()) {
    any = true;
    visit(*packet);
  }
  return any && !reader.malformed();
}

// Writes the common header of a packet whose body will have `body_bytes` bytes.
// REQUIRES: body_bytes is a multiple of 4 below 2^18.
void WriteRtcpHeader(RtcpHeader header, std::size_t body_bytes, ByteWriter& writer);

// Runs `write(ByteWriter&)` so that a packet is written wholly or not at all: on failure `writer`
// is as it was, and the caller may send what it has and go on in a fresh datagram.
template <class Write>
[[nodiscard]] bool WriteWholeOrNothing(ByteWriter& writer, Write&& write) {
  ByteWriter attempt = writer;
  std::forward<Write>(write)(attempt);
  if (attempt.failed()) return false;
  writer = attempt;
  return true;
}

}  // namespace fovea::rtp
