// Offers downlinks to a client: the subscriber connection of the dual mode, where the server is the
// offerer. RFC 8829 and 3264; LiveKit's rules on top. Thread: signaling. No I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/result.h"
#include "sfu/core/rng.h"
#include "signaling/livekit/negotiation_types.h"

namespace fovea::livekit {

struct Offer {
  std::uint32_t id = 0;
  std::string sdp;
  std::map<std::string, std::string> mid_to_track_id;  // complete
};

struct OfferAccepted {
  RemoteTransport remote;
  bool ice_restarted = false;  // `remote.ice` differs from the last answer's
  bool has_data = false;
  std::uint64_t data_message_bytes_max = 0;  // what the client takes; 0: no limit stated
  std::vector<DownlinkSection> downlinks;    // accepted, all of them: new and old
  std::vector<std::string> unsupported;      // track sids whose codec the client did not accept
};

// Invariants:
//  (1) At most one offer is unanswered. What changes meanwhile waits for the answer.
//  (2) Sections never disappear; one that lost its track is offered inactive, and only after the
//      client answered that does it carry another track of its kind, with another msid.
//  (3) Offer ids start at 1..256 and count up.
//  (4) Setup is actpass; the client answers active, so we are passive.
// Limits: kSdpMediaSectionsMax sections; tracks beyond wait for a free one.
class OfferNegotiator {
 public:
  OfferNegotiator(NegotiationPolicy policy, LocalTransport local, Rng& rng);

  // A track that is there already is replaced when its SSRC differs, else left alone.
  void AddTrack(const DownlinkTrack& track);
  void RemoveTrack(std::string_view track_sid);
  // The next offer carries these credentials.
  void RestartIce(IceText fresh);

  // An offer to send now; nothing while one is unanswered or nothing has changed. The first one is
  // due even without tracks: it opens the data section.
  [[nodiscard]] std::optional<Offer> NextOffer();

  // The outstanding offer, if any, may not have reached the client: the next one follows without
  // its answer, which would be refused.
  void AbandonOffer();

  // `id` must be the outstanding offer's, or 0 (the Rust SDK). A failed answer changes nothing.
  // Tracks that turn out unsupported leave their section by themselves.
  [[nodiscard]] Result<OfferAccepted, NegotiationError> HandleAnswer(std::uint32_t id,
                                                                     std::string_view answer);

  [[nodiscard]] bool awaiting_answer() const { return awaiting_answer_; }
  [[nodiscard]] bool dirty() const { return dirty_; }
  [[nodiscard]] const LocalTransport& local() const { return local_; }

 private:
  // A media section. Its mid is its index in the description: the data section has 0.
  struct Section {
    control::MediaKind kind = control::MediaKind::kAudio;
    std::optional<DownlinkTrack> track;
    bool is_new = false;            // the track has not been answered yet
    bool released = false;          // lost its track; not free before the client knows
    bool offered_inactive = false;  // the outstanding offer tells it
    bool rejected = false;          // port 0 in an answer: never used again

    [[nodiscard]] bool IsFree() const { return !track && !released && !rejected; }
    void Release();
  };
  void BindWaiting();
  [[nodiscard]] wire::SessionDescription Describe() const;
  [[nodiscard]] wire::SdpMedia DescribeSection(const Section& section, std::size_t index) const;
  [[nodiscard]] std::string_view CheckAnswer(const wire::SessionDescription& answer) const;
  void AcceptSection(const wire::SdpMedia& answered, Section& section, OfferAccepted& out);

  // Constant after construction.
  NegotiationPolicy policy_;
  std::uint64_t session_id_ = 0;

  LocalTransport local_;
  std::optional<RemoteTransport> remote_;
  std::uint64_t version_ = 0;
  std::uint32_t next_id_ = 0;
  bool awaiting_answer_ = false;
  bool dirty_ = true;
  std::vector<Section> sections_;
  std::vector<DownlinkTrack> waiting_;  // not in a section yet, oldest first
};

}  // namespace fovea::livekit
