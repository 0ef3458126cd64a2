#include "signaling/io/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "sfu/core/net_address.h"

namespace fovea::io {
namespace {

bool NamesHost(X509& certificate, const std::string& host) {
  if (NetAddress::Parse(host, 0)) return X509_check_ip_asc(&certificate, host.c_str(), 0) == 1;
  return X509_check_host(&certificate, host.data(), host.size(),
                         X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr) == 1;
}

bool ReadTime(const ASN1_TIME* time, std::int64_t& out_unix) {
  const bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (epoch == nullptr || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) return false;
  out_unix = std::int64_t{days} * 24 * 3600 + seconds;
  return true;
}

}  // namespace

std::optional<CertificateFacts> FactsOf(X509& certificate, const std::string& host) {
  CertificateFacts facts{.chain_length = 1};
  if (!ReadTime(X509_get0_notBefore(&certificate), facts.valid_from_unix) ||
      !ReadTime(X509_get0_notAfter(&certificate), facts.valid_until_unix)) {
    return std::nullopt;
  }
  facts.names_host = NamesHost(certificate, host);
  facts.is_self_signed =
      X509_NAME_cmp(X509_get_subject_name(&certificate), X509_get_issuer_name(&certificate)) == 0;
  return facts;
}

Result<CertificateFacts, std::string> ReadCertificate(const std::string& file,
                                                      const std::string& host) {
  const bssl::UniquePtr<BIO> bio(BIO_new_file(file.c_str(), "rb"));
  if (bio == nullptr) {
    ERR_clear_error();
    return Failure{"cannot open " + file};
  }
  std::optional<CertificateFacts> facts;
  std::size_t count = 0;
  while (const bssl::UniquePtr<X509> certificate{
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    if (++count == 1) facts = FactsOf(*certificate, host);
  }
  ERR_clear_error();  // the end of the file counts as an error
  if (count == 0) return Failure{"there is no PEM certificate in " + file};
  if (!facts.has_value()) return Failure{file + " holds a certificate with unreadable dates"};
  facts->chain_length = count;
  return *std::move(facts);
}

}  // namespace fovea::io
