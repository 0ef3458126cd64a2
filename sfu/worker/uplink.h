// A published track on its publisher's worker: which packets belong to it, what they are, and what
// has to be asked of the publisher. Thread: the owning worker.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sfu/control/command.h"
#include "sfu/core/deadline.h"
#include "sfu/core/drop_reason.h"
#include "sfu/core/result.h"
#include "sfu/core/seq.h"
#include "sfu/router/audio_level.h"
#include "sfu/router/key_frame_throttle.h"
#include "sfu/router/source_clock.h"
#include "sfu/rtp/extensions.h"
#include "sfu/rtp/header.h"
#include "sfu/rtp/nack_tracker.h"
#include "sfu/rtp/receive_stats.h"
#include "sfu/worker/lanes.h"

namespace fovea::worker {

// What an operator can set about every published track.
struct UplinkTuning {
  router::KeyFrameIntervals key_frame_intervals = router::kKeyFrameIntervals;
  router::SpeakerTuning speaker;
};

// Invariants:
//  (1) layers_ has at least one entry; an SSRC of zero has not been learned yet.
//  (2) A packet that Accept() passes is new: duplicates are dropped with a reason.
class Uplink {
 public:
  explicit Uplink(const control::AddPublication& description, const UplinkTuning& tuning = {});

  // Renegotiation: payload types, extensions, new rids. What was learned stays.
  void Update(const control::AddPublication& description);

  // The layer that a packet with this SSRC carries, and whether as a retransmission.
  struct Claim {
    std::uint8_t layer = 0;
    bool is_rtx = false;
  };
  // By MID and RID (or RRID) header extensions, or by the SSRC that the SDP named. Learns the SSRC.
  [[nodiscard]] std::optional<Claim> TryClaim(Ssrc ssrc, PayloadType pt,
                                              const rtp::ParsedExtensions& extensions);

  // Fills `meta` from a packet that lies in `bytes` (the whole datagram) with header `view`.
  // Returns why it is dropped, if it is. `recovered`: restored from a retransmission.
  struct Packet {
    MutableByteSpan bytes;
    const rtp::RtpView& view;
    const rtp::ParsedExtensions& extensions;
    std::uint8_t layer = 0;
    bool recovered = false;
  };
  [[nodiscard]] std::optional<DropReason> Accept(Instant now, const Packet& packet, SlotMeta& meta);

  void OnSenderReport(Instant now, const rtp::SenderReport& report);

  // The original payload type of an RTX payload type.
  [[nodiscard]] std::optional<PayloadType> OriginalOf(PayloadType rtx_pt) const;
  [[nodiscard]] const control::CodecMapping* CodecOf(PayloadType pt) const;
  [[nodiscard]] Ssrc ssrc_of(std::uint8_t layer) const { return layers_[layer].source.ssrc; }
  [[nodiscard]] std::size_t layer_count() const { return layers_.size(); }
  [[nodiscard]] bool owns(Ssrc ssrc) const;

  [[nodiscard]] control::PublicationHandle handle() const { return handle_; }
  [[nodiscard]] control::SessionHandle session() const { return session_; }
  [[nodiscard]] control::MediaKind kind() const { return kind_; }
  [[nodiscard]] bool is_svc() const { return svc_; }
  [[nodiscard]] const control::Mid& mid() const { return mid_; }
  [[nodiscard]] const rtp::ExtensionMap& extensions() const { return extensions_; }

  // Publisher feedback: NACK, key frames, reports.
  struct Layer {
    control::LayerSource source;
    SeqUnwrapper unwrapper;
    // Added to unwrapped numbers, so that they only grow when another SSRC starts over; whole
    // cycles.
    std::int64_t cycles = 0;
    ExtSeq highest;
    std::uint8_t epoch = 0;  // counts the SSRCs
    rtp::NackTracker nack;
    std::optional<rtp::ReceiveStats> stats;
    router::SourceClock clock{90000};
    Instant last_packet_at = Instant::min();
    std::uint64_t reported_packets = 0;  // at the last quality sample
    std::int64_t reported_lost = 0;
    std::uint64_t reported_bytes = 0;
  };
  [[nodiscard]] InlineVector<Layer, limits::kSpatialLayersMax>& layers() { return layers_; }
  router::KeyFrameThrottle key_frames;
  router::ActiveSpeakerLevel speaker;
  bool muted = false;
  std::uint16_t routes = 0;  // bit per worker
  bool speaker_was_active = false;
  float speaker_level = 0;

 private:
  void ChangeSsrc(Layer& layer, Ssrc ssrc);
  [[nodiscard]] std::optional<DropReason> ReadFrame(const Packet& packet, SlotMeta& meta);
  [[nodiscard]] std::optional<std::uint8_t> LayerByRid(std::string_view rid) const;

  // Constant after construction.
  const control::PublicationHandle handle_;
  const control::SessionHandle session_;
  const control::MediaKind kind_;
  const std::uint32_t clock_rate_;
  // As last negotiated.
  control::Mid mid_;
  InlineVector<control::CodecMapping, limits::kCodecsPerSectionMax> codecs_;
  rtp::ExtensionMap extensions_;
  // Learned.
  InlineVector<Layer, limits::kSpatialLayersMax> layers_;
  bool svc_ = false;
  std::unique_ptr<std::array<rtp::DependencyStructure, limits::kSpatialLayersMax>> structures_;
};

}  // namespace fovea::worker
