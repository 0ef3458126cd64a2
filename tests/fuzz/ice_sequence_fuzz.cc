// fuzz-deps: sfu_ice
// Random sequences of checks, restarts and pauses, mostly with right integrity: the agent must stay
// consistent, never answer more than it was asked, and never keep a tuple beyond its limits.
#include <cstddef>
#include <cstdint>

#include "sfu/core/check.h"
#include "sfu/ice/ice_lite_agent.h"
#include "sfu/stun/message_writer.h"

namespace {

using fovea::ByteSpan;

fovea::stun::Sha1Digest ToyDigest(ByteSpan key, ByteSpan message) {
  fovea::stun::Sha1Digest digest{};
  for (std::size_t i = 0; i < message.size(); ++i) digest[i % 20] ^= message[i];
  for (std::size_t i = 0; i < key.size(); ++i) digest[(i + 7) % 20] ^= key[i];
  return digest;
}

class CountingSink : public fovea::TransmitSink {
 public:
  void Transmit(const fovea::NetAddress&, ByteSpan bytes) override {
    FOVEA_CHECK(!bytes.empty());
    ++count;
  }
  int count = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using fovea::ice::Credentials;
  fovea::ice::IceLiteAgent agent(*Credentials::Make("a", "old", "b"), ToyDigest);
  fovea::Instant now{};
  // Each step is four bytes: what, from where, priority, transaction.
  for (; size >= 4; data += 4, size -= 4) {
    const std::uint8_t what = data[0];
    if ((what & 7) == 7) {
      now += fovea::Millis(100) * data[1];
      (void)agent.HandleTimeout(now);
      FOVEA_CHECK(agent.NextDeadline().at > now);
    } else if ((what & 7) == 6) {
      agent.SetLocalCredentials(*Credentials::Make("c", "new", "d"));
    } else {
      const bool renewed = (what & 8) != 0;
      const std::uint8_t* key = reinterpret_cast<const std::uint8_t*>(renewed ? "new" : "old");
      fovea::stun::TransactionId id{};
      id[0] = data[3];
      fovea::stun::MessageWriter writer(
          static_cast<fovea::stun::MessageClass>((what & 7) == 5 ? data[2] & 3 : 0), id);
      writer.Username(renewed ? "c:d" : "a:b");
      if ((what & 16) != 0) writer.UseCandidate();
      if ((what & 96) == 96) writer.IceControlled(1);
      if ((what & 128) == 0) writer.Priority(data[2]);
      writer.Integrity(ByteSpan(key, 3), ToyDigest);
      CountingSink sink;
      (void)agent.HandleBinding(now, fovea::NetAddress::V4(1, data[1]), writer.Finish(), sink);
      FOVEA_CHECK(sink.count <= 1);
    }
    FOVEA_CHECK(agent.IsConsistent());
    FOVEA_CHECK(agent.tuple_count() <= fovea::limits::kIceTuplesMax);
    FOVEA_CHECK(agent.selected().has_value() == (agent.tuple_count() > 0));
  }
  return 0;
}
