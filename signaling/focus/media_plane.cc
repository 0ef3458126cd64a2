#include "signaling/focus/media_plane.h"

#include <variant>

#include "sfu/core/check.h"
#include "sfu/core/overloaded.h"

namespace fovea::focus {
MediaPlane::MediaPlane(std::vector<WorkerEnd> workers, DataPort& data)
    : workers_(std::move(workers)), data_(data) {
  FOVEA_CHECK(!workers_.empty() && workers_.size() <= limits::kWorkersMax);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const auto worker = static_cast<std::uint8_t>(i);
    tables_.push_back({{worker, limits::kSessionsPerWorkerMax},
                       {worker, limits::kPublicationsPerWorkerMax},
                       {worker, limits::kSubscriptionsPerWorkerMax}});
  }
}

std::optional<std::uint8_t> MediaPlane::PickWorker(std::size_t sessions) const {
  // Egress decides a worker's load, and downlinks are what makes egress.
  std::optional<std::size_t> best;
  const auto load = [this](std::size_t i) {
    return tables_[i].subscriptions.in_use() * 4 + tables_[i].sessions.in_use();
  };
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (tables_[i].sessions.free() < sessions) continue;
    if (!best.has_value() || load(i) < load(*best)) best = i;
  }
  if (!best.has_value()) return std::nullopt;
  return static_cast<std::uint8_t>(*best);
}

const livekit::WorkerTransport& MediaPlane::Transport(std::uint8_t worker) const {
  return workers_.at(worker).transport;
}

control::SessionHandle MediaPlane::NewSession(std::uint8_t worker) {
  return tables_.at(worker).sessions.Acquire();
}
control::PublicationHandle MediaPlane::NewPublication(std::uint8_t worker) {
  return tables_.at(worker).publications.Acquire();
}
control::SubscriptionHandle MediaPlane::NewSubscription(std::uint8_t worker) {
  return tables_.at(worker).subscriptions.Acquire();
}

void MediaPlane::To(std::uint8_t worker, const control::WorkerCommand& command) {
  workers_.at(worker).proxy->Post(command);
}

void MediaPlane::Post(const control::WorkerCommand& command) {
  std::visit(
      Overloaded{
          [&](const control::AddSession& c) {
            data_.AddSession(c.session);
            To(c.session.worker(), command);
          },
          [&](const control::SetRemote& c) { To(c.session.worker(), command); },
          [&](const control::RestartIce& c) { To(c.session.worker(), command); },
          [&](const control::RemoveSession& c) {
            if (!tables_.at(c.session.worker()).sessions.Release(c.session)) return;
            data_.RemoveSession(c.session);
            To(c.session.worker(), command);
          },
          [&](const control::AddPublication& c) { To(c.publication.worker(), command); },
          [&](const control::UpdatePublication& c) {
            To(c.description.publication.worker(), command);
          },
          [&](const control::RemovePublication& c) {
            if (!tables_.at(c.publication.worker()).publications.Release(c.publication)) return;
            const Route route = routes_[c.publication];
            routes_.erase(c.publication);
            for (std::size_t i = 0; i < workers_.size(); ++i) {
              const auto worker = static_cast<std::uint8_t>(i);
              if (worker == c.publication.worker() || route.subscriptions[i] > 0)
                To(worker, command);
            }
          },
          [&](const control::SetRoutes& c) { To(c.publication.worker(), command); },
          [&](const control::SetPublicationMuted& c) { To(c.publication.worker(), command); },
          [&](const control::RequestKeyFrame& c) { To(c.publication.worker(), command); },
          [&](const control::AddSubscription& c) {
            subscribed_[c.subscription] = c.publication;
            To(c.subscription.worker(), command);
            AddRoute(c.publication, c.subscription.worker());
          },
          [&](const control::SetSubscription& c) { To(c.subscription.worker(), command); },
          [&](const control::RemoveSubscription& c) {
            if (!tables_.at(c.subscription.worker()).subscriptions.Release(c.subscription)) return;
            To(c.subscription.worker(), command);
            const auto it = subscribed_.find(c.subscription);
            if (it == subscribed_.end()) return;
            DropRoute(it->second, c.subscription.worker());
            subscribed_.erase(it);
          },
          [&](const control::Fence&) { FOVEA_CHECK(false && "fences are made by PostFence"); },
      },
      command);
}

void MediaPlane::AddRoute(control::PublicationHandle publication, std::uint8_t worker) {
  Route& route = routes_[publication];
  if (++route.subscriptions[worker] == 1) SendRoutes(publication, route);
}

void MediaPlane::DropRoute(control::PublicationHandle publication, std::uint8_t worker) {
  const auto it = routes_.find(publication);
  if (it == routes_.end()) return;  // the publication went first
  FOVEA_CHECK(it->second.subscriptions[worker] > 0);
  if (--it->second.subscriptions[worker] == 0) SendRoutes(publication, it->second);
}

void MediaPlane::SendRoutes(control::PublicationHandle publication, const Route& route) {
  control::SetRoutes command;
  command.publication = publication;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (route.subscriptions[i] > 0)
      command.workers = static_cast<std::uint16_t>(command.workers | (1U << i));
  }
  To(publication.worker(), command);
}

std::uint64_t MediaPlane::PostFence() {
  const std::uint64_t id = next_fence_++;
  fences_[id] = workers_.size();
  for (std::size_t i = 0; i < workers_.size(); ++i)
    To(static_cast<std::uint8_t>(i), control::Fence{id});
  return id;
}

bool MediaPlane::HandleEvent(const control::WorkerEvent& event) {
  const auto* fence = std::get_if<control::FenceReached>(&event);
  if (fence == nullptr) return false;
  const auto it = fences_.find(fence->id);
  if (it == fences_.end() || --it->second > 0) return false;
  fences_.erase(it);
  return true;
}

void MediaPlane::Flush() {
  for (WorkerEnd& worker : workers_) worker.proxy->Flush();
}

std::size_t MediaPlane::sessions_in_use() const {
  std::size_t total = 0;
  for (const Tables& tables : tables_) total += tables.sessions.in_use();
  return total;
}

}  // namespace fovea::focus
