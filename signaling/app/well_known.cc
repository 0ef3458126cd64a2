#include "signaling/app/well_known.h"

#include <utility>

#include "sfu/core/limits.h"
#include "signaling/app/https_client.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

constexpr Duration kFreshFor = Seconds(300);
constexpr const char* kFoci = "org.matrix.msc4143.rtc_foci";

}  // namespace

std::optional<std::string> CompleteWellKnown(std::string_view upstream,
                                             const WellKnownOptions& options) {
  std::optional<nlohmann::json> document = wire::ParseJson(upstream);
  if (!document.has_value() || !document->is_object()) return std::nullopt;
  // Without a base_url clients stop at the entry with an error; without the entry they go on.
  if (!options.base_url.empty()) {
    nlohmann::json& homeserver = (*document)["m.homeserver"];
    if (!homeserver.is_object()) homeserver = nlohmann::json::object();
    if (!homeserver.contains("base_url")) homeserver["base_url"] = options.base_url;
  }
  nlohmann::json foci = nlohmann::json::array();
  foci.push_back({{"type", "livekit"}, {"livekit_service_url", options.livekit_service_url}});
  if (const auto others = document->find(kFoci); others != document->end() && others->is_array()) {
    for (const nlohmann::json& other : *others) {
      if (other != foci.front()) foci.push_back(other);
    }
  }
  (*document)[kFoci] = std::move(foci);
  return wire::DumpJson(*document);
}

WellKnown::WellKnown(uv_loop_t* loop, WellKnownOptions options, const io::TlsClient* tls)
    : options_(std::move(options)), client_(loop, HttpsClientOptions(tls)) {
  if (options_.upstream.empty()) document_ = CompleteWellKnown("{}", options_);
}

void WellKnown::Handle(Instant now, io::ResponseWriter writer) {
  const bool is_fresh = document_.has_value() && now < asked_at_ + kFreshFor;
  if (options_.upstream.empty() || is_fresh || waiting_.size() >= limits::kWellKnownWaitingMax) {
    return writer.Send(Response());
  }
  waiting_.push_back(std::move(writer));
  if (std::exchange(is_asking_, true)) return;
  asked_at_ = now;
  wire::OutgoingRequest request;
  request.url = *wire::ParseHttpUrl(options_.upstream);
  client_.Start(std::move(request), [this](auto result) {
    const bool is_good = result.ok() && result->status == 200;
    OnUpstream(is_good ? std::optional(std::move(result->body)) : std::nullopt);
  });
}

void WellKnown::OnUpstream(std::optional<std::string> body) {
  is_asking_ = false;
  if (body.has_value()) {
    if (auto completed = CompleteWellKnown(*body, options_)) document_ = std::move(completed);
  }
  for (io::ResponseWriter& writer : std::exchange(waiting_, {})) writer.Send(Response());
}

wire::HttpResponse WellKnown::Response() const {
  wire::HttpResponse response;
  if (document_.has_value()) {
    response = wire::JsonResponse(200, *document_);
    response.headers.emplace_back("Cache-Control", "public, max-age=300");
  } else {
    response =
        wire::TextResponse(502, "the homeserver's own /.well-known/matrix/client is not there");
  }
  wire::AddCorsHeaders(response);
  return response;
}

}  // namespace fovea::app
