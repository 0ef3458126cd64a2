// World in the role of signaling: commands, handles, fences, events.
#include <algorithm>
#include <variant>

#include "sfu/core/check.h"
#include "tests/support/world/world_node.h"

namespace fovea::test {
namespace {

NetAddress ServerAddress(std::size_t worker) {
  return NetAddress::V4(0x0a000001, static_cast<std::uint16_t>(7882 + worker));
}

template <std::size_t N>
void Assign(InlineString<N>& to, std::string_view text) {
  FOVEA_CHECK(to.TryAssign(text));
}

control::CodecMapping CodecFor(control::MediaKind kind) {
  if (kind == control::MediaKind::kAudio) {
    return {.codec = rtp::Codec::kOpus, .pt = kOpusPt, .rtx_pt = PayloadType{}};
  }
  return {.codec = rtp::Codec::kVp8, .pt = kVp8Pt, .rtx_pt = kVp8RtxPt, .has_rtx = true};
}

}  // namespace

template <class H>
H World::HandlePool::Take(std::size_t worker) {
  if (free.empty()) return H(static_cast<std::uint8_t>(worker), next_slot++, 1);
  const auto [slot, generation] = free.back();
  free.pop_back();
  return H(static_cast<std::uint8_t>(worker), slot, generation + 1);
}

void World::Post(std::size_t worker, const control::WorkerCommand& command) {
  nodes_[worker]->proxy.Post(command);
}

void World::Fence(std::size_t worker, std::function<void()> then) {
  const std::uint64_t id = next_fence_++;
  fences_[id] = std::move(then);
  Post(worker, control::Fence{id});
}

World::ClientId World::Join(std::size_t worker) {
  const ClientId id = clients_.size();
  Client::Identity identity;
  identity.session = session_pool_[worker].Take<control::SessionHandle>(worker);
  identity.ice = {"client" + std::to_string(id), "client-password-of-22-chars"};
  identity.server_ice = {"server" + std::to_string(id), "server-password-of-22-chars"};
  identity.address = NetAddress::V4(0x0a010000 + static_cast<std::uint32_t>(id), 40000);
  identity.server = ServerAddress(worker);
  identity.seed = rng_.Next64();
  ClientState state;
  state.client = std::make_unique<Client>(identity);
  state.sink = MakeSink(id);
  state.worker = worker;
  state.address = identity.address;
  clients_.push_back(std::move(state));
  live_.push_back(id);
  client_at_[identity.address] = id;
  checker_.OnClient(identity.address);

  control::AddSession command;
  command.session = identity.session;
  Assign(command.local.ufrag, identity.server_ice.ufrag);
  Assign(command.local.password, identity.server_ice.password);
  Assign(command.remote.ufrag, identity.ice.ufrag);
  command.remote.has_fingerprint = true;
  command.remote.fingerprint = kClientFingerprint;
  Post(worker, command);
  clients_[id].client->Start(now_);
  return id;
}

control::PublicationHandle World::Publish(ClientId publisher, control::AddPublication command,
                                          std::vector<MediaStream> streams) {
  Post(clients_[publisher].worker, command);
  Publication publication;
  publication.command = command;
  publication.publisher = publisher;
  pubs_[command.publication.bits()] = publication;
  Client::Track track;
  track.description = command;
  track.streams = std::move(streams);
  clients_[publisher].client->AddTrack(now_, std::move(track));
  return command.publication;
}

control::PublicationHandle World::PublishVideo(ClientId publisher, std::size_t layers) {
  const std::size_t worker = clients_[publisher].worker;
  control::AddPublication command;
  command.publication = publication_pool_[worker].Take<control::PublicationHandle>(worker);
  command.session = clients_[publisher].client->identity().session;
  command.kind = control::MediaKind::kVideo;
  const std::string mid = "v" + std::to_string(command.publication.slot());
  Assign(command.mid, mid);
  command.codecs.Push(CodecFor(command.kind));
  command.extensions = TestExtensions();
  constexpr const char* kRids[] = {"q", "h", "f"};
  std::vector<MediaStream> streams;
  for (std::size_t i = 0; i < layers; ++i) {
    // As in Chromium's simulcast, the SDP names rids and no SSRCs.
    control::LayerSource source;
    const std::string rid = layers > 1 ? kRids[i] : "";
    Assign(source.rid, rid);
    source.spatial = static_cast<std::uint8_t>(i);
    command.layers.Push(source);
    MediaStream::Options options;
    options.publication = command.publication;
    options.kind = command.kind;
    options.mid = mid;
    options.rid = rid;
    options.layer = static_cast<std::uint8_t>(i);
    options.ssrc = Ssrc{next_ssrc_++};
    options.rtx_ssrc = Ssrc{next_ssrc_++};
    options.first_seq = options_.first_seq != 0 ? options_.first_seq : rng_.Next16();
    options.packets_per_frame = static_cast<int>(i) + 1;
    streams.emplace_back(options, rng_.Next64());
  }
  return Publish(publisher, command, std::move(streams));
}

control::PublicationHandle World::PublishAudio(ClientId publisher) {
  const std::size_t worker = clients_[publisher].worker;
  control::AddPublication command;
  command.publication = publication_pool_[worker].Take<control::PublicationHandle>(worker);
  command.session = clients_[publisher].client->identity().session;
  command.kind = control::MediaKind::kAudio;
  const std::string mid = "a" + std::to_string(command.publication.slot());
  Assign(command.mid, mid);
  command.codecs.Push(CodecFor(command.kind));
  command.extensions = TestExtensions();
  MediaStream::Options options;
  options.publication = command.publication;
  options.mid = mid;
  options.ssrc = Ssrc{next_ssrc_++};
  options.first_seq = options_.first_seq != 0 ? options_.first_seq : rng_.Next16();
  control::LayerSource source;
  source.ssrc = options.ssrc;
  command.layers.Push(source);
  std::vector<MediaStream> streams;
  streams.emplace_back(options, rng_.Next64());
  return Publish(publisher, command, std::move(streams));
}

void World::PostRoutes(Publication& publication) {
  std::uint16_t routes = 0;
  for (const auto& [worker, count] : publication.subscribers) {
    if (count > 0) routes = static_cast<std::uint16_t>(routes | (1U << worker));
  }
  if (routes == publication.routes) return;
  publication.routes = routes;
  Post(publication.command.publication.worker(),
       control::SetRoutes{publication.command.publication, routes});
}

Ssrc World::Subscribe(ClientId subscriber, control::PublicationHandle handle, bool scalable) {
  Publication& publication = pubs_.at(handle.bits());
  const std::size_t worker = clients_[subscriber].worker;
  control::AddSubscription command;
  command.subscription = subscription_pool_[worker].Take<control::SubscriptionHandle>(worker);
  command.session = clients_[subscriber].client->identity().session;
  command.publication = handle;
  command.kind = publication.command.kind;
  Assign(command.mid, std::to_string(command.subscription.slot()));
  command.ssrc = Ssrc{next_ssrc_++};
  command.codecs.Push(CodecFor(command.kind));
  if (command.codecs[0].has_rtx) command.rtx_ssrc = Ssrc{next_ssrc_++};
  command.extensions = TestExtensions();
  command.scalable = scalable;
  command.spatial_max = 2;
  command.temporal_max = 3;
  subs_[command.ssrc] = {command, subscriber, false};
  clients_[subscriber].client->Expect(command);
  checker_.OnSubscribed(now_, command, clients_[subscriber].address);
  Post(worker, command);
  ++publication.subscribers[worker];
  PostRoutes(publication);
  UpdateKeyFrameWait(command.ssrc);
  return command.ssrc;
}

// Takes a subscription out of the books, once its removal is posted.
void World::Detach(Ssrc ssrc) {
  const auto it = subs_.find(ssrc);
  checker_.OnUnsubscribed(ssrc);
  const auto publication = pubs_.find(it->second.command.publication.bits());
  if (publication != pubs_.end()) {
    --publication->second.subscribers[clients_[it->second.subscriber].worker];
    PostRoutes(publication->second);
  }
  subs_.erase(it);
}

void World::Unsubscribe(Ssrc ssrc) {
  const control::SubscriptionHandle handle = subs_.at(ssrc).command.subscription;
  Post(handle.worker(), control::RemoveSubscription{handle});
  Detach(ssrc);
  Fence(handle.worker(), [this, ssrc, handle] {
    checker_.OnUnsubscribeFenced(ssrc);
    subscription_pool_[handle.worker()].Give(handle);
  });
}

void World::SetLayer(Ssrc ssrc, std::uint8_t spatial, std::uint8_t temporal) {
  const Subscription& subscription = subs_.at(ssrc);
  const control::SubscriptionHandle handle = subscription.command.subscription;
  Post(handle.worker(),
       control::SetSubscription{handle, spatial, temporal, subscription.is_paused});
}

void World::SetPaused(Ssrc ssrc, bool paused) {
  Subscription& subscription = subs_.at(ssrc);
  if (subscription.is_paused == paused) return;
  subscription.is_paused = paused;
  const control::SubscriptionHandle handle = subscription.command.subscription;
  Post(handle.worker(), control::SetSubscription{handle, 2, 3, paused});
  UpdateKeyFrameWait(ssrc);
}

void World::SetMuted(control::PublicationHandle handle, bool muted) {
  Publication& publication = pubs_.at(handle.bits());
  if (publication.is_muted == muted) return;
  publication.is_muted = muted;
  Post(handle.worker(), control::SetPublicationMuted{handle, muted});
  for (const auto& [ssrc, subscription] : subs_) {
    if (subscription.command.publication == handle) UpdateKeyFrameWait(ssrc);
  }
}

void World::UpdateKeyFrameWait(Ssrc ssrc) {
  const Subscription& subscription = subs_.at(ssrc);
  const Publication& publication = pubs_.at(subscription.command.publication.bits());
  const ClientState& publisher = clients_[publication.publisher];
  const bool flows = !subscription.is_paused && !publication.is_muted &&
                     clients_[subscription.subscriber].was_connected && publisher.was_connected;
  checker_.SetExpectsKeyFrame(now_, ssrc, flows);
}

void World::OnConnected(std::size_t worker, control::SessionHandle session) {
  for (const ClientId id : live_) {
    ClientState& state = clients_[id];
    if (state.worker != worker || state.client->identity().session != session) continue;
    state.was_connected = true;
    for (const auto& [ssrc, subscription] : subs_) {
      const auto& publication = pubs_.at(subscription.command.publication.bits());
      if (subscription.subscriber == id || publication.publisher == id) UpdateKeyFrameWait(ssrc);
    }
  }
}

void World::Unpublish(control::PublicationHandle handle) {
  std::vector<Ssrc> mine;
  for (const auto& [ssrc, subscription] : subs_) {
    if (subscription.command.publication == handle) mine.push_back(ssrc);
  }
  Publication& publication = pubs_.at(handle.bits());
  ClientState& publisher = clients_[publication.publisher];
  const bool is_unaware = publisher.is_leaving && options_.evicted_send_for > Duration{0};
  if (publisher.client != nullptr && !is_unaware) publisher.client->RemoveTrack(handle);
  std::vector<std::size_t> workers = {handle.worker()};
  for (const auto& [worker, count] : publication.subscribers) {
    if (worker != handle.worker()) workers.push_back(worker);
  }
  for (const std::size_t worker : workers) Post(worker, control::RemovePublication{handle});
  for (const Ssrc ssrc : mine) Unsubscribe(ssrc);
  pubs_.erase(handle.bits());
  auto left = std::make_shared<std::size_t>(workers.size());
  for (const std::size_t worker : workers) {
    Fence(worker, [this, handle, left] {
      if (--*left > 0) return;
      checker_.OnPublicationGone(handle);
      publication_pool_[handle.worker()].Give(handle);
    });
  }
}

void World::Evict(ClientId id) {
  ClientState& state = clients_[id];
  if (state.is_leaving) return;
  state.is_leaving = true;
  std::erase(live_, id);
  if (options_.evicted_send_for > Duration{0}) unaware_.push_back(id);
  std::vector<control::PublicationHandle> published;
  for (const auto& [bits, publication] : pubs_) {
    if (publication.publisher == id) published.push_back(publication.command.publication);
  }
  for (const control::PublicationHandle handle : published) Unpublish(handle);
  std::vector<Ssrc> subscribed;
  for (const auto& [ssrc, subscription] : subs_) {
    if (subscription.subscriber == id) subscribed.push_back(ssrc);
  }
  const control::SessionHandle session = state.client->identity().session;
  // RemoveSession takes its subscriptions along; commands for them come too late, and count as
  // stale.
  Post(state.worker, control::RemoveSession{session});
  for (const Ssrc ssrc : subscribed) Unsubscribe(ssrc);
  const std::size_t worker = state.worker;
  Fence(worker, [this, id, session, worker] {
    ClientState& gone = clients_[id];
    gone.is_evicted = true;
    ++evictions_;
    checker_.OnEvicted(gone.address);
    session_pool_[worker].Give(session);
    if (options_.evicted_send_for > Duration{0}) {
      gone.silent_at = now_ + options_.evicted_send_for;
    } else {
      gone.client.reset();
    }
  });
}

bool World::is_evicted(ClientId client) const { return clients_[client].is_evicted; }

void World::OnEvent(std::size_t worker, const control::WorkerEvent& event) {
  Mix(event.index() + 100 * (worker + 1));
  if (const auto* connected = std::get_if<control::SessionConnected>(&event)) {
    OnConnected(worker, connected->session);
  }
  if (const auto* fence = std::get_if<control::FenceReached>(&event)) {
    const auto it = fences_.find(fence->id);
    if (it == fences_.end()) {
      checker_.Fail(now_, "a fence that nobody waits for was reached");
      return;
    }
    const std::function<void()> then = std::move(it->second);
    fences_.erase(it);
    then();
  }
}

std::vector<control::PublicationHandle> World::live_publications() const {
  std::vector<control::PublicationHandle> handles;
  for (const auto& [bits, publication] : pubs_) handles.push_back(publication.command.publication);
  return handles;
}

std::vector<Ssrc> World::live_subscriptions() const {
  std::vector<Ssrc> ssrcs;
  for (const auto& [ssrc, subscription] : subs_) ssrcs.push_back(ssrc);
  return ssrcs;
}

}  // namespace fovea::test
