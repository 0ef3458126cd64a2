// A subscription on its subscriber's worker: the decisions of router::Subscription plus what
// sending needs (SRTP state, header extensions, counters). Thread: the owning worker.
#pragma once

#include <array>
#include <cstdint>

#include "sfu/control/command.h"
#include "sfu/core/seq.h"
#include "sfu/crypto/srtp_sender.h"
#include "sfu/router/subscription.h"

namespace fovea::worker {

struct Downlink {
  static constexpr std::size_t RepeatableOf(control::MediaKind kind) {
    return kind == control::MediaKind::kVideo ? limits::kRepeatableVideo : limits::kRepeatableAudio;
  }
  Downlink(const control::AddSubscription& command, const router::SubscriptionConfig& config)
      : handle(command.subscription),
        session(command.session),
        publication(command.publication),
        kind(command.kind),
        mid(command.mid),
        extensions(command.extensions),
        has_rtx(command.rtx_ssrc != Ssrc{} && !command.codecs.empty() && command.codecs[0].has_rtx),
        subscription(config),
        media(command.ssrc, has_rtx ? 0 : RepeatableOf(command.kind)),
        rtx(command.rtx_ssrc) {}

  // Constant after construction.
  const control::SubscriptionHandle handle;
  const control::SessionHandle session;
  const control::PublicationHandle publication;
  const control::MediaKind kind;
  const control::Mid mid;
  const rtp::ExtensionMap extensions;
  const bool has_rtx;  // else NACKs are answered on the media's own SSRC, as for all audio

  router::Subscription subscription;
  crypto::SrtpSender media;
  crypto::SrtpSender rtx;
  SeqUnwrapper out_seq;
  SeqUnwrapper out_rtx_seq;
  bool started = false;
  router::Layers wanted = router::kNoLayers;                     // what the subscriber asked for
  std::array<std::uint8_t, limits::kSpatialLayersMax> epochs{};  // as the last packets said
  bool publication_muted = false;  // as the last packet said; then the target is none
  Instant sender_report_at{};
  // Our latest sender reports, newest first, by the middle of their NTP time: receivers name it.
  // That time is the publisher's, so the round trip is measured by when we sent them.
  struct SentReport {
    std::uint32_t middle_ntp = 0;
    Instant at = Instant::min();
  };
  std::array<SentReport, 2> sent_reports{};

  // Samples for signaling, since the last DownlinkQuality.
  std::uint32_t packets_sent = 0;
  std::uint64_t bytes_sent = 0;
  std::int32_t lost_reported = 0;  // cumulative, of the last receiver report
  std::uint32_t packets_lost = 0;
  std::uint32_t jitter_us = 0;
};

}  // namespace fovea::worker
