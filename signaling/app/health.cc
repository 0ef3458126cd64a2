#include "signaling/app/health.h"

#include <cstddef>
#include <string>

namespace fovea::app {

wire::HttpResponse HealthResponse(Instant now, const std::vector<Instant>& reports) {
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const Duration silence = now - reports[i];
    if (silence <= kWorkerSilenceMax) continue;
    return wire::TextResponse(406, "Not Ready\nWorker " + std::to_string(i) + " Updated " +
                                       std::to_string(ToMillis(silence)) + " ms Ago");
  }
  return wire::TextResponse(200, "OK");
}

}  // namespace fovea::app
