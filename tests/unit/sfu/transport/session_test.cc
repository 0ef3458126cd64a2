#include "sfu/transport/session.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "sfu/core/rng.h"
#include "sfu/crypto/dtls.h"
#include "sfu/transport/demux.h"
#include "tests/support/peer_link.h"
#include "tests/support/simulator_access.h"
#include "tests/support/test_peer.h"

namespace fovea::transport {
namespace {

using crypto::DtlsContext;
using crypto::DtlsRole;
using test::LinkQuality;
using test::PeerLink;
using test::TestPeer;

const NetAddress kServer = NetAddress::V4(0xc0a80001, 7882);
const NetAddress kStranger = NetAddress::V4(0x08080808, 1234);
const test::IceParameters kServerIce = {"serverfrag", "server-password-of-22-chars"};
const test::IceParameters kPeerIce = {"peerfrag", "peer-password-with-22-chars"};

struct Identity {
  std::unique_ptr<crypto::Certificate> certificate =
      crypto::Certificate::Generate(WallMicros{1'700'000'000'000'000});
  DtlsContext context{*certificate};
};
Identity& ServerIdentity() {
  static Identity identity;
  return identity;
}
Identity& PeerIdentity() {
  static Identity identity;
  return identity;
}

enum class Crypto { kDtls, kNull };

// A session and its peer, ready to run.
struct Call {
  explicit Call(std::uint64_t seed = 1, LinkQuality quality = {}, Crypto crypto = Crypto::kDtls,
                DtlsRole session_role = DtlsRole::kServer)
      : session(kServerIce.ufrag, kServerIce.password,
                Channel(crypto, ServerIdentity(), session_role)),
        peer(kPeerIce,
             Channel(crypto, PeerIdentity(),
                     session_role == DtlsRole::kServer ? DtlsRole::kClient : DtlsRole::kServer),
             seed),
        link(session, peer, seed, quality) {}

  static std::unique_ptr<crypto::SecureChannel> Channel(Crypto crypto, Identity& identity,
                                                        DtlsRole role) {
    if (crypto == Crypto::kNull) {
      return test::MakeNullChannel(identity.certificate->fingerprint(), role == DtlsRole::kClient);
    }
    return std::make_unique<crypto::DtlsTransport>(identity.context, role);
  }

  void Describe() {
    ASSERT_TRUE(session.SetRemote(PeerIdentity().certificate->fingerprint(), kPeerIce.ufrag));
    peer.SetRemote(link.now(), kServerIce, ServerIdentity().certificate->fingerprint(), kServer);
  }
  bool Connect(Duration limit = Seconds(12)) {
    Describe();
    return link.RunUntil(
        [this] { return session.state() == Session::State::kConnected && peer.is_connected(); },
        limit);
  }
  bool Has(SessionEventKind kind) const {
    for (const SessionEvent& event : link.events) {
      if (event.kind == kind) return true;
    }
    return false;
  }

  Session session;
  TestPeer peer;
  PeerLink link;
};

std::vector<std::uint8_t> Rtp(std::uint16_t seq, std::size_t payload = 100,
                              std::uint32_t ssrc = 0xabcd) {
  std::vector<std::uint8_t> packet(12 + payload, 0x11);
  packet[0] = 0x80;
  packet[1] = 96;
  StoreBe16(&packet[2], seq);
  StoreBe32(&packet[8], ssrc);
  return packet;
}

const std::vector<std::uint8_t> kRtcp = {0x80, 201, 0, 1, 0, 0, 0xab, 0xcd};

TEST(Session, ConnectsAndSaysSoOnce) {
  Call call;
  ASSERT_TRUE(call.Connect());
  std::vector<SessionEventKind> kinds;
  for (const SessionEvent& event : call.link.events) kinds.push_back(event.kind);
  EXPECT_EQ(kinds, (std::vector{SessionEventKind::kTupleAdded, SessionEventKind::kSelectedChanged,
                                SessionEventKind::kConnected}));
  EXPECT_EQ(call.peer.srtp_profile(), crypto::SrtpProfile::kAeadAes128Gcm);
}

TEST(Session, ConnectsAsTheDtlsClientToo) {
  Call call(1, {}, Crypto::kDtls, DtlsRole::kClient);
  EXPECT_TRUE(call.Connect());
}

TEST(Session, ConnectsWithNullCryptoInTheSimulator) {
  Call server(1, {.loss_percent = 30}, Crypto::kNull);
  EXPECT_TRUE(server.Connect());
  Call client(1, {.loss_percent = 30}, Crypto::kNull, DtlsRole::kClient);
  EXPECT_TRUE(client.Connect());
}

TEST(Session, ConnectsOverBadLinks) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    Call call(
        seed,
        {.loss_percent = 20, .repeat_percent = 10, .delay = Millis(30), .jitter = Millis(40)});
    EXPECT_TRUE(call.Connect()) << seed << " " << call.session.DebugString(call.link.now());
  }
}

TEST(Session, CarriesRtpRtcpAndDataBothWays) {
  for (const Crypto crypto : {Crypto::kDtls, Crypto::kNull}) {
    Call call(1, {}, crypto);
    ASSERT_TRUE(call.Connect());
    const auto rtp = Rtp(7);
    const std::vector<std::uint8_t> data = {1, 2, 3};
    ASSERT_TRUE(call.peer.SendRtp(ExtSeq{7}, rtp, 12, call.link.peer_sink()));
    ASSERT_TRUE(call.peer.SendRtcp(kRtcp, call.link.peer_sink()));
    ASSERT_TRUE(call.peer.SendAppData(call.link.now(), data, call.link.peer_sink()));

    crypto::SrtpSender sender(Ssrc{0xabcd});
    std::array<std::uint8_t, 1500> out;
    const auto size = call.session.ProtectRtp(
        sender,
        {.seq = ExtSeq{7}, .header = ByteSpan(rtp).first(12), .payload = ByteSpan(rtp).subspan(12)},
        out);
    ASSERT_TRUE(size.ok());
    call.link.session_sink().Transmit(*call.session.selected_remote(), ByteSpan(out).first(*size));
    const auto rtcp_size = call.session.ProtectRtcp(kRtcp, out);
    ASSERT_TRUE(rtcp_size.ok());
    call.link.session_sink().Transmit(*call.session.selected_remote(),
                                      ByteSpan(out).first(*rtcp_size));
    EXPECT_EQ(call.session.SendAppData(call.link.now(), data, call.link.session_sink()),
              std::nullopt);

    call.link.RunFor(Millis(100));
    for (const auto* received : {&call.link.at_session, &call.link.at_peer}) {
      ASSERT_EQ(received->size(), 3u);
      EXPECT_EQ((*received)[0].kind, PacketKind::kRtp);
      EXPECT_EQ((*received)[0].bytes, rtp);
      EXPECT_EQ((*received)[1].kind, PacketKind::kRtcp);
      EXPECT_EQ((*received)[1].bytes, kRtcp);
      EXPECT_EQ((*received)[2].kind, PacketKind::kAppData);
      EXPECT_EQ((*received)[2].bytes, data);
    }
    EXPECT_EQ(call.link.session_drops.Total(), 0u);
  }
}

TEST(Session, RefusesAPeerWithAnotherFingerprint) {
  Call call;
  ASSERT_TRUE(call.session.SetRemote(crypto::Fingerprint{1}, kPeerIce.ufrag));
  call.peer.SetRemote(call.link.now(), kServerIce, ServerIdentity().certificate->fingerprint(),
                      kServer);
  call.link.RunFor(Seconds(3));
  EXPECT_EQ(call.session.state(), Session::State::kClosed);
  EXPECT_EQ(call.session.disconnect_reason(), DisconnectReason::kFingerprintMismatch);
  EXPECT_FALSE(call.Has(SessionEventKind::kConnected));
}

TEST(Session, WaitsForTheFingerprintWhenTheHandshakeIsFaster) {
  Call call;
  ASSERT_TRUE(call.session.RestartIce(kServerIce.ufrag, kServerIce.password, kPeerIce.ufrag));
  call.peer.SetRemote(call.link.now(), kServerIce, ServerIdentity().certificate->fingerprint(),
                      kServer);
  call.link.RunFor(Seconds(1));
  EXPECT_EQ(call.session.state(), Session::State::kConnecting);
  ASSERT_TRUE(call.session.SetRemote(PeerIdentity().certificate->fingerprint(), kPeerIce.ufrag));
  EXPECT_EQ(call.session.state(), Session::State::kConnected);
}

TEST(Session, HearsNothingBeforeThePeerIsDescribed) {
  Call call;
  call.peer.SetRemote(call.link.now(), kServerIce, ServerIdentity().certificate->fingerprint(),
                      kServer);
  call.link.RunFor(Seconds(1));
  EXPECT_EQ(call.link.datagrams_to_peer, 0u);
  EXPECT_GT(call.link.session_drops.Get(DropReason::kUnknownUfrag), 0u);
}

// The ClientHello race: a stranger's handshake, alerts and media neither reach DTLS nor get
// answers.
TEST(Session, GivesStrangersZeroBytesAndOneDropReasonEach) {
  Call call;
  call.Describe();
  const DtlsContext& stranger_context = PeerIdentity().context;
  struct Recorder : TransmitSink {
    void Transmit(const NetAddress&, ByteSpan bytes) override {
      hello.assign(bytes.begin(), bytes.end());
    }
    std::vector<std::uint8_t> hello;
  } recorder;
  crypto::DtlsTransport stranger(stranger_context, DtlsRole::kClient);
  stranger.Start(call.link.now(), {recorder, kServer});
  ASSERT_FALSE(recorder.hello.empty());

  std::uint64_t sent = 0;
  const auto attack = [&] {
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(call.link.Inject(kStranger, recorder.hello).drop, DropReason::kUnknownPeer);
      EXPECT_EQ(
          call.link.Inject(kStranger, {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40}).drop,
          DropReason::kUnknownPeer);
      EXPECT_EQ(call.link.Inject(kStranger, Rtp(1)).drop, DropReason::kUnknownPeer);
      EXPECT_EQ(call.link.Inject(kStranger, kRtcp).drop, DropReason::kUnknownPeer);
      EXPECT_EQ(call.link.Inject(kStranger, {}).drop, DropReason::kUnknownPeer);
      sent += 5;
    }
  };
  attack();
  call.link.RunFor(Millis(25));
  attack();
  ASSERT_TRUE(call.link.RunUntil([&] { return call.peer.is_connected(); }, Seconds(5)));
  attack();
  EXPECT_EQ(call.link.datagrams_to_strangers, 0u);
  EXPECT_EQ(call.link.session_drops.Get(DropReason::kUnknownPeer), sent);
  EXPECT_EQ(call.session.state(), Session::State::kConnected);
}

TEST(Session, NamesWhatCannotBeDemultiplexed) {
  Call call;
  ASSERT_TRUE(call.Connect());
  const NetAddress peer = *call.session.selected_remote();
  for (const int first : {4, 19, 64, 127, 192, 255}) {
    EXPECT_EQ(call.link.Inject(peer, {static_cast<std::uint8_t>(first), 0, 0, 0}).drop,
              DropReason::kNotDemultiplexable)
        << first;
  }
  EXPECT_EQ(call.link.Inject(peer, {}).drop, DropReason::kNotDemultiplexable);
}

TEST(Session, RejectsReplaysOfEveryPacket) {
  Call call;
  ASSERT_TRUE(call.Connect());
  call.link.wire_to_session.clear();
  for (std::uint16_t i = 0; i < 300; ++i) {
    const auto seq = static_cast<std::uint16_t>(65400 + i);
    ASSERT_TRUE(call.peer.SendRtp(ExtSeq{65400 + i}, Rtp(seq), 12, call.link.peer_sink()));
    if (i % 10 == 0) {
      ASSERT_TRUE(call.peer.SendRtcp(kRtcp, call.link.peer_sink()));
    }
  }
  call.link.RunFor(Millis(100));
  ASSERT_EQ(call.link.at_session.size(), 330u);
  const auto packets = call.link.wire_to_session;
  for (int round = 0; round < 3; ++round) {
    for (const auto& packet : packets) {
      if (packet[0] < 128) continue;  // consent checks
      EXPECT_EQ(call.link.Inject(*call.session.selected_remote(), packet).drop,
                DropReason::kSrtpReplay);
    }
  }
  EXPECT_EQ(call.link.at_session.size(), 330u);
}

TEST(Session, ForgedMediaCostsCountersOnly) {
  Call call;
  ASSERT_TRUE(call.Connect());
  const NetAddress peer = *call.session.selected_remote();
  const auto before = call.link.datagrams_to_peer;
  for (std::uint16_t i = 0; i < 2000; ++i) {
    EXPECT_EQ(call.link.Inject(peer, Rtp(i, 60, 1000u + i)).drop, DropReason::kSrtpAuth);
  }
  EXPECT_EQ(call.link.datagrams_to_peer, before);
  EXPECT_EQ(call.session.state(), Session::State::kConnected);
  ASSERT_TRUE(call.peer.SendRtp(ExtSeq{7}, Rtp(7), 12, call.link.peer_sink()));
  call.link.RunFor(Millis(100));
  EXPECT_EQ(call.link.at_session.size(), 1u);
}

TEST(Session, SurvivesShortPacketsOfEveryClass) {
  Call call;
  ASSERT_TRUE(call.Connect());
  const NetAddress peer = *call.session.selected_remote();
  for (int first = 0; first < 256; ++first) {
    for (const int second : {0, 96, 200, 255}) {
      for (std::size_t size = 0; size <= 40; ++size) {
        std::vector<std::uint8_t> packet(size, 0);
        if (size > 0) packet[0] = static_cast<std::uint8_t>(first);
        if (size > 1) packet[1] = static_cast<std::uint8_t>(second);
        EXPECT_TRUE(call.link.Inject(peer, packet).drop.has_value()) << first << " " << size;
      }
    }
  }
  EXPECT_EQ(call.session.state(), Session::State::kConnected);
}

TEST(Session, GarbageNeverCrashesNorDisturbsIt) {
  Call call;
  ASSERT_TRUE(call.Connect());
  Rng rng(9);
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::uint8_t> packet(rng.Below(300));
    for (std::uint8_t& byte : packet) byte = static_cast<std::uint8_t>(rng.Next32());
    (void)call.link.Inject(*call.session.selected_remote(), packet);
  }
  EXPECT_EQ(call.session.state(), Session::State::kConnected);
}

TEST(Session, RefusesToSendBeforeItIsConnected) {
  Call call;
  crypto::SrtpSender sender(Ssrc{0xabcd});
  std::array<std::uint8_t, 200> out;
  const auto rtp = Rtp(1);
  EXPECT_EQ(call.session.ProtectRtp(sender, {.seq = ExtSeq{1}, .header = rtp, .payload = {}}, out)
                .error(),
            DropReason::kTxNotConnected);
  EXPECT_EQ(call.session.ProtectRtcp(kRtcp, out).error(), DropReason::kTxNotConnected);
  EXPECT_EQ(call.session.SendAppData(call.link.now(), kRtcp, call.link.session_sink()),
            DropReason::kTxNotConnected);
}

TEST(Session, HearsGoodbye) {
  for (const Crypto crypto : {Crypto::kDtls, Crypto::kNull}) {
    Call call(1, {}, crypto);
    ASSERT_TRUE(call.Connect());
    call.peer.Close(call.link.now(), call.link.peer_sink());
    call.link.RunFor(Millis(100));
    EXPECT_EQ(call.session.disconnect_reason(), DisconnectReason::kPeerClosed);
    EXPECT_TRUE(call.Has(SessionEventKind::kDisconnected));
  }
}

TEST(Session, IsSilentAndDeafAfterClose) {
  Call call;
  ASSERT_TRUE(call.Connect());
  const NetAddress peer = *call.session.selected_remote();
  call.session.Close(call.link.now(), call.link.session_sink());
  call.link.RunFor(Millis(20));
  EXPECT_EQ(call.peer.last_event(), crypto::ChannelEvent::kClosed);
  const std::size_t sent = call.link.datagrams_to_peer;
  call.link.RunFor(Seconds(30));  // the peer goes on checking for consent
  EXPECT_EQ(call.link.Inject(peer, Rtp(1)).drop, DropReason::kUnknownPeer);
  EXPECT_EQ(call.link.datagrams_to_peer, sent);
  EXPECT_EQ(call.session.NextDeadline().at, kNever);
  EXPECT_FALSE(call.session.selected_remote());
  call.session.Close(call.link.now(), call.link.session_sink());
  EXPECT_FALSE(call.session.PollEvent());
}

TEST(Session, IsSuspendedWithoutConsentAndComesBack) {
  Call call;
  ASSERT_TRUE(call.Connect());
  call.peer.StopChecks();
  call.link.events.clear();
  call.link.RunFor(limits::kIceConsentTimeout + Seconds(5));
  EXPECT_EQ(call.session.state(), Session::State::kSuspended);
  EXPECT_EQ(call.session.disconnect_reason(), DisconnectReason::kConsentLost);
  EXPECT_TRUE(call.Has(SessionEventKind::kTupleRemoved));
  std::array<std::uint8_t, 200> out;
  EXPECT_EQ(call.session.ProtectRtcp(kRtcp, out).error(), DropReason::kTxNotConnected);

  call.link.events.clear();
  call.peer.Restart(call.link.now(), kPeerIce, kServerIce);
  call.link.RunFor(Seconds(1));
  EXPECT_EQ(call.session.state(), Session::State::kConnected);
  EXPECT_TRUE(call.Has(SessionEventKind::kConnected));
  EXPECT_TRUE(call.session.ProtectRtcp(kRtcp, out).ok());
}

TEST(Session, KeepsKeysAcrossAnIceRestartFromANewAddress) {
  Call call;
  ASSERT_TRUE(call.Connect());
  const test::IceParameters server = {"newserver", "new-server-password-22ch"};
  const test::IceParameters peer = {"newpeer", "new-peer-password-22-chars"};
  ASSERT_TRUE(call.session.RestartIce(server.ufrag, server.password, peer.ufrag));
  const NetAddress moved = NetAddress::V4(0xc0a80077, 50000);
  call.link.set_peer_address(moved);
  call.peer.Restart(call.link.now(), peer, server);
  call.link.RunFor(Seconds(2));
  EXPECT_TRUE(call.Has(SessionEventKind::kIceRestarted));
  EXPECT_EQ(call.session.selected_remote(), moved);
  ASSERT_TRUE(call.peer.SendRtp(ExtSeq{7}, Rtp(7), 12, call.link.peer_sink()));
  call.link.RunFor(Millis(100));
  EXPECT_EQ(call.link.at_session.size(), 1u);
}

TEST(Session, FailsWhenTheHandshakeNeverEnds) {
  Call call;
  call.Describe();
  ASSERT_TRUE(
      call.link.RunUntil([&] { return call.Has(SessionEventKind::kSelectedChanged); }, Seconds(1)));
  // The first flight arrives, then all of the peer's datagrams are lost.
  ASSERT_TRUE(call.link.RunUntil([&] { return call.link.datagrams_to_peer > 1; }, Seconds(1)));
  call.link.set_quality({.loss_percent = 100});
  call.link.RunFor(limits::kDtlsHandshakeTimeout + Seconds(1));
  EXPECT_EQ(call.session.disconnect_reason(), DisconnectReason::kHandshakeTimeout);
}

TEST(Session, TellsNoAddressInItsDebugString) {
  Call call;
  ASSERT_TRUE(call.Connect());
  const std::string text = call.session.DebugString(call.link.now());
  EXPECT_NE(text.find("state=connected"), std::string::npos);
  EXPECT_EQ(text.find("192.168"), std::string::npos);
  EXPECT_EQ(text.find(kServerIce.password), std::string::npos);
}

TEST(Demultiplex, FollowsTheFirstByteAndTheRtcpPacketTypes) {
  const auto of = [](std::uint8_t first, std::uint8_t second) {
    const std::array<std::uint8_t, 2> bytes = {first, second};
    return Demultiplex(bytes);
  };
  EXPECT_EQ(of(0, 1), Protocol::kStun);
  EXPECT_EQ(of(3, 0), Protocol::kStun);
  EXPECT_EQ(of(4, 0), Protocol::kUnknown);
  EXPECT_EQ(of(20, 0), Protocol::kDtls);
  EXPECT_EQ(of(63, 0), Protocol::kDtls);
  EXPECT_EQ(of(64, 0), Protocol::kUnknown);  // TURN channels
  EXPECT_EQ(of(128, 96), Protocol::kRtp);
  EXPECT_EQ(of(191, 224), Protocol::kRtp);
  EXPECT_EQ(of(128, 192), Protocol::kRtcp);
  EXPECT_EQ(of(128, 223), Protocol::kRtcp);
  EXPECT_EQ(of(192, 200), Protocol::kUnknown);
  EXPECT_EQ(Demultiplex({}), Protocol::kUnknown);
}

}  // namespace
}  // namespace fovea::transport
