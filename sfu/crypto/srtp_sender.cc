#include "sfu/crypto/srtp_sender.h"

#include <openssl/aes.h>
#include <openssl/mem.h>
#include <openssl/sha.h>

#include <bit>
#include <cstring>
#include <optional>
#include <variant>

#include "sfu/core/check.h"
#include "sfu/crypto/gcm_sealer.h"
#include "sfu/crypto/null_tag.h"
#include "sfu/crypto/srtp_kdf.h"

namespace fovea::crypto {
namespace {

constexpr std::size_t kSha1TagBytes = 10;
constexpr std::size_t kRtcpClearBytes = 8;   // RTCP header and sender SSRC are never encrypted
constexpr std::size_t kSrtcpIndexBytes = 4;  // E flag and index
constexpr std::uint32_t kSrtcpEncrypted = 0x80000000;
constexpr std::uint32_t kSrtcpIndexMax = 0x7fffffff;

// XORs `value` big-endian into `p`.
void XorBe16(std::uint8_t* p, std::uint16_t value) {
  StoreBe16(p, static_cast<std::uint16_t>(LoadBe16(p) ^ value));
}
void XorBe32(std::uint8_t* p, std::uint32_t value) { StoreBe32(p, LoadBe32(p) ^ value); }

// RFC 7714: session keys of one direction, made into what seals packets.
struct GcmKey {
  GcmKey(const SrtpKeyingMaterial& material, SrtpKeyLabel key_label, SrtpKeyLabel salt_label,
         GcmSealer::Engine engine) {
    const std::size_t key_bytes = SizesOf(material.profile).key;
    Secret<32> key;
    const MutableByteSpan session_key = key.span().first(key_bytes);
    DeriveSrtpKey(material.profile, material.local, key_label, session_key);
    DeriveSrtpKey(material.profile, material.local, salt_label, salt.span());
    sealer.emplace(session_key, engine);
  }

  Secret<12> salt;
  std::optional<GcmSealer> sealer;
};

struct GcmKeys {
  explicit GcmKeys(const SrtpKeyingMaterial& material)
      : rtp(material, SrtpKeyLabel::kRtpEncryption, SrtpKeyLabel::kRtpSalt,
            GcmSealer::Engine::kFastest),
        // Few and short packets: the portable engine's key is half as large.
        rtcp(material, SrtpKeyLabel::kRtcpEncryption, SrtpKeyLabel::kRtcpSalt,
             GcmSealer::Engine::kPortable) {}
  GcmKey rtp;
  GcmKey rtcp;
};

// RFC 3711: AES in counter mode and HMAC-SHA1 with its two key blocks hashed in advance, so that a
// packet costs neither a key set-up nor an allocation.
struct CmKey {
  CmKey(const SrtpKeyingMaterial& material, std::array<SrtpKeyLabel, 3> labels) {
    Secret<16> encryption;
    DeriveSrtpKey(material.profile, material.local, labels[0], encryption.span());
    FOVEA_CHECK(AES_set_encrypt_key(encryption.data(), 128, &schedule) == 0);

    Secret<64> block;  // RFC 2104: the 20-byte key, padded to SHA-1's block
    DeriveSrtpKey(material.profile, material.local, labels[1], block.span().first(20));
    for (std::uint8_t& byte : block.span()) byte = static_cast<std::uint8_t>(byte ^ 0x36);
    SHA1_Init(&inner);
    SHA1_Update(&inner, block.data(), block.size());
    for (std::uint8_t& byte : block.span()) byte = static_cast<std::uint8_t>(byte ^ 0x36 ^ 0x5c);
    SHA1_Init(&outer);
    SHA1_Update(&outer, block.data(), block.size());

    DeriveSrtpKey(material.profile, material.local, labels[2], salt.span());
  }
  ~CmKey() {
    OPENSSL_cleanse(&schedule, sizeof(schedule));
    OPENSSL_cleanse(&inner, sizeof(inner));
    OPENSSL_cleanse(&outer, sizeof(outer));
  }
  CmKey(const CmKey&) = delete;
  CmKey& operator=(const CmKey&) = delete;

  // RFC 3711 section 4.1.1: IV = salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16.
  void Encrypt(std::uint32_t ssrc, std::uint64_t index, ByteSpan in, std::uint8_t* out) const {
    std::array<std::uint8_t, 16> iv{};
    std::memcpy(iv.data(), salt.data(), salt.size());
    XorBe32(&iv[4], ssrc);
    XorBe32(&iv[8], static_cast<std::uint32_t>(index >> 16));
    XorBe16(&iv[12], static_cast<std::uint16_t>(index));
    std::array<std::uint8_t, 16> key_stream{};
    unsigned int used = 0;
    AES_ctr128_encrypt(in.data(), out, in.size(), &schedule, iv.data(), key_stream.data(), &used);
  }

  // HMAC-SHA1 over `a` and then `b`, cut to 80 bits.
  void Tag(ByteSpan a, ByteSpan b, std::uint8_t* out) const {
    std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest{};
    SHA_CTX context = inner;
    SHA1_Update(&context, a.data(), a.size());
    SHA1_Update(&context, b.data(), b.size());
    SHA1_Final(digest.data(), &context);
    context = outer;
    SHA1_Update(&context, digest.data(), digest.size());
    SHA1_Final(digest.data(), &context);
    std::memcpy(out, digest.data(), kSha1TagBytes);
  }

  AES_KEY schedule;
  SHA_CTX inner;
  SHA_CTX outer;
  Secret<14> salt;
};

struct CmKeys {
  explicit CmKeys(const SrtpKeyingMaterial& material)
      : rtp(material, {SrtpKeyLabel::kRtpEncryption, SrtpKeyLabel::kRtpAuthentication,
                       SrtpKeyLabel::kRtpSalt}),
        rtcp(material, {SrtpKeyLabel::kRtcpEncryption, SrtpKeyLabel::kRtcpAuthentication,
                        SrtpKeyLabel::kRtcpSalt}) {}
  CmKey rtp;
  CmKey rtcp;
};

struct NullKeys {};

// An accepted packet on its way out. `out` is large enough.
struct RtpJob {
  std::uint32_t ssrc;
  std::uint64_t index;
  ByteSpan header;
  ByteSpan payload;
  std::uint8_t* out;
};
struct RtcpJob {
  std::uint32_t ssrc;
  std::uint32_t index;
  ByteSpan packet;
  std::uint8_t* out;
};

bool Protect(const GcmKeys& keys, const RtpJob& job) {
  // RFC 7714 section 8.1: two zero bytes, SSRC, rollover counter, sequence number; XOR salt.
  GcmSealer::Nonce nonce;
  std::memcpy(nonce.data(), keys.rtp.salt.data(), nonce.size());
  XorBe32(&nonce[2], job.ssrc);
  XorBe32(&nonce[6], static_cast<std::uint32_t>(job.index >> 16));
  XorBe16(&nonce[10], static_cast<std::uint16_t>(job.index));
  return keys.rtp.sealer->Seal(nonce, job.payload, job.header, job.out + job.header.size());
}

bool Protect(const CmKeys& keys, const RtpJob& job) {
  keys.rtp.Encrypt(job.ssrc, job.index, job.payload, job.out + job.header.size());
  // RFC 3711 section 4.2: the rollover counter is authenticated though it is not sent.
  std::array<std::uint8_t, 4> rollover;
  StoreBe32(rollover.data(), static_cast<std::uint32_t>(job.index >> 16));
  const std::size_t size = job.header.size() + job.payload.size();
  keys.rtp.Tag({job.out, size}, rollover, job.out + size);
  return true;
}

bool Protect(const NullKeys&, const RtpJob& job) {
  std::uint8_t* at = job.out + job.header.size();
  if (!job.payload.empty()) std::memmove(at, job.payload.data(), job.payload.size());
  const std::size_t size = job.header.size() + job.payload.size();
  WriteNullTag({job.out, size}, job.out + size);
  return true;
}

bool Protect(const GcmKeys& keys, const RtcpJob& job) {
  // RFC 7714 section 9.1: zeros, SSRC, zeros, SRTCP index; XOR salt.
  GcmSealer::Nonce nonce;
  std::memcpy(nonce.data(), keys.rtcp.salt.data(), nonce.size());
  XorBe32(&nonce[2], job.ssrc);
  XorBe32(&nonce[8], job.index);
  // Section 9.2: the clear header and the E flag with the index are the associated data.
  std::array<std::uint8_t, kRtcpClearBytes + kSrtcpIndexBytes> authenticated;
  std::memcpy(authenticated.data(), job.packet.data(), kRtcpClearBytes);
  StoreBe32(&authenticated[kRtcpClearBytes], kSrtcpEncrypted | job.index);
  StoreBe32(job.out + job.packet.size() + GcmSealer::kTagBytes, kSrtcpEncrypted | job.index);
  return keys.rtcp.sealer->Seal(nonce, job.packet.subspan(kRtcpClearBytes), authenticated,
                                job.out + kRtcpClearBytes);
}

bool Protect(const CmKeys& keys, const RtcpJob& job) {
  keys.rtcp.Encrypt(job.ssrc, job.index, job.packet.subspan(kRtcpClearBytes),
                    job.out + kRtcpClearBytes);
  const std::size_t size = job.packet.size() + kSrtcpIndexBytes;
  StoreBe32(job.out + job.packet.size(), kSrtcpEncrypted | job.index);
  keys.rtcp.Tag({job.out, size}, {}, job.out + size);
  return true;
}

bool Protect(const NullKeys&, const RtcpJob& job) {
  const std::size_t size = job.packet.size() + kSrtcpIndexBytes;
  std::memmove(job.out, job.packet.data(), job.packet.size());
  StoreBe32(job.out + job.packet.size(), job.index);
  WriteNullTag({job.out, size}, job.out + size);
  return true;
}

}  // namespace

SrtpSender::SrtpSender(Ssrc ssrc, std::size_t repeatable) : ssrc_(ssrc), tags_(repeatable) {
  FOVEA_CHECK(repeatable == 0 || std::has_single_bit(repeatable));
  FOVEA_CHECK(repeatable <= static_cast<std::size_t>(kWindow));
}

void SrtpSender::NoteSent(ExtSeq seq, std::uint64_t tag) {
  if (!IsRepeatable(seq.value())) return;  // its place belongs to a newer packet
  tags_[static_cast<std::size_t>(seq.value()) & (tags_.size() - 1)] = tag;
}

std::optional<SrtpSender::Sent> SrtpSender::FindSent(ExtSeq seq) const {
  const std::int64_t value = seq.value();
  if (!started_ || !IsRepeatable(value) || (value >> 16) < cycle_base_) return std::nullopt;
  const std::uint64_t word = used_[static_cast<std::size_t>(value % kWindow) / 64];
  if (((word >> (value % 64)) & 1) == 0) return std::nullopt;
  return Sent{static_cast<std::uint64_t>(value - cycle_base_ * 65536),
              tags_[static_cast<std::size_t>(value) & (tags_.size() - 1)]};
}

Result<std::uint64_t, DropReason> SrtpSender::ClaimIndex(ExtSeq seq) {
  const std::int64_t value = seq.value();
  if (value < 0) return Failure{DropReason::kTooOld};  // before the first cycle of an Unwrapper
  std::uint64_t& word = used_[static_cast<std::size_t>(value % kWindow) / 64];
  const std::uint64_t bit = std::uint64_t{1} << (value % 64);
  if (!started_) {
    started_ = true;
    cycle_base_ = value >> 16;
    highest_ = value;
  } else if (value > highest_) {
    // Bits of the numbers that are passed over become "not used"; more than a window clears all.
    if (value - highest_ >= kWindow) {
      used_.fill(0);
    } else {
      for (std::int64_t v = highest_ + 1; v < value; ++v) {
        used_[static_cast<std::size_t>(v % kWindow) / 64] &= ~(std::uint64_t{1} << (v % 64));
      }
    }
    highest_ = value;
  } else {
    if (value == highest_) return Failure{DropReason::kDuplicate};
    if (value <= highest_ - kWindow || (value >> 16) < cycle_base_) {
      return Failure{DropReason::kTooOld};
    }
    if ((word & bit) != 0) return Failure{DropReason::kDuplicate};
  }
  word |= bit;
  return static_cast<std::uint64_t>(value - cycle_base_ * 65536);
}

struct SrtpSendKeys::Impl {
  std::variant<NullKeys, GcmKeys, CmKeys> keys;
  SrtpKeySizes sizes;
  std::uint32_t next_rtcp_index = 0;

  [[nodiscard]] bool SealRtp(const RtpJob& job) const {
    std::memmove(job.out, job.header.data(), job.header.size());
    return std::visit([&job](const auto& active) { return Protect(active, job); }, keys);
  }
  // The first 64 bits, which all profiles have.
  [[nodiscard]] std::uint64_t TagOf(ByteSpan protected_packet) const {
    return LoadBe64(protected_packet.last(sizes.tag).data());
  }
};

SrtpSendKeys::SrtpSendKeys(const SrtpKeyingMaterial& material) : impl_(std::make_unique<Impl>()) {
  impl_->sizes = SizesOf(material.profile);
  if (material.is_null()) return;
  if (material.profile == SrtpProfile::kAes128CmSha1_80) {
    impl_->keys.emplace<CmKeys>(material);
  } else {
    impl_->keys.emplace<GcmKeys>(material);
  }
}

SrtpSendKeys::~SrtpSendKeys() = default;

std::size_t SrtpSendKeys::rtp_overhead() const { return impl_->sizes.tag; }
std::size_t SrtpSendKeys::rtcp_overhead() const { return impl_->sizes.tag + kSrtcpIndexBytes; }

Result<std::size_t, DropReason> SrtpSendKeys::ProtectRtp(SrtpSender& sender,
                                                         const RtpPlaintext& packet,
                                                         MutableByteSpan out) {
  const std::size_t size = packet.header.size() + packet.payload.size() + rtp_overhead();
  if (packet.header.size() < 12 || size > out.size()) return Failure{DropReason::kTxError};
  FOVEA_DCHECK(LoadBe16(&packet.header[2]) == static_cast<std::uint16_t>(packet.seq.value()));
  FOVEA_DCHECK(LoadBe32(&packet.header[8]) == sender.ssrc().value());
  const Result<std::uint64_t, DropReason> index = sender.ClaimIndex(packet.seq);
  if (!index.ok()) return Failure{index.error()};

  if (!impl_->SealRtp({sender.ssrc().value(), *index, packet.header, packet.payload, out.data()}))
    return Failure{DropReason::kTxError};
  sender.NoteSent(packet.seq, impl_->TagOf(out.first(size)));
  return size;
}

Result<std::size_t, DropReason> SrtpSendKeys::RepeatRtp(const SrtpSender& sender,
                                                        const RtpPlaintext& packet,
                                                        MutableByteSpan out) {
  const std::size_t size = packet.header.size() + packet.payload.size() + rtp_overhead();
  if (packet.header.size() < 12 || size > out.size()) return Failure{DropReason::kTxError};
  const std::optional<SrtpSender::Sent> sent = sender.FindSent(packet.seq);
  if (!sent.has_value()) return Failure{DropReason::kRtxNotInHistory};
  const bool sealed = impl_->SealRtp(
      {sender.ssrc().value(), sent->index, packet.header, packet.payload, out.data()});
  if (sealed && impl_->TagOf(out.first(size)) == sent->tag) return size;
  // Another packet under a used index must not exist outside of this function.
  Wipe(out.first(size));
  return Failure{DropReason::kRtxNotInHistory};
}

Result<std::size_t, DropReason> SrtpSendKeys::ProtectRtcp(ByteSpan packet, MutableByteSpan out) {
  const std::size_t size = packet.size() + rtcp_overhead();
  if (packet.size() < kRtcpClearBytes || size > out.size()) return Failure{DropReason::kTxError};
  if (impl_->next_rtcp_index > kSrtcpIndexMax) return Failure{DropReason::kTxError};
  // libsrtp counts from 1, and so do the peers built on it; RFC 3711 allows either.
  impl_->next_rtcp_index += 1;
  std::memmove(out.data(), packet.data(), kRtcpClearBytes);
  const RtcpJob job{.ssrc = LoadBe32(&packet[4]),
                    .index = impl_->next_rtcp_index,
                    .packet = packet,
                    .out = out.data()};
  if (!std::visit([&job](const auto& keys) { return Protect(keys, job); }, impl_->keys)) {
    return Failure{DropReason::kTxError};
  }
  return size;
}

}  // namespace fovea::crypto
