// DTLS 1.2 over BoringSSL, without sockets or a clock: RFC 6347 (DTLS), RFC 5764 (SRTP keys), RFC
// 8122 (trust by fingerprint). Browsers offer DTLS 1.3 and fall back. Thread: owned by the
// session's worker.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/core/inline_vector.h"
#include "sfu/crypto/dtls_context.h"
#include "sfu/crypto/secure_channel.h"

struct bio_st;  // BoringSSL's BIO
struct ssl_st;  // BoringSSL's SSL

namespace fovea::crypto {

enum class DtlsRole : std::uint8_t {
  kServer,  // a=setup:passive; what we are towards clients
  kClient,  // a=setup:active
};

// Invariants:
//  (1) kConnected only with a finished handshake and a peer certificate that has the remote
//      fingerprint. No keys and no application data leave before.
//  (2) Plain-text alerts never reach the library: anybody who can forge the peer's address could
//  end
//      a handshake with one. A peer that truly gave up runs into kDtlsHandshakeTimeout.
//  (3) A handshake that fails begins anew at most kDtlsRestartsMax times, for the same reason.
//  (4) ssl_ exists except in kClosed and kFailed.
// Limits: a handshake message is at most 16 KiB and BoringSSL holds at most 7 of them, so 112 KiB
// before the peer is known; normally 11 KiB per session.
class DtlsTransport final : public SecureChannel {
 public:
  // `context` must outlive the object.
  DtlsTransport(const DtlsContext& context, DtlsRole role);
  ~DtlsTransport() override;
  DtlsTransport(const DtlsTransport&) = delete;
  DtlsTransport& operator=(const DtlsTransport&) = delete;

  [[nodiscard]] State state() const override { return state_; }
  void SetRemoteFingerprint(const Fingerprint& fingerprint) override;
  void Start(Instant now, const Path& path) override;
  std::optional<DropReason> HandleDatagram(Instant now, MutableByteSpan datagram, const Path& path,
                                           AppData& app_data) override;
  void HandleTimeout(Instant now, const Path& path) override;
  [[nodiscard]] Deadline NextDeadline() const override;
  [[nodiscard]] std::optional<ChannelEvent> PollEvent() override;
  [[nodiscard]] SrtpKeyingMaterial ExportSrtpKeys() const override;
  [[nodiscard]] bool SendAppData(Instant now, ByteSpan data, const Path& path) override;
  void Close(Instant now, const Path& path) override;
  [[nodiscard]] bool IsConsistent() const override;

  // How often the handshake was begun anew; for statistics.
  [[nodiscard]] int restarts() const { return restarts_; }

 private:
  friend class DtlsContext;  // registers the two BIO callbacks
  class Call;

  // Called by BoringSSL while one of our calls runs.
  static int BioRead(bio_st* bio, char* out, int size);
  static int BioWrite(bio_st* bio, const char* data, int size);

  void NewSsl();
  void Handshake();
  void OnHandshakeDone();
  void OnHandshakeError();
  void CheckFingerprint();
  std::optional<DropReason> ReadAppData(MutableByteSpan datagram, AppData& app_data);
  void Finish(State state, ChannelEvent event);
  [[nodiscard]] bool IsOver() const { return state_ == State::kClosed || state_ == State::kFailed; }
  void BeginHandshake(Instant now);

  // Constant after construction.
  const DtlsContext& context_;
  const DtlsRole role_;

  // Owned by the worker.
  ssl_st* ssl_ = nullptr;
  State state_ = State::kIdle;
  std::optional<Fingerprint> remote_fingerprint_;
  std::optional<Fingerprint> peer_fingerprint_;  // of the certificate that came
  Instant handshake_ends_at_ = kNever;
  Instant retransmit_at_ = kNever;
  int restarts_ = 0;
  InlineVector<ChannelEvent, 2> events_;  // kConnected and one end

  // Only while a call runs: where BioWrite sends, and the records BioRead has yet to hand out.
  const Path* path_ = nullptr;
  ByteSpan inbound_;
};

}  // namespace fovea::crypto
