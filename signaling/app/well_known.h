// /.well-known/matrix/client, served by the focus itself for operators whose web server cannot: the
// homeserver's own document with `org.matrix.msc4143.rtc_foci` added. Matrix client-server API
// section 5.1; MSC4143. Thread: signaling.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/time.h"
#include "signaling/io/http_client.h"
#include "signaling/io/http_server.h"
#include "signaling/io/tls.h"

namespace fovea::app {

struct WellKnownOptions {
  std::string upstream;             // URL of the document to complete; empty: there is none
  std::string base_url;             // m.homeserver.base_url, where the upstream has none
  std::string livekit_service_url;  // this focus
};

// The document with our focus first among the foci, once. Nothing if `upstream` is not a JSON
// object. Everything else in it stays as it is.
[[nodiscard]] std::optional<std::string> CompleteWellKnown(std::string_view upstream,
                                                           const WellKnownOptions& options);

class WellKnown {
 public:
  // `tls` for an upstream by https; outlives this.
  WellKnown(uv_loop_t* loop, WellKnownOptions options, const io::TlsClient* tls);

  // Answers at once from a document that is younger than kFreshFor, else asks the upstream before.
  // An upstream that is gone is answered with its last document, or with 502 if there was none.
  void Handle(Instant now, io::ResponseWriter writer);

 private:
  void OnUpstream(std::optional<std::string> body);
  [[nodiscard]] wire::HttpResponse Response() const;

  const WellKnownOptions options_;
  io::HttpClient client_;
  std::optional<std::string> document_;  // the last good one
  Instant asked_at_;
  bool is_asking_ = false;
  std::vector<io::ResponseWriter> waiting_;
};

}  // namespace fovea::app
