// Our sending side against libsrtp, byte for byte, and the receiving side against forged, repeated
// and broken packets.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <srtp2/srtp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/core/rng.h"
#include "sfu/crypto/srtp_kdf.h"
#include "sfu/crypto/srtp_receiver.h"
#include "sfu/crypto/srtp_sender.h"

namespace fovea::crypto {
namespace {

constexpr Ssrc kSsrc{0x11223344};
constexpr std::size_t kHeaderBytes = 12;

SrtpKeyingMaterial KeysFor(SrtpProfile profile) {
  SrtpKeyingMaterial material;
  material.profile = profile;
  Rng rng(42);
  for (std::size_t i = 0; i < SizesOf(profile).key; ++i) {
    material.local.key.data()[i] = static_cast<std::uint8_t>(rng.Next32());
  }
  for (std::size_t i = 0; i < SizesOf(profile).salt; ++i) {
    material.local.salt.data()[i] = static_cast<std::uint8_t>(rng.Next32());
  }
  material.remote = material.local;  // the receiver under test hears this very sender
  return material;
}

std::vector<std::uint8_t> Rtp(ExtSeq seq, std::size_t payload_bytes, Ssrc ssrc = kSsrc) {
  std::vector<std::uint8_t> packet(kHeaderBytes + payload_bytes);
  packet[0] = 0x80;
  packet[1] = 96;
  StoreBe16(&packet[2], static_cast<std::uint16_t>(seq.value()));
  StoreBe32(&packet[8], ssrc.value());
  for (std::size_t i = 0; i < payload_bytes; ++i) {
    packet[kHeaderBytes + i] = static_cast<std::uint8_t>(i * 7 + 1);
  }
  return packet;
}

// A receiver report without blocks and `extra` further bytes.
std::vector<std::uint8_t> Rtcp(std::size_t extra, Ssrc ssrc = kSsrc) {
  std::vector<std::uint8_t> packet(8 + extra, 0x5a);
  packet[0] = 0x80;
  packet[1] = 201;
  StoreBe16(&packet[2], 1);
  StoreBe32(&packet[4], ssrc.value());
  return packet;
}

// libsrtp in the sending role.
class Reference {
 public:
  explicit Reference(const SrtpKeyingMaterial& material) {
    const SrtpReceiver initializes_libsrtp(material);
    const SrtpKeySizes sizes = SizesOf(material.profile);
    std::array<std::uint8_t, 46> key{};
    std::memcpy(key.data(), material.local.key.data(), sizes.key);
    std::memcpy(key.data() + sizes.key, material.local.salt.data(), sizes.salt);
    srtp_policy_t policy{};
    if (material.profile == SrtpProfile::kAes128CmSha1_80) {
      srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
      srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
    } else if (material.profile == SrtpProfile::kAeadAes128Gcm) {
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
      srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    } else {
      srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
      srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
    }
    policy.ssrc.type = ssrc_any_outbound;
    policy.key = key.data();
    EXPECT_EQ(srtp_create(&session_, &policy), srtp_err_status_ok);
  }
  ~Reference() { srtp_dealloc(session_); }

  std::vector<std::uint8_t> ProtectRtp(std::vector<std::uint8_t> packet) {
    int size = static_cast<int>(packet.size());
    packet.resize(packet.size() + SRTP_MAX_TRAILER_LEN);
    EXPECT_EQ(srtp_protect(session_, packet.data(), &size), srtp_err_status_ok);
    packet.resize(static_cast<std::size_t>(size));
    return packet;
  }
  std::vector<std::uint8_t> ProtectRtcp(std::vector<std::uint8_t> packet) {
    int size = static_cast<int>(packet.size());
    packet.resize(packet.size() + SRTP_MAX_TRAILER_LEN + 4);
    EXPECT_EQ(srtp_protect_rtcp(session_, packet.data(), &size), srtp_err_status_ok);
    packet.resize(static_cast<std::size_t>(size));
    return packet;
  }

 private:
  srtp_t session_ = nullptr;
};

std::vector<std::uint8_t> Protect(SrtpSendKeys& keys, SrtpSender& sender, ExtSeq seq,
                                  const std::vector<std::uint8_t>& packet) {
  std::vector<std::uint8_t> out(packet.size() + keys.rtp_overhead());
  const ByteSpan bytes = packet;
  const auto size = keys.ProtectRtp(
      sender,
      {.seq = seq, .header = bytes.first(kHeaderBytes), .payload = bytes.subspan(kHeaderBytes)},
      out);
  EXPECT_TRUE(size.ok());
  out.resize(size.ok() ? *size : 0);
  return out;
}

std::vector<std::uint8_t> ProtectRtcp(SrtpSendKeys& keys, const std::vector<std::uint8_t>& packet) {
  std::vector<std::uint8_t> out(packet.size() + keys.rtcp_overhead());
  const auto size = keys.ProtectRtcp(packet, out);
  EXPECT_TRUE(size.ok());
  return out;
}

class SrtpWithProfile : public testing::TestWithParam<SrtpProfile> {
 protected:
  SrtpKeyingMaterial material_ = KeysFor(GetParam());
  SrtpSendKeys keys_{material_};
  SrtpSender sender_{kSsrc};
};

INSTANTIATE_TEST_SUITE_P(Profiles, SrtpWithProfile,
                         testing::Values(SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAeadAes256Gcm,
                                         SrtpProfile::kAes128CmSha1_80));

TEST_P(SrtpWithProfile, SendsTheSameRtpBytesAsLibsrtpForEverySize) {
  Reference reference(material_);
  std::int64_t seq = 1000;
  for (std::size_t size = 0; size <= 1400; size += size < 70 ? 1 : 97) {
    const auto packet = Rtp(ExtSeq{++seq}, size);
    EXPECT_EQ(Protect(keys_, sender_, ExtSeq{seq}, packet), reference.ProtectRtp(packet)) << size;
  }
}

TEST_P(SrtpWithProfile, SendsTheSameRtpBytesAsLibsrtpAcrossSequenceWraps) {
  Reference reference(material_);
  // From the second cycle on, as an Unwrapper starts; three wraps with steps that libsrtp can
  // follow.
  for (std::int64_t seq = 65536 + 60000; seq < 5 * 65536; seq += 1111) {
    const auto packet = Rtp(ExtSeq{seq}, 40);
    EXPECT_EQ(Protect(keys_, sender_, ExtSeq{seq}, packet), reference.ProtectRtp(packet)) << seq;
  }
}

TEST_P(SrtpWithProfile, SendsTheSameRtcpBytesAsLibsrtp) {
  Reference reference(material_);
  for (std::size_t extra = 0; extra <= 400; extra += 4) {
    const auto packet = Rtcp(extra);
    EXPECT_EQ(ProtectRtcp(keys_, packet), reference.ProtectRtcp(packet)) << extra;
  }
}

TEST_P(SrtpWithProfile, LeavesTheSharedPlaintextAlone) {
  const auto packet = Rtp(ExtSeq{7}, 500);
  const auto before = packet;
  (void)Protect(keys_, sender_, ExtSeq{7}, packet);
  EXPECT_EQ(packet, before);
}

TEST_P(SrtpWithProfile, EncryptsInPlaceWhenThePayloadAlreadyLiesThere) {
  auto packet = Rtp(ExtSeq{7}, 500);
  SrtpSender other(kSsrc);
  const auto expected = Protect(keys_, other, ExtSeq{7}, packet);
  packet.resize(packet.size() + keys_.rtp_overhead());
  const ByteSpan bytes = packet;
  const auto size = keys_.ProtectRtp(sender_,
                                     {.seq = ExtSeq{7},
                                      .header = bytes.first(kHeaderBytes),
                                      .payload = bytes.subspan(kHeaderBytes, 500)},
                                     packet);
  ASSERT_TRUE(size.ok());
  EXPECT_EQ(packet, expected);
}

TEST_P(SrtpWithProfile, ReceivesWhatItSentAndRefusesItTheSecondTime) {
  SrtpReceiver receiver(material_);
  for (std::int64_t seq = 65000; seq < 66500; ++seq) {
    const auto packet = Rtp(ExtSeq{seq}, 100);
    auto wire = Protect(keys_, sender_, ExtSeq{seq}, packet);
    auto replay = wire;
    const auto size = receiver.UnprotectRtp(wire);
    ASSERT_TRUE(size.ok()) << seq;
    wire.resize(*size);
    EXPECT_EQ(wire, packet);
    const auto again = receiver.UnprotectRtp(replay);
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error(), DropReason::kSrtpReplay);
  }
}

TEST_P(SrtpWithProfile, ReceivesLatePacketsOnlyWithinTheReplayWindow) {
  constexpr auto kWindow = std::int64_t{limits::kSrtpReplayWindowPackets};
  constexpr std::int64_t kNewest = 1000 + kWindow;
  std::map<std::int64_t, std::vector<std::uint8_t>> wire;
  for (const std::int64_t seq : {kNewest - kWindow, kNewest - kWindow + 1, kNewest}) {
    wire[seq] = Protect(keys_, sender_, ExtSeq{seq}, Rtp(ExtSeq{seq}, 10));
  }
  SrtpReceiver receiver(material_);
  ASSERT_TRUE(receiver.UnprotectRtp(wire[kNewest]).ok());
  EXPECT_TRUE(receiver.UnprotectRtp(wire[kNewest - kWindow + 1]).ok());
  const auto too_late = receiver.UnprotectRtp(wire[kNewest - kWindow]);
  ASSERT_FALSE(too_late.ok());
  EXPECT_EQ(too_late.error(), DropReason::kSrtpReplay);
}

TEST_P(SrtpWithProfile, ItsTrailersFitTheRoomThatIsKeptForThem) {
  std::vector<std::uint8_t> slot(limits::kDatagramBytesMax + limits::kSrtpTrailerBytesMax);
  const auto longest = Rtp(ExtSeq{7}, limits::kDatagramBytesMax - kHeaderBytes);
  const ByteSpan bytes = longest;
  const auto rtp = keys_.ProtectRtp(sender_,
                                    {.seq = ExtSeq{7},
                                     .header = bytes.first(kHeaderBytes),
                                     .payload = bytes.subspan(kHeaderBytes)},
                                    slot);
  ASSERT_TRUE(rtp.ok());
  EXPECT_EQ(*rtp, longest.size() + keys_.rtp_overhead());
  EXPECT_TRUE(keys_.ProtectRtcp(Rtcp(limits::kDatagramBytesMax - 8), slot).ok());
}

// Size, or why nothing was handed out; `out` begins as zeros.
Result<std::size_t, DropReason> Repeat(SrtpSendKeys& keys, const SrtpSender& sender, ExtSeq seq,
                                       const std::vector<std::uint8_t>& packet,
                                       std::vector<std::uint8_t>& out) {
  out.assign(packet.size() + keys.rtp_overhead(), 0);
  const ByteSpan bytes = packet;
  return keys.RepeatRtp(
      sender,
      {.seq = seq, .header = bytes.first(kHeaderBytes), .payload = bytes.subspan(kHeaderBytes)},
      out);
}

TEST_P(SrtpWithProfile, RepeatsAPacketByteByByte) {
  SrtpSender sender(kSsrc, 64);
  std::vector<std::uint8_t> out;
  for (std::int64_t seq = 65500; seq < 65700; ++seq) {
    const auto first = Protect(keys_, sender, ExtSeq{seq}, Rtp(ExtSeq{seq}, 100));
    const auto size = Repeat(keys_, sender, ExtSeq{seq}, Rtp(ExtSeq{seq}, 100), out);
    ASSERT_TRUE(size.ok()) << seq;
    EXPECT_EQ(out, first);
  }
}

TEST_P(SrtpWithProfile, RepeatsNothingThatDiffersFromTheFirst) {
  SrtpSender sender(kSsrc, 64);
  const auto packet = Rtp(ExtSeq{7}, 100);
  (void)Protect(keys_, sender, ExtSeq{7}, packet);
  std::vector<std::uint8_t> out;
  // One bit of the header (the marker) or of the payload, and another length.
  for (const std::size_t at : {std::size_t{1}, kHeaderBytes, packet.size() - 1}) {
    auto other = packet;
    other[at] ^= 0x80;
    const auto size = Repeat(keys_, sender, ExtSeq{7}, other, out);
    ASSERT_FALSE(size.ok());
    EXPECT_EQ(size.error(), DropReason::kRtxNotInHistory);
    EXPECT_EQ(std::count(out.begin(), out.end(), 0), std::ssize(out)) << "it was handed out";
  }
  EXPECT_FALSE(Repeat(keys_, sender, ExtSeq{7}, Rtp(ExtSeq{7}, 99), out).ok());
  EXPECT_TRUE(Repeat(keys_, sender, ExtSeq{7}, packet, out).ok());
}

TEST_P(SrtpWithProfile, RepeatsOnlyNumbersThatLeftLately) {
  constexpr auto kKept = std::int64_t{limits::kRepeatableAudio};
  SrtpSender sender(kSsrc, limits::kRepeatableAudio);
  std::vector<std::uint8_t> out;
  const auto repeats = [&](std::int64_t seq) {
    return Repeat(keys_, sender, ExtSeq{seq}, Rtp(ExtSeq{seq}, 10), out).ok();
  };
  EXPECT_FALSE(repeats(100)) << "nothing has left yet";
  const auto send = [&](std::int64_t seq) {
    (void)Protect(keys_, sender, ExtSeq{seq}, Rtp(ExtSeq{seq}, 10));
  };
  for (const std::int64_t seq : {std::int64_t{100}, std::int64_t{101}, std::int64_t{103}}) {
    send(seq);
  }
  send(100 + kKept - 1);
  EXPECT_TRUE(repeats(100));
  EXPECT_FALSE(repeats(102)) << "never sent";
  EXPECT_FALSE(repeats(100 + kKept));
  EXPECT_FALSE(repeats(99));
  send(100 + kKept);
  EXPECT_FALSE(repeats(100)) << "too long ago";
  EXPECT_TRUE(repeats(101));
  // One that is late itself does not take a newer one's place.
  send(102);
  send(102 + kKept);
  EXPECT_TRUE(repeats(102 + kKept));
  EXPECT_EQ(Repeat(keys_, sender, ExtSeq{102}, Rtp(ExtSeq{102}, 10), out).error(),
            DropReason::kRtxNotInHistory);
  const ExtSeq last{102 + kKept};
  EXPECT_FALSE(Repeat(keys_, sender_, last, Rtp(last, 10), out).ok()) << "keeps no tags";
}

TEST_P(SrtpWithProfile, ReceivesRtcpAndRefusesItTheSecondTime) {
  SrtpReceiver receiver(material_);
  for (int i = 0; i < 200; ++i) {
    const auto packet = Rtcp(24);
    auto wire = ProtectRtcp(keys_, packet);
    auto replay = wire;
    const auto size = receiver.UnprotectRtcp(wire);
    ASSERT_TRUE(size.ok()) << i;
    wire.resize(*size);
    EXPECT_EQ(wire, packet);
    const auto again = receiver.UnprotectRtcp(replay);
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error(), DropReason::kSrtpReplay);
  }
}

TEST_P(SrtpWithProfile, RefusesEveryFlippedByteAndEveryTruncation) {
  SrtpReceiver receiver(material_);
  const auto rtp = Protect(keys_, sender_, ExtSeq{7}, Rtp(ExtSeq{7}, 20));
  const auto rtcp = ProtectRtcp(keys_, Rtcp(20));
  for (std::size_t i = 0; i < rtp.size(); ++i) {
    auto wrong = rtp;
    wrong[i] ^= 1;
    EXPECT_FALSE(receiver.UnprotectRtp(wrong).ok()) << i;
    wrong.assign(rtp.begin(), rtp.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(receiver.UnprotectRtp(wrong).ok()) << i;
  }
  for (std::size_t i = 0; i < rtcp.size(); ++i) {
    auto wrong = rtcp;
    wrong[i] ^= 1;
    EXPECT_FALSE(receiver.UnprotectRtcp(wrong).ok()) << i;
    wrong.assign(rtcp.begin(), rtcp.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(receiver.UnprotectRtcp(wrong).ok()) << i;
  }
  EXPECT_EQ(receiver.stream_count(), 0u) << "an unauthenticated SSRC got a stream";
  auto good = rtp;
  EXPECT_TRUE(receiver.UnprotectRtp(good).ok()) << "forged packets disturbed the real one";
}

TEST_P(SrtpWithProfile, NamesABadTagAsSuch) {
  SrtpReceiver receiver(material_);
  auto wire = Protect(keys_, sender_, ExtSeq{7}, Rtp(ExtSeq{7}, 20));
  wire.back() ^= 1;
  EXPECT_EQ(receiver.UnprotectRtp(wire).error(), DropReason::kSrtpAuth);
}

TEST_P(SrtpWithProfile, ForgetsTheLongestUnusedSsrcAtTheLimit) {
  SrtpReceiver receiver(material_);
  for (std::uint32_t i = 0; i < limits::kSsrcsPerSessionMax + 50; ++i) {
    const Ssrc ssrc{1000 + i};
    SrtpSender sender(ssrc);
    auto wire = Protect(keys_, sender, ExtSeq{1}, Rtp(ExtSeq{1}, 10, ssrc));
    ASSERT_TRUE(receiver.UnprotectRtp(wire).ok()) << i;
    ASSERT_LE(receiver.stream_count(), limits::kSsrcsPerSessionMax);
  }
  EXPECT_EQ(receiver.stream_count(), limits::kSsrcsPerSessionMax);
}

TEST_P(SrtpWithProfile, RefusesAnOutputThatIsOneByteTooSmall) {
  const auto packet = Rtp(ExtSeq{7}, 20);
  const ByteSpan bytes = packet;
  std::vector<std::uint8_t> out(packet.size() + keys_.rtp_overhead() - 1);
  EXPECT_EQ(keys_
                .ProtectRtp(sender_,
                            {.seq = ExtSeq{7},
                             .header = bytes.first(kHeaderBytes),
                             .payload = bytes.subspan(kHeaderBytes)},
                            out)
                .error(),
            DropReason::kTxError);
  std::vector<std::uint8_t> rtcp_out(8 + keys_.rtcp_overhead() - 1);
  EXPECT_EQ(keys_.ProtectRtcp(Rtcp(0), rtcp_out).error(), DropReason::kTxError);
  EXPECT_EQ(keys_.ProtectRtcp(ByteSpan(packet).first(7), out).error(), DropReason::kTxError);
}

// RFC 3711 section B.3.
TEST(SrtpKdf, MatchesTheRfcVectors) {
  SrtpMasterKey master;
  const std::array<std::uint8_t, 16> key = {0xE1, 0xF9, 0x7A, 0x0D, 0x3E, 0x01, 0x8B, 0xE0,
                                            0xD6, 0x4F, 0xA3, 0x2C, 0x06, 0xDE, 0x41, 0x39};
  const std::array<std::uint8_t, 14> salt = {0x0E, 0xC6, 0x75, 0xAD, 0x49, 0x8A, 0xFE,
                                             0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6};
  std::memcpy(master.key.data(), key.data(), key.size());
  std::memcpy(master.salt.data(), salt.data(), salt.size());

  std::array<std::uint8_t, 16> encryption{};
  DeriveSrtpKey(SrtpProfile::kAes128CmSha1_80, master, SrtpKeyLabel::kRtpEncryption, encryption);
  EXPECT_EQ(encryption,
            (std::array<std::uint8_t, 16>{0xC6, 0x1E, 0x7A, 0x93, 0x74, 0x4F, 0x39, 0xEE, 0x10,
                                          0x73, 0x4A, 0xFE, 0x3F, 0xF7, 0xA0, 0x87}));
  std::array<std::uint8_t, 14> session_salt{};
  DeriveSrtpKey(SrtpProfile::kAes128CmSha1_80, master, SrtpKeyLabel::kRtpSalt, session_salt);
  EXPECT_EQ(session_salt, (std::array<std::uint8_t, 14>{0x30, 0xCB, 0xBC, 0x08, 0x86, 0x3D, 0x8C,
                                                        0x85, 0xD4, 0x9D, 0xB3, 0x4A, 0x9A, 0xE1}));
  std::array<std::uint8_t, 20> authentication{};
  DeriveSrtpKey(SrtpProfile::kAes128CmSha1_80, master, SrtpKeyLabel::kRtpAuthentication,
                authentication);
  EXPECT_EQ(authentication[0], 0xCE);
  EXPECT_EQ(authentication[15], 0x15);
}

TEST_P(SrtpWithProfile, RefusesWhatIsNoPacketAtAll) {
  SrtpReceiver receiver(material_);
  std::vector<std::uint8_t> rtp(kHeaderBytes + SizesOf(GetParam()).tag - 1, 0x80);
  EXPECT_EQ(receiver.UnprotectRtp(rtp).error(), DropReason::kSrtpOther);
  std::vector<std::uint8_t> rtcp(8 + 4 + SizesOf(GetParam()).tag - 1, 0x80);
  EXPECT_EQ(receiver.UnprotectRtcp(rtcp).error(), DropReason::kSrtpOther);
  std::vector<std::uint8_t> huge(limits::kDatagramBytesMax + 1, 0x80);
  EXPECT_EQ(receiver.UnprotectRtp(huge).error(), DropReason::kSrtpOther);
  EXPECT_EQ(receiver.stream_count(), 0U);
}

TEST(SrtpSender, StartsWithRolloverZeroWhateverTheFirstCycle) {
  SrtpSender sender(kSsrc);
  EXPECT_EQ(*sender.ClaimIndex(ExtSeq{3 * 65536 + 5}), 5u);
  EXPECT_EQ(*sender.ClaimIndex(ExtSeq{4 * 65536 + 5}), 65536u + 5u);
}

TEST(SrtpSender, NeverClaimsANumberTwice) {
  SrtpSender sender(kSsrc);
  Rng rng(7);
  std::vector<bool> claimed(5000, false);
  for (int i = 0; i < 20000; ++i) {
    const std::int64_t seq = 65536 + i / 5 + std::int64_t{rng.Below(900)};
    const auto index = sender.ClaimIndex(ExtSeq{seq});
    if (!index.ok()) continue;
    const auto at = static_cast<std::size_t>(seq - 65536);
    ASSERT_FALSE(claimed[at]) << seq;
    claimed[at] = true;
  }
}

TEST(SrtpSender, ClaimsLateNumbersWithinTheWindowOnly) {
  SrtpSender sender(kSsrc);
  ASSERT_TRUE(sender.ClaimIndex(ExtSeq{70000}).ok());
  ASSERT_TRUE(sender.ClaimIndex(ExtSeq{73000}).ok());
  EXPECT_TRUE(sender.ClaimIndex(ExtSeq{73000 - SrtpSender::kWindow + 1}).ok());
  EXPECT_EQ(sender.ClaimIndex(ExtSeq{73000 - SrtpSender::kWindow}).error(), DropReason::kTooOld);
  EXPECT_EQ(sender.ClaimIndex(ExtSeq{73000}).error(), DropReason::kDuplicate);
  EXPECT_EQ(sender.ClaimIndex(ExtSeq{-1}).error(), DropReason::kTooOld);
}

TEST(SrtpSender, RefusesNumbersBeforeTheFirstCycle) {
  SrtpSender sender(kSsrc);
  ASSERT_TRUE(sender.ClaimIndex(ExtSeq{65536 + 1}).ok());
  EXPECT_TRUE(sender.ClaimIndex(ExtSeq{65536}).ok());
  EXPECT_EQ(sender.ClaimIndex(ExtSeq{65535}).error(), DropReason::kTooOld);
}

}  // namespace
}  // namespace fovea::crypto
