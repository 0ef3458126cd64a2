// Which section of an offer carries which add_track request. Thread: signaling; pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "signaling/livekit/negotiation_types.h"

namespace fovea::livekit {

// The second token of a=msid names the track. Chromium and libwebrtc put the cid there; Firefox
// puts something else, and clients may offer before their add_track arrives. So, per section:
//  1. bound before, same msid: stays;
//  2. the track id equals a cid (braces aside): that one;
//  3. the cid is the track id of a section that no longer sends: libwebrtc makes up another id when
//  the same track is published again, so the oldest such request of the kind;
//  4. this client's cids have never equalled its track ids: the oldest unmatched request of the
//  kind;
//  5. otherwise held.
// A bound section that stops sending, or shows another msid, ends its track, and no section of the
// same offer continues it.
class UplinkMatcher {
 public:
  struct Binding {
    std::string mid;
    std::string msid_track;
    std::string cid;
    std::string track_sid;
    control::MediaKind kind = control::MediaKind::kAudio;
  };

  // Brings the bindings in line with `offer` and `tracks`; returns what ended. O(sections *
  // tracks).
  std::vector<EndedUplink> Match(const wire::SessionDescription& offer,
                                 std::span<const UplinkTrack> tracks);
  // nullptr: held, or not sending.
  [[nodiscard]] const Binding* Find(std::string_view mid) const;

 private:
  struct Retired {
    std::string mid;
    std::string msid_track;
  };
  std::vector<EndedUplink> EndStale(const wire::SessionDescription& offer,
                                    std::span<const UplinkTrack> tracks);
  void BindRenamed(const wire::SessionDescription& offer,
                   std::span<const UplinkTrack* const> living);
  // Also by another track of its cid, which goes first: requests of one cid are served in turn.
  [[nodiscard]] bool IsBound(const UplinkTrack& track) const;
  [[nodiscard]] bool IsRetired(const wire::SdpMedia& section) const;
  void Bind(const wire::SdpMedia& section, const UplinkTrack& track);

  std::vector<Binding> bindings_;
  // Sections whose track was withdrawn by the server while the client goes on sending: rules 3 and
  // 4 must not give their media to somebody else's request.
  std::vector<Retired> retired_;
  bool cids_are_track_ids_ = false;
};

// Whether the client sends on this section.
[[nodiscard]] bool IsUplink(const wire::SdpMedia& section);

}  // namespace fovea::livekit
