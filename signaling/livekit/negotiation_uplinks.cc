// Which section of an offer carries which add_track request. See negotiation_uplinks.h.
#include "signaling/livekit/negotiation_uplinks.h"

#include <algorithm>
#include <unordered_set>

namespace fovea::livekit {
namespace {

// Firefox writes its ids as "{uuid}", not always in both places.
[[nodiscard]] std::string_view WithoutBraces(std::string_view id) {
  if (id.starts_with('{') && id.ends_with('}')) return id.substr(1, id.size() - 2);
  return id;
}

[[nodiscard]] std::string_view TrackIdOf(const wire::SdpMedia& section) {
  if (!section.msids.empty()) return section.msids.front().track;
  for (const wire::SdpSsrc& ssrc : section.ssrcs) {
    if (!ssrc.msid.track.empty()) return ssrc.msid.track;
  }
  return {};
}

// Those that a section may carry from this offer on. Whose first section ended is unpublished as a
// whole: what comes under its cid belongs to the next request.
[[nodiscard]] std::vector<const UplinkTrack*> Living(std::span<const UplinkTrack> tracks,
                                                     std::span<const EndedUplink> ended) {
  const auto is_over = [&](const UplinkTrack& track) {
    return std::any_of(ended.begin(), ended.end(), [&](const EndedUplink& end) {
      if (end.track_sid != track.track_sid) return false;
      return std::any_of(tracks.begin(), tracks.end(), [&](const UplinkTrack& other) {
        return !other.is_backup && other.track_sid == end.track_sid && other.cid == end.cid;
      });
    });
  };
  std::vector<const UplinkTrack*> living;
  for (const UplinkTrack& track : tracks) {
    if (!is_over(track)) living.push_back(&track);
  }
  return living;
}

}  // namespace

bool IsUplink(const wire::SdpMedia& section) {
  return section.IsRtp() && !section.IsRejected() && wire::Sends(section.direction);
}

std::vector<EndedUplink> UplinkMatcher::Match(const wire::SessionDescription& offer,
                                              std::span<const UplinkTrack> tracks) {
  std::vector<EndedUplink> ended = EndStale(offer, tracks);
  const std::vector<const UplinkTrack*> living = Living(tracks, ended);
  for (const wire::SdpMedia& section : offer.media) {
    if (!IsUplink(section) || Find(section.mid) != nullptr) continue;
    const std::string_view track_id = WithoutBraces(TrackIdOf(section));
    if (track_id.empty()) continue;
    for (const UplinkTrack* track : living) {
      if (MediaKindOf(section.kind) != track->kind || IsBound(*track)) continue;
      if (WithoutBraces(track->cid) != track_id) continue;
      cids_are_track_ids_ = true;
      Bind(section, *track);
      break;
    }
  }
  BindRenamed(offer, living);
  if (cids_are_track_ids_) return ended;
  for (const wire::SdpMedia& section : offer.media) {
    if (!IsUplink(section) || Find(section.mid) != nullptr || IsRetired(section)) continue;
    for (const UplinkTrack* track : living) {
      if (MediaKindOf(section.kind) != track->kind || IsBound(*track)) continue;
      Bind(section, *track);
      break;
    }
  }
  return ended;
}

void UplinkMatcher::BindRenamed(const wire::SessionDescription& offer,
                                std::span<const UplinkTrack* const> living) {
  std::unordered_set<std::string_view> ids;  // of the sections
  std::unordered_set<std::string_view> cids;
  for (const wire::SdpMedia& section : offer.media) ids.insert(WithoutBraces(TrackIdOf(section)));
  ids.erase(std::string_view());
  for (const UplinkTrack* track : living) cids.insert(WithoutBraces(track->cid));
  for (const wire::SdpMedia& section : offer.media) {
    if (!IsUplink(section) || Find(section.mid) != nullptr || IsRetired(section)) continue;
    if (cids.contains(WithoutBraces(TrackIdOf(section)))) continue;  // waits for its turn
    for (const UplinkTrack* track : living) {
      if (MediaKindOf(section.kind) != track->kind || IsBound(*track)) continue;
      if (!ids.contains(WithoutBraces(track->cid))) continue;
      Bind(section, *track);
      break;
    }
  }
}

std::vector<EndedUplink> UplinkMatcher::EndStale(const wire::SessionDescription& offer,
                                                 std::span<const UplinkTrack> tracks) {
  const auto same_msid = [&](std::string_view mid, std::string_view msid_track) {
    const wire::SdpMedia* section = offer.FindMid(mid);
    return section != nullptr && IsUplink(*section) && TrackIdOf(*section) == msid_track;
  };
  std::erase_if(retired_, [&](const Retired& retired) {
    return !same_msid(retired.mid, retired.msid_track);
  });
  std::vector<EndedUplink> ended;
  std::vector<Binding> kept;
  for (Binding& binding : bindings_) {
    const bool sends = same_msid(binding.mid, binding.msid_track);
    const bool wanted = std::any_of(tracks.begin(), tracks.end(), [&](const UplinkTrack& track) {
      return track.cid == binding.cid && track.track_sid == binding.track_sid;
    });
    if (sends && wanted) {
      kept.push_back(std::move(binding));
      continue;
    }
    if (sends) retired_.push_back({binding.mid, binding.msid_track});
    ended.push_back({binding.mid, binding.cid, binding.track_sid});
  }
  bindings_ = std::move(kept);
  return ended;
}

const UplinkMatcher::Binding* UplinkMatcher::Find(std::string_view mid) const {
  for (const Binding& binding : bindings_) {
    if (binding.mid == mid) return &binding;
  }
  return nullptr;
}

bool UplinkMatcher::IsBound(const UplinkTrack& track) const {
  return std::any_of(bindings_.begin(), bindings_.end(),
                     [&](const Binding& binding) { return binding.cid == track.cid; });
}

bool UplinkMatcher::IsRetired(const wire::SdpMedia& section) const {
  return std::any_of(retired_.begin(), retired_.end(),
                     [&](const Retired& retired) { return retired.mid == section.mid; });
}

void UplinkMatcher::Bind(const wire::SdpMedia& section, const UplinkTrack& track) {
  bindings_.push_back(
      {section.mid, std::string(TrackIdOf(section)), track.cid, track.track_sid, track.kind});
}

}  // namespace fovea::livekit
