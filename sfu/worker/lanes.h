// The rings between workers. One media lane, one return lane and one feedback lane for each ordered
// pair, made once at start. Media crosses as references into the sender's slab.
// Thread: each ring has one producer and one consumer, as named.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sfu/control/handles.h"
#include "sfu/core/limits.h"
#include "sfu/ring/packet_slab.h"
#include "sfu/ring/parker.h"
#include "sfu/ring/spsc_ring.h"
#include "sfu/router/packet_meta.h"

namespace fovea::worker {

// What the publisher's worker learned of a packet, kept in the slot beside its bytes.
struct SlotMeta {
  router::PacketMeta packet;
  control::PublicationHandle publication;
  std::uint16_t payload_offset = 0;
  std::uint16_t descriptor_offset = 0;  // dependency descriptor extension
  std::uint16_t descriptor_size = 0;    // 0: none
  std::uint8_t epoch = 0;               // of its layer: changes with the SSRC
  bool muted = false;  // its publication is: subscribers pause, and count it as left out
};

using Slab = ring::PacketSlab<SlotMeta>;

// A borrowed packet: valid until its slot index is pushed to the return lane.
struct PacketRef {
  const Slab::Slot* slot = nullptr;  // in the sender's slab, which outlives every worker
  control::PublicationHandle publication;
  ring::SlotIndex index = ring::kNoSlot;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(PacketRef) == 24);

// From a subscriber's worker to the publisher's. Level-triggered: a lost one is asked again.
struct Feedback {
  enum class Kind : std::uint8_t {
    kKeyFrameStart,   // a subscriber starts or switches
    kKeyFrameRepair,  // a receiver lost too much
  };
  control::PublicationHandle publication;
  Kind kind = Kind::kKeyFrameStart;
  std::uint8_t layer = 0;
};

// Everything that flows from worker `from` to worker `to`.
struct Lane {
  ring::SpscRing<PacketRef> media{limits::kMediaLane};
  ring::SpscRing<ring::SlotIndex> returns{limits::kSlabSlots};  // slots of `to`'s slab going home
  ring::SpscRing<Feedback> feedback{limits::kFeedbackLane};
};

// Return lanes cannot fill: a slot is in at most one return lane entry per share, and shares with
// one worker are bounded by the slots of the slab.
static_assert((limits::kSlabSlots & (limits::kSlabSlots - 1)) == 0);
// Nor can media lanes: a worker holds at most as many of our slots as are free, so half of them.
static_assert(limits::kMediaLane >= limits::kSlabSlots / 2);

// All lanes, and how to wake each worker.
class Mesh {
 public:
  explicit Mesh(std::size_t workers)
      : workers_(workers), wakers_(workers, nullptr), parkers_(workers, nullptr) {
    lanes_.resize(workers * workers);
    for (std::size_t from = 0; from < workers; ++from) {
      for (std::size_t to = 0; to < workers; ++to) {
        if (from != to) lanes_[from * workers + to] = std::make_unique<Lane>();
      }
    }
  }
  // REQUIRES: from != to.
  [[nodiscard]] Lane& lane(std::size_t from, std::size_t to) {
    return *lanes_[from * workers_ + to];
  }
  [[nodiscard]] std::size_t workers() const { return workers_; }

  // Before the threads start. `waker` may be null in the simulator.
  void SetWake(std::size_t worker, ring::Parker* parker, ring::Waker* waker) {
    parkers_[worker] = parker;
    wakers_[worker] = waker;
  }
  // After the last push of a batch to lanes that end at `worker`.
  void Wake(std::size_t worker) {
    if (parkers_[worker] != nullptr && parkers_[worker]->TakeWake() && wakers_[worker] != nullptr) {
      wakers_[worker]->Wake();
    }
  }

 private:
  const std::size_t workers_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<ring::Waker*> wakers_;    // not owned
  std::vector<ring::Parker*> parkers_;  // not owned
};

}  // namespace fovea::worker
