#include "sfu/worker/worker.h"

#include <cstring>

#include "sfu/core/limits.h"

namespace fovea::worker {
namespace {

// How soon a full event ring is tried again. Smaller: more turns for nothing while signaling is
// busy.
constexpr Duration kEventsRetry = Millis(5);

}  // namespace

Worker::Worker(const WorkerConfig& config, const Links& links)
    : config_(config),
      links_(links),
      slab_(limits::kSlabSlots),
      peers_(limits::kSessionsPerWorkerMax),
      uplinks_(limits::kPublicationsPerWorkerMax),
      downlinks_(limits::kSubscriptionsPerWorkerMax),
      rng_(config.seed) {}

Worker::~Worker() = default;

RxBatch& Worker::LendReceiveSlots() {
  while (batch_.lent < limits::kRxBatchPackets) {
    const ring::SlotIndex slot = slab_.Acquire();
    if (slot == ring::kNoSlot) {
      // ShareWith leaves one at home, so that this is a leak.
      if (batch_.lent == 0) ++stats_.receive_stalls;
      break;
    }
    RxBatch::Entry& entry = batch_.entries[batch_.lent++];
    entry.slot = slot;
    entry.data = slab_[slot].bytes.data();
  }
  return batch_;
}

void Worker::HandleDatagrams(Instant now, std::size_t count) {
  FOVEA_CHECK(count <= batch_.lent);
  for (std::size_t i = 0; i < count; ++i) {
    const RxBatch::Entry& entry = batch_.entries[i];
    ++stats_.datagrams_received;
    stats_.bytes_received += entry.size;
    if (const auto reason = HandleDatagram(now, entry))
      received_drops_.Add(*reason);
    else
      ++stats_.datagrams_consumed;
    slab_.Release(entry.slot);
  }
  receiving_ = {};
  // The slots that were not filled move to the front and stay lent.
  for (std::size_t i = count; i < batch_.lent; ++i) batch_.entries[i - count] = batch_.entries[i];
  batch_.lent -= count;
}

DropCounters Worker::drops() const {
  DropCounters all = received_drops_;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    const auto reason = static_cast<DropReason>(i);
    all.Add(reason, copy_drops_.Get(reason));
  }
  return all;
}

void Worker::Poll(Instant now) {
  ++stats_.polls;
  more_work_ = false;
  FlushEvents(now);
  DrainCommands(now);
  DrainAppData(now);
  DrainLanes(now);
  HandleTimers(now);
  FlushTransmit();
  // Only now has everything that the commands before a fence stopped really left, or been dropped.
  for (const std::uint64_t id : fences_) PostLifeCycle(control::FenceReached{id});
  fences_.clear();
  if (!unsent_life_cycle_.empty() && events_retry_at_ == kNever)
    events_retry_at_ = now + kEventsRetry;
  for (std::size_t i = 0; wake_workers_ != 0; ++i, wake_workers_ >>= 1) {
    if ((wake_workers_ & 1U) != 0) links_.mesh.Wake(i);
  }
  if (wake_signaling_) {
    wake_signaling_ = false;
    if (links_.channel.signaling_parker.TakeWake() && links_.signaling_waker != nullptr) {
      links_.signaling_waker->Wake();
    }
  }
}

Deadline Worker::NextDeadline() const {
  if (more_work_) return {Instant{}, WakeReason::kBudget};
  Deadline deadline{due_.soonest(), WakeReason::kIceConsent};
  if (downlinks_.size() > 0)
    deadline = Soonest(deadline, {key_frame_needs_at_, WakeReason::kKeyFrameRetry});
  if (peers_.size() > 0) {
    deadline = Soonest(deadline, {speakers_at_, WakeReason::kSpeakers});
    deadline = Soonest(deadline, {quality_at_, WakeReason::kStats});
  }
  deadline = Soonest(deadline, {events_retry_at_, WakeReason::kBudget});
  return deadline;
}

bool Worker::HasWork() const {
  if (!links_.channel.commands.Empty() || !links_.channel.app_data_down.Empty()) return true;
  for (std::size_t other = 0; other < links_.mesh.workers(); ++other) {
    if (other == config_.index) continue;
    const Lane& in = links_.mesh.lane(other, config_.index);
    if (!in.media.Empty() || !in.returns.Empty() || !in.feedback.Empty()) return true;
  }
  return false;
}

void Worker::Transmit(const NetAddress& remote, ByteSpan bytes) {
  if (bytes.size() > TxBatch::kSlotBytes) {
    copy_drops_.Add(DropReason::kTxError);
    return;
  }
  if (tx_.full()) FlushTransmit();
  const MutableByteSpan out = tx_.Reserve();
  std::memcpy(out.data(), bytes.data(), bytes.size());
  tx_.Commit(remote, bytes.size(), LocalFor(remote));
}

void Worker::FlushTransmit() {
  if (tx_.size() > 0) links_.sender.Send(tx_);
}

void Worker::PostLifeCycle(const control::WorkerEvent& event) {
  wake_signaling_ = true;
  if (!unsent_life_cycle_.empty() || !links_.channel.events.TryPush(event))
    unsent_life_cycle_.push_back(event);
}

void Worker::PostSample(const control::WorkerEvent& event) {
  wake_signaling_ = true;
  if (!links_.channel.events.TryPush(event)) ++stats_.samples_dropped;
}

void Worker::FlushEvents(Instant now) {
  std::size_t budget = limits::kEventsPerPollMax;
  while (!unsent_life_cycle_.empty() && budget-- > 0 &&
         links_.channel.events.TryPush(unsent_life_cycle_.front())) {
    unsent_life_cycle_.pop_front();
    wake_signaling_ = true;
  }
  events_retry_at_ = unsent_life_cycle_.empty() ? kNever : now + kEventsRetry;
}

Track& Worker::TrackFor(control::PublicationHandle publication, control::MediaKind kind) {
  std::unique_ptr<Track>& track = tracks_[publication];
  if (track == nullptr) track = std::make_unique<Track>(publication, kind);
  return *track;
}

Downlink* Worker::FindDownlink(Peer& peer, Ssrc ssrc) {
  for (Downlink* downlink : peer.downlinks) {
    if (downlink->media.ssrc() == ssrc || (downlink->has_rtx && downlink->rtx.ssrc() == ssrc))
      return downlink;
  }
  return nullptr;
}

}  // namespace fovea::worker
