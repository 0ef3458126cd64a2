// One session on its worker, with what belongs to it: which SSRC is whose, feedback state, timers.
// Thread: the owning worker.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sfu/control/handles.h"
#include "sfu/core/limits.h"
#include "sfu/core/strong_id.h"
#include "sfu/rtp/extensions.h"
#include "sfu/rtp/rtt.h"
#include "sfu/rtp/twcc_recorder.h"
#include "sfu/transport/session.h"
#include "sfu/worker/batches.h"
#include "sfu/worker/downlink.h"
#include "sfu/worker/uplink.h"

namespace fovea::worker {

struct Peer {
  Peer(control::SessionHandle session_handle, Ssrc feedback, std::string_view ufrag,
       std::string_view password, std::unique_ptr<crypto::SecureChannel> channel)
      : handle(session_handle),
        feedback_ssrc(feedback),
        session(ufrag, password, std::move(channel)) {}

  // An SSRC of this peer. Bounded by kSsrcsPerSessionMax; looked up linearly, because a peer sends
  // about ten.
  struct Route {
    Ssrc ssrc;
    Uplink* uplink = nullptr;  // not owned
    std::uint8_t layer = 0;
    bool is_rtx = false;
  };

  // Constant after construction.
  const control::SessionHandle handle;
  const Ssrc feedback_ssrc;  // our SSRC in feedback to this peer

  transport::Session session;
  std::optional<NetAddress> remote;             // where media goes
  LocalAddressId local = LocalAddressId::kAny;  // where it leaves from
  std::vector<std::string> ufrags;              // ours, under which the worker finds this peer
  rtp::ExtensionMap extensions;                 // ids of the peer's bundle, for what it sends
  std::vector<Route> routes;
  std::vector<Uplink*> uplinks;      // not owned
  std::vector<Downlink*> downlinks;  // not owned
  rtp::TwccRecorder arrivals;
  Ssrc last_media_ssrc;  // TWCC feedback names some media SSRC
  rtp::RttEstimator rtt;
  Instant report_at = kNever;  // next receiver report
  Instant due = kNever;        // earliest deadline of all of the above; DueQueue's
  std::size_t due_place = 0;
  bool connected = false;

  [[nodiscard]] const Route* FindRoute(Ssrc ssrc) const {
    for (const Route& route : routes) {
      if (route.ssrc == ssrc) return &route;
    }
    return nullptr;
  }
};

}  // namespace fovea::worker
