// What must hold of everything that workers send, whatever the scenario does. Sees each datagram as
// it leaves a worker, before any link can lose it. Thread: a value of a test.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sfu/control/command.h"
#include "sfu/core/bytes.h"
#include "sfu/core/net_address.h"
#include "sfu/core/seq.h"
#include "sfu/core/time.h"
#include "sfu/rtp/header.h"
#include "tests/support/world/media.h"

namespace fovea::test {

// Checks, numbered as in its messages:
//  (1) No packet to a tuple that never was a client's, nor to an evicted one after its fences.
//  (2) No RTP to anybody but a live subscriber, and only of the publication subscribed to; nothing
//  of
//      an evicted publication after its fences.
//  (3) Outgoing numbers have no gap that the publisher's own numbers do not explain, and each is
//  one
//      packet: another one under it would have the same SRTP nonce.
//  (4) Timestamps do not run backwards in the order of the numbers; late packets fit their layer.
//  (5) The first NACK of a recent packet is answered: over RTX, or by the same bytes again.
//  (6) A new or resumed video subscriber is sent the start of a key frame in time.
class Checker {
 public:
  // How long (6) may take. Lossy worlds need a retry or two.
  Duration key_frame_limit = Seconds(2);
  // Publishers' packets may be lost or reordered on their way.
  bool uplinks_are_lossy = false;

  // --- What the world knows ---
  void OnClient(const NetAddress& address);
  void OnEvicted(const NetAddress& address);
  void OnSubscribed(Instant now, const control::AddSubscription& subscription,
                    const NetAddress& subscriber);
  void OnUnsubscribed(Ssrc ssrc);       // posted: a packet may still be on its way out
  void OnUnsubscribeFenced(Ssrc ssrc);  // none may leave any more
  void OnPublicationGone(control::PublicationHandle publication);  // fenced
  // From now on the subscriber should (or need not) be sent media, video from a key frame on.
  void SetExpectsKeyFrame(Instant now, Ssrc ssrc, bool expects);

  // --- What is observed ---
  // `bytes` with null crypto: plain text and a tag.
  void OnServerDatagram(Instant now, const NetAddress& to, ByteSpan bytes);
  // A NACK that reached the worker; call FinishNacks() once the worker had its turn.
  void OnNackDelivered(Instant now, Ssrc media, std::uint16_t seq);
  void FinishNacks();
  // Checks deadlines; call now and then.
  void OnTime(Instant now);

  [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }
  void Fail(Instant now, const std::string& what);

  struct Counters {
    std::uint64_t rtp = 0;
    std::uint64_t rtx = 0;
    std::uint64_t repeats = 0;  // of packets without RTX
    std::uint64_t key_frames = 0;
    std::uint64_t nacks_checked = 0;
    std::uint64_t waits_for_key_frame = 0;
    Duration longest_wait{0};       // for a key frame
    std::uint64_t after_fence = 0;  // packets to or from who was evicted
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct Emitted {
    std::uint32_t timestamp = 0;
    std::int64_t source = 0;  // the publisher's number; 0: a blank packet
    std::uint8_t layer = 0;
    std::uint64_t checksum = 0;  // of header and payload
    Instant at;
    bool was_resent = false;
  };
  struct Stream {
    control::SubscriptionHandle handle;
    control::PublicationHandle publication;
    control::MediaKind kind = control::MediaKind::kAudio;
    Ssrc ssrc;
    Ssrc rtx_ssrc;
    NetAddress subscriber;
    bool is_leaving = false;
    bool is_active = false;  // both ends are there, nothing is paused or muted
    Unwrapper<std::uint16_t> unwrapper;
    std::map<std::int64_t, Emitted> emitted;
    std::int64_t key_frame_at = 0;  // number of the last key frame's first packet
    Instant waiting_since = kNever;
    Instant resumed_at = Instant::min();
    std::vector<std::int64_t> unanswered;  // numbers of delivered NACKs
  };

  void OnRtp(Instant now, const NetAddress& to, ByteSpan packet);
  void OnMedia(Instant now, Stream& stream, const rtp::RtpView& view, ByteSpan packet);
  void OnRtx(Instant now, Stream& stream, ByteSpan payload);
  void CheckStamp(Instant now, const Stream& stream, const Stamp& stamp);
  [[nodiscard]] static std::string Describe(const std::pair<const std::int64_t, Emitted>& packet);
  void CheckNeighbours(Instant now, const Stream& stream,
                       std::map<std::int64_t, Emitted>::const_iterator it);

  std::unordered_map<NetAddress, bool> clients_;  // value: evicted
  std::unordered_map<Ssrc, Stream> streams_;
  std::unordered_map<Ssrc, Ssrc> media_of_rtx_;
  std::unordered_map<std::uint64_t, Instant> gone_publications_;
  std::vector<Ssrc> nacked_;
  std::vector<std::string> failures_;
  Counters counters_;
};

}  // namespace fovea::test
