// Simulcast layers of an uplink section. See negotiation_layers.h.
#include "signaling/livekit/negotiation_layers.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "sfu/core/limits.h"

namespace fovea::livekit {
namespace {

// The rids a section sends, in its order, at most kSpatialLayersMax. Of alternatives (RFC 8853
// §5.1) the first.
[[nodiscard]] std::vector<wire::SdpSimulcastRid> SentRids(const wire::SdpMedia& offered) {
  std::vector<wire::SdpSimulcastRid> rids;
  for (const auto& alternatives : offered.simulcast_send) rids.push_back(alternatives.front());
  if (rids.empty()) {
    for (const wire::SdpRid& rid : offered.rids) {
      if (rid.send) rids.push_back({rid.id, false});
    }
  }
  if (rids.size() > limits::kSpatialLayersMax) rids.resize(limits::kSpatialLayersMax);
  return rids;
}

// LiveKit's two families of names, each from the smallest picture up. Unknown names have no rank.
[[nodiscard]] std::optional<std::uint8_t> RankOf(std::string_view rid) {
  if (rid == "q" || rid == "2") return 0;
  if (rid == "h" || rid == "1") return 1;
  if (rid == "f" || rid == "0") return 2;
  return std::nullopt;
}

// Three declared qualities: rank. Any two: the lower is 0 and the higher 1, whatever they are
// called. One: 0. Where that is ambiguous, the position decides.
void AssignSpatial(std::vector<UplinkLayer>& layers, std::size_t declared) {
  const bool all_ranked = std::all_of(layers.begin(), layers.end(), [](const UplinkLayer& layer) {
    return RankOf(layer.rid).has_value();
  });
  if (all_ranked) {
    std::stable_sort(layers.begin(), layers.end(), [](const UplinkLayer& a, const UplinkLayer& b) {
      return *RankOf(a.rid) < *RankOf(b.rid);
    });
  }
  const auto highest = static_cast<std::uint8_t>(std::clamp<std::size_t>(declared, 1, 3) - 1);
  bool ascending = all_ranked;
  for (std::size_t i = 0; i < layers.size() && all_ranked; ++i) {
    layers[i].spatial = std::min(*RankOf(layers[i].rid), highest);
    if (i > 0 && layers[i].spatial <= layers[i - 1].spatial) ascending = false;
  }
  if (ascending) return;
  for (std::size_t i = 0; i < layers.size(); ++i) layers[i].spatial = static_cast<std::uint8_t>(i);
}

[[nodiscard]] std::vector<const wire::SdpSsrcGroup*> GroupsOf(const wire::SdpMedia& offered,
                                                              std::string_view semantics) {
  std::vector<const wire::SdpSsrcGroup*> groups;
  for (const wire::SdpSsrcGroup& group : offered.ssrc_groups) {
    if (group.semantics == semantics && group.ssrcs.size() >= 2) groups.push_back(&group);
  }
  return groups;
}

[[nodiscard]] Ssrc RtxOf(const wire::SdpMedia& offered, Ssrc ssrc) {
  for (const wire::SdpSsrcGroup* group : GroupsOf(offered, "FID")) {
    if (group->ssrcs[0] == ssrc) return group->ssrcs[1];
  }
  return Ssrc(0);
}

// The media SSRCs a section lists, in its order: without those that only repair others.
[[nodiscard]] std::vector<Ssrc> MediaSsrcs(const wire::SdpMedia& offered) {
  std::vector<Ssrc> media;
  const auto fid = GroupsOf(offered, "FID");
  for (const wire::SdpSsrc& ssrc : offered.ssrcs) {
    const bool repairs = std::any_of(fid.begin(), fid.end(), [&](const wire::SdpSsrcGroup* group) {
      return group->ssrcs[1] == ssrc.ssrc;
    });
    if (!repairs) media.push_back(ssrc.ssrc);
  }
  return media;
}

}  // namespace

std::vector<UplinkLayer> UplinkLayersOf(const wire::SdpMedia& offered,
                                        std::uint8_t declared_layers) {
  const auto rids = SentRids(offered);
  std::vector<Ssrc> ssrcs = MediaSsrcs(offered);
  std::vector<UplinkLayer> layers;
  if (!rids.empty()) {
    for (std::size_t i = 0; i < rids.size(); ++i) {
      UplinkLayer& layer = layers.emplace_back();
      layer.rid = rids[i].rid;
      layer.paused = rids[i].paused;
      // Firefox lists SSRCs beside its rids, in the same order. Chromium lists none.
      if (ssrcs.size() == rids.size()) layer.ssrc = ssrcs[i];
    }
    AssignSpatial(layers, declared_layers == 0 ? layers.size() : declared_layers);
  } else {
    const auto simulcast = GroupsOf(offered, "SIM");
    if (!simulcast.empty()) ssrcs = simulcast.front()->ssrcs;
    const std::size_t count =
        simulcast.empty() ? 1 : std::min(ssrcs.size(), limits::kSpatialLayersMax);
    for (std::size_t i = 0; i < count; ++i) {
      UplinkLayer& layer = layers.emplace_back();
      layer.spatial = static_cast<std::uint8_t>(i);
      if (i < ssrcs.size()) layer.ssrc = ssrcs[i];
    }
  }
  for (UplinkLayer& layer : layers) {
    if (layer.ssrc.value() != 0) layer.rtx_ssrc = RtxOf(offered, layer.ssrc);
  }
  return layers;
}

void AcceptRids(const wire::SdpMedia& offered, wire::SdpMedia& answer) {
  for (const wire::SdpSimulcastRid& rid : SentRids(offered)) {
    answer.rids.push_back({rid.rid, false, ""});
    // libwebrtc sets each layer's `active` from our answer, so a layer that we listed without the
    // tilde would be switched on again.
    if (!offered.simulcast_send.empty()) answer.simulcast_recv.push_back({rid});
  }
}

}  // namespace fovea::livekit
