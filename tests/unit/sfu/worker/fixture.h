// A world for one test, which must end without a violated check. Thread: a value of its test.
#pragma once

#include <gtest/gtest.h>

#include <variant>
#include <vector>

#include "tests/support/world/world.h"

namespace fovea::worker {

class WorkerTest : public ::testing::Test {
 protected:
  using World = test::World;

  // Called first by every test.
  World& MakeWorld(std::size_t workers, test::WorldOptions options = {}) {
    options.workers = workers;
    world_ = std::make_unique<World>(options);
    world_->keeps_events = true;
    return *world_;
  }
  void TearDown() override {
    if (world_ == nullptr || HasFailure()) return;
    world_->Settle();
    EXPECT_EQ(world_->Failures(), "");
  }

  // A client that is connected when this returns.
  World::ClientId Connected(std::size_t worker) {
    const World::ClientId id = world_->Join(worker);
    EXPECT_TRUE(world_->RunUntil([&] { return world_->client(id).is_connected(); }, Seconds(2)));
    return id;
  }

  // The events of one kind that a worker posted so far.
  template <class Event>
  std::vector<Event> Events(std::size_t worker) {
    std::vector<Event> found;
    for (const control::WorkerEvent& event : world_->events[worker]) {
      if (const auto* match = std::get_if<Event>(&event)) found.push_back(*match);
    }
    return found;
  }

  std::unique_ptr<World> world_;
};

}  // namespace fovea::worker
