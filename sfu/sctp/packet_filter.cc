#include "sfu/sctp/packet_filter.h"

#include <algorithm>
#include <cstddef>

#include "sfu/core/limits.h"

namespace fovea::sctp {
namespace {

constexpr std::size_t kCommonHeaderBytes = 12;
constexpr std::size_t kChunkHeaderBytes = 4;
constexpr std::size_t kInitFixedBytes = 16;  // behind the chunk header

enum class Chunk : std::uint8_t {
  kData = 0,
  kInit = 1,
  kInitAck = 2,
  kSack = 3,
  kHeartbeat = 4,
  kHeartbeatAck = 5,
  kAbort = 6,
  kShutdown = 7,
  kShutdownAck = 8,
  kError = 9,
  kCookieEcho = 10,
  kCookieAck = 11,
  kShutdownComplete = 14,
  kReConfig = 130,
  kPad = 132,
  kForwardTsn = 192,
};

std::size_t Padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

// RFC 8261 section 5: SCTP over DTLS is single-homed, so addresses in INIT are an attack or a
// mistake.
bool ParametersAreAcceptable(ByteSpan parameters) {
  constexpr std::uint16_t kIpv4Address = 5;
  constexpr std::uint16_t kIpv6Address = 6;
  while (!parameters.empty()) {
    if (parameters.size() < 4) return false;
    const std::uint16_t type = LoadBe16(parameters.data());
    const std::size_t length = LoadBe16(&parameters[2]);
    if (length < 4 || length > parameters.size()) return false;
    if (type == kIpv4Address || type == kIpv6Address) return false;
    parameters = parameters.subspan(std::min(Padded(length), parameters.size()));
  }
  return true;
}

bool ChunkIsAcceptable(std::uint8_t type, ByteSpan value) {
  switch (static_cast<Chunk>(type)) {
    case Chunk::kInit:
    case Chunk::kInitAck:
      return value.size() >= kInitFixedBytes &&
             ParametersAreAcceptable(value.subspan(kInitFixedBytes));
    case Chunk::kData:
    case Chunk::kSack:
    case Chunk::kHeartbeat:
    case Chunk::kHeartbeatAck:
    case Chunk::kAbort:
    case Chunk::kShutdown:
    case Chunk::kShutdownAck:
    case Chunk::kError:
    case Chunk::kCookieEcho:
    case Chunk::kCookieAck:
    case Chunk::kShutdownComplete:
    case Chunk::kReConfig:
    case Chunk::kPad:
    case Chunk::kForwardTsn:
      return true;
  }
  return false;
}

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// |     Source Port Number        |     Destination Port Number   |
// |                      Verification Tag                         |
// |                           Checksum                            |
// |   Chunk Type  |  Chunk Flags  |  Chunk Length (with header)   |  repeated, padded to 32 bits
bool IsAcceptable(ByteSpan packet) {
  if (packet.size() < kCommonHeaderBytes + kChunkHeaderBytes) return false;
  if (packet.size() > limits::kDatagramBytesMax) return false;
  if (LoadBe16(packet.data()) != kSctpPort || LoadBe16(&packet[2]) != kSctpPort) return false;
  ByteSpan chunks = packet.subspan(kCommonHeaderBytes);
  while (!chunks.empty()) {
    if (chunks.size() < kChunkHeaderBytes) return false;
    const std::size_t length = LoadBe16(&chunks[2]);
    if (length < kChunkHeaderBytes || length > chunks.size()) return false;
    const ByteSpan value = chunks.subspan(kChunkHeaderBytes, length - kChunkHeaderBytes);
    if (!ChunkIsAcceptable(chunks[0], value)) return false;
    // RFC 9260 section 4.3 lets the last chunk's padding be missing.
    chunks = chunks.subspan(std::min(Padded(length), chunks.size()));
  }
  return true;
}

}  // namespace fovea::sctp
