// What signaling asks of a worker. Plain structs over a ring: idempotent, naming things by handle,
// trivially copyable. A command for a handle whose generation is gone is a counted no-op.
// Order: one ring per worker, so a worker sees commands in the order they were posted.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <variant>

#include "sfu/control/handles.h"
#include "sfu/core/inline_vector.h"
#include "sfu/core/limits.h"
#include "sfu/core/strong_id.h"
#include "sfu/rtp/codec.h"
#include "sfu/rtp/extensions.h"

namespace fovea::control {

enum class MediaKind : std::uint8_t { kAudio, kVideo };

using Fingerprint = std::array<std::uint8_t, 32>;  // SHA-256 of the DER certificate
using Mid = InlineString<limits::kMidBytesMax>;
using Rid = InlineString<limits::kRidBytesMax>;

struct IceCredentials {
  InlineString<32> ufrag;
  InlineString<64> password;
};

// The far end, as its SDP gave it. Unset parts are empty.
struct RemoteDescription {
  InlineString<256> ufrag;
  bool has_fingerprint = false;
  Fingerprint fingerprint{};
};

// Creates a peer connection that answers ICE checks for `local` at once. DTLS: we are passive in
// answers (single PC, dual publisher) and passive as offerer too, where the client answers
// "active".
struct AddSession {
  SessionHandle session;
  IceCredentials local;
  RemoteDescription remote;
};

// The client's answer arrived (dual subscriber PC), or its description changed.
struct SetRemote {
  SessionHandle session;
  RemoteDescription remote;
};

// RFC 8445 section 9. The old credentials work until a check with the new ones arrives; DTLS, SRTP
// and SSRCs stay.
struct RestartIce {
  SessionHandle session;
  IceCredentials local;
  RemoteDescription remote;
};

// Closes the session (close_notify), frees its publications and subscriptions, wipes its keys.
// Answered by SessionRemoved.
struct RemoveSession {
  SessionHandle session;
};

struct CodecMapping {
  rtp::Codec codec = rtp::Codec::kUnknown;
  PayloadType pt;
  PayloadType rtx_pt;  // valid when has_rtx
  bool has_rtx = false;
};

// One simulcast layer (or the only one). SSRCs are zero when the SDP had none (Chromium's rid
// sections): they are then learned from the MID and RID header extensions.
struct LayerSource {
  Rid rid;
  std::uint8_t spatial = 0;
  Ssrc ssrc;
  Ssrc rtx_ssrc;
};

struct AddPublication {
  PublicationHandle publication;
  SessionHandle session;
  MediaKind kind = MediaKind::kAudio;
  Mid mid;
  bool muted = false;
  InlineVector<CodecMapping, limits::kCodecsPerSectionMax> codecs;
  rtp::ExtensionMap extensions;  // ids of the publisher's bundle
  InlineVector<LayerSource, limits::kSpatialLayersMax> layers;
};

// Replaces what AddPublication said of a live publication (renegotiation).
struct UpdatePublication {
  AddPublication description;
};

// Sent to the publisher's worker, and to every worker that had subscriptions to it.
struct RemovePublication {
  PublicationHandle publication;
};

// Which workers want this publication's packets (bit i = worker i). Level-triggered.
struct SetRoutes {
  PublicationHandle publication;
  std::uint16_t workers = 0;
};

// Server-side or publisher-side mute: nothing is forwarded while set.
struct SetPublicationMuted {
  PublicationHandle publication;
  bool muted = false;
};

struct RequestKeyFrame {
  PublicationHandle publication;
};

struct AddSubscription {
  SubscriptionHandle subscription;
  SessionHandle session;          // subscriber's
  PublicationHandle publication;  // may live on another worker
  MediaKind kind = MediaKind::kAudio;
  Mid mid;  // of the subscriber's m-line
  Ssrc ssrc;
  Ssrc rtx_ssrc;
  InlineVector<CodecMapping, limits::kCodecsPerTrackMax>
      codecs;                    // payload types toward the subscriber
  rtp::ExtensionMap extensions;  // ids of the subscriber's bundle
  bool scalable = false;         // spatial layers share one stream (VP9 or AV1 SVC)
  std::uint8_t spatial_max = 0;  // wanted layers; see SetSubscription
  std::uint8_t temporal_max = 0;
  bool paused = false;
};

struct SetSubscription {
  SubscriptionHandle subscription;
  std::uint8_t spatial_max = 0;   // 0..2; the best live layer not above it is forwarded
  std::uint8_t temporal_max = 0;  // 0..3
  bool paused = false;
};

struct RemoveSubscription {
  SubscriptionHandle subscription;
};

// Answered by FenceReached after everything that the commands before it stopped has left the
// worker: the eviction fence of DESIGN section 3.
struct Fence {
  std::uint64_t id = 0;
};

using WorkerCommand =
    std::variant<AddSession, SetRemote, RestartIce, RemoveSession, AddPublication,
                 UpdatePublication, RemovePublication, SetRoutes, SetPublicationMuted,
                 RequestKeyFrame, AddSubscription, SetSubscription, RemoveSubscription, Fence>;
static_assert(std::is_trivially_copyable_v<WorkerCommand>);
static_assert(sizeof(WorkerCommand) <= 1024, "a command ring of 1024 stays below 1 MiB");

}  // namespace fovea::control
