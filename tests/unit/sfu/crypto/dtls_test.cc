// Two DtlsTransports over an in-memory link that can lose, repeat and reorder.
#include "sfu/crypto/dtls.h"

#include <gtest/gtest.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/rng.h"
#include "sfu/crypto/hmac.h"

namespace fovea::crypto {
namespace {

using State = SecureChannel::State;
using Packet = std::vector<std::uint8_t>;

const NetAddress kRemote = NetAddress::V4(0x0a000001, 5000);

class Outbox : public TransmitSink {
 public:
  void Transmit(const NetAddress&, ByteSpan bytes) override {
    packets.emplace_back(bytes.begin(), bytes.end());
  }
  std::deque<Packet> packets;
};

const Certificate& CertificateA() {
  static const auto certificate = Certificate::Generate(WallMicros{1'700'000'000'000'000});
  return *certificate;
}
const Certificate& CertificateB() {
  static const auto certificate = Certificate::Generate(WallMicros{1'700'000'000'000'000});
  return *certificate;
}

// One end and what it wants to send.
struct End {
  explicit End(const DtlsContext& context, DtlsRole role) : dtls(context, role) {}

  void Start(Instant now) { dtls.Start(now, {out, kRemote}); }
  std::optional<DropReason> Hear(Instant now, Packet packet) {
    AppData data;
    const auto dropped = dtls.HandleDatagram(now, packet, {out, kRemote}, data);
    for (const MutableByteSpan bytes : data) heard.emplace_back(bytes.begin(), bytes.end());
    Drain();
    return dropped;
  }
  void HandleTimeout(Instant now) {
    dtls.HandleTimeout(now, {out, kRemote});
    Drain();
  }
  bool Send(Instant now, std::string_view text) {
    return dtls.SendAppData(now, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                            {out, kRemote});
  }
  void Drain() {
    EXPECT_TRUE(dtls.IsConsistent()) << ToString(dtls.state());
    while (const auto event = dtls.PollEvent()) events.push_back(*event);
  }

  DtlsTransport dtls;
  Outbox out;
  std::vector<std::string> heard;
  std::vector<ChannelEvent> events;
};

// Without the zeros at the end.
std::size_t UsedBytes(ByteSpan bytes) {
  std::size_t used = bytes.size();
  while (used > 0 && bytes[used - 1] == 0) --used;
  return used;
}

// What one end protects with the other expects, and each direction has keys of its own, as long as
// the profile says.
void ExpectMirrored(const SrtpKeyingMaterial& ours, const SrtpKeyingMaterial& theirs) {
  EXPECT_EQ(ours.profile, theirs.profile);
  EXPECT_TRUE(ConstantTimeEquals(ours.local.key.span(), theirs.remote.key.span()));
  EXPECT_TRUE(ConstantTimeEquals(ours.remote.key.span(), theirs.local.key.span()));
  EXPECT_TRUE(ConstantTimeEquals(ours.local.salt.span(), theirs.remote.salt.span()));
  EXPECT_TRUE(ConstantTimeEquals(ours.remote.salt.span(), theirs.local.salt.span()));
  EXPECT_FALSE(ConstantTimeEquals(ours.local.key.span(), ours.remote.key.span()));
  const std::size_t key = SizesOf(ours.profile).key;
  for (const SrtpMasterKey* direction : {&ours.local, &ours.remote}) {
    const std::size_t used = UsedBytes(direction->key.span());
    EXPECT_LE(used, key);
    EXPECT_GT(used + 4, key);  // four zeros at the end: once in 2^32
  }
}

class Dtls : public testing::Test {
 protected:
  // Carries everything at once until both are silent.
  void Settle() {
    while (!server_.out.packets.empty() || !client_.out.packets.empty()) {
      Carry(client_, server_);
      Carry(server_, client_);
    }
  }
  void Carry(End& from, End& to) {
    while (!from.out.packets.empty()) {
      Packet packet = std::move(from.out.packets.front());
      from.out.packets.pop_front();
      EXPECT_LE(packet.size(), limits::kPathMtuBytes);
      (void)to.Hear(now_, std::move(packet));
    }
  }
  void Trust() {
    server_.dtls.SetRemoteFingerprint(CertificateB().fingerprint());
    client_.dtls.SetRemoteFingerprint(CertificateA().fingerprint());
  }
  void Connect() {
    Trust();
    client_.Start(now_);
    Settle();
    ASSERT_EQ(server_.dtls.state(), State::kConnected);
    ASSERT_EQ(client_.dtls.state(), State::kConnected);
  }

  Instant now_{Seconds(100)};
  DtlsContext server_context_{CertificateA()};
  DtlsContext client_context_{CertificateB()};
  End server_{server_context_, DtlsRole::kServer};
  End client_{client_context_, DtlsRole::kClient};
};

TEST_F(Dtls, ConnectsAndBothSidesHaveMirroredKeys) {
  Connect();
  EXPECT_EQ(server_.events, std::vector{ChannelEvent::kConnected});
  EXPECT_EQ(client_.events, std::vector{ChannelEvent::kConnected});
  const SrtpKeyingMaterial ours = server_.dtls.ExportSrtpKeys();
  const SrtpKeyingMaterial theirs = client_.dtls.ExportSrtpKeys();
  ExpectMirrored(ours, theirs);
  EXPECT_FALSE(ours.is_null());
}

TEST_F(Dtls, ChoosesTheBestProfileThatTheClientHasWhateverItListsFirst) {
  using enum SrtpProfile;
  const struct {
    std::vector<SrtpProfile> offered;
    SrtpProfile chosen;
  } kCases[] = {
      {{kAes128CmSha1_80, kAeadAes256Gcm, kAeadAes128Gcm}, kAeadAes128Gcm},  // as Chromium
      {{kAes128CmSha1_80, kAeadAes256Gcm}, kAeadAes256Gcm},
      {{kAes128CmSha1_80}, kAes128CmSha1_80},
  };
  for (const auto& [offered, chosen] : kCases) {
    SCOPED_TRACE(ToString(chosen));
    const DtlsContext context(CertificateB(), offered);
    End server(server_context_, DtlsRole::kServer);
    End client(context, DtlsRole::kClient);
    server.dtls.SetRemoteFingerprint(CertificateB().fingerprint());
    client.dtls.SetRemoteFingerprint(CertificateA().fingerprint());
    client.Start(now_);
    for (int i = 0; i < 4; ++i) {
      Carry(client, server);
      Carry(server, client);
    }
    ASSERT_EQ(server.dtls.state(), State::kConnected);
    const SrtpKeyingMaterial ours = server.dtls.ExportSrtpKeys();
    EXPECT_EQ(ours.profile, chosen);
    ExpectMirrored(ours, client.dtls.ExportSrtpKeys());
  }
}

TEST_F(Dtls, IsNotUpBeforeTheFingerprintIsKnown) {
  client_.dtls.SetRemoteFingerprint(CertificateA().fingerprint());
  client_.Start(now_);
  Settle();
  EXPECT_EQ(server_.dtls.state(), State::kAwaitingFingerprint);
  EXPECT_TRUE(server_.events.empty());
  ASSERT_TRUE(client_.Send(now_, "too early"));
  EXPECT_EQ(server_.Hear(now_, client_.out.packets.front()), DropReason::kDtlsNotReady);
  EXPECT_TRUE(server_.heard.empty());

  server_.dtls.SetRemoteFingerprint(CertificateB().fingerprint());
  server_.Drain();
  EXPECT_EQ(server_.dtls.state(), State::kConnected);
  EXPECT_EQ(server_.events, std::vector{ChannelEvent::kConnected});
}

TEST_F(Dtls, RefusesAnotherCertificateThanTheExpectedOne) {
  server_.dtls.SetRemoteFingerprint(Fingerprint{1, 2, 3});
  client_.dtls.SetRemoteFingerprint(CertificateA().fingerprint());
  client_.Start(now_);
  Settle();
  EXPECT_EQ(server_.dtls.state(), State::kFailed);
  EXPECT_EQ(server_.events, std::vector{ChannelEvent::kFingerprintMismatch});
  EXPECT_NE(client_.dtls.state(), State::kConnected);
}

TEST_F(Dtls, RefusesAWrongFingerprintThatComesAfterTheHandshake) {
  client_.Start(now_);
  Settle();
  ASSERT_EQ(server_.dtls.state(), State::kAwaitingFingerprint);
  server_.dtls.SetRemoteFingerprint(Fingerprint{1, 2, 3});
  server_.Drain();
  EXPECT_EQ(server_.events, std::vector{ChannelEvent::kFingerprintMismatch});
}

TEST_F(Dtls, RefusesMoreCertificatesThanAnybodyNeeds) {
  const ByteSpan der = CertificateB().der();
  const bssl::UniquePtr<CRYPTO_BUFFER> one(CRYPTO_BUFFER_new(der.data(), der.size(), nullptr));
  const auto connects = [&](std::size_t certificates) {
    const DtlsContext context(CertificateB());
    const std::vector<CRYPTO_BUFFER*> chain(certificates, one.get());
    EXPECT_EQ(SSL_CTX_set_chain_and_key(context.ssl_ctx(), chain.data(), chain.size(),
                                        CertificateB().key(), nullptr),
              1);
    End server(server_context_, DtlsRole::kServer);
    End client(context, DtlsRole::kClient);
    server.dtls.SetRemoteFingerprint(CertificateB().fingerprint());
    client.dtls.SetRemoteFingerprint(CertificateA().fingerprint());
    client.Start(now_);
    for (int i = 0; i < 10; ++i) {
      Carry(client, server);
      Carry(server, client);
    }
    return server.dtls.state() == State::kConnected;
  };
  // On the wire each has three bytes of length.
  const std::size_t fitting = (limits::kDtlsCertificatesBytesMax - 100) / (der.size() + 3);
  EXPECT_TRUE(connects(fitting));
  EXPECT_FALSE(connects(fitting + 2));
}

TEST_F(Dtls, CarriesApplicationDataBothWays) {
  Connect();
  ASSERT_TRUE(client_.Send(now_, "up"));
  ASSERT_TRUE(server_.Send(now_, "down"));
  Settle();
  EXPECT_EQ(server_.heard, std::vector<std::string>{"up"});
  EXPECT_EQ(client_.heard, std::vector<std::string>{"down"});
}

TEST_F(Dtls, DeliversSeveralRecordsOfOneDatagram) {
  Connect();
  ASSERT_TRUE(client_.Send(now_, "first"));
  ASSERT_TRUE(client_.Send(now_, "second, longer than the first"));
  Packet both = client_.out.packets[0];
  both.insert(both.end(), client_.out.packets[1].begin(), client_.out.packets[1].end());
  EXPECT_EQ(server_.Hear(now_, both), std::nullopt);
  EXPECT_EQ(server_.heard, (std::vector<std::string>{"first", "second, longer than the first"}));
}

TEST_F(Dtls, CountsRecordsBeyondTheLimitOfOneDatagram) {
  Connect();
  Packet many;
  for (std::size_t i = 0; i < limits::kDtlsAppRecordsPerDatagramMax + 1; ++i) {
    ASSERT_TRUE(client_.Send(now_, "x"));
    many.insert(many.end(), client_.out.packets.back().begin(), client_.out.packets.back().end());
  }
  EXPECT_EQ(server_.Hear(now_, many), DropReason::kSctpQueueFull);
  EXPECT_EQ(server_.heard.size(), limits::kDtlsAppRecordsPerDatagramMax);
}

TEST_F(Dtls, IgnoresRepeatedAndDamagedRecords) {
  Connect();
  ASSERT_TRUE(client_.Send(now_, "once"));
  const Packet packet = client_.out.packets.front();
  EXPECT_EQ(server_.Hear(now_, packet), std::nullopt);
  EXPECT_EQ(server_.Hear(now_, packet), DropReason::kDtlsMalformed);
  ASSERT_TRUE(client_.Send(now_, "damaged"));
  Packet damaged = client_.out.packets.back();
  damaged.back() ^= 1;
  EXPECT_EQ(server_.Hear(now_, damaged), DropReason::kDtlsMalformed);
  EXPECT_EQ(server_.heard.size(), 1u);
  EXPECT_EQ(server_.dtls.state(), State::kConnected);
}

TEST_F(Dtls, RefusesDataLargerThanThePath) {
  Connect();
  EXPECT_TRUE(client_.Send(now_, std::string(limits::kPathMtuBytes, 'x')));
  EXPECT_FALSE(client_.Send(now_, std::string(limits::kPathMtuBytes + 1, 'x')));
  EXPECT_FALSE(client_.Send(now_, ""));
}

TEST_F(Dtls, SaysGoodbyeAndThePeerHearsIt) {
  Connect();
  server_.dtls.Close(now_, {server_.out, kRemote});
  server_.Drain();
  EXPECT_EQ(server_.dtls.state(), State::kClosed);
  EXPECT_FALSE(server_.Send(now_, "late"));
  Settle();
  EXPECT_EQ(client_.dtls.state(), State::kClosed);
  EXPECT_EQ(client_.events.back(), ChannelEvent::kClosed);
}

TEST_F(Dtls, CanBeClosedInEveryState) {
  server_.dtls.Close(now_, {server_.out, kRemote});
  server_.Drain();
  client_.Start(now_);
  client_.dtls.Close(now_, {client_.out, kRemote});
  client_.Drain();
  client_.dtls.Close(now_, {client_.out, kRemote});
  client_.dtls.SetRemoteFingerprint(Fingerprint{});
  client_.Drain();
  EXPECT_TRUE(server_.out.packets.empty());
  EXPECT_EQ(client_.dtls.NextDeadline().at, kNever);
  EXPECT_EQ(client_.Hear(now_, Packet(10, 22)), DropReason::kDtlsMalformed);
}

TEST_F(Dtls, ForgedPlainTextAlertsDoNotEndTheHandshake) {
  Trust();
  client_.Start(now_);
  const Packet alert = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40};
  EXPECT_EQ(server_.Hear(now_, alert), std::nullopt);
  Carry(client_, server_);
  (void)server_.Hear(now_, alert);
  (void)client_.Hear(now_, alert);
  Settle();
  EXPECT_EQ(server_.dtls.state(), State::kConnected);
  EXPECT_EQ(server_.dtls.restarts(), 0);
}

TEST_F(Dtls, BeginsAnewAfterAForgedHelloAndStillConnects) {
  Trust();
  client_.Start(now_);
  // A handshake record that claims to be a whole ClientHello and holds nonsense.
  Packet forged = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 1, 0,
                   0,  4,    0,    0, 0, 0, 0, 0, 0, 4, 9, 9, 9,  9};
  (void)server_.Hear(now_, forged);
  EXPECT_EQ(server_.dtls.restarts(), 1);
  EXPECT_EQ(server_.dtls.state(), State::kHandshaking);
  Settle();
  EXPECT_EQ(server_.dtls.state(), State::kConnected);
}

TEST_F(Dtls, GivesUpAfterTheFifthRestart) {
  Packet forged = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 1, 0,
                   0,  4,    0,    0, 0, 0, 0, 0, 0, 4, 9, 9, 9,  9};
  for (int i = 0; i <= limits::kDtlsRestartsMax; ++i) (void)server_.Hear(now_, forged);
  EXPECT_EQ(server_.dtls.state(), State::kFailed);
  EXPECT_EQ(server_.events, std::vector{ChannelEvent::kHandshakeFailed});
}

TEST_F(Dtls, ReassemblesAClientHelloInTwoFragments) {
  Trust();
  client_.Start(now_);
  ASSERT_EQ(client_.out.packets.size(), 1u);
  const Packet whole = client_.out.packets.front();
  client_.out.packets.clear();
  // Cut the handshake message in two, each fragment in a record and datagram of its own, as
  // Chromium does with its 1413 bytes. Record header 13 bytes, message header 12.
  const std::size_t body = whole.size() - 25;
  const std::size_t cut = body / 2;
  const auto fragment = [&](std::size_t from, std::size_t size, std::uint8_t record) {
    Packet packet(whole.begin(), whole.begin() + 25);
    packet[10] = record;
    StoreBe16(&packet[11], static_cast<std::uint16_t>(size + 12));
    StoreBe24(&packet[19], static_cast<std::uint32_t>(from));
    StoreBe24(&packet[22], static_cast<std::uint32_t>(size));
    const auto begin = whole.begin() + 25 + static_cast<std::ptrdiff_t>(from);
    packet.insert(packet.end(), begin, begin + static_cast<std::ptrdiff_t>(size));
    return packet;
  };
  // Record number 40, because the client will use 1 for its next flight.
  (void)server_.Hear(now_, fragment(cut, body - cut, 40));
  EXPECT_TRUE(server_.out.packets.empty());
  (void)server_.Hear(now_, fragment(0, cut, 0));
  EXPECT_FALSE(server_.out.packets.empty());
  Settle();
  EXPECT_EQ(server_.dtls.state(), State::kConnected);
}

TEST_F(Dtls, RetransmitsOnTheInjectedClockOnly) {
  Trust();
  client_.Start(now_);
  EXPECT_EQ(client_.dtls.NextDeadline().at, now_ + limits::kDtlsInitialTimeout);
  client_.out.packets.clear();
  client_.HandleTimeout(now_ + Millis(100));
  EXPECT_TRUE(client_.out.packets.empty());
  client_.HandleTimeout(now_ + Millis(200));
  EXPECT_EQ(client_.out.packets.size(), 1u);
  EXPECT_EQ(client_.dtls.NextDeadline().at, now_ + Millis(600)) << "the second timeout is doubled";
}

TEST_F(Dtls, FailsWhenTheHandshakeTakesTooLong) {
  client_.Start(now_);
  const Instant end = now_ + limits::kDtlsHandshakeTimeout;
  std::size_t flights = 0;
  while (client_.dtls.state() == State::kHandshaking) {
    now_ = client_.dtls.NextDeadline().at;
    ASSERT_LE(now_, end);
    client_.HandleTimeout(now_);
    flights += 1;
  }
  EXPECT_EQ(now_, end);
  EXPECT_LT(flights, 10u) << "a silent peer must not cost more than a few flights";
  EXPECT_EQ(client_.events, std::vector{ChannelEvent::kHandshakeTimeout});
}

TEST_F(Dtls, ConnectsOverALinkThatLosesRepeatsAndReorders) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Rng rng(seed);
    Instant now{Seconds(1)};
    End server(server_context_, DtlsRole::kServer);
    End client(client_context_, DtlsRole::kClient);
    server.dtls.SetRemoteFingerprint(CertificateB().fingerprint());
    client.dtls.SetRemoteFingerprint(CertificateA().fingerprint());
    client.Start(now);
    const auto carry = [&](End& from, End& to) {
      while (!from.out.packets.empty()) {
        const std::size_t pick = rng.Below(static_cast<std::uint32_t>(from.out.packets.size()));
        const Packet packet = from.out.packets[pick];
        if (rng.Below(10) != 0) {
          from.out.packets.erase(from.out.packets.begin() + static_cast<std::ptrdiff_t>(pick));
        }
        if (rng.Below(10) >= 3) (void)to.Hear(now, packet);
      }
    };
    while (server.dtls.state() != State::kConnected || client.dtls.state() != State::kConnected) {
      carry(client, server);
      carry(server, client);
      const Instant next = std::min(client.dtls.NextDeadline().at, server.dtls.NextDeadline().at);
      if (next == kNever) break;
      now = std::max(now, next);
      client.HandleTimeout(now);
      server.HandleTimeout(now);
      if (client.dtls.state() == State::kFailed || server.dtls.state() == State::kFailed) break;
    }
    EXPECT_EQ(server.dtls.state(), State::kConnected) << "seed " << seed;
    EXPECT_EQ(client.dtls.state(), State::kConnected) << "seed " << seed;
  }
}

TEST_F(Dtls, GarbageNeverCrashesNorDisturbsAConnection) {
  Connect();
  Rng rng(3);
  for (int i = 0; i < 3000; ++i) {
    Packet packet(rng.Below(200));
    for (std::uint8_t& byte : packet) byte = static_cast<std::uint8_t>(rng.Next32());
    if (packet.size() > 13 && rng.Below(2) == 0) {
      packet[0] = static_cast<std::uint8_t>(20 + rng.Below(4));
      packet[1] = 0xfe;
      packet[2] = 0xfd;
      StoreBe16(&packet[3], static_cast<std::uint16_t>(rng.Below(3)));
      StoreBe16(&packet[11], static_cast<std::uint16_t>(packet.size() - 13));
    }
    (void)server_.Hear(now_, packet);
  }
  ASSERT_EQ(server_.dtls.state(), State::kConnected);
  server_.out.packets.clear();
  ASSERT_TRUE(client_.Send(now_, "still here"));
  Settle();
  EXPECT_EQ(server_.heard, std::vector<std::string>{"still here"});
}

TEST_F(Dtls, GarbageDuringTheHandshakeNeverCrashes) {
  Rng rng(5);
  for (int round = 0; round < 200; ++round) {
    End server(server_context_, DtlsRole::kServer);
    End client(client_context_, DtlsRole::kClient);
    client.Start(now_);
    for (int i = 0; i < 12; ++i) {
      std::deque<Packet> up;
      up.swap(client.out.packets);
      for (Packet& packet : up) {
        if (rng.Below(2) == 0) packet[rng.Below(static_cast<std::uint32_t>(packet.size()))] ^= 1;
        (void)server.Hear(now_, packet);
      }
      std::deque<Packet> down;
      down.swap(server.out.packets);
      for (Packet& packet : down) {
        if (rng.Below(2) == 0) packet.resize(rng.Below(static_cast<std::uint32_t>(packet.size())));
        (void)client.Hear(now_, packet);
      }
    }
  }
}

}  // namespace
}  // namespace fovea::crypto
