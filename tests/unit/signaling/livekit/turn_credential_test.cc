#include "signaling/livekit/turn_credential.h"

#include <gtest/gtest.h>

namespace fovea::livekit {
namespace {

// By another implementation: Python's hmac.
TEST(TurnCredential, IsWhatTurnServersWithTheSameSecretExpect) {
  const TurnCredential made = MakeTurnCredential("north", "PA_alice", 1'700'014'400);
  EXPECT_EQ(made.username, "1700014400:PA_alice");
  EXPECT_EQ(made.credential, "+6a3VeFs6bd9St1MFx5kKe8YQbE=");
}

}  // namespace
}  // namespace fovea::livekit
