// Who may have a token where another server is the SFU, so that no rooms are watched. Thread:
// signaling.
#pragma once

#include "signaling/app/homeserver_client.h"
#include "signaling/app/token_ports.h"

namespace fovea::app {

// On the routes that a homeserver proxies: whoever it says is in the room (MSC4502), and nobody
// while it does not say. On the others: everybody whose homeserver vouches for them, as the
// reference service has it.
class AskingMintPolicy : public MintPolicy {
 public:
  // `homeserver` may be null: nobody to ask. It outlives this object.
  explicit AskingMintPolicy(HomeserverClient* homeserver) : homeserver_(homeserver) {}

  void DecideMint(Instant now, const matrix::MintedIdentity& who, OnAnswer on_answer) override;
  void RecordMint(Instant, const matrix::MintedIdentity&) override {}

 private:
  HomeserverClient* const homeserver_;
};

}  // namespace fovea::app
