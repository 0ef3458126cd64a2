// One published track on one worker that has subscribers for it: its recent packets, kept once, and
// who gets them. On the publisher's own worker it stands beside the Uplink. Thread: owning worker.
#pragma once

#include <array>
#include <vector>

#include "sfu/control/command.h"
#include "sfu/router/track_history.h"
#include "sfu/worker/downlink.h"

namespace fovea::worker {

struct Track {
  Track(control::PublicationHandle publication, control::MediaKind media_kind)
      : handle(publication),
        kind(media_kind),
        history(media_kind == control::MediaKind::kVideo ? router::TrackHistory::kVideo
                                                         : router::TrackHistory::kAudio) {
    layer_seen_at.fill(Instant::min());
  }

  const control::PublicationHandle handle;
  const control::MediaKind kind;
  router::TrackHistory history;
  std::array<Instant, limits::kSpatialLayersMax>
      layer_seen_at;                 // last packet; Instant::min(): none
  std::vector<Downlink*> downlinks;  // not owned; a downlink leaves before it is destroyed
};

}  // namespace fovea::worker
