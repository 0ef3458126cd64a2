// A TestPeer and a Session joined by an in-memory link with loss, repeats and reordering from a
// seed. Time is simulated: the earliest deadline or arrival always comes next. Thread: a value of
// its test.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sfu/core/datagram.h"
#include "sfu/core/rng.h"
#include "sfu/transport/session.h"
#include "tests/support/test_peer.h"

namespace fovea::test {

struct LinkQuality {
  std::uint32_t loss_percent = 0;
  std::uint32_t repeat_percent = 0;
  Duration delay = Millis(10);
  Duration jitter{0};  // more than the spacing of packets reorders them
};

class PeerLink {
 public:
  PeerLink(transport::Session& session, TestPeer& peer, std::uint64_t seed, LinkQuality quality);

  // Runs both ends until `done` or `limit` of simulated time has passed. True if `done`.
  bool RunUntil(const std::function<bool()>& done, Duration limit);
  void RunFor(Duration duration) {
    (void)RunUntil([] { return false; }, duration);
  }
  // A datagram that arrives at the session at once, from anybody.
  transport::SessionOutput Inject(const NetAddress& from, std::vector<std::uint8_t> bytes);

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] TransmitSink& session_sink() { return to_peer_; }
  [[nodiscard]] TransmitSink& peer_sink() { return to_session_; }
  void set_quality(LinkQuality quality) { quality_ = quality; }
  // The peer's source address from now on.
  void set_peer_address(const NetAddress& address) { peer_address_ = address; }

  // What the two ends reported, in order.
  struct Received {
    transport::PacketKind kind;
    std::vector<std::uint8_t> bytes;
  };
  std::vector<Received> at_session;
  std::vector<Received> at_peer;
  std::vector<transport::SessionEvent> events;
  DropCounters session_drops;
  std::size_t datagrams_to_session = 0;
  std::size_t datagrams_to_peer = 0;
  // Every datagram that the session sent to another address than the peer's.
  std::size_t datagrams_to_strangers = 0;
  // The datagrams that reached the session, for replays.
  std::vector<std::vector<std::uint8_t>> wire_to_session;

 private:
  struct InFlight {
    Instant at;
    std::uint64_t order;  // keeps equal arrival times in order of sending
    bool to_session;
    NetAddress from;
    std::vector<std::uint8_t> bytes;
  };
  class Pipe : public TransmitSink {
   public:
    Pipe(PeerLink& link, bool to_session) : link_(link), to_session_(to_session) {}
    void Transmit(const NetAddress& remote, ByteSpan bytes) override;

   private:
    PeerLink& link_;
    bool to_session_;
  };
  void Enqueue(bool to_session, ByteSpan bytes);
  void Deliver(InFlight packet);
  void DrainEvents();
  static void Record(const transport::SessionOutput& output, std::vector<Received>& to);

  transport::Session& session_;
  TestPeer& peer_;
  Rng rng_;
  LinkQuality quality_;
  Instant now_{Seconds(1000)};
  NetAddress peer_address_ = NetAddress::V4(0xc0a80002, 40000);
  NetAddress session_address_ = NetAddress::V4(0xc0a80001, 7882);
  std::vector<InFlight> in_flight_;
  std::uint64_t next_order_ = 0;
  Pipe to_session_{*this, true};
  Pipe to_peer_{*this, false};
};

}  // namespace fovea::test
