// Which receiving section of a client's offer carries which downlink track. Thread: signaling;
// pure.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "signaling/livekit/negotiation_types.h"

namespace fovea::livekit {

// Invariants:
//  (1) A track is in at most one section, a section carries at most one track of its kind.
//  (2) A section that was answered with a track is answered without one before it gets another; the
//      same track in another codec stays where it is, so that nobody's picture goes away.
class DownlinkSections {
 public:
  struct Slot {
    std::string mid;
    control::MediaKind kind = control::MediaKind::kAudio;
    std::optional<DownlinkTrack> track;
    bool is_new = false;       // bound by the last Assign
    bool was_sending = false;  // in the last answer
  };

  // For a new offer: frees what is no longer wanted, then gives free sections to wanted tracks,
  // both in order. Tracks whose codec no free section offers are remembered as unsupported.
  void Assign(const wire::SessionDescription& offer, std::span<const DownlinkTrack> wanted);
  void Release(std::string_view track_sid);

  [[nodiscard]] const Slot* Find(std::string_view mid) const;
  [[nodiscard]] std::span<const Slot> slots() const { return slots_; }
  // Sids.
  [[nodiscard]] std::vector<std::string> unsupported() const;
  [[nodiscard]] std::optional<SectionShortage> Shortage(
      std::span<const DownlinkTrack> wanted) const;

 private:
  void KeepOffered(const wire::SessionDescription& offer);
  void FreeUnwanted(const wire::SessionDescription& offer, std::span<const DownlinkTrack> wanted);
  void Bind(const wire::SessionDescription& offer, const DownlinkTrack& track);
  [[nodiscard]] bool IsBound(const DownlinkTrack& track) const;
  [[nodiscard]] bool IsUnsupported(const DownlinkTrack& track) const {
    return unsupported_.contains({track.track_sid, track.codec});
  }

  std::vector<Slot> slots_;
  std::set<std::pair<std::string, rtp::Codec>> unsupported_;  // track sid and its codec
};

// Whether the client only receives on this section.
[[nodiscard]] bool IsDownlink(const wire::SdpMedia& section);

}  // namespace fovea::livekit
