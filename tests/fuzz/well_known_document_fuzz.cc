// The operator's own /.well-known/matrix/client, which the focus fetches and completes.
// fuzz-deps: signaling_app
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sfu/core/check.h"
#include "signaling/app/well_known.h"
#include "signaling/wire/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using fovea::app::CompleteWellKnown;
  const fovea::app::WellKnownOptions options{"https://example.com/.well-known/matrix/client",
                                             "https://matrix.example.com",
                                             "https://rtc.example.com/livekit/jwt"};
  const std::string_view upstream(reinterpret_cast<const char*>(data), size);
  const auto document = CompleteWellKnown(upstream, options);
  if (!document) return 0;
  // Whatever stands in it, our focus comes first, and once.
  const auto json = fovea::wire::ParseJson(*document);
  FOVEA_CHECK(json.has_value());
  const auto& foci = json->at("org.matrix.msc4143.rtc_foci");
  FOVEA_CHECK(foci.front().at("livekit_service_url") == options.livekit_service_url);
  for (std::size_t i = 1; i < foci.size(); ++i) FOVEA_CHECK(foci[i] != foci.front());
  FOVEA_CHECK(json->at("m.homeserver").contains("base_url"));
  FOVEA_CHECK(CompleteWellKnown(*document, options) == document);
  return 0;
}
