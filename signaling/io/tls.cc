#include "signaling/io/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "sfu/core/check.h"
#include "sfu/core/net_address.h"

namespace fovea::io {
namespace {

constexpr std::size_t kRecordBytes = 16 * 1024;  // the most one TLS record decrypts to

// Encrypts on the way down, decrypts on the way up. Both BIOs are memory: BoringSSL never sees a
// socket. Everything that arrives is decrypted at once, so nothing is left behind when reading
// pauses.
class TlsStream : public ByteStream, private ByteStreamListener {
 public:
  // `on_settled`, if any: the handshake has come to its end, good or bad.
  TlsStream(std::unique_ptr<ByteStream> raw, bssl::UniquePtr<SSL> ssl,
            std::function<void(const SSL&)> on_settled = {})
      : raw_(std::move(raw)), ssl_(std::move(ssl)), on_settled_(std::move(on_settled)) {
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  }
  ~TlsStream() override {
    if (destroyed_ != nullptr) *destroyed_ = true;
  }

  void Start(ByteStreamListener& listener) override {
    listener_ = &listener;
    raw_->Start(*this);
    (void)Handshake();  // a client speaks first; a failure shows again with the first bytes
    FlushEncrypted();
  }
  void PauseReading() override { raw_->PauseReading(); }
  void ResumeReading() override { raw_->ResumeReading(); }
  void Write(std::string bytes) override {
    FOVEA_CHECK(!finish_wanted_);
    waiting_ += bytes;
    Encrypt();
  }
  void Finish() override {
    finish_wanted_ = true;
    Encrypt();
  }
  [[nodiscard]] std::size_t unsent_bytes() const override {
    return waiting_.size() + raw_->unsent_bytes();
  }

 private:
  enum class Step { kGoOn, kEnded, kFailed };

  void OnBytes(std::string_view bytes) override {
    // A memory BIO takes everything.
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    std::string plain;
    Step step = Handshake();
    if (step == Step::kGoOn && established_) {
      Encrypt();
      step = Decrypt(plain);
    }
    FlushEncrypted();
    Deliver(plain, step);
  }
  // Without a goodbye inside TLS anybody could have cut the stream: an end like that is a failure.
  void OnEnd() override { Deliver({}, ended_ ? Step::kGoOn : Step::kFailed); }
  void OnDrained() override {
    if (established_ && listener_ != nullptr) listener_->OnDrained();
  }
  void OnFailure() override { Deliver({}, Step::kFailed); }

  [[nodiscard]] Step Handshake() {
    if (established_) return Step::kGoOn;
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    established_ = result == 1;
    const bool is_under_way =
        !established_ && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ;
    if (!is_under_way) {
      if (const auto on_settled = std::exchange(on_settled_, nullptr)) on_settled(*ssl_);
    }
    return established_ || is_under_way ? Step::kGoOn : Step::kFailed;
  }

  [[nodiscard]] Step Decrypt(std::string& out) {
    std::array<char, kRecordBytes> buffer;
    while (true) {
      ERR_clear_error();
      const int count = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
      if (count > 0) {
        out.append(buffer.data(), static_cast<std::size_t>(count));
        continue;
      }
      switch (SSL_get_error(ssl_.get(), count)) {
        case SSL_ERROR_WANT_READ:
          return Step::kGoOn;
        case SSL_ERROR_ZERO_RETURN:
          return Step::kEnded;
        default:
          return Step::kFailed;
      }
    }
  }

  void Encrypt() {
    if (!established_ || finished_) return;
    std::string_view rest = waiting_;
    while (!rest.empty()) {
      ERR_clear_error();
      const std::size_t size = std::min(rest.size(), kRecordBytes);
      const int count = SSL_write(ssl_.get(), rest.data(), static_cast<int>(size));
      // Into memory this fails only on a session that is over; the reading side reports that.
      if (count <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
    waiting_.clear();
    if (finish_wanted_) SSL_shutdown(ssl_.get());
    FlushEncrypted();
    if (finish_wanted_) {
      finished_ = true;
      raw_->Finish();
    }
  }

  void FlushEncrypted() {
    const std::uint8_t* data = nullptr;
    std::size_t size = 0;
    BIO* encrypted = SSL_get_wbio(ssl_.get());
    if (finished_ || BIO_mem_contents(encrypted, &data, &size) != 1 || size == 0) return;
    std::string bytes(reinterpret_cast<const char*>(data), size);
    BIO_reset(encrypted);
    raw_->Write(std::move(bytes));
  }

  // The last thing a callback of ours does: the listener may destroy this stream in any of its
  // calls.
  void Deliver(std::string_view plain, Step step) {
    bool destroyed = false;
    destroyed_ = &destroyed;
    if (!plain.empty() && listener_ != nullptr) listener_->OnBytes(plain);
    if (destroyed) return;
    destroyed_ = nullptr;
    if (step == Step::kFailed && listener_ != nullptr) {
      std::exchange(listener_, nullptr)->OnFailure();
    } else if (step == Step::kEnded && !std::exchange(ended_, true) && listener_ != nullptr) {
      listener_->OnEnd();
    }
  }

  std::unique_ptr<ByteStream> raw_;
  bssl::UniquePtr<SSL> ssl_;
  std::function<void(const SSL&)> on_settled_;
  ByteStreamListener* listener_ = nullptr;  // null: not started or failed
  std::string waiting_;                     // written before the handshake was over
  bool established_ = false;
  bool ended_ = false;  // the peer said goodbye
  bool finish_wanted_ = false;
  bool finished_ = false;
  bool* destroyed_ = nullptr;  // set while the listener is being called
};

TlsContext NewContext() {
  TlsContext context(SSL_CTX_new(TLS_method()));
  FOVEA_CHECK(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  return context;
}

// What the server showed, and what became of it.
std::optional<CertificateFacts> ShownBy(const SSL& ssl, const std::string& host) {
  const bssl::UniquePtr<X509> first(SSL_get_peer_certificate(&ssl));
  if (first == nullptr) return std::nullopt;
  std::optional<CertificateFacts> facts = FactsOf(*first, host);
  if (!facts.has_value()) return std::nullopt;
  if (const STACK_OF(X509)* chain = SSL_get_peer_full_cert_chain(&ssl)) {
    facts->chain_length = sk_X509_num(chain);
  }
  if (const long result = SSL_get_verify_result(&ssl); result != X509_V_OK) {
    facts->refusal = X509_verify_cert_error_string(result);
  }
  return facts;
}

// Where distributions keep their bundle: Debian and Alpine, Fedora, OpenSUSE.
constexpr std::array<const char*, 3> kSystemBundles{"/etc/ssl/certs/ca-certificates.crt",
                                                    "/etc/pki/tls/certs/ca-bundle.crt",
                                                    "/etc/ssl/ca-bundle.pem"};

// Takes whom `trust` names into the context; the error is a sentence for the operator.
std::optional<std::string> Believe(SSL_CTX& context, const TlsTrust& trust) {
  if (!trust.ca_file.empty()) {
    if (SSL_CTX_load_verify_locations(&context, trust.ca_file.c_str(), nullptr) != 1) {
      return "cannot read certificate authorities from " + trust.ca_file;
    }
    if (!trust.with_system) return std::nullopt;
  }
  for (const char* bundle : kSystemBundles) {
    if (SSL_CTX_load_verify_locations(&context, bundle, nullptr) == 1) return std::nullopt;
  }
  if (!trust.ca_file.empty()) return std::nullopt;
  return "no bundle of certificate authorities found on this system (install ca-certificates)";
}

}  // namespace

void TlsContextDeleter::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Result<TlsClient, std::string> TlsClient::Make(const TlsTrust& trust) {
  TlsContext context = NewContext();
  SSL_CTX_set_verify(context.get(), trust.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (trust.verify) {
    if (auto error = Believe(*context, trust)) return Failure{*std::move(error)};
  }
  return TlsClient(std::move(context), trust.on_certificate);
}
std::unique_ptr<ByteStream> TlsClient::Wrap(std::unique_ptr<ByteStream> raw,
                                            const std::string& host) const {
  bssl::UniquePtr<SSL> ssl(SSL_new(context_.get()));
  FOVEA_CHECK(ssl != nullptr);
  SSL_set_connect_state(ssl.get());
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl.get());
  if (NetAddress::Parse(host, 0)) {
    FOVEA_CHECK(X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1);
  } else {
    // A name that cannot be one makes the check, and so the handshake, fail later.
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size());
    SSL_set_tlsext_host_name(ssl.get(), host.c_str());
  }
  if (!on_certificate_) return std::make_unique<TlsStream>(std::move(raw), std::move(ssl));
  return std::make_unique<TlsStream>(std::move(raw), std::move(ssl),
                                     [host, on_certificate = on_certificate_](const SSL& settled) {
                                       if (const auto facts = ShownBy(settled, host))
                                         on_certificate(*facts);
                                     });
}

Result<TlsServer, std::string> TlsServer::Make(const std::string& certificate_file,
                                               const std::string& key_file) {
  TlsContext context = NewContext();
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    return Failure{"cannot read a certificate from " + certificate_file};
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Failure{"cannot read a private key for that certificate from " + key_file};
  }
  return TlsServer(std::move(context));
}

std::unique_ptr<ByteStream> TlsServer::Wrap(std::unique_ptr<ByteStream> raw) const {
  bssl::UniquePtr<SSL> ssl(SSL_new(context_.get()));
  FOVEA_CHECK(ssl != nullptr);
  SSL_set_accept_state(ssl.get());
  return std::make_unique<TlsStream>(std::move(raw), std::move(ssl));
}

}  // namespace fovea::io
