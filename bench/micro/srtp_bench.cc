// Protecting one outgoing RTP packet: ours, which encrypts from a shared payload into the outgoing
// buffer, and libsrtp's, which wants a copy first.
#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <optional>

#include "bench/libsrtp.h"
#include "sfu/core/bytes.h"
#include "sfu/core/check.h"
#include "sfu/crypto/srtp_sender.h"

namespace fovea::bench {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::uint32_t kSsrc = 0x5eed;

class Packet {
 public:
  explicit Packet(std::size_t size) : size_(size) {
    bytes_[0] = 0x80;
    bytes_[1] = 96;
    StoreBe32(&bytes_[8], kSsrc);
  }
  // Numbers it anew: no packet is protected twice.
  ExtSeq Next() {
    ++seq_;
    StoreBe16(&bytes_[2], static_cast<std::uint16_t>(seq_));
    return ExtSeq{seq_};
  }
  [[nodiscard]] ByteSpan header() const { return ByteSpan(bytes_).first(kHeaderBytes); }
  [[nodiscard]] ByteSpan payload() const { return all().subspan(kHeaderBytes); }
  [[nodiscard]] ByteSpan all() const { return ByteSpan(bytes_).first(size_); }

 private:
  const std::size_t size_;
  std::array<std::uint8_t, 1500> bytes_{};
  std::int64_t seq_ = std::int64_t{1} << 16;
};

void ProtectOurs(benchmark::State& state, crypto::SrtpProfile profile) {
  crypto::SrtpKeyingMaterial material;
  material.profile = profile;
  crypto::SrtpSendKeys keys(material);
  crypto::SrtpSender sender{Ssrc{kSsrc}};
  Packet packet(static_cast<std::size_t>(state.range(0)));
  std::array<std::uint8_t, 1600> out;
  for (auto _ : state) {
    const ExtSeq seq = packet.Next();
    const auto size = keys.ProtectRtp(sender, {seq, packet.header(), packet.payload()}, out);
    if (!size.ok()) state.SkipWithError("refused");
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
}

void ProtectLibSrtp(benchmark::State& state, const std::optional<LibSrtp>& library,
                    SrtpCipher cipher) {
  if (!library.has_value()) {
    state.SkipWithError("there is none here");
    return;
  }
  srtp_t session = MakeSession(*library, cipher, SrtpDirection::kProtect, 1);
  Packet packet(static_cast<std::size_t>(state.range(0)));
  alignas(16) std::array<std::uint8_t, 1600> out;
  for (auto _ : state) {
    (void)packet.Next();
    std::memcpy(out.data(), packet.all().data(), packet.all().size());
    int size = static_cast<int>(packet.all().size());
    if (library->protect(session, out.data(), &size) != srtp_err_status_ok) {
      state.SkipWithError("refused");
    }
    benchmark::ClobberMemory();
  }
  (void)library->dealloc(session);
}

void SrtpGcmFovea(benchmark::State& state) {
  ProtectOurs(state, crypto::SrtpProfile::kAeadAes128Gcm);
}
void SrtpGcmLibSrtp(benchmark::State& state) {
  ProtectLibSrtp(state, OurLibSrtp(), SrtpCipher::kGcm128);
}
void SrtpGcmLibSrtpOfDistribution(benchmark::State& state) {
  ProtectLibSrtp(state, DistributionLibSrtp(), SrtpCipher::kGcm128);
}
void SrtpCmSha1Fovea(benchmark::State& state) {
  ProtectOurs(state, crypto::SrtpProfile::kAes128CmSha1_80);
}
void SrtpCmSha1LibSrtp(benchmark::State& state) {
  ProtectLibSrtp(state, OurLibSrtp(), SrtpCipher::kCm128Sha1);
}
void SrtpCmSha1LibSrtpOfDistribution(benchmark::State& state) {
  ProtectLibSrtp(state, DistributionLibSrtp(), SrtpCipher::kCm128Sha1);
}
BENCHMARK(SrtpGcmFovea)->Arg(1200)->Arg(172);
BENCHMARK(SrtpGcmLibSrtp)->Arg(1200)->Arg(172);
BENCHMARK(SrtpGcmLibSrtpOfDistribution)->Arg(1200)->Arg(172);
BENCHMARK(SrtpCmSha1Fovea)->Arg(1200)->Arg(172);
BENCHMARK(SrtpCmSha1LibSrtp)->Arg(1200)->Arg(172);
BENCHMARK(SrtpCmSha1LibSrtpOfDistribution)->Arg(1200)->Arg(172);

}  // namespace
}  // namespace fovea::bench
