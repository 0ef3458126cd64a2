// Transport-wide congestion control feedback: when each packet of a transport arrived.
// draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1. Thread: plain values, any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sfu/core/limits.h"
#include "sfu/core/seq.h"
#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"
#include "sfu/rtp/rtcp/compound.h"

namespace fovea::rtp {

inline constexpr Duration kTwccTick = Micros(250);
inline constexpr int kTwccTicksPerReference = 256;  // the reference time counts 64 ms

// One packet status chunk; decodes itself, holds no state.
//
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |0| S |       run length        |   run of one symbol
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |1|0|   14 symbols of 1 bit     |   not received, small delta
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |1|1|    7 symbols of 2 bits    |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
struct TwccChunk {
  enum Symbol : std::uint8_t { kNotReceived = 0, kSmallDelta = 1, kLargeDelta = 2, kReserved = 3 };
  static constexpr int kOneBitSymbols = 14;
  static constexpr int kTwoBitSymbols = 7;
  static constexpr int kRunMax = 0x1fff;

  std::uint16_t raw = 0;

  [[nodiscard]] bool is_run() const { return (raw & 0x8000) == 0; }
  [[nodiscard]] bool is_two_bit() const { return (raw & 0x4000) != 0; }
  [[nodiscard]] int size() const {
    if (is_run()) return raw & kRunMax;
    return is_two_bit() ? kTwoBitSymbols : kOneBitSymbols;
  }
  // REQUIRES: 0 <= i < size().
  [[nodiscard]] Symbol SymbolAt(int i) const {
    if (is_run()) return static_cast<Symbol>((raw >> 13) & 3);
    if (is_two_bit()) return static_cast<Symbol>((raw >> (2 * (kTwoBitSymbols - 1 - i))) & 3);
    return static_cast<Symbol>((raw >> (kOneBitSymbols - 1 - i)) & 1);
  }
};

struct TwccStatus {
  std::uint16_t seq = 0;
  bool received = false;
  // When received: ticks of 250 us on the reporter's clock, counted from where its 24-bit reference
  // time is zero. Wraps with the reference time, after 12 days.
  std::int64_t arrival_ticks = 0;
};

// A parsed feedback borrows the packet. Parse has checked every chunk and delta, so that ForEach
// cannot run out of bytes.
struct TransportFeedback {
  static constexpr std::uint8_t kFormat = 15;

  Ssrc sender;
  Ssrc media;
  std::uint16_t base_seq = 0;
  std::uint16_t status_count = 0;
  std::int32_t reference_64ms = 0;  // signed 24 bits
  std::uint8_t feedback_count = 0;  // of this reporter, modulo 256
  ByteSpan chunks;
  ByteSpan deltas;

  // Refuses reserved symbols and counts of zero or above limits::kTwccStatusesMax.
  // REQUIRES: packet.header.Is(RtcpType::kTransportFeedback, kFormat).
  [[nodiscard]] static std::optional<TransportFeedback> Parse(const RtcpPacket& packet);

  // Calls visit(const TwccStatus&) for status_count consecutive numbers from base_seq.
  // REQUIRES: *this came from Parse and its packet is still there.
  template <class Visitor>
  void ForEach(Visitor&& visit) const;
};

struct TwccArrival {
  ExtSeq seq;
  Instant at;
};

struct TransportFeedbackHeader {
  Ssrc sender;
  Ssrc media;
  ExtSeq base;  // first number reported on; those before the first arrival are "not received"
  std::uint8_t feedback_count = 0;
};

// Never longer than this, so a writer with as much room always takes a feedback.
inline constexpr std::size_t kTransportFeedbackBytesMax = 1040;

// Writes one feedback about as many of `arrivals` as fit one packet and the deltas' 16 bits, and
// returns how many that was: the caller goes on with the rest. 0 when the writer has no room; it is
// then unchanged.
// REQUIRES: arrivals not empty, strictly ascending, base <= the first, first < base + 2^15.
[[nodiscard]] std::size_t WriteTransportFeedback(const TransportFeedbackHeader& header,
                                                 std::span<const TwccArrival> arrivals,
                                                 ByteWriter& writer);

template <class Visitor>
void TransportFeedback::ForEach(Visitor&& visit) const {
  TwccStatus status{.seq = base_seq, .received = false, .arrival_ticks = 0};
  std::int64_t ticks = std::int64_t{reference_64ms} * kTwccTicksPerReference;
  ByteReader chunk_reader(chunks);
  ByteReader delta_reader(deltas);
  for (int left = status_count; left > 0;) {
    const TwccChunk chunk{chunk_reader.U16()};
    const int here = std::min(left, chunk.size());
    for (int i = 0; i < here; ++i, ++status.seq) {
      const TwccChunk::Symbol symbol = chunk.SymbolAt(i);
      if (symbol == TwccChunk::kSmallDelta) ticks += delta_reader.U8();
      if (symbol == TwccChunk::kLargeDelta) ticks += static_cast<std::int16_t>(delta_reader.U16());
      status.received = symbol != TwccChunk::kNotReceived;
      status.arrival_ticks = status.received ? ticks : 0;
      visit(static_cast<const TwccStatus&>(status));
    }
    left -= here;
    if (chunk_reader.failed()) return;  // only if *this did not come from Parse
  }
}

}  // namespace fovea::rtp
