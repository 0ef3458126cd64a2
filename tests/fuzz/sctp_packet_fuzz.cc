// fuzz-deps: sfu_sctp
// Packets into a live association: the filter, usrsctp and the channel logic behind it. Checksum
// and verification tag are made right, because an authenticated participant would have them right.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sfu/core/check.h"
#include "sfu/sctp/packet_filter.h"
#include "sfu/sctp/sctp_hub.h"

namespace {

using namespace fovea;
using namespace fovea::sctp;

constexpr AssocId kVictim{1};
constexpr AssocId kPeer{2};

// RFC 9260 appendix A: CRC32c over the packet with a zero checksum, stored little-endian.
void Seal(std::vector<std::uint8_t>& packet) {
  std::fill_n(packet.begin() + 8, 4, std::uint8_t{0});
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : packet) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
  }
  crc = ~crc;
  for (std::size_t i = 0; i < 4; ++i) packet[8 + i] = static_cast<std::uint8_t>(crc >> (8 * i));
}

// Carries what the two say to each other and remembers the peer's last packet.
void Carry(SctpHub& hub, std::vector<std::uint8_t>& last_of_peer) {
  for (int round = 0; round < 1000; ++round) {
    const std::optional<TransmitItem> item = hub.PollTransmit();
    if (!item) break;
    const std::vector<std::uint8_t> copy(item->bytes.begin(), item->bytes.end());
    if (item->assoc == kPeer) last_of_peer = copy;
    (void)hub.HandlePacket(item->assoc == kPeer ? kVictim : kPeer, copy);
  }
  while (const std::optional<SctpEvent> event = hub.PollEvent()) {
    const Message* const message = std::get_if<Message>(&*event);
    FOVEA_CHECK(message == nullptr || message->bytes.size() <= limits::kDataMessageBytesMax);
  }
  FOVEA_CHECK(hub.IsConsistent());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  SctpHub hub;
  Instant now{};
  std::vector<std::uint8_t> last_of_peer;
  FOVEA_CHECK(hub.CreateAssociation(now, kVictim, DtlsRole::kServer));
  FOVEA_CHECK(hub.CreateAssociation(now, kPeer, DtlsRole::kClient));
  Carry(hub, last_of_peer);
  (void)hub.OpenChannel(kPeer, {"fuzz", "", {}});
  Carry(hub, last_of_peer);

  // The input is a list of chunk areas, each behind its length; an odd first byte adds a timer
  // step.
  while (size >= 3) {
    const std::size_t length = std::min<std::size_t>(LoadBe16(data + 1) % 1200, size - 3);
    if ((data[0] & 1) != 0) {
      now += Millis(20 * data[0]);
      hub.HandleTimeout(now);
    }
    if (last_of_peer.size() >= 12) {
      std::vector<std::uint8_t> packet(last_of_peer.begin(), last_of_peer.begin() + 12);
      packet.insert(packet.end(), data + 3, data + 3 + length);
      if ((data[0] & 2) != 0)
        std::fill_n(packet.begin() + 4, 4, std::uint8_t{0});  // as INIT has it
      Seal(packet);
      (void)hub.HandlePacket(kVictim, packet);
    }
    Carry(hub, last_of_peer);
    data += 3 + length;
    size -= 3 + length;
  }
  return 0;
}
