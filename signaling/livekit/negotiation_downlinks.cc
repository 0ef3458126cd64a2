// Which receiving section of a client's offer carries which downlink track. See
// negotiation_downlinks.h.
#include "signaling/livekit/negotiation_downlinks.h"

#include <algorithm>

#include "signaling/livekit/negotiation_codecs.h"

namespace fovea::livekit {
namespace {

[[nodiscard]] bool IsSame(const DownlinkTrack& a, const DownlinkTrack& b) {
  return a.track_sid == b.track_sid && a.ssrc == b.ssrc;
}

// The subscription goes on in another codec of the same track.
[[nodiscard]] bool IsMove(const DownlinkTrack& from, const DownlinkTrack& to) {
  return from.track_sid == to.track_sid && from.ssrc != to.ssrc && from.codec != to.codec;
}

}  // namespace

bool IsDownlink(const wire::SdpMedia& section) {
  return section.IsRtp() && !section.IsRejected() &&
         section.direction == wire::SdpDirection::kRecvOnly;
}

void DownlinkSections::Assign(const wire::SessionDescription& offer,
                              std::span<const DownlinkTrack> wanted) {
  for (Slot& slot : slots_) {
    slot.was_sending = slot.was_sending || slot.track.has_value();
    slot.is_new = false;
  }
  KeepOffered(offer);
  FreeUnwanted(offer, wanted);
  unsupported_.clear();
  for (const DownlinkTrack& track : wanted) {
    if (!IsBound(track)) Bind(offer, track);
  }
  // From here on `was_sending` is about the answer that this assignment leads to.
  for (Slot& slot : slots_) slot.was_sending = slot.track.has_value();
}

// Slots in the offer's order, for the sections on which the client only receives.
void DownlinkSections::KeepOffered(const wire::SessionDescription& offer) {
  std::vector<Slot> kept;
  for (const wire::SdpMedia& section : offer.media) {
    if (!IsDownlink(section)) continue;
    const auto found = std::find_if(slots_.begin(), slots_.end(),
                                    [&](const Slot& slot) { return slot.mid == section.mid; });
    Slot slot;
    if (found != slots_.end()) slot = std::move(*found);
    slot.mid = section.mid;
    slot.kind = MediaKindOf(section.kind).value_or(control::MediaKind::kAudio);
    kept.push_back(std::move(slot));
  }
  slots_ = std::move(kept);
}

void DownlinkSections::FreeUnwanted(const wire::SessionDescription& offer,
                                    std::span<const DownlinkTrack> wanted) {
  for (Slot& slot : slots_) {
    if (!slot.track) continue;
    const auto kept = std::find_if(wanted.begin(), wanted.end(), [&](const DownlinkTrack& track) {
      return IsSame(track, *slot.track) || IsMove(*slot.track, track);
    });
    if (kept == wanted.end()) {
      slot.track.reset();
    } else if (IsSame(*kept, *slot.track)) {
      slot.track = *kept;  // what may change: the codec becomes known, stereo
    } else {
      const wire::SdpMedia* section = offer.FindMid(slot.mid);
      const bool offered = section != nullptr && FindCodecFor(*section, *kept) != nullptr;
      slot.track = offered ? std::optional(*kept) : std::nullopt;
      slot.is_new = offered;
    }
  }
}

void DownlinkSections::Bind(const wire::SessionDescription& offer, const DownlinkTrack& track) {
  bool refused = false;
  for (Slot& slot : slots_) {
    if (slot.kind != track.kind || slot.track || slot.was_sending) continue;
    const wire::SdpMedia* section = offer.FindMid(slot.mid);
    if (section == nullptr || FindCodecFor(*section, track) == nullptr) {
      refused = true;
      continue;
    }
    slot.track = track;
    slot.is_new = true;
    return;
  }
  if (refused) unsupported_.insert({track.track_sid, track.codec});
}

void DownlinkSections::Release(std::string_view track_sid) {
  for (Slot& slot : slots_) {
    if (slot.track && slot.track->track_sid == track_sid) slot.track.reset();
  }
}

const DownlinkSections::Slot* DownlinkSections::Find(std::string_view mid) const {
  for (const Slot& slot : slots_) {
    if (slot.mid == mid) return &slot;
  }
  return nullptr;
}

bool DownlinkSections::IsBound(const DownlinkTrack& track) const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [&](const Slot& slot) { return slot.track && IsSame(*slot.track, track); });
}

std::vector<std::string> DownlinkSections::unsupported() const {
  std::vector<std::string> sids;
  for (const auto& [sid, codec] : unsupported_) sids.push_back(sid);
  return sids;
}

std::optional<SectionShortage> DownlinkSections::Shortage(
    std::span<const DownlinkTrack> wanted) const {
  std::uint32_t pending_audios = 0;
  std::uint32_t pending_videos = 0;
  bool moves = false;  // needs an offer, but no section
  for (const DownlinkTrack& track : wanted) {
    if (IsBound(track) || IsUnsupported(track)) continue;
    const bool has_section = std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
      return slot.track && IsMove(*slot.track, track);
    });
    moves = moves || has_section;
    if (has_section) continue;
    ++(track.kind == control::MediaKind::kAudio ? pending_audios : pending_videos);
  }
  if (pending_audios == 0 && pending_videos == 0 && !moves) return std::nullopt;
  std::uint32_t free_audios = 0;
  std::uint32_t free_videos = 0;
  for (const Slot& slot : slots_) {
    if (slot.track || slot.was_sending) continue;
    ++(slot.kind == control::MediaKind::kAudio ? free_audios : free_videos);
  }
  return SectionShortage{pending_audios - std::min(pending_audios, free_audios),
                         pending_videos - std::min(pending_videos, free_videos)};
}

}  // namespace fovea::livekit
