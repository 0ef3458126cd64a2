#include "sfu/crypto/dtls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

#include "sfu/core/check.h"
#include "sfu/crypto/dtls_clock.h"

namespace fovea::crypto {
namespace {

constexpr std::size_t kRecordHeaderBytes = 13;
constexpr std::uint8_t kTypeChangeCipherSpec = 20;
constexpr std::uint8_t kTypeAlert = 21;
constexpr std::uint8_t kTypeApplicationData = 23;

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// +---------------+---------------+---------------+---------------+
// |     type      |      version (0xfe, 0xff|0xfd)                |
// +-------------------------------+                               |
// |     epoch (2)      sequence number (6)        |  length (2)   |
// +---------------------------------------------------------------+
// RFC 6347 section 4.1. Takes the first record off `datagram`; empty if there is no whole one.
ByteSpan TakeRecord(ByteSpan& datagram) {
  if (datagram.size() < kRecordHeaderBytes) return {};
  if (datagram[0] < kTypeChangeCipherSpec || datagram[0] > kTypeApplicationData) return {};
  if (datagram[1] != 0xfe) return {};
  const std::size_t size = kRecordHeaderBytes + LoadBe16(&datagram[11]);
  if (size > datagram.size()) return {};
  const ByteSpan record = datagram.first(size);
  datagram = datagram.subspan(size);
  return record;
}

bool IsPlainTextAlert(ByteSpan record) {
  return record[0] == kTypeAlert && LoadBe16(&record[3]) == 0;
}

std::optional<Fingerprint> PeerFingerprint(const SSL* ssl) {
  const STACK_OF(CRYPTO_BUFFER)* chain = SSL_get0_peer_certificates(ssl);
  if (chain == nullptr || sk_CRYPTO_BUFFER_num(chain) == 0) return std::nullopt;
  const CRYPTO_BUFFER* leaf = sk_CRYPTO_BUFFER_value(chain, 0);
  return FingerprintOf({CRYPTO_BUFFER_data(leaf), CRYPTO_BUFFER_len(leaf)});
}

}  // namespace

// Brackets every entry into BoringSSL: the clock, the error queue, where to send, and afterwards
// the retransmission timer that may have changed.
class DtlsTransport::Call {
 public:
  Call(DtlsTransport& dtls, Instant now, const Path& path) : dtls_(dtls), now_(now), clock_(now) {
    FOVEA_CHECK(dtls_.path_ == nullptr);
    dtls_.path_ = &path;
    ERR_clear_error();
  }
  ~Call() {
    ERR_clear_error();
    dtls_.path_ = nullptr;
    dtls_.inbound_ = {};
    timeval left{};
    const bool is_running = dtls_.ssl_ != nullptr && DTLSv1_get_timeout(dtls_.ssl_, &left) == 1;
    dtls_.retransmit_at_ = is_running ? now_ + Seconds(left.tv_sec) + Micros(left.tv_usec) : kNever;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

 private:
  DtlsTransport& dtls_;
  Instant now_;
  ScopedDtlsClock clock_;
};

DtlsTransport::DtlsTransport(const DtlsContext& context, DtlsRole role)
    : context_(context), role_(role) {
  NewSsl();
}

DtlsTransport::~DtlsTransport() { SSL_free(ssl_); }

void DtlsTransport::NewSsl() {
  SSL_free(ssl_);
  ssl_ = SSL_new(context_.ssl_ctx());
  BIO* bio = BIO_new(context_.bio_method());
  FOVEA_CHECK(ssl_ != nullptr && bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);  // takes the reference
  FOVEA_CHECK(SSL_set_mtu(ssl_, limits::kPathMtuBytes) == 1);
  DTLSv1_set_initial_timeout_duration(ssl_,
                                      static_cast<unsigned>(ToMillis(limits::kDtlsInitialTimeout)));
  if (role_ == DtlsRole::kServer) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
  }
}

// Hands out the records of the datagram one at a time, as if each had come in a datagram of its
// own.
int DtlsTransport::BioRead(bio_st* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  DtlsTransport& self = *static_cast<DtlsTransport*>(BIO_get_data(bio));
  for (;;) {
    const ByteSpan record = TakeRecord(self.inbound_);
    if (record.empty()) {
      self.inbound_ = {};
      BIO_set_retry_read(bio);
      return -1;
    }
    if (IsPlainTextAlert(record)) continue;
    const std::size_t copied = std::min(record.size(), static_cast<std::size_t>(size));
    std::memcpy(out, record.data(), copied);
    return static_cast<int>(copied);
  }
}

int DtlsTransport::BioWrite(bio_st* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const DtlsTransport& self = *static_cast<DtlsTransport*>(BIO_get_data(bio));
  if (self.path_ != nullptr) {
    self.path_->sink.Transmit(self.path_->remote, {reinterpret_cast<const std::uint8_t*>(data),
                                                   static_cast<std::size_t>(size)});
  }
  return size;
}

void DtlsTransport::SetRemoteFingerprint(const Fingerprint& fingerprint) {
  if (IsOver()) return;
  remote_fingerprint_ = fingerprint;
  if (peer_fingerprint_) CheckFingerprint();
}

void DtlsTransport::Start(Instant now, const Path& path) {
  if (role_ != DtlsRole::kClient || state_ != State::kIdle) return;
  const Call call(*this, now, path);
  BeginHandshake(now);
  Handshake();
}

void DtlsTransport::BeginHandshake(Instant now) {
  state_ = State::kHandshaking;
  handshake_ends_at_ = now + limits::kDtlsHandshakeTimeout;
}

std::optional<DropReason> DtlsTransport::HandleDatagram(Instant now, MutableByteSpan datagram,
                                                        const Path& path, AppData& app_data) {
  ByteSpan rest = datagram;
  if (TakeRecord(rest).empty()) return DropReason::kDtlsMalformed;
  if (IsOver()) return DropReason::kDtlsNotReady;
  if (state_ == State::kIdle) {
    if (role_ == DtlsRole::kClient) return DropReason::kDtlsNotReady;
    BeginHandshake(now);
  }
  const Call call(*this, now, path);
  inbound_ = datagram;
  if (state_ == State::kHandshaking) Handshake();
  if (state_ == State::kHandshaking || IsOver()) return std::nullopt;
  return ReadAppData(datagram, app_data);
}

void DtlsTransport::Handshake() {
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    OnHandshakeDone();
    return;
  }
  const int error = SSL_get_error(ssl_, result);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) OnHandshakeError();
}

void DtlsTransport::OnHandshakeDone() {
  peer_fingerprint_ = PeerFingerprint(ssl_);
  if (!peer_fingerprint_ || SSL_get_selected_srtp_profile(ssl_) == nullptr) {
    Finish(State::kFailed, ChannelEvent::kHandshakeFailed);
    return;
  }
  state_ = State::kAwaitingFingerprint;
  if (remote_fingerprint_) CheckFingerprint();
}

void DtlsTransport::OnHandshakeError() {
  if (restarts_ == limits::kDtlsRestartsMax) {
    Finish(State::kFailed, ChannelEvent::kHandshakeFailed);
    return;
  }
  restarts_ += 1;
  inbound_ = {};
  NewSsl();
  if (role_ == DtlsRole::kClient) Handshake();  // sends a hello; cannot fail without input
}

void DtlsTransport::CheckFingerprint() {
  if (*peer_fingerprint_ != *remote_fingerprint_) {
    if (path_ != nullptr) (void)SSL_send_fatal_alert(ssl_, SSL_AD_BAD_CERTIFICATE);
    Finish(State::kFailed, ChannelEvent::kFingerprintMismatch);
  } else if (state_ == State::kAwaitingFingerprint) {
    state_ = State::kConnected;
    handshake_ends_at_ = kNever;
    events_.Push(ChannelEvent::kConnected);
  }
}

// Plaintext goes to the front of `datagram`: it is always behind what BioRead has yet to hand out,
// because a record is longer than what it carries.
std::optional<DropReason> DtlsTransport::ReadAppData(MutableByteSpan datagram, AppData& app_data) {
  const bool claims_data = datagram[0] == kTypeApplicationData;
  std::optional<DropReason> dropped;
  std::size_t written = 0;
  bool heard = false;
  for (;;) {
    const MutableByteSpan room = datagram.subspan(written);
    const int size = SSL_read(ssl_, room.data(), static_cast<int>(room.size()));
    if (size <= 0) {
      const int error = SSL_get_error(ssl_, size);
      if (error == SSL_ERROR_ZERO_RETURN) {
        Finish(State::kClosed, ChannelEvent::kClosed);
      } else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        Finish(State::kFailed, ChannelEvent::kProtocolError);
      }
      break;
    }
    heard = true;
    const MutableByteSpan data = room.first(static_cast<std::size_t>(size));
    if (state_ != State::kConnected) {
      dropped = DropReason::kDtlsNotReady;
    } else if (app_data.TryPush(data)) {
      written += data.size();
    } else {
      dropped = DropReason::kSctpQueueFull;
    }
  }
  // BoringSSL skips records that do not authenticate without a word; we count them.
  if (claims_data && !heard) dropped = DropReason::kDtlsMalformed;
  return dropped;
}

void DtlsTransport::HandleTimeout(Instant now, const Path& path) {
  if (handshake_ends_at_ <= now) {
    Finish(State::kFailed, ChannelEvent::kHandshakeTimeout);
    retransmit_at_ = kNever;
    return;
  }
  if (retransmit_at_ > now) return;
  const Call call(*this, now, path);
  if (DTLSv1_handle_timeout(ssl_) >= 0) return;
  if (state_ == State::kHandshaking) {
    OnHandshakeError();
  } else {
    Finish(State::kFailed, ChannelEvent::kProtocolError);
  }
}

Deadline DtlsTransport::NextDeadline() const {
  return {.at = std::min(retransmit_at_, handshake_ends_at_), .why = WakeReason::kDtlsRetransmit};
}

std::optional<ChannelEvent> DtlsTransport::PollEvent() {
  if (events_.empty()) return std::nullopt;
  const ChannelEvent event = events_[0];
  events_.EraseAt(0);
  return event;
}

SrtpKeyingMaterial DtlsTransport::ExportSrtpKeys() const {
  FOVEA_CHECK(state_ == State::kConnected);
  SrtpKeyingMaterial material;
  material.profile = static_cast<SrtpProfile>(SSL_get_selected_srtp_profile(ssl_)->id);
  const SrtpKeySizes sizes = SizesOf(material.profile);

  // RFC 5764 section 4.2: client key, server key, client salt, server salt.
  static constexpr char kLabel[] = "EXTRACTOR-dtls_srtp";
  Secret<2 * (32 + 14)> exported;
  FOVEA_CHECK(SSL_export_keying_material(ssl_, exported.data(), 2 * (sizes.key + sizes.salt),
                                         kLabel, sizeof(kLabel) - 1, nullptr, 0, 0) == 1);
  SrtpMasterKey& client = role_ == DtlsRole::kClient ? material.local : material.remote;
  SrtpMasterKey& server = role_ == DtlsRole::kClient ? material.remote : material.local;
  const std::uint8_t* at = exported.data();
  std::memcpy(client.key.data(), at, sizes.key);
  std::memcpy(server.key.data(), at + sizes.key, sizes.key);
  std::memcpy(client.salt.data(), at + 2 * sizes.key, sizes.salt);
  std::memcpy(server.salt.data(), at + 2 * sizes.key + sizes.salt, sizes.salt);
  return material;
}

bool DtlsTransport::SendAppData(Instant now, ByteSpan data, const Path& path) {
  if (state_ != State::kConnected || data.empty() || data.size() > limits::kPathMtuBytes) {
    return false;
  }
  const Call call(*this, now, path);
  return SSL_write(ssl_, data.data(), static_cast<int>(data.size())) > 0;
}

void DtlsTransport::Close(Instant now, const Path& path) {
  if (IsOver()) return;
  if (state_ == State::kConnected || state_ == State::kAwaitingFingerprint) {
    const Call call(*this, now, path);
    (void)SSL_shutdown(ssl_);
  }
  SSL_free(ssl_);
  ssl_ = nullptr;
  state_ = State::kClosed;
  handshake_ends_at_ = kNever;
  retransmit_at_ = kNever;
}

void DtlsTransport::Finish(State state, ChannelEvent event) {
  SSL_free(ssl_);  // BoringSSL wipes what it frees
  ssl_ = nullptr;
  state_ = state;
  handshake_ends_at_ = kNever;
  retransmit_at_ = kNever;
  events_.Push(event);
}

bool DtlsTransport::IsConsistent() const {
  if (path_ != nullptr || !inbound_.empty()) return false;
  const bool waits = handshake_ends_at_ != kNever;
  switch (state_) {
    case State::kIdle:
      return ssl_ != nullptr && !peer_fingerprint_ && !waits;
    case State::kHandshaking:
      return ssl_ != nullptr && !peer_fingerprint_ && waits;
    case State::kAwaitingFingerprint:
      return ssl_ != nullptr && peer_fingerprint_ && !remote_fingerprint_ && waits;
    case State::kConnected:
      return ssl_ != nullptr && peer_fingerprint_ && peer_fingerprint_ == remote_fingerprint_ &&
             !waits;
    case State::kClosed:
    case State::kFailed:
      return ssl_ == nullptr && !waits && retransmit_at_ == kNever;
  }
  return false;
}

}  // namespace fovea::crypto
