// Worker: commands from signaling, and data-channel packets on their way to a peer.
#include <algorithm>
#include <variant>

#include "sfu/core/overloaded.h"
#include "sfu/worker/worker.h"

namespace fovea::worker {
namespace {

constexpr std::size_t kCommandsPerPoll = 256;
constexpr std::size_t kAppDataPerPoll = 256;
constexpr Duration kReportInterval = Seconds(1);

router::LayerMode ModeOf(const control::AddSubscription& command) {
  if (command.kind == control::MediaKind::kAudio) return router::LayerMode::kAudio;
  return command.scalable ? router::LayerMode::kSvc : router::LayerMode::kSimulcast;
}

router::Layers TargetOf(std::uint8_t spatial, std::uint8_t temporal, bool paused) {
  if (paused) return router::kNoLayers;
  return {
      static_cast<std::int8_t>(std::min<std::size_t>(spatial, limits::kSpatialLayersMax - 1)),
      static_cast<std::int8_t>(std::min<std::size_t>(temporal, limits::kTemporalLayersMax - 1))};
}

}  // namespace

void Worker::DrainCommands(Instant now) {
  const std::size_t taken =
      links_.channel.commands.Drain(kCommandsPerPoll, [&](const control::WorkerCommand& command) {
        std::visit(Overloaded{
                       [&](const control::AddSession& c) { OnAddSession(now, c); },
                       [&](const control::SetRemote& c) { OnSetRemote(c); },
                       [&](const control::RestartIce& c) { OnRestartIce(c); },
                       [&](const control::RemoveSession& c) { OnRemoveSession(now, c); },
                       [&](const control::AddPublication& c) { OnAddPublication(c); },
                       [&](const control::UpdatePublication& c) { OnUpdatePublication(c); },
                       [&](const control::RemovePublication& c) { OnRemovePublication(c); },
                       [&](const control::SetRoutes& c) {
                         if (Uplink* uplink = uplinks_.Find(c.publication))
                           uplink->routes = c.workers;
                         else
                           ++stats_.stale_commands;
                       },
                       [&](const control::SetPublicationMuted& c) {
                         if (Uplink* uplink = uplinks_.Find(c.publication))
                           uplink->muted = c.muted;
                         else
                           ++stats_.stale_commands;
                       },
                       [&](const control::RequestKeyFrame& c) {
                         Uplink* uplink = uplinks_.Find(c.publication);
                         if (uplink == nullptr) return;
                         for (std::size_t i = 0; i < uplink->layer_count(); ++i) {
                           AskKeyFrame(now, c.publication, static_cast<std::uint8_t>(i),
                                       router::KeyFrameThrottle::Cause::kStart);
                         }
                       },
                       [&](const control::AddSubscription& c) { OnAddSubscription(now, c); },
                       [&](const control::SetSubscription& c) { OnSetSubscription(now, c); },
                       [&](const control::RemoveSubscription& c) { OnRemoveSubscription(c); },
                       [&](const control::Fence& c) { OnFence(c); },
                   },
                   command);
      });
  if (taken == kCommandsPerPoll) more_work_ = true;
}

void Worker::OnAddSession(Instant now, const control::AddSession& command) {
  if (peers_.Find(command.session) != nullptr) {
    ++stats_.stale_commands;  // the same again
    return;
  }
  // A new generation ends what was never removed: its slot is all that signaling has left of it.
  if (Peer* old = peers_.Occupant(command.session)) ErasePeer(now, *old);
  auto peer =
      std::make_unique<Peer>(command.session, Ssrc{rng_.Next32() | 1U}, command.local.ufrag.view(),
                             command.local.password.view(), links_.channels.Make());
  Peer* added = peers_.Put(command.session, std::move(peer));
  if (added == nullptr) {
    ++stats_.stale_commands;
    return;
  }
  due_.Add(*added);
  // Timers then have room for everybody without allocating.
  if (due_now_.capacity() < peers_.size()) due_now_.reserve(2 * peers_.size());
  added->ufrags.emplace_back(command.local.ufrag.view());
  by_ufrag_[added->ufrags.back()] = added;
  added->report_at = now + kReportInterval;
  if (speakers_at_ == kNever) speakers_at_ = now;
  if (quality_at_ == kNever) quality_at_ = now;
  if (key_frame_needs_at_ == kNever) key_frame_needs_at_ = now;
  OnSetRemote({command.session, command.remote});
  UpdateDue(*added);
}

void Worker::OnSetRemote(const control::SetRemote& command) {
  Peer* peer = peers_.Find(command.session);
  if (peer == nullptr) {
    ++stats_.stale_commands;
    return;
  }
  if (!command.remote.has_fingerprint || command.remote.ufrag.empty()) return;
  // A ufrag of a length that RFC 8445 forbids leaves the session waiting; it times out by itself.
  (void)peer->session.SetRemote(command.remote.fingerprint, command.remote.ufrag.view());
  UpdateDue(*peer);
}

void Worker::OnRestartIce(const control::RestartIce& command) {
  Peer* peer = peers_.Find(command.session);
  if (peer == nullptr) {
    ++stats_.stale_commands;
    return;
  }
  peer->ufrags.emplace_back(command.local.ufrag.view());
  by_ufrag_[peer->ufrags.back()] = peer;
  // Old names go once there are several: the agent itself accepts only the last two.
  while (peer->ufrags.size() > 2) {
    by_ufrag_.erase(peer->ufrags.front());
    peer->ufrags.erase(peer->ufrags.begin());
  }
  (void)peer->session.RestartIce(command.local.ufrag.view(), command.local.password.view(),
                                 command.remote.ufrag.view());
  UpdateDue(*peer);
}

void Worker::OnRemoveSession(Instant now, const control::RemoveSession& command) {
  Peer* peer = peers_.Find(command.session);
  if (peer == nullptr) {
    ++stats_.stale_commands;
  } else {
    ErasePeer(now, *peer);
  }
  PostLifeCycle(control::SessionRemoved{command.session});
}

void Worker::ErasePeer(Instant now, Peer& peer) {
  while (!peer.uplinks.empty()) EraseUplink(*peer.uplinks.back());
  while (!peer.downlinks.empty()) EraseDownlink(*peer.downlinks.back());
  peer.session.Close(now, *this);
  // Names and tuples may have gone over to another peer.
  std::erase_if(by_ufrag_, [&](const auto& entry) { return entry.second == &peer; });
  std::erase_if(by_tuple_, [&](const auto& entry) { return entry.second.peer == &peer; });
  due_.Remove(peer);
  peers_.Erase(peer.handle);
}

void Worker::MergeExtensions(Peer& peer, const rtp::ExtensionMap& extensions) {
  for (std::size_t i = 0; i < rtp::kExtensionUriCount; ++i) {
    const auto uri = static_cast<rtp::ExtensionUri>(i);
    // In a bundle one id means one thing; a contradiction keeps the first.
    if (extensions.Has(uri)) (void)peer.extensions.TrySet(uri, extensions.IdOf(uri));
  }
}

void Worker::OnAddPublication(const control::AddPublication& command) {
  Peer* peer = peers_.Find(command.session);
  if (peer == nullptr) {
    ++stats_.stale_commands;
    return;
  }
  if (uplinks_.Find(command.publication) != nullptr) {
    ++stats_.stale_commands;
    return;
  }
  if (Uplink* old = uplinks_.Occupant(command.publication)) EraseUplink(*old);
  Uplink* uplink =
      uplinks_.Put(command.publication, std::make_unique<Uplink>(command, config_.uplinks));
  if (uplink == nullptr) {
    ++stats_.stale_commands;
    return;
  }
  peer->uplinks.push_back(uplink);
  MergeExtensions(*peer, command.extensions);
}

void Worker::OnUpdatePublication(const control::UpdatePublication& command) {
  Uplink* uplink = uplinks_.Find(command.description.publication);
  Peer* peer = peers_.Find(command.description.session);
  if (uplink == nullptr || peer == nullptr) {
    ++stats_.stale_commands;
    return;
  }
  uplink->Update(command.description);
  MergeExtensions(*peer, command.description.extensions);
}

void Worker::EraseUplink(Uplink& uplink) {
  if (Peer* peer = peers_.Find(uplink.session())) {
    std::erase(peer->uplinks, &uplink);
    std::erase_if(peer->routes, [&](const Peer::Route& route) { return route.uplink == &uplink; });
  }
  uplinks_.Erase(uplink.handle());
}

void Worker::EraseDownlink(Downlink& downlink) {
  if (Peer* peer = peers_.Find(downlink.session)) std::erase(peer->downlinks, &downlink);
  const auto track = tracks_.find(downlink.publication);
  if (track != tracks_.end()) {
    std::erase(track->second->downlinks, &downlink);
    if (track->second->downlinks.empty()) tracks_.erase(track);
  }
  downlinks_.Erase(downlink.handle);
}

void Worker::OnRemovePublication(const control::RemovePublication& command) {
  if (Uplink* uplink = uplinks_.Find(command.publication)) EraseUplink(*uplink);
  // Subscribers' downlinks are removed by commands of their own; without the track they are silent.
  const auto track = tracks_.find(command.publication);
  if (track != tracks_.end()) {
    track->second->downlinks.clear();
    tracks_.erase(track);
  }
}

void Worker::OnAddSubscription(Instant now, const control::AddSubscription& command) {
  Peer* peer = peers_.Find(command.session);
  if (peer == nullptr || command.codecs.empty() ||
      downlinks_.Find(command.subscription) != nullptr) {
    ++stats_.stale_commands;
    return;
  }
  if (Downlink* old = downlinks_.Occupant(command.subscription)) EraseDownlink(*old);
  const control::CodecMapping& codec = command.codecs[0];
  router::SubscriptionConfig config;
  config.ssrc = command.ssrc;
  config.rtx_ssrc = command.rtx_ssrc;
  config.payload_type = codec.pt;
  config.rtx_payload_type = codec.rtx_pt;
  config.codec = codec.codec;
  config.mode = ModeOf(command);
  // Below 2^15, so that a receiver which misses the first packets still guesses the rollover right.
  config.first_seq = static_cast<std::uint16_t>(rng_.Next16() & 0x7fffU);
  config.first_rtx_seq = static_cast<std::uint16_t>(rng_.Next16() & 0x7fffU);
  config.first_timestamp = RtpTimestamp{rng_.Next32()};
  Downlink* downlink =
      downlinks_.Put(command.subscription, std::make_unique<Downlink>(command, config));
  if (downlink == nullptr) {
    ++stats_.stale_commands;
    return;
  }
  downlink->sender_report_at = now;
  peer->downlinks.push_back(downlink);
  Track& track = TrackFor(command.publication, command.kind);
  track.downlinks.push_back(downlink);
  for (std::size_t i = 0; i < track.layer_seen_at.size(); ++i) {
    if (track.layer_seen_at[i] == Instant::min()) continue;
    downlink->subscription.NoteAlive(static_cast<std::uint8_t>(i), track.layer_seen_at[i]);
  }
  OnSetSubscription(
      now, {command.subscription, command.spatial_max, command.temporal_max, command.paused});
}

void Worker::OnSetSubscription(Instant now, const control::SetSubscription& command) {
  Downlink* downlink = downlinks_.Find(command.subscription);
  if (downlink == nullptr) {
    ++stats_.stale_commands;
    return;
  }
  const bool all = downlink->kind == control::MediaKind::kAudio && !command.paused;
  downlink->wanted = all ? router::kAllLayers
                         : TargetOf(command.spatial_max, command.temporal_max, command.paused);
  if (const Peer* peer = peers_.Find(downlink->session)) UpdateTarget(*downlink, *peer);
  if (const auto need = downlink->subscription.PollKeyFrameNeed(now)) {
    AskKeyFrame(now, downlink->publication, need->layer, need->cause);
  }
}

// What is numbered has to be sent: a key frame spent on a peer that is not connected yet would
// leave it with a stream it cannot decode.
void Worker::UpdateTarget(Downlink& downlink, const Peer& peer) {
  const bool flows = peer.connected && !downlink.publication_muted;
  downlink.subscription.SetTarget(flows ? downlink.wanted : router::kNoLayers);
}

void Worker::OnRemoveSubscription(const control::RemoveSubscription& command) {
  if (Downlink* downlink = downlinks_.Find(command.subscription))
    EraseDownlink(*downlink);
  else
    ++stats_.stale_commands;
}

void Worker::OnFence(const control::Fence& command) { fences_.push_back(command.id); }

void Worker::DrainAppData(Instant now) {
  const std::size_t taken =
      links_.channel.app_data_down.Drain(kAppDataPerPoll, [&](const control::AppData& data) {
        Peer* peer = peers_.Find(data.session);
        if (peer == nullptr) {
          copy_drops_.Add(DropReason::kStaleEpoch);
          return;
        }
        const auto reason =
            peer->session.SendAppData(now, ByteSpan(data.bytes.data(), data.size), *this);
        if (reason.has_value()) copy_drops_.Add(*reason);
      });
  if (taken == kAppDataPerPoll) more_work_ = true;
}

}  // namespace fovea::worker
