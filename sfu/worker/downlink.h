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
  Downlink(const control::AddSubscription& command, const router::SubscriptionConfig& config)
      : handle(command.subscription),
        session(command.session),
        publication(command.publication),
        kind(command.kind),
        mid(command.mid),
        extensions(command.extensions),
        subscription(config),
        media(command.ssrc),
        rtx(command.rtx_ssrc),
        has_rtx(command.rtx_ssrc != Ssrc{} && !command.codecs.empty() &&
                command.codecs[0].has_rtx) {}

  // Constant after construction.
  const control::SubscriptionHandle handle;
  const control::SessionHandle session;
  const control::PublicationHandle publication;
  const control::MediaKind kind;
  const control::Mid mid;
  const rtp::ExtensionMap extensions;

  router::Subscription subscription;
  crypto::SrtpSender media;
  crypto::SrtpSender rtx;
  const bool has_rtx;
  SeqUnwrapper out_seq;
  SeqUnwrapper out_rtx_seq;
  // Packets that still name their section (RFC 8843 section 9.2). The first ones may arrive before
  // the description that announces their SSRC was applied: Firefox then gives them to any section
  // of their payload type, and never takes them back. 256 audio packets are five seconds.
  std::uint32_t mid_packets_left = 256;
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
