// Which packets of a track one subscriber gets: layer switching at key frames, temporal filtering,
// and when a key frame has to be asked for. Thread: owned by the subscription's worker.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "sfu/core/drop_reason.h"
#include "sfu/core/limits.h"
#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"
#include "sfu/router/packet_meta.h"

namespace fovea::router {

enum class LayerMode : std::uint8_t {
  kAudio,      // no layers; every packet can be the first
  kSimulcast,  // each spatial layer is a stream of its own; also a video track with only one layer
  kSvc,        // one stream whose frames carry spatial ids (VP9, AV1)
};

struct Layers {
  std::int8_t spatial = kNone;
  std::int8_t temporal = 0;

  static constexpr std::int8_t kNone = -1;  // forward nothing
  [[nodiscard]] bool is_none() const { return spatial == kNone; }
  bool operator==(const Layers&) const = default;
};
inline constexpr Layers kNoLayers{};
inline constexpr Layers kAllLayers{limits::kSpatialLayersMax - 1, limits::kTemporalLayersMax - 1};

struct LayerChoice {
  bool forward = false;
  DropReason reason = DropReason::kLayerNotWanted;  // when not forwarded
  bool starts_run = false;   // first packet after a start, a switch, or a pause
  bool sets_marker = false;  // ends the highest layer that this subscriber gets of the picture
  // Later packets of the same frame arrived before this one and were left out; the caller forwards
  // them now, from the track history, or the subscriber will ask for them.
  bool must_catch_up = false;
};

// Invariants:
//  (1) What is forwarded can be decoded, if nothing is lost: an unbroken layer begins at a key
//  frame,
//      and every layer below it that its frames refer to is forwarded too.
//  (2) A switch never interrupts: the old layer goes on until the new one's key frame is here.
//  (3) While the wanted layer is silent and another one lives, the best living one is wanted
//  instead.
class LayerSelector {
 public:
  // A layer is silent when another layer's packet is this much newer than its last. Larger: a
  // longer freeze when a publisher stops a layer. Smaller: slow screen shares look dead; 1 frame/s
  // must live.
  static constexpr Duration kSilentAfter = Millis(1500);

  explicit LayerSelector(LayerMode mode) : mode_(mode) {}

  // What the subscriber should get: the allocator's decision. Takes effect as (1) and (2) allow.
  void SetTarget(Layers target);

  // Tells of a layer's life before this subscription saw a packet of it, so that the first choice
  // is not the layer that happens to arrive first.
  void NoteAlive(std::uint8_t layer, Instant last_packet_at);

  // Decides on a packet newer than every earlier one of the current layer.
  [[nodiscard]] LayerChoice Select(const PacketMeta& meta);

  // Would a packet that arrives late have been forwarded in its time?
  [[nodiscard]] bool WantsLate(const PacketMeta& meta) const;

  // The simulcast layer whose key frame is awaited; 0 for scalable streams.
  [[nodiscard]] std::optional<std::uint8_t> NeedsKeyFrame() const;

  [[nodiscard]] Layers target() const { return target_; }
  [[nodiscard]] Layers current() const { return current_; }
  [[nodiscard]] LayerMode mode() const { return mode_; }

 private:
  struct Source {
    Instant last_packet_at = Instant::min();
    ExtSeq newest_seq;
    RtpTimestamp newest_timestamp;
  };

  LayerChoice SelectSimulcast(const PacketMeta& meta, Source before);
  LayerChoice SelectSvc(const PacketMeta& meta, Source before);
  LayerChoice Start(const PacketMeta& meta, Source before, std::int8_t spatial);
  void OnNewPicture(const PacketMeta& meta);
  void Change(const PacketMeta& meta, Layers to);
  [[nodiscard]] bool IsAlive(std::size_t layer) const;
  [[nodiscard]] std::int8_t WantedLayer() const;
  [[nodiscard]] bool IsBetter(std::int8_t candidate, std::int8_t wanted) const;

  // Constant after construction.
  LayerMode mode_;

  Layers target_ = kNoLayers;
  Layers current_ = kNoLayers;
  std::array<Source, limits::kSpatialLayersMax> sources_{};
  Instant newest_packet_at_ = Instant::min();
  RtpTimestamp picture_;  // timestamp of the picture being forwarded
  // For late packets: what was forwarded before changed_at_.
  Layers previous_ = kNoLayers;
  ExtSeq changed_at_;
};

}  // namespace fovea::router
