// Options of an HTTP client that also speaks https. Thread: signaling.
#pragma once

#include <memory>
#include <string>

#include "signaling/io/http_client.h"
#include "signaling/io/tls.h"

namespace fovea::app {

// Without `tls`, https addresses fail; it outlives the client.
[[nodiscard]] inline io::HttpClientOptions HttpsClientOptions(const io::TlsClient* tls) {
  io::HttpClientOptions options;
  if (tls != nullptr) {
    options.wrap_tls = [tls](std::unique_ptr<io::ByteStream> raw, const std::string& host) {
      return tls->Wrap(std::move(raw), host);
    };
  }
  return options;
}

}  // namespace fovea::app
