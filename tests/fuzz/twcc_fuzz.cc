// fuzz-deps: sfu_rtp
// Any sequence of arrivals through the TWCC recorder and the NACK tracker: invariants hold, every
// feedback that is built parses, and says "received" only of numbers that were.
//
// Input: four bytes per arrival: 16 bits of number, one of time (quarter milliseconds; 255 is a
// long silence), one of flags (1: marker, 2: build feedback now, 4: ask for what is missing).
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>

#include "sfu/core/bytes.h"
#include "sfu/core/check.h"
#include "sfu/core/seq.h"
#include "sfu/rtp/nack_tracker.h"
#include "sfu/rtp/twcc_recorder.h"

namespace {

namespace rtp = fovea::rtp;

void BuildAll(rtp::TwccRecorder& recorder, fovea::Instant now, const std::bitset<65536>& received) {
  for (int built = 0;; ++built) {
    FOVEA_CHECK(built < rtp::TwccRecorder::kWindow + 2);
    std::array<std::uint8_t, rtp::kTransportFeedbackBytesMax> bytes{};
    fovea::ByteWriter writer(bytes);
    if (!recorder.MaybeBuildFeedback(now, fovea::Ssrc{1}, fovea::Ssrc{2}, writer)) break;
    FOVEA_CHECK(recorder.IsConsistent());
    rtp::RtcpReader reader(writer.written());
    const auto packet = reader.Next();
    FOVEA_CHECK(packet.has_value());
    const auto feedback = rtp::TransportFeedback::Parse(*packet);
    FOVEA_CHECK(feedback.has_value());
    feedback->ForEach([&received](const rtp::TwccStatus& status) {
      FOVEA_CHECK(!status.received || received.test(status.seq));
    });
  }
  FOVEA_CHECK(!recorder.NextDeadline().IsDue(now));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16384) return 0;
  rtp::TwccRecorder recorder;
  rtp::NackTracker tracker;
  fovea::SeqUnwrapper unwrapper;
  std::bitset<65536> received;
  fovea::Instant now{fovea::Seconds(1000)};
  fovea::ByteReader reader({data, size});
  while (reader.remaining() >= 4) {
    const std::uint16_t seq = reader.U16();
    const std::uint8_t step = reader.U8();
    const std::uint8_t flags = reader.U8();
    now += step == 255 ? fovea::Seconds(20) : fovea::Micros(250 * step);
    received.set(seq);
    recorder.OnPacket(now, seq, (flags & 1) != 0);
    FOVEA_CHECK(recorder.IsConsistent());
    if ((flags & 2) != 0) BuildAll(recorder, now, received);
    (void)tracker.OnPacket(now, unwrapper.Unwrap(seq));
    FOVEA_CHECK(tracker.IsConsistent());
    if ((flags & 4) != 0) {
      rtp::NackTracker::Requests out;
      (void)tracker.CollectRequests(now, fovea::Millis(1 + step), out);
      FOVEA_CHECK(tracker.IsConsistent());
      FOVEA_CHECK(!tracker.NextDeadline().IsDue(now));
    }
  }
  BuildAll(recorder, now + fovea::Seconds(1), received);
  return 0;
}
