// fuzz-deps: sfu_rtp
// Any bytes as a compound RTCP datagram: every packet goes through its parser; what parses can be
// written, and the writing is a fixed point of parsing and writing again.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "sfu/core/check.h"
#include "sfu/rtp/rtcp/bye.h"
#include "sfu/rtp/rtcp/compound.h"
#include "sfu/rtp/rtcp/extended_report.h"
#include "sfu/rtp/rtcp/fir.h"
#include "sfu/rtp/rtcp/nack.h"
#include "sfu/rtp/rtcp/pli.h"
#include "sfu/rtp/rtcp/receiver_report.h"
#include "sfu/rtp/rtcp/remb.h"
#include "sfu/rtp/rtcp/sdes.h"
#include "sfu/rtp/rtcp/sender_report.h"
#include "sfu/rtp/rtcp/transport_feedback.h"
#include "sfu/rtp/rtt.h"

namespace {

namespace rtp = fovea::rtp;
using rtp::RtcpType;

// SDES may grow when items other than CNAME were skipped: each of 31 chunks can come from few
// bytes.
constexpr std::size_t kOutBytes = 16384;

rtp::RtcpPacket Only(fovea::ByteSpan datagram) {
  rtp::RtcpReader reader(datagram);
  const auto packet = reader.Next();
  FOVEA_CHECK(packet.has_value());
  FOVEA_CHECK(!reader.Next().has_value());
  FOVEA_CHECK(!reader.malformed());
  return *packet;
}

template <class T>
void RoundTrip(const rtp::RtcpPacket& packet) {
  const auto parsed = T::Parse(packet);
  if (!parsed.has_value()) return;
  std::array<std::uint8_t, kOutBytes> first{};
  fovea::ByteWriter writer(first);
  FOVEA_CHECK(parsed->Write(writer));
  const auto again = T::Parse(Only(writer.written()));
  FOVEA_CHECK(again.has_value());
  std::array<std::uint8_t, kOutBytes> second{};
  fovea::ByteWriter rewriter(second);
  FOVEA_CHECK(again->Write(rewriter));
  FOVEA_CHECK(std::equal(writer.written().begin(), writer.written().end(),
                         rewriter.written().begin(), rewriter.written().end()));
}

void ReadNack(const rtp::RtcpPacket& packet) {
  const auto nack = rtp::Nack::Parse(packet);
  if (!nack.has_value()) return;
  std::size_t seqs = 0;
  nack->ForEach([&seqs](std::uint16_t) { ++seqs; });
  FOVEA_CHECK(seqs >= nack->items.size() / rtp::Nack::kItemBytes);
  FOVEA_CHECK(seqs <= nack->items.size() / rtp::Nack::kItemBytes * rtp::Nack::kSeqsPerItem);
}

void ReadTransportFeedback(const rtp::RtcpPacket& packet) {
  const auto feedback = rtp::TransportFeedback::Parse(packet);
  if (!feedback.has_value()) return;
  int statuses = 0;
  feedback->ForEach([&statuses](const rtp::TwccStatus&) { ++statuses; });
  FOVEA_CHECK(statuses == feedback->status_count);
}

void ReadReports(const rtp::RtcpPacket& packet) {
  const auto report = rtp::ReceiverReport::Parse(packet);
  if (!report.has_value()) return;
  for (const rtp::ReportBlock& block : report->blocks) {
    (void)rtp::RttFromReport(std::uint64_t{0x1234} << 32, block.last_sr, block.delay_since_last_sr);
  }
}

void Read(const rtp::RtcpPacket& packet) {
  switch (packet.header.type) {
    case RtcpType::kSenderReport:
      RoundTrip<rtp::SenderReport>(packet);
      break;
    case RtcpType::kReceiverReport:
      RoundTrip<rtp::ReceiverReport>(packet);
      ReadReports(packet);
      break;
    case RtcpType::kSourceDescription:
      RoundTrip<rtp::Sdes>(packet);
      break;
    case RtcpType::kBye:
      RoundTrip<rtp::Bye>(packet);
      break;
    case RtcpType::kApplication:
      break;
    case RtcpType::kTransportFeedback:
      ReadNack(packet);
      ReadTransportFeedback(packet);
      break;
    case RtcpType::kPayloadFeedback:
      RoundTrip<rtp::Pli>(packet);
      RoundTrip<rtp::Fir>(packet);
      RoundTrip<rtp::Remb>(packet);
      break;
    case RtcpType::kExtendedReport:
      RoundTrip<rtp::ExtendedReport>(packet);
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2048) return 0;
  (void)rtp::ForEachRtcp({data, size}, Read);
  return 0;
}
