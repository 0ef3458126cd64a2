// Answers a client's offers: the only peer connection of /rtc/v1 (uplinks, downlinks and data), or
// the publisher connection of the dual mode. RFC 8829 and 3264; LiveKit's rules on top.
// Thread: signaling. No I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/result.h"
#include "sfu/core/rng.h"
#include "signaling/livekit/negotiation_downlinks.h"
#include "signaling/livekit/negotiation_types.h"
#include "signaling/livekit/negotiation_uplinks.h"

namespace fovea::livekit {

struct AnswerInputs {
  std::span<const UplinkTrack> uplinks;      // pending and live, oldest request first
  std::span<const DownlinkTrack> downlinks;  // all that should be received, oldest wish first
  IceText fresh_ice;                         // used, and then ours, if the offer restarts ICE
};

struct Answer {
  std::string sdp;
  RemoteTransport remote;
  bool ice_restarted = false;  // `remote.ice` is new, and local().ice is `fresh_ice`
  bool has_data = false;
  std::uint64_t data_message_bytes_max = 0;  // what the client takes; 0: no limit stated

  std::vector<UplinkSection> uplinks;  // matched, all of them: new and old
  std::vector<UplinkSection> held;     // accepted and waiting for their add_track; see Rematch
  std::vector<EndedUplink> ended;

  std::vector<DownlinkSection> downlinks;  // bound, all of them: new and old
  std::vector<std::string> unsupported;    // track sids whose codec the client did not offer
  std::map<std::string, std::string> mid_to_track_id;  // complete: clients replace theirs with it
  std::optional<SectionShortage> shortage;             // wished for and not bound by this answer
};

// Invariants:
//  (1) An answer has the offer's sections, in order, with the offer's mids, payload types and
//      extension ids.
//  (2) We are always the passive end of DTLS, and ICE-lite.
//  (3) A downlink section that loses its track is answered inactive once before it carries another:
//      libwebrtc raises no track event for a section that merely changes its msid.
//  (4) A failed offer changes nothing.
// Limits: kSdpMediaSectionsMax sections. O(sections * (codecs + tracks)) per offer.
class AnswerNegotiator {
 public:
  AnswerNegotiator(NegotiationPolicy policy, LocalTransport local, Rng& rng);

  [[nodiscard]] Result<Answer, NegotiationError> HandleOffer(std::string_view offer,
                                                             const AnswerInputs& inputs);

  // After an add_track: the sections of the last offer that were held and belong to `uplinks` now.
  // Their answer has been given already, so there is none to send.
  [[nodiscard]] std::vector<UplinkSection> Rematch(std::span<const UplinkTrack> uplinks);

  // What has to be asked of the client before `wanted` can all be bound; nothing when all are.
  [[nodiscard]] std::optional<SectionShortage> Shortage(
      std::span<const DownlinkTrack> wanted) const;

  // The track's section carries nothing from now on and is answered inactive next time.
  void ReleaseDownlink(std::string_view track_sid) { downlinks_.Release(track_sid); }

  [[nodiscard]] const LocalTransport& local() const { return local_; }
  [[nodiscard]] bool has_remote() const { return remote_.has_value(); }

 private:
  struct Round;  // one offer on its way to becoming an answer
  [[nodiscard]] std::string_view CheckSections(const wire::SessionDescription& offer) const;
  void AnswerSections(Round& round, const AnswerInputs& inputs);
  void AnswerData(const wire::SdpMedia& offered, Round& round) const;
  void AnswerUplink(const wire::SdpMedia& offered, const AnswerInputs& inputs, Round& round) const;
  void AnswerDownlink(const wire::SdpMedia& offered, Round& round) const;
  void Commit(Round& round);
  void Remember(Round& round);

  // Constant after construction.
  NegotiationPolicy policy_;
  std::uint64_t session_id_ = 0;

  LocalTransport local_;
  std::optional<RemoteTransport> remote_;
  std::uint64_t version_ = 0;
  // Of the last offer and our answer, what is asked about later. Whole descriptions would be most
  // of what a participant costs: tens of sections with tens of codecs each.
  struct Section {
    std::string mid;
    wire::SdpKind kind = wire::SdpKind::kAudio;
    bool rejected = false;  // by us: may become another
  };
  std::vector<Section> sections_;
  wire::SessionDescription offered_uplinks_;  // those sections only, as far as Rematch reads them
  std::vector<wire::SdpMedia> answered_uplinks_;  // the same ones, in the same order
  UplinkMatcher uplinks_;
  DownlinkSections downlinks_;
};

}  // namespace fovea::livekit
