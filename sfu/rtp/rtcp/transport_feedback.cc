// Transport-wide feedback. draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.
// Thread: pure functions, any thread.
#include "sfu/rtp/rtcp/transport_feedback.h"

#include <limits>

#include "sfu/core/check.h"
#include "sfu/core/inline_vector.h"
#include "sfu/core/limits.h"

namespace fovea::rtp {
namespace {

constexpr std::size_t kFixedBodyBytes = 16;
constexpr std::uint8_t kPaddingBit = 0x20;
// Header and fixed body, chunks, two bytes for each delta, padding.
static_assert(kRtcpHeaderBytes + kFixedBodyBytes + 2 * limits::kTwccChunksMax +
                  2 * limits::kTwccArrivalsMax + 3 <=
              kTransportFeedbackBytesMax);

using Chunks = InlineVector<std::uint16_t, limits::kTwccChunksMax>;
using Deltas = InlineVector<std::int16_t, limits::kTwccArrivalsMax>;

TwccChunk::Symbol SymbolOf(std::int16_t delta) {
  return delta >= 0 && delta <= 0xff ? TwccChunk::kSmallDelta : TwccChunk::kLargeDelta;
}

std::int64_t TicksOf(Instant at) { return at.time_since_epoch() / kTwccTick; }

// Reads the arrivals as the sequence of symbols that chunks encode. Copyable: looking ahead is
// taking from a copy.
class SymbolCursor {
 public:
  SymbolCursor(ExtSeq base, std::span<const TwccArrival> arrivals, const Deltas& deltas)
      : next_(base.value()), arrivals_(arrivals), deltas_(&deltas) {}

  [[nodiscard]] bool done() const { return index_ == arrivals_.size(); }
  // REQUIRES: !done().
  [[nodiscard]] TwccChunk::Symbol Peek() const {
    return next_ < arrivals_[index_].seq.value() ? TwccChunk::kNotReceived
                                                 : SymbolOf((*deltas_)[index_]);
  }
  // Skips up to kRunMax symbols equal to the next one; returns how many. REQUIRES: !done().
  int TakeRun() {
    const TwccChunk::Symbol symbol = Peek();
    if (symbol == TwccChunk::kNotReceived) {
      const auto run = static_cast<int>(
          std::min<std::int64_t>(arrivals_[index_].seq.value() - next_, TwccChunk::kRunMax));
      next_ += run;
      return run;
    }
    int run = 0;
    for (; !done() && run < TwccChunk::kRunMax && Peek() == symbol; ++run) Advance();
    return run;
  }
  // REQUIRES: !done().
  TwccChunk::Symbol Take() {
    const TwccChunk::Symbol symbol = Peek();
    Advance();
    return symbol;
  }

 private:
  void Advance() {
    if (next_ == arrivals_[index_].seq.value()) ++index_;
    ++next_;
  }
  std::int64_t next_;
  std::size_t index_ = 0;
  std::span<const TwccArrival> arrivals_;
  const Deltas* deltas_;
};

// Packs up to `count` symbols of `bits` each behind `prefix`.
std::uint16_t TakeVector(SymbolCursor& cursor, std::uint16_t prefix, int count, int bits) {
  std::uint32_t raw = 0;
  for (int i = 0; i < count; ++i) {
    const std::uint32_t symbol = cursor.done() ? 0 : static_cast<std::uint32_t>(cursor.Take());
    raw = (raw << bits) | symbol;
  }
  return static_cast<std::uint16_t>(prefix | raw);
}

// Chooses the form that covers most symbols. Returns the chunk.
std::uint16_t TakeChunk(SymbolCursor& cursor) {
  SymbolCursor ahead = cursor;
  bool any_large = false;
  int in_sight = 0;
  for (; in_sight < TwccChunk::kOneBitSymbols && !ahead.done(); ++in_sight) {
    any_large = any_large || ahead.Take() == TwccChunk::kLargeDelta;
  }
  const TwccChunk::Symbol symbol = cursor.Peek();
  SymbolCursor after_run = cursor;
  const int run = after_run.TakeRun();
  const int vector_covers = any_large ? TwccChunk::kTwoBitSymbols : TwccChunk::kOneBitSymbols;
  if (run >= std::min(in_sight, vector_covers)) {
    cursor = after_run;
    return static_cast<std::uint16_t>((std::uint32_t{symbol} << 13) |
                                      static_cast<std::uint32_t>(run));
  }
  if (any_large) return TakeVector(cursor, 0xc000, TwccChunk::kTwoBitSymbols, 2);
  return TakeVector(cursor, 0x8000, TwccChunk::kOneBitSymbols, 1);
}

// The deltas of the longest prefix of `arrivals` that one packet can express.
void CollectDeltas(ExtSeq base, std::span<const TwccArrival> arrivals, Deltas& deltas) {
  std::int64_t last = TicksOf(arrivals.front().at) / kTwccTicksPerReference *
                      kTwccTicksPerReference;  // the reference time
  for (const TwccArrival& arrival : arrivals) {
    const std::int64_t delta = TicksOf(arrival.at) - last;
    if (delta < std::numeric_limits<std::int16_t>::min() ||
        delta > std::numeric_limits<std::int16_t>::max() ||
        arrival.seq.value() - base.value() >= limits::kTwccStatusesMax ||
        !deltas.TryPush(static_cast<std::int16_t>(delta))) {
      return;
    }
    last += delta;
  }
}

// False when limits::kTwccChunksMax does not suffice.
bool EncodeChunks(SymbolCursor cursor, Chunks& chunks) {
  while (!cursor.done()) {
    if (!chunks.TryPush(TakeChunk(cursor))) return false;
  }
  return true;
}

std::size_t DeltaBytes(TwccChunk::Symbol symbol) {
  return symbol == TwccChunk::kSmallDelta ? 1 : symbol == TwccChunk::kLargeDelta ? 2 : 0;
}

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |V=2|P| FMT=15  |  PT=RTPFB=205 |             length            |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                     SSRC of packet sender                     |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                      SSRC of media source                     |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |      base sequence number     |      packet status count      |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |                 reference time                | fb pkt. count |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |          packet chunk         |         packet chunk ...      |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |  recv delta   |  recv delta   |  recv delta (2 bytes) ...     |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
std::optional<TransportFeedback> TransportFeedback::Parse(const RtcpPacket& packet) {
  ByteReader reader(packet.body);
  TransportFeedback feedback;
  feedback.sender = Ssrc{reader.U32()};
  feedback.media = Ssrc{reader.U32()};
  feedback.base_seq = reader.U16();
  feedback.status_count = reader.U16();
  feedback.reference_64ms = static_cast<std::int32_t>(reader.U24() << 8) >> 8;
  feedback.feedback_count = reader.U8();
  if (reader.failed() || feedback.status_count == 0 ||
      feedback.status_count > limits::kTwccStatusesMax) {
    return std::nullopt;
  }
  std::size_t delta_bytes = 0;
  for (int left = feedback.status_count; left > 0;) {
    const TwccChunk chunk{reader.U16()};
    if (reader.failed()) return std::nullopt;
    const int here = std::min(left, chunk.size());
    left -= here;
    // All symbols of a run are the same: look once.
    const int looks = chunk.is_run() ? std::min(here, 1) : here;
    for (int i = 0; i < looks; ++i) {
      const TwccChunk::Symbol symbol = chunk.SymbolAt(i);
      if (symbol == TwccChunk::kReserved) return std::nullopt;
      delta_bytes += DeltaBytes(symbol) * static_cast<std::size_t>(chunk.is_run() ? here : 1);
    }
  }
  feedback.chunks = packet.body.subspan(kFixedBodyBytes, reader.position() - kFixedBodyBytes);
  feedback.deltas = reader.Bytes(delta_bytes);
  if (reader.failed()) return std::nullopt;
  return feedback;
}

std::size_t WriteTransportFeedback(const TransportFeedbackHeader& header,
                                   std::span<const TwccArrival> arrivals, ByteWriter& writer) {
  FOVEA_CHECK(!arrivals.empty());
  FOVEA_CHECK(header.base <= arrivals.front().seq);
  FOVEA_CHECK(arrivals.front().seq.value() - header.base.value() < limits::kTwccStatusesMax);
  Deltas deltas;
  CollectDeltas(header.base, arrivals, deltas);
  std::size_t reported = deltas.size();
  Chunks chunks;
  // Thinly spread arrivals cost two chunks each; half as many always fit in the end.
  while (!EncodeChunks(SymbolCursor(header.base, arrivals.first(reported), deltas), chunks)) {
    reported /= 2;
    chunks.Clear();
  }
  std::size_t delta_bytes = 0;
  for (std::size_t i = 0; i < reported; ++i) delta_bytes += DeltaBytes(SymbolOf(deltas[i]));
  const std::size_t unpadded = kFixedBodyBytes + 2 * chunks.size() + delta_bytes;
  const std::size_t padding = (4 - unpadded % 4) % 4;

  const bool written = WriteWholeOrNothing(writer, [&](ByteWriter& out) {
    const std::size_t start = out.size();
    WriteRtcpHeader(
        {.count_or_format = TransportFeedback::kFormat, .type = RtcpType::kTransportFeedback},
        unpadded + padding, out);
    out.U32(header.sender.value());
    out.U32(header.media.value());
    out.U16(ToWire(header.base));
    out.U16(
        static_cast<std::uint16_t>(arrivals[reported - 1].seq.value() - header.base.value() + 1));
    out.U24(static_cast<std::uint32_t>(TicksOf(arrivals.front().at) / kTwccTicksPerReference) &
            0xffffffU);
    out.U8(header.feedback_count);
    for (const std::uint16_t chunk : chunks) out.U16(chunk);
    for (std::size_t i = 0; i < reported; ++i) {
      if (SymbolOf(deltas[i]) == TwccChunk::kSmallDelta) {
        out.U8(static_cast<std::uint8_t>(deltas[i]));
      } else {
        out.U16(static_cast<std::uint16_t>(deltas[i]));
      }
    }
    if (padding == 0) return;
    out.Zeros(padding - 1);
    out.U8(static_cast<std::uint8_t>(padding));
    if (!out.failed()) out.written()[start] |= kPaddingBit;
  });
  return written ? reported : 0;
}

}  // namespace fovea::rtp
