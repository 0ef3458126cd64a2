// What a certificate says, in a file or shown by a server, for people who ask whether it will do.
// RFC 5280; host names by RFC 6125. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sfu/core/result.h"

typedef struct x509_st X509;  // BoringSSL's

namespace fovea::io {

struct CertificateFacts {
  std::int64_t valid_from_unix = 0;
  std::int64_t valid_until_unix = 0;
  bool names_host = false;
  bool is_self_signed = false;
  std::size_t chain_length = 0;  // the first included
  std::string refusal = {};      // why it is not believed; empty: it is, or nobody has tried
};

// Of one certificate, whatever follows it. Nothing if its dates are unreadable.
[[nodiscard]] std::optional<CertificateFacts> FactsOf(X509& certificate, const std::string& host);

// The first certificate of a PEM file. The error is a sentence for the operator.
[[nodiscard]] Result<CertificateFacts, std::string> ReadCertificate(const std::string& file,
                                                                    const std::string& host);

}  // namespace fovea::io
