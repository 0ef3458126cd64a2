// One thread's whole duty cycle: commands in, datagrams in, lanes in, timers, packets out, events
// out. The object knows no thread, socket or clock: production calls it from a libuv loop, the
// simulator from a test.
//
// Use: lend slots with LendReceiveSlots(), fill them from the socket, pass them to
// HandleDatagrams(); call Poll() at least at NextDeadline() and whenever another thread has
// signalled.
//
// Invariants:
//  (1) received datagrams = consumed ones + sum of received_drops(): each datagram has one outcome.
//      What happens to copies of it afterwards (a full lane, a refused retransmission, a send
//      error) is counted apart; drops() is both together.
//  (2) After RemoveSession or RemovePublication was taken from the ring, no packet of it leaves.
//  (3) No heap allocation per forwarded packet in steady state.
// Thread: the owning worker.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sfu/control/channel.h"
#include "sfu/core/deadline.h"
#include "sfu/core/drop_reason.h"
#include "sfu/core/due_queue.h"
#include "sfu/core/rng.h"
#include "sfu/crypto/secure_channel.h"
#include "sfu/rtp/rtcp/nack.h"
#include "sfu/rtp/rtcp/report_block.h"
#include "sfu/worker/batches.h"
#include "sfu/worker/lanes.h"
#include "sfu/worker/outgoing_packet.h"
#include "sfu/worker/peer.h"
#include "sfu/worker/slot_map.h"
#include "sfu/worker/track.h"
#include "sfu/worker/worker_stats.h"

namespace fovea::worker {

// Makes what secures a session: DTLS in production, a plain stand-in in the simulator.
class ChannelFactory {
 public:
  virtual ~ChannelFactory() = default;
  [[nodiscard]] virtual std::unique_ptr<crypto::SecureChannel> Make() = 0;
};

struct WorkerConfig {
  std::uint8_t index = 0;
  std::uint64_t seed = 0;  // SSRCs of feedback, first sequence numbers
  // Wall clock minus monotonic clock, taken once: receivers need the NTP times of sender reports to
  // run evenly, whatever the wall clock does.
  std::int64_t wall_offset_us = 0;
  UplinkTuning uplinks{};
};

class Worker : private TransmitSink {
 public:
  // All borrowed; they outlive the worker.
  struct Links {
    control::WorkerChannel& channel;
    Mesh& mesh;
    ChannelFactory& channels;
    PacketSender& sender;
    ring::Waker* signaling_waker = nullptr;  // null in the simulator
  };
  Worker(const WorkerConfig& config, const Links& links);
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The batch with as many slots lent as there are, at least one.
  [[nodiscard]] RxBatch& LendReceiveSlots();
  // The first `count` entries of the lent batch hold datagrams.
  void HandleDatagrams(Instant now, std::size_t count);
  // Everything else: commands, lanes, timers; then sends, returns slots and wakes others.
  void Poll(Instant now);
  [[nodiscard]] Deadline NextDeadline() const;
  // True when a ring has something for us: checked after parking, before sleeping.
  [[nodiscard]] bool HasWork() const;

  [[nodiscard]] const WorkerStats& stats() const { return stats_; }
  [[nodiscard]] DropCounters drops() const;
  [[nodiscard]] const DropCounters& received_drops() const { return received_drops_; }
  [[nodiscard]] std::size_t slots_at_home() const { return slab_.free_count() + batch_.lent; }
  [[nodiscard]] std::size_t slab_capacity() const { return slab_.capacity(); }
  [[nodiscard]] std::size_t peer_count() const { return peers_.size(); }

 private:
  // worker_commands.cc: OnX is the other end of a posted control::X.
  void DrainCommands(Instant now);
  void OnAddSession(Instant now, const control::AddSession& command);
  void ErasePeer(Instant now, Peer& peer);
  void OnSetRemote(const control::SetRemote& command);
  void OnRestartIce(const control::RestartIce& command);
  void OnRemoveSession(Instant now, const control::RemoveSession& command);
  void OnAddPublication(const control::AddPublication& command);
  void OnUpdatePublication(const control::UpdatePublication& command);
  void OnRemovePublication(const control::RemovePublication& command);
  void OnAddSubscription(Instant now, const control::AddSubscription& command);
  void OnSetSubscription(Instant now, const control::SetSubscription& command);
  void OnRemoveSubscription(const control::RemoveSubscription& command);
  void OnFence(const control::Fence& command);
  void DrainAppData(Instant now);
  // Forwarding starts, pauses or resumes as the wish, the mute and the connection say.
  void UpdateTarget(Downlink& downlink, const Peer& peer);
  void EraseUplink(Uplink& uplink);
  void EraseDownlink(Downlink& downlink);
  void MergeExtensions(Peer& peer, const rtp::ExtensionMap& extensions);

  // worker_receive.cc
  // Each returns why the datagram is dropped, if it is.
  [[nodiscard]] std::optional<DropReason> HandleDatagram(Instant now, const RxBatch::Entry& entry);
  [[nodiscard]] Peer* FindPeer(const NetAddress& remote, ByteSpan datagram, DropReason& reason);
  [[nodiscard]] LocalAddressId LocalFor(const NetAddress& remote) const;
  void NoteLocal(Peer& peer);
  void SelectRemote(Peer& peer, const std::optional<NetAddress>& remote);
  [[nodiscard]] std::optional<DropReason> HandleRtp(Instant now, Peer& peer, ring::SlotIndex slot,
                                                    MutableByteSpan packet);
  [[nodiscard]] const Peer::Route* RouteOf(Peer& peer, const rtp::RtpView& view,
                                           const rtp::ParsedExtensions& extensions);
  void PassAppData(const Peer& peer, const crypto::AppData& app_data);
  void DrainSessionEvents(Instant now, Peer& peer);
  void HandleDisconnected(Peer& peer, transport::DisconnectReason reason);

  // worker_forward.cc
  [[nodiscard]] std::optional<DropReason> Route(Instant now, const Uplink& uplink,
                                                ring::SlotIndex slot);
  void ShareWith(Instant now, std::size_t worker, const Uplink& uplink, ring::SlotIndex slot);
  void Deliver(Instant now, Track& track, const Slab::Slot& slot);
  void ForwardTo(Instant now, Downlink& downlink, Track& track, const Slab::Slot& slot);
  void NoteRestart(Downlink& downlink, const SlotMeta& meta);
  void CatchUp(Instant now, Downlink& downlink, Track& track, const router::PacketMeta& from);
  bool SendRtp(Downlink& downlink, const Outgoing& out);
  void DrainLanes(Instant now);
  void AskKeyFrame(Instant now, control::PublicationHandle publication, std::uint8_t layer,
                   router::KeyFrameThrottle::Cause cause);

  // worker_rtcp.cc
  [[nodiscard]] std::optional<DropReason> HandleRtcp(Instant now, Peer& peer, ByteSpan datagram);
  void HandleReportBlock(Instant now, Peer& peer, const rtp::ReportBlock& block);
  void HandleNack(Instant now, Peer& peer, const rtp::Nack& nack);
  void HandleKeyFrameRequest(Instant now, Peer& peer, Ssrc media);
  void SendRtcp(Peer& peer, ByteSpan compound);
  void SendFeedback(Instant now, Peer& peer);
  void SendReceiverReport(Instant now, Peer& peer);
  void SendSenderReports(Instant now, Peer& peer);

  // worker_timers.cc
  void HandleTimers(Instant now);
  void HandlePeerTimeout(Instant now, Peer& peer);
  void UpdateDue(Peer& peer);
  void PollKeyFrameNeeds(Instant now);
  void SampleSpeakers(Instant now);
  void SampleQuality(Instant now);

  // worker.cc
  void Transmit(const NetAddress& remote, ByteSpan bytes) override;
  void FlushTransmit();
  void PostLifeCycle(const control::WorkerEvent& event);
  void PostSample(const control::WorkerEvent& event);
  void FlushEvents(Instant now);
  void ReturnSlot(std::uint8_t owner, ring::SlotIndex slot);
  [[nodiscard]] Downlink* FindDownlink(Peer& peer, Ssrc ssrc);
  [[nodiscard]] Track& TrackFor(control::PublicationHandle publication, control::MediaKind kind);
  [[nodiscard]] WallMicros Wall(Instant now) const {
    return WallMicros{config_.wall_offset_us + ToMicros(now.time_since_epoch())};
  }

  // Constant after construction.
  const WorkerConfig config_;
  const Links links_;

  // Owned by the worker.
  Slab slab_;
  std::array<std::size_t, limits::kWorkersMax> held_by_{};  // by worker: slots of ours
  RxBatch batch_;
  TxBatch tx_;
  SlotMap<control::SessionHandle, Peer> peers_;
  DueQueue<Peer> due_;          // all of peers_
  std::vector<Peer*> due_now_;  // of HandleTimers
  SlotMap<control::PublicationHandle, Uplink> uplinks_;
  SlotMap<control::SubscriptionHandle, Downlink> downlinks_;
  std::unordered_map<control::PublicationHandle, std::unique_ptr<Track>> tracks_;
  struct Tuple {
    Peer* peer = nullptr;
    LocalAddressId local = LocalAddressId::kAny;  // where it was last heard
  };
  std::unordered_map<NetAddress, Tuple> by_tuple_;
  struct Receiving {
    NetAddress remote;
    LocalAddressId local = LocalAddressId::kAny;
  };
  Receiving receiving_;  // the datagram in hand; between datagrams nobody has its remote
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, Peer*, TextHash, std::equal_to<>> by_ufrag_;
  std::deque<control::WorkerEvent> unsent_life_cycle_;  // bounded by peers and fences in flight
  Instant events_retry_at_ = kNever;                    // while unsent_life_cycle_ has something
  std::vector<std::uint64_t> fences_;                   // to be acknowledged after the flush
  transport::SessionOutput output_;
  Rng rng_;
  Instant key_frame_needs_at_ = kNever;
  Instant speakers_at_ = kNever;
  Instant quality_at_ = kNever;
  bool more_work_ = false;          // a budget ran out
  std::uint32_t wake_workers_ = 0;  // bit per worker that got something this turn
  bool wake_signaling_ = false;
  DropCounters received_drops_;  // of datagrams, one each
  DropCounters copy_drops_;      // of everything that came of them, and of app data on its way down
  WorkerStats stats_;
};

}  // namespace fovea::worker
