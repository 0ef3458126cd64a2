// One subscriber's view of one track: what is forwarded, under which numbers, and what a NACK or a
// sender report about it means. Pure decisions on packet metadata; bytes are moved by the caller.
// Thread: owned by the worker of the subscriber's session.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/core/drop_reason.h"
#include "sfu/core/strong_id.h"
#include "sfu/core/time.h"
#include "sfu/router/key_frame_throttle.h"
#include "sfu/router/layer_selector.h"
#include "sfu/router/packet_meta.h"
#include "sfu/router/picture_munger.h"
#include "sfu/router/rewriter.h"

namespace fovea::router {

struct SubscriptionConfig {
  Ssrc ssrc{};
  Ssrc rtx_ssrc{};
  PayloadType payload_type{};
  PayloadType rtx_payload_type{};
  rtp::Codec codec = rtp::Codec::kUnknown;
  LayerMode mode = LayerMode::kAudio;
  std::uint16_t first_seq = 0;  // random, as RFC 3550 section 5.1 asks
  std::uint16_t first_rtx_seq = 0;
  RtpTimestamp first_timestamp{};
};

// The header of an outgoing packet, and what to change in its payload.
struct OutgoingHeader {
  std::uint16_t seq = 0;
  RtpTimestamp timestamp;
  bool marker = false;
  // Send the header without payload: it fills a number that the receiver would otherwise ask for.
  bool is_blank = false;
  // Set: apply rtp::RewritePictureIds() to the payload or, where the frame number is in the
  // dependency descriptor (AV1, H.264), rtp::RewriteFrameNumber() to that extension.
  bool has_picture_ids = false;
  rtp::PictureIds picture_ids;
};

struct ForwardDecision {
  bool forward = false;
  DropReason reason = DropReason::kLayerNotWanted;  // when not forwarded
  OutgoingHeader header;
  bool starts_run = false;     // a start, a layer switch or a resumption became visible
  bool must_catch_up = false;  // forward the later packets of this layer from the track history now
};

struct NackAnswer {
  enum class Kind : std::uint8_t {
    kResend,   // send the track's packet (layer, source) under `header` over RTX
    kForward,  // it was never sent: call Forward() with the stored packet, if the history has it
    kNothing,  // see reason
  };
  Kind kind = Kind::kNothing;
  DropReason reason = DropReason::kRtxNotInHistory;
  std::uint8_t layer = 0;
  ExtSeq source;
  OutgoingHeader header;
};

struct SenderReportNumbers {
  std::uint64_t ntp = 0;
  RtpTimestamp timestamp;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
};

struct KeyFrameNeed {
  std::uint8_t layer = 0;
  KeyFrameThrottle::Cause cause = KeyFrameThrottle::Cause::kStart;
};

class Subscription {
 public:
  // A need for a key frame that persists is told again after this long: the one that came may have
  // been incomplete.
  static constexpr Duration kKeyFrameReminder = Millis(500);
  // RFC 3550 section 6.4.1 lets a report extrapolate; beyond this the media clock may have drifted
  // or jumped, and a wrong report breaks lip sync.
  static constexpr Duration kReportIdleMax = Seconds(2);
  // A publisher that never reports has no capture clock; after this long ours stands in for it.
  static constexpr Duration kReportPatience = Seconds(5);

  explicit Subscription(const SubscriptionConfig& config);

  // Every packet of every layer of the track, in order of arrival; also packets from the history
  // after must_catch_up or NackAnswer::kForward. O(1), no allocation.
  [[nodiscard]] ForwardDecision Forward(Instant now, const PacketMeta& meta);

  // The receiver misses outgoing number `seq`. REQUIRES: rtt > 0.
  [[nodiscard]] NackAnswer OnNack(Instant now, Duration rtt, std::uint16_t seq);

  void SetTarget(Layers target) { selector_.SetTarget(target); }
  void NoteAlive(std::uint8_t layer, Instant at) { selector_.NoteAlive(layer, at); }

  // Edge-triggered, with reminders; poll after SetTarget and every few tens of milliseconds.
  [[nodiscard]] std::optional<KeyFrameNeed> PollKeyFrameNeed(Instant now);
  // The layer to ask on the receiver's PLI or FIR; nullopt when it is not being sent anything.
  [[nodiscard]] std::optional<std::uint8_t> LayerToRepair() const;

  // nullopt when nothing was sent lately, or when the publisher has not told its clock yet.
  [[nodiscard]] std::optional<SenderReportNumbers> SenderReportAt(Instant now,
                                                                  WallMicros wall) const;

  std::uint16_t NextRtxSeq() { return next_rtx_seq_++; }

  [[nodiscard]] const SubscriptionConfig& config() const { return config_; }
  [[nodiscard]] Layers target() const { return selector_.target(); }
  [[nodiscard]] Layers current() const { return selector_.current(); }

 private:
  ForwardDecision ForwardNext(Instant now, const PacketMeta& meta);
  ForwardDecision ForwardLate(Instant now, const PacketMeta& meta);
  [[nodiscard]] bool IsCurrentRun(const PacketMeta& meta) const;
  void SetPictureIds(OutgoingSlot& slot, const PacketMeta& meta, const rtp::PictureIds& ids) const;
  [[nodiscard]] static OutgoingHeader HeaderOf(const OutgoingSlot& slot);
  void NoteKeyFrame(const PacketMeta& meta, const OutgoingSlot& slot);
  void CountSent(Instant now, const PacketMeta& meta, const OutgoingSlot& slot);

  // Constant after construction.
  SubscriptionConfig config_;
  bool munges_pictures_;

  LayerSelector selector_;
  RtpRewriter rewriter_;
  PictureMunger munger_;
  std::uint16_t next_rtx_seq_;

  // Numbers before the last key frame are not worth resending.
  bool has_key_frame_ = false;
  std::uint16_t key_frame_seq_ = 0;
  std::uint32_t key_frame_timestamp_ = 0;

  std::optional<std::uint8_t> needed_layer_;
  Instant need_told_at_ = Instant::min();

  // For sender reports.
  std::uint32_t packets_ = 0;
  std::uint32_t octets_ = 0;
  Instant first_sent_at_ = Instant::min();
  Instant last_arrived_at_ = Instant::min();
  RtpTimestamp last_timestamp_;
  WallMicros last_captured_at_;
};

}  // namespace fovea::router
