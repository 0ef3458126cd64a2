#!/usr/bin/env bash
# Fails where the executable $1 shares TLS code with anybody: it may load no TLS library, however deep
# in its dependencies, and may export no TLS symbol. BoringSSL and OpenSSL have the same names; two of
# them in one process call into each other and crash.
set -euo pipefail

binary=$1
failed=0

# ldd lists indirect dependencies too.
if ldd "$binary" | grep -E '/lib(ssl|crypto|gnutls|nss3|nssutil3|mbedtls|mbedcrypto)[.-]'; then
  echo "error: $binary loads the TLS libraries above; link what needs them to another executable" >&2
  failed=1
fi

if nm -D --defined-only "$binary" | grep -E ' (SSL|EVP|BIO|X509|CRYPTO|RAND|srtp)_' | head; then
  echo "error: $binary exports the symbols above; build BoringSSL and libsrtp with scripts/setup" >&2
  failed=1
fi

[ "$failed" = 0 ] && echo "no foreign TLS library, no exported TLS symbol"
exit "$failed"
