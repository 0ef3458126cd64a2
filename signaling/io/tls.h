// TLS 1.2 and 1.3 over any byte stream, by BoringSSL. RFC 8446; host names by RFC 6125.
// Thread: the one that runs the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sfu/core/result.h"
#include "signaling/io/byte_stream.h"
#include "signaling/io/certificate.h"

struct ssl_ctx_st;  // BoringSSL's SSL_CTX

namespace fovea::io {

struct TlsContextDeleter {
  void operator()(ssl_ctx_st* context) const;
};
using TlsContext = std::unique_ptr<ssl_ctx_st, TlsContextDeleter>;

// Whom a client believes.
struct TlsTrust {
  std::string ca_file = {};  // PEM; empty: the system's bundle of certificate authorities
  bool with_system = false;  // the system's bundle beside `ca_file`
  bool verify = true;        // false: anybody, for tests; the connection is encrypted, no more
  // Told what each server shows, believed or not. May be empty.
  std::function<void(const CertificateFacts&)> on_certificate = {};
};

// What we trust as a client. Streams may outlive it.
class TlsClient {
 public:
  // The error is a sentence for the operator.
  [[nodiscard]] static Result<TlsClient, std::string> Make(const TlsTrust& trust);
  [[nodiscard]] static Result<TlsClient, std::string> Make(const std::string& ca_file) {
    return Make(TlsTrust{.ca_file = ca_file});
  }

  // Bytes written before the handshake is over wait for it. A certificate that is not valid for
  // `host` (a name or an address) is OnFailure.
  [[nodiscard]] std::unique_ptr<ByteStream> Wrap(std::unique_ptr<ByteStream> raw,
                                                 const std::string& host) const;

 private:
  TlsClient(TlsContext context, std::function<void(const CertificateFacts&)> on_certificate)
      : context_(std::move(context)), on_certificate_(std::move(on_certificate)) {}
  TlsContext context_;
  std::function<void(const CertificateFacts&)> on_certificate_;
};

// Who we are as a server. Streams may outlive it.
class TlsServer {
 public:
  // PEM files: the certificate with its chain, and its key.
  [[nodiscard]] static Result<TlsServer, std::string> Make(const std::string& certificate_file,
                                                           const std::string& key_file);
  [[nodiscard]] std::unique_ptr<ByteStream> Wrap(std::unique_ptr<ByteStream> raw) const;

 private:
  explicit TlsServer(TlsContext context) : context_(std::move(context)) {}
  TlsContext context_;
};

}  // namespace fovea::io
