#include "signaling/app/matrix_side.h"

#include <utility>

#include "sfu/io/system_clock.h"
#include "signaling/app/calls_api.h"
#include "signaling/app/focus_mint_policy.h"
#include "signaling/app/https_client.h"
#include "signaling/app/service_url.h"

namespace fovea::app {
namespace {

// What lk-jwt-service opens its rooms with: time for the first to come, and to come back.
constexpr std::uint32_t kEmptyTimeoutSeconds = 300;
constexpr std::uint32_t kDepartureTimeoutSeconds = 20;

}  // namespace

MatrixSide::~MatrixSide() {
  leaves_.reset();
  tokens_.reset();
  focus_.reset();
  if (store_ != nullptr) store_->Flush();
}

std::optional<std::string> MatrixSide::Start(Instant now) {
  const Config& config = parts_.config;
  if (auto error = StartTls()) return error;
  store_ = std::make_unique<StateStore>();
  if (!config.state.file.empty()) {
    auto opened = StateStore::Open(parts_.loop, config.state.file, parts_.log);
    if (opened.ok()) {
      store_ = std::move(*opened);
    } else {
      // Calls matter more than what a restart would remember.
      parts_.log.Log(LogLevel::kError,
                     "state.file: " + opened.error() + "; nothing will survive a restart");
    }
  }
  if (!config.homeserver.name.empty()) {
    focus_ = std::make_unique<MatrixFocus>(MatrixFocus::Parts{.loop = parts_.loop,
                                                              .config = config,
                                                              .log = parts_.log,
                                                              .context = parts_.context,
                                                              .rooms = parts_.rooms,
                                                              .store = *store_,
                                                              .turn_soon = parts_.turn_soon,
                                                              .tls = tls()});
  }
  if (ServesMatrix(config)) {
    if (auto error = StartTokens()) return error;
    if (config.access.delegation) StartLeaves(now);
  }
  if (!config.homeserver.well_known_base_url.empty() ||
      !config.homeserver.well_known_upstream.empty()) {
    well_known_ = std::make_unique<WellKnown>(
        parts_.loop,
        WellKnownOptions{.upstream = config.homeserver.well_known_upstream,
                         .base_url = config.homeserver.well_known_base_url,
                         .livekit_service_url = ServiceUrlOf(config.access.public_url)},
        tls());
  }
  if (focus_ != nullptr) focus_->Start(now);
  return std::nullopt;
}

std::optional<std::string> MatrixSide::StartTls() {
  const Config& config = parts_.config;
  Result<io::TlsClient, std::string> tls =
      io::TlsClient::Make(io::TlsTrust{.ca_file = config.homeserver.ca_file,
                                       .with_system = true,
                                       .verify = !config.federation.insecure_skip_verify_tls});
  if (tls.ok()) {
    tls_.emplace(*std::move(tls));
  } else if (!config.homeserver.ca_file.empty()) {
    return "homeserver.ca_file: " + tls.error();
  } else {
    parts_.log.Log(LogLevel::kWarn, "https to the homeserver will fail: " + tls.error());
  }
  return std::nullopt;
}

std::optional<std::string> MatrixSide::StartTokens() {
  auto made = TokenFront::Make(
      {.loop = parts_.loop,
       .config = parts_.config,
       .log = parts_.log,
       .policy = focus_ == nullptr ? nullptr : std::make_unique<FocusMintPolicy>(*focus_),
       .open_room =
           [this](const std::string& room_name, const auto& on_opened) {
             OpenRoom(room_name);
             on_opened(true);
           },
       .on_answered = parts_.turn_soon});
  if (!made.ok()) return made.error();
  tokens_ = *std::move(made);
  return std::nullopt;
}

void MatrixSide::StartLeaves(Instant now) {
  sfu_ = std::make_unique<OwnSfu>(OwnSfu::Rooms{
      .create = [this](const std::string& room_name) { OpenRoom(room_name); },
      .is_connected = [this](const matrix::LeaveKey& key) { return IsConnected(key); },
      .on_connected =
          [this](Instant at, const matrix::LeaveKey& key) {
            leaves_->HandleConnected(at, key.room_name, key.identity);
          }});
  const Config& config = parts_.config;
  DelayedLeavesConfig leaves;
  leaves.own_server_name = config.homeserver.name;
  leaves.as_token = config.appservice.as_token;
  leaves.seed = parts_.context.rng.Next64();
  leaves.wall_offset = parts_.context.wall_offset;
  leaves_ =
      std::make_unique<DelayedLeaves>(parts_.loop, std::move(leaves),
                                      DelayedLeaves::Ports{.cs_api = tokens_->cs_api(),
                                                           .discovered = &tokens_->federation(),
                                                           .store = *this,
                                                           .sfu = *sfu_,
                                                           .log = parts_.log},
                                      HttpsClientOptions(tls()));
  leaves_->Resume(now, store_->Jobs());
  leaves_->VerifyOwnServer();
  tokens_->service().SetDelegation(leaves_.get());
  if (focus_ == nullptr) return;
  focus_->SetOnPutOut([this](Instant at, const std::string& room, const std::string& identity) {
    leaves_->HandleLeft(at, room, identity, matrix::LeftReason::kGone);
  });
}

void MatrixSide::OpenRoom(const std::string& room_name) {
  const Instant now = io::MonotonicNow();
  livekit::Room& room = parts_.rooms.FindOrCreate(now, room_name);
  room.SetTimeouts(kEmptyTimeoutSeconds, kDepartureTimeoutSeconds, 0);
  room.KeepOpen(now);
  room.Flush(now);
}

bool MatrixSide::IsConnected(const matrix::LeaveKey& key) const {
  livekit::Room* room = parts_.rooms.Find(key.room_name);
  const livekit::Participant* participant = room == nullptr ? nullptr : room->Find(key.identity);
  return participant != nullptr && participant->active();
}

bool MatrixSide::Handle(Instant now, io::IncomingRequest& request, io::ResponseWriter& writer) {
  const wire::RequestTarget& target = request.http.target;
  if (IsTokenRequest(target)) {
    tokens_->service().Handle(now, std::move(request), std::move(writer));
    return true;
  }
  if (focus_ != nullptr && focus_->Handles(target)) {
    writer.Send(focus_->Handle(now, request.http));
    return true;
  }
  if (focus_ != nullptr && IsCallsPath(target) && !wire::IsCorsPreflight(request.http)) {
    const std::int64_t now_unix = parts_.context.Wall(now).value / 1'000'000;
    writer.Send(AnswerCalls(request.http, parts_.config.keys, now_unix, focus_->conductor(),
                            focus_->CountMembership(now)));
    return true;
  }
  if (well_known_ != nullptr && target.path == "/.well-known/matrix/client") {
    if (wire::IsCorsPreflight(request.http)) return false;
    well_known_->Handle(now, std::move(writer));
    return true;
  }
  return false;
}

std::size_t MatrixSide::LargeBodyBytesMax(const wire::HttpRequest& head) const {
  return focus_ == nullptr ? 0 : focus_->appservice().LargeBodyBytesMax(head);
}

void MatrixSide::OnActive(Instant now, const std::string& room, const std::string& identity) {
  if (focus_ != nullptr) focus_->OnActive(now, room, identity);
  if (leaves_ != nullptr) leaves_->HandleConnected(now, room, identity);
}

void MatrixSide::OnGone(Instant now, const std::string& room, const std::string& identity,
                        pb::DisconnectReason reason, bool was_active) {
  if (focus_ != nullptr) focus_->OnGone(now, room, identity, reason, was_active);
  if (leaves_ == nullptr) return;
  if (was_active) {
    leaves_->HandleLeft(now, room, identity, LeftReasonOf(static_cast<int>(reason)));
  } else {
    leaves_->HandleAborted(now, room, identity);
  }
}

void MatrixSide::OnPublishing(Instant now, const std::string& room, const std::string& identity,
                              std::size_t audio_tracks, std::size_t video_tracks) {
  if (focus_ != nullptr) {
    focus_->OnPublishing(now, room, identity, audio_tracks, video_tracks);
  }
}

void MatrixSide::HandleFence(Instant now, std::uint64_t fence) {
  if (focus_ != nullptr) focus_->HandleFence(now, fence);
}

void MatrixSide::Pump(Instant now) {
  if (focus_ != nullptr) focus_->Pump(now);
}

void MatrixSide::Count(Instant now, MetricsFacts& facts) const {
  if (focus_ != nullptr) facts.membership = focus_->CountMembership(now);
  if (tokens_ != nullptr) facts.tokens = tokens_->service().CountTokens();
  if (leaves_ != nullptr) facts.delayed_leaves = leaves_->CountLeaves();
  if (store_->has_file()) facts.state = StateFacts{store_->is_degraded()};
}

Deadline MatrixSide::NextDeadline() const {
  return focus_ == nullptr ? Deadline{} : focus_->NextDeadline();
}

}  // namespace fovea::app
