// Outgoing sequence numbers and timestamps of one subscription: one unbroken stream for the
// receiver, whatever layers it is made of and whatever is left out.
// Thread: owned by the subscription's worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sfu/core/limits.h"
#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"
#include "sfu/router/outgoing_log.h"
#include "sfu/router/packet_meta.h"

namespace fovea::router {

// A "run" is a stretch of consecutive packets of one layer. A new run begins when forwarding
// starts, changes to another layer, or resumes after a pause.
//
// Invariants:
//  (1) Outgoing numbers are consecutive but for packets that were lost before they reached us;
//  those
//      keep a hole each, in their place.
//  (2) A packet left out on purpose takes no number.
//  (3) Within a run, timestamps keep the source's distances. A new run begins later than the last.
class RtpRewriter {
 public:
  struct Config {
    std::uint32_t clock_rate = 90000;
    std::uint16_t first_seq = 0;  // of the first packet forwarded
    RtpTimestamp first_timestamp{};
    std::size_t log_slots = limits::kOutgoingLogVideo;  // at most
  };

  // How a packet stands to what was already numbered.
  enum class Order : std::uint8_t {
    kNext,       // newer than everything of its layer: Forward() or Drop() it
    kHole,       // its place is free: Fill() it
    kDuplicate,  // its place is taken
    kNoPlace,    // left out, from before the run, or too old
  };

  explicit RtpRewriter(const Config& config);

  [[nodiscard]] Order Classify(std::uint8_t layer, ExtSeq seq);

  // Numbers a packet. REQUIRES: Classify() said kNext; starts_run on the first packet ever and on
  // every change of layer.
  OutgoingSlot& Forward(const PacketMeta& meta, bool starts_run);

  // Leaves a packet of the current run out. REQUIRES: Classify() said kNext, the layer is the
  // run's.
  void Drop(const PacketMeta& meta);

  // Gives a late packet the place kept for it. REQUIRES: Classify() said kHole.
  OutgoingSlot& Fill(const PacketMeta& meta);

  // What an outgoing number stood for, or null.
  [[nodiscard]] OutgoingSlot* Find(std::uint16_t seq) { return log_.Find(seq); }
  // The track's number of a slot's packet.
  [[nodiscard]] ExtSeq SourceOf(const OutgoingSlot& slot) const;

  [[nodiscard]] bool started() const { return started_; }
  // Layer of the current run. REQUIRES: started().
  [[nodiscard]] std::uint8_t layer() const { return layer_; }

 private:
  // The frame that new runs are placed behind.
  struct Reference {
    RtpTimestamp source;
    std::uint32_t out = 0;
    Instant arrived_at;
    WallMicros captured_at;
  };

  [[nodiscard]] std::int64_t Ticks(Duration elapsed) const;
  [[nodiscard]] std::int64_t CaptureDistance(WallMicros to, WallMicros from) const;
  std::uint32_t PlaceRun(const PacketMeta& meta);
  void KeepHoles(std::int64_t count);

  // Constant after construction.
  Config config_;

  OutgoingLog log_;
  bool started_ = false;
  std::uint8_t layer_ = 0;
  std::int64_t out_ = 0;  // newest outgoing number given away or kept free, unwrapped
  // The last run of a layer; packets of earlier ones have no place any more.
  struct Run {
    std::int64_t first_source = 0;
    std::int64_t newest_source = 0;      // accounted for; 0: the layer was never forwarded
    std::uint32_t timestamp_offset = 0;  // outgoing minus source
  };
  std::array<Run, limits::kSpatialLayersMax> runs_{};
  Reference reference_;
  // How much later than its capture time the run was placed, in ticks; taken back by the next run.
  std::int64_t lateness_ = 0;
  // The newest packet was left out, and this was its timestamp: a gap inside one frame that is not
  // wanted needs no holes.
  bool last_was_dropped_ = false;
  RtpTimestamp last_dropped_timestamp_;
};

}  // namespace fovea::router
