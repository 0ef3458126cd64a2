// Server: HTTP routes. livekit-protocol reference sections 1.1, 1.3, 1.4, 5.
#include <memory>
#include <utility>
#include <vector>

#include "sfu/io/system_clock.h"
#include "signaling/app/health.h"
#include "signaling/app/join_params.h"
#include "signaling/app/server.h"
#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

constexpr std::int64_t kDevTokenSeconds = 6 * 3600;
constexpr const char* kStopping = "the server is shutting down";

std::int64_t NowUnix() { return io::WallNow().value / 1'000'000; }

bool WantsHtml(const wire::HttpRequest& request) {
  const auto accept = request.Header("Accept");
  return accept.has_value() && accept->find("text/html") != std::string_view::npos;
}

wire::HttpResponse RefusalResponse(const livekit::JoinRefusal& refusal) {
  return wire::TextResponse(refusal.status, refusal.message);
}

// Under any prefix: not every reverse proxy strips its own.
std::optional<wire::SignalPath> SignalPathOf(const std::string& path) {
  if (path.ends_with("/rtc/v1")) return wire::SignalPath::kV1;
  if (path.ends_with("/rtc")) return wire::SignalPath::kV0;
  return std::nullopt;
}

}  // namespace

void Server::OnRequest(io::IncomingRequest request, io::ResponseWriter writer) {
  if (is_closing_) {
    const bool is_for_token = ServesMatrix(config_) && TokenService::Handles(request.http.target);
    return writer.Send(is_for_token ? TokenService::AnswerClosing(request.http.method)
                                    : wire::TextResponse(503, kStopping));
  }
  // Before the preflight: its answers have headers of their own.
  if (matrix_->Handle(io::MonotonicNow(), request, writer)) return Turn();
  if (wire::IsCorsPreflight(request.http))
    return writer.Send(wire::CorsPreflightResponse(request.http));
  // Some methods of the server API are answered later, by a participant.
  const auto pending = std::make_shared<io::ResponseWriter>(std::move(writer));
  const auto respond = [pending](wire::HttpResponse response) {
    wire::AddCorsHeaders(response);
    pending->Send(std::move(response));
  };
  if (request.http.target.path.starts_with("/twirp/")) {
    room_service_->Handle(io::MonotonicNow(), request.http, respond);
  } else {
    respond(Answer(request.http));
  }
  Turn();  // the request may have moved deadlines or made webhooks due
}

wire::HttpResponse Server::Answer(const wire::HttpRequest& request) {
  using wire::HttpMethod;
  const std::string& path = request.target.path;
  const bool reads = request.method == HttpMethod::kGet || request.method == HttpMethod::kHead;
  if (path == "/" && reads) {
    if (page_.has_value() && WantsHtml(request)) {
      if (auto index = page_->Get("index.html")) return std::move(*index);
    }
    std::vector<Instant> reports;
    for (const auto& worker : workers_) reports.push_back(worker->Read().at);
    return HealthResponse(io::MonotonicNow(), reports);
  }
  if (path.ends_with("/healthz")) {
    return reads ? wire::TextResponse(200, "OK") : wire::TextResponse(405, "");
  }
  if (path.ends_with("/rtc/validate") && reads) return Validate(request, wire::SignalPath::kV0);
  if (path.ends_with("/rtc/v1/validate") && reads) return Validate(request, wire::SignalPath::kV1);
  if (page_.has_value() && reads && path.starts_with("/page/")) {
    if (auto file = page_->Get(std::string_view(path).substr(6))) return std::move(*file);
  }
  if (config_.development && reads && path == "/dev/token") return DevToken(request);
  return wire::TextResponse(404, "404 page not found");
}

wire::HttpResponse Server::Validate(const wire::HttpRequest& request, wire::SignalPath path) {
  const auto params = ReadJoin(request, path, config_.keys, NowUnix());
  if (!params.ok()) return RefusalResponse(params.error());
  if (const auto refusal = rooms_->CheckJoin(*params)) return RefusalResponse(*refusal);
  return wire::TextResponse(200, "success");
}

wire::HttpResponse Server::DevToken(const wire::HttpRequest& request) const {
  const auto room = request.target.Query("room");
  const auto identity = request.target.Query("identity");
  if (!room.has_value() || room->empty() || !identity.has_value() || identity->empty()) {
    return wire::TextResponse(400, "room and identity are required");
  }
  if (config_.keys.empty()) return wire::TextResponse(503, "no API key is configured");
  wire::TokenGrants grants;
  grants.api_key = config_.keys.begin()->first;
  grants.identity = *identity;
  grants.name = request.target.Query("name").value_or(*identity);
  grants.expires_at_unix = NowUnix() + kDevTokenSeconds;
  wire::VideoGrants video;
  video.room_join = true;
  video.room = *room;
  video.can_update_own_metadata = true;
  grants.video = std::move(video);
  nlohmann::json body;
  body["token"] = wire::SignToken(grants, config_.keys.begin()->second);
  return wire::JsonResponse(200, wire::DumpJson(body));
}

void Server::OnUpgrade(io::IncomingRequest request, io::UpgradeWriter writer) {
  if (is_closing_) return writer.Refuse(wire::TextResponse(503, kStopping));
  const auto refuse = [&](const livekit::JoinRefusal& refusal) {
    ++joins_refused_;
    wire::HttpResponse response = RefusalResponse(refusal);
    wire::AddCorsHeaders(response);
    writer.Refuse(std::move(response));
  };
  const std::optional<wire::SignalPath> path = SignalPathOf(request.http.target.path);
  if (!path.has_value()) return refuse({404, "404 page not found"});
  const auto params = ReadJoin(request.http, *path, config_.keys, NowUnix());
  if (!params.ok()) return refuse(params.error());
  if (const auto refusal = rooms_->CheckJoin(*params)) return refuse(*refusal);
  if (const auto refusal = rooms_->CheckCapacity(*params)) return refuse(*refusal);

  // The id is known only after Accept, and callbacks never come from inside it.
  auto id = std::make_shared<livekit::ConnectionId>();
  io::WebSocketCallbacks callbacks;
  callbacks.on_message = [this, id](const wire::WebSocketMessage& message) {
    const std::optional<pb::SignalRequest> signal = signals_.Decode(*id, message);
    if (!signal.has_value()) {
      // As upstream: what follows on this connection cannot be trusted either. The client resumes.
      signals_.Close(*id, livekit::CloseCode::kNormal, "the message could not be read");
      rooms_->HandleSignalClosed(io::MonotonicNow(), *id);
      Turn();
      return;
    }
    rooms_->HandleSignal(io::MonotonicNow(), *id, *signal);
    Turn();
  };
  callbacks.on_close = [this, id](std::uint16_t, std::string_view) {
    signals_.Remove(*id);
    rooms_->HandleSignalClosed(io::MonotonicNow(), *id);
    Turn();
  };
  const std::optional<io::WebSocketConnection> connection = writer.Accept(std::move(callbacks));
  if (!connection.has_value()) return;
  ++joins_;
  *id = signals_.Add(*connection);
  rooms_->StartSession(io::MonotonicNow(), *id, *params);
  Turn();
}

}  // namespace fovea::app
