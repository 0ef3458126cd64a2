// fuzz-deps: sfu_transport fovea_test_support
// Arbitrary datagrams, from the peer's tuple and from strangers, with time passing, into a whole
// session before, during and after it is established. Strangers must get nothing back, views must
// lie in the datagram they came in, and the session must stay consistent.
//
// The first byte chooses the channel: bit 0 null crypto (packets then need no key to be heard) or
// DTLS; bit 1 whether to connect first. Then steps: a byte that says what, and its arguments.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sfu/core/bytes.h"
#include "sfu/core/check.h"
#include "sfu/crypto/dtls.h"
#include "sfu/transport/session.h"
#include "tests/support/simulator_access.h"
#include "tests/support/test_peer.h"

namespace {

using fovea::ByteReader;
using fovea::ByteSpan;
using fovea::Instant;
using fovea::Millis;
using fovea::NetAddress;

constexpr fovea::crypto::Fingerprint kSessionFingerprint{1};
constexpr fovea::crypto::Fingerprint kPeerFingerprint{2};
const NetAddress kServer = NetAddress::V4(0x0a000001, 7882);
const NetAddress kPeer = NetAddress::V4(0x0a000002, 40000);
const NetAddress kStranger = NetAddress::V4(0x0a000003, 40000);
const fovea::test::IceParameters kSessionIce = {"serverfrag", "server-password-of-22-chars"};
const fovea::test::IceParameters kPeerIce = {"peerfrag", "peer-password-with-22-chars"};

const fovea::crypto::DtlsContext& Context() {
  static const auto certificate =
      fovea::crypto::Certificate::Generate(fovea::WallMicros{1'700'000'000'000'000});
  static const fovea::crypto::DtlsContext context(*certificate);
  return context;
}

class Queue : public fovea::TransmitSink {
 public:
  void Transmit(const NetAddress& remote, ByteSpan bytes) override {
    FOVEA_CHECK(!bytes.empty());
    FOVEA_CHECK(remote != kStranger);
    packets.emplace_back(bytes.begin(), bytes.end());
  }
  std::vector<std::vector<std::uint8_t>> packets;
};

class Scenario {
 public:
  explicit Scenario(bool is_null)
      : session_(kSessionIce.ufrag, kSessionIce.password, SessionChannel(is_null)),
        peer_(kPeerIce, fovea::test::MakeNullChannel(kPeerFingerprint, true), 1) {
    FOVEA_CHECK(session_.SetRemote(kPeerFingerprint, kPeerIce.ufrag));
    peer_.SetRemote(now_, kSessionIce, kSessionFingerprint, kServer);
    Drain();
  }

  // Lets the peer do what is due and carries everything to the other side, until both are silent.
  void RunPeer() {
    if (peer_.NextDeadline().IsDue(now_)) peer_.HandleTimeout(now_, to_session_);
    for (int i = 0; i < 8; ++i) {
      std::vector<std::vector<std::uint8_t>> packets;
      packets.swap(to_session_.packets);
      for (auto& packet : packets) Hear(kPeer, packet);
      packets.clear();
      packets.swap(to_peer_.packets);
      for (auto& packet : packets) {
        fovea::transport::SessionOutput output;
        peer_.HandleDatagram(now_, {.remote = kServer, .bytes = packet}, to_session_, output);
      }
    }
  }

  void Step(ByteReader& in) {
    switch (in.U8() & 7) {
      case 0:
        HearBytes(kPeer, in.Bytes(Length(in)));
        return;
      case 1:
        HearBytes(kStranger, in.Bytes(Length(in)));
        return;
      case 2:
        Pass(Millis(20) * in.U8());
        return;
      case 3:
        RunPeer();
        return;
      case 4: {
        // Well protected, whatever it is inside.
        const ByteSpan packet = in.Bytes(Length(in));
        if (packet.size() < 12) return;
        (void)peer_.SendRtp(fovea::ExtSeq{fovea::LoadBe16(&packet[2])}, packet, 12, to_session_);
        return;
      }
      case 5: {
        const ByteSpan packet = in.Bytes(Length(in));
        (void)peer_.SendRtcp(packet, to_session_);
        (void)peer_.SendAppData(now_, packet, to_session_);
        return;
      }
      case 6:
        FOVEA_CHECK(session_.RestartIce("second", "second-password-of-22-ch", "peer2"));
        Drain();
        return;
      case 7:
        // Rarely, or most inputs would end early.
        if (in.U8() == 0xff) session_.Close(now_, to_peer_);
        Drain();
        return;
    }
  }

 private:
  static std::unique_ptr<fovea::crypto::SecureChannel> SessionChannel(bool is_null) {
    if (is_null) return fovea::test::MakeNullChannel(kSessionFingerprint, false);
    return std::make_unique<fovea::crypto::DtlsTransport>(Context(),
                                                          fovea::crypto::DtlsRole::kServer);
  }
  static std::size_t Length(ByteReader& in) {
    const std::size_t wanted = in.U16() % 1501;
    return std::min(wanted, in.remaining());
  }

  void HearBytes(const NetAddress& from, ByteSpan bytes) {
    std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
    Hear(from, copy);
  }

  void Hear(const NetAddress& from, std::vector<std::uint8_t>& bytes) {
    using fovea::transport::PacketKind;
    fovea::transport::SessionOutput output;
    session_.HandleDatagram(now_, {.remote = from, .bytes = bytes}, to_peer_, output);
    const auto lies_inside = [&bytes](ByteSpan view) {
      return view.data() >= bytes.data() &&
             view.data() + view.size() <= bytes.data() + bytes.size();
    };
    FOVEA_CHECK(from != kStranger || output.drop.has_value());
    if (output.kind == PacketKind::kRtp || output.kind == PacketKind::kRtcp) {
      FOVEA_CHECK(!output.drop && lies_inside(output.packet));
    }
    FOVEA_CHECK((output.kind == PacketKind::kAppData) == !output.app_data.empty());
    for (const auto& data : output.app_data) FOVEA_CHECK(lies_inside(data));
    Drain();
  }

  void Pass(fovea::Duration duration) {
    const Instant end = now_ + duration;
    for (int i = 0; i < 64 && session_.NextDeadline().at <= end; ++i) {
      now_ = std::max(now_, session_.NextDeadline().at);
      session_.HandleTimeout(now_, to_peer_);
      FOVEA_CHECK(session_.NextDeadline().at > now_);
      Drain();
    }
    now_ = end;
  }

  void Drain() {
    while (session_.PollEvent()) {
    }
    FOVEA_CHECK(session_.IsConsistent());
    // Once closed, nothing more is said.
    using State = fovea::transport::Session::State;
    if (session_.state() == State::kClosed && !was_closed_) {
      was_closed_ = true;
      to_peer_.packets.clear();
    }
    FOVEA_CHECK(!was_closed_ || to_peer_.packets.empty());
  }

  Instant now_{fovea::Seconds(10)};
  bool was_closed_ = false;
  fovea::transport::Session session_;
  fovea::test::TestPeer peer_;
  Queue to_session_;
  Queue to_peer_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader in(ByteSpan(data, size));
  const std::uint8_t mode = in.U8();
  Scenario scenario((mode & 1) != 0);
  if ((mode & 2) != 0) scenario.RunPeer();
  while (in.remaining() > 0) scenario.Step(in);
  return 0;
}
