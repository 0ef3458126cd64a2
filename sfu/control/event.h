// What a worker tells signaling. Life-cycle events are never lost: the worker queues what the full
// ring refused and offers it again. The others are samples; a lost one is replaced by the next.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <variant>

#include "sfu/control/handles.h"
#include "sfu/core/limits.h"

namespace fovea::control {

enum class DisconnectCause : std::uint8_t {
  kConsentLost,  // no ICE check for limits::kIceConsentTimeout
  kDtlsClosed,   // close_notify from the peer
  kDtlsFailed,
  kFingerprintMismatch,  // the certificate is not the one the SDP announced
};

// --- Life cycle ---

// ICE and DTLS are up; media flows.
struct SessionConnected {
  SessionHandle session;
};
struct SessionDisconnected {
  SessionHandle session;
  DisconnectCause cause = DisconnectCause::kConsentLost;
};
// Acknowledges RemoveSession: keys are wiped, no packet will follow.
struct SessionRemoved {
  SessionHandle session;
};
struct FenceReached {
  std::uint64_t id = 0;
};

// --- Samples ---

// RFC 6464 loudness over the last speaker window (LiveKit's scale: 0 silent .. 1 loudest, in
// eighths).
struct SpeakerLevel {
  PublicationHandle publication;
  float level = 0;
  bool active = false;
};

// Once per stats interval and uplink track: what arrived since the last sample.
struct UplinkQuality {
  PublicationHandle publication;
  std::uint32_t packets_expected = 0;
  std::uint32_t packets_lost = 0;
  std::uint32_t jitter_us = 0;
  std::uint32_t rtt_us = 0;  // 0 = unknown
  std::uint64_t bytes = 0;
};

// Once per stats interval and downlink track, from the subscriber's receiver reports.
struct DownlinkQuality {
  SubscriptionHandle subscription;
  std::uint32_t packets_sent = 0;
  std::uint32_t packets_lost = 0;
  std::uint32_t jitter_us = 0;
  std::uint32_t rtt_us = 0;
  std::uint64_t bytes = 0;
};

// The first packet of a subscription was sent.
struct SubscriptionStarted {
  SubscriptionHandle subscription;
};

using WorkerEvent =
    std::variant<SessionConnected, SessionDisconnected, SessionRemoved, FenceReached, SpeakerLevel,
                 UplinkQuality, DownlinkQuality, SubscriptionStarted>;
static_assert(std::is_trivially_copyable_v<WorkerEvent>);
static_assert(sizeof(WorkerEvent) <= 64);

// One DTLS application record (an SCTP packet) between a session and the SCTP hub, either way.
struct AppData {
  SessionHandle session;
  std::uint16_t size = 0;
  std::array<std::uint8_t, limits::kDatagramBytesMax> bytes;
};
static_assert(std::is_trivially_copyable_v<AppData>);

}  // namespace fovea::control
