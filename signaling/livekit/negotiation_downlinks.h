// Which receiving section of a client's offer carries which downlink track. Thread: signaling;
// pure.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "signaling/livekit/negotiation_types.h"

namespace fovea::livekit {

// Invariants:
//  (1) A track is in at most one section, a section carries at most one track of its kind.
//  (2) A section that was answered with a track is answered without one before it gets another.
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
  [[nodiscard]] const std::set<std::string>& unsupported() const { return unsupported_; }
  [[nodiscard]] std::optional<SectionShortage> Shortage(
      std::span<const DownlinkTrack> wanted) const;

 private:
  void KeepOffered(const wire::SessionDescription& offer);
  void FreeUnwanted(std::span<const DownlinkTrack> wanted);
  void Bind(const wire::SessionDescription& offer, const DownlinkTrack& track);
  [[nodiscard]] bool IsBound(const DownlinkTrack& track) const;

  std::vector<Slot> slots_;
  std::set<std::string> unsupported_;  // track sids
};

// Whether the client only receives on this section.
[[nodiscard]] bool IsDownlink(const wire::SdpMedia& section);

}  // namespace fovea::livekit
