// Requests for a token that wait for the homeserver's word.
#include "signaling/app/matrix_focus.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "sfu/core/limits.h"
#include "tests/support/livekit_fakes.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::app {
namespace {

using matrix::MintCase;
using matrix::MintVerdict;

// The homeserver is silent: nothing of the loop runs.
class MatrixFocusTest : public io::LoopTest {
 protected:
  MatrixFocusTest() {
    config_.homeserver.name = "hs";
    config_.homeserver.url = "http://127.0.0.1:9";
    config_.appservice.as_token = "as";
    config_.appservice.hs_token = "hs";
    focus_ = std::make_unique<MatrixFocus>(MatrixFocus::Parts{.loop = &loop_,
                                                              .config = config_,
                                                              .log = world_.log,
                                                              .context = world_.context,
                                                              .rooms = world_.manager,
                                                              .store = store_,
                                                              .turn_soon = [] {}});
  }
  void TearDown() override { focus_.reset(); }
  void Ask(const std::string& user_id, matrix::TokenRoute route) {
    focus::MintQuery query;
    query.room_id = "!r:hs";
    query.slot_id = "m.call#ROOM";
    query.user_id = user_id;
    query.route = route;
    focus_->DecideMint(now_, query, [this](const focus::MintDecision& decision) {
      decisions_.push_back(decision);
    });
  }

  Config config_;
  livekit::World world_;
  StateStore store_;
  std::unique_ptr<MatrixFocus> focus_;
  Instant now_{Seconds(1000)};
  std::vector<focus::MintDecision> decisions_;
};

TEST_F(MatrixFocusTest, DecidesWithoutAskingForWhomThereIsNoPlaceToWait) {
  for (std::size_t i = 0; i < limits::kWaitingMintsMax; ++i) {
    Ask("@alice:hs", matrix::TokenRoute::kLegacy);
  }
  EXPECT_TRUE(decisions_.empty());
  Ask("@bob:far", matrix::TokenRoute::kFederation);
  ASSERT_EQ(decisions_.size(), 1U);
  EXPECT_EQ(decisions_[0].verdict, MintVerdict::kDeny);
  EXPECT_EQ(decisions_[0].reason, MintCase::kUnreachable) << "nobody knows; try again";
  EXPECT_FALSE(decisions_[0].asks_is_joined);
  decisions_.clear();
  now_ += MatrixFocus::kAskMax;
  focus_->Pump(now_);
  EXPECT_EQ(decisions_.size(), limits::kWaitingMintsMax);
  Ask("@bob:far", matrix::TokenRoute::kFederation);
  EXPECT_EQ(decisions_.size(), limits::kWaitingMintsMax) << "there is a place again";
}

}  // namespace
}  // namespace fovea::app
