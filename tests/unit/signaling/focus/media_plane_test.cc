#include "signaling/focus/media_plane.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "signaling/focus/handle_table.h"

namespace fovea::focus {
namespace {

using control::PublicationHandle;
using control::SessionHandle;
using control::SubscriptionHandle;
using control::WorkerCommand;

class NoData : public DataPort {
 public:
  void AddSession(SessionHandle) override { ++sessions; }
  void RemoveSession(SessionHandle) override { --sessions; }
  void OpenDataChannels(SessionHandle) override {}
  bool Send(SessionHandle, livekit::DataLane, ByteSpan) override { return false; }
  int sessions = 0;
};

// Two workers whose rings the test reads.
class MediaPlaneTest : public testing::Test {
 protected:
  MediaPlaneTest() {
    std::vector<MediaPlane::WorkerEnd> ends;
    for (std::size_t i = 0; i < 2; ++i) {
      channels_.push_back(std::make_unique<control::WorkerChannel>());
      proxies_.push_back(std::make_unique<control::WorkerProxy>(*channels_[i], nullptr));
      MediaPlane::WorkerEnd end;
      end.proxy = proxies_[i].get();
      ends.push_back(end);
    }
    plane_ = std::make_unique<MediaPlane>(std::move(ends), data_);
  }

  std::vector<WorkerCommand> Taken(std::size_t worker) {
    std::vector<WorkerCommand> commands;
    channels_[worker]->commands.Drain(
        1000, [&](const WorkerCommand& command) { commands.push_back(command); });
    return commands;
  }
  // The routes that `worker` was told last, if it was told any.
  std::optional<std::uint16_t> RoutesTold(std::size_t worker) {
    std::optional<std::uint16_t> routes;
    for (const WorkerCommand& command : Taken(worker)) {
      if (const auto* set = std::get_if<control::SetRoutes>(&command)) routes = set->workers;
    }
    return routes;
  }
  SubscriptionHandle Subscribe(std::uint8_t worker, PublicationHandle publication) {
    control::AddSubscription command;
    command.subscription = plane_->NewSubscription(worker);
    command.publication = publication;
    plane_->Post(command);
    return command.subscription;
  }

  NoData data_;
  std::vector<std::unique_ptr<control::WorkerChannel>> channels_;
  std::vector<std::unique_ptr<control::WorkerProxy>> proxies_;
  std::unique_ptr<MediaPlane> plane_;
};

TEST(HandleTable, AReusedSlotHasAnotherGeneration) {
  HandleTable<SessionHandle> table(1, 1);
  const SessionHandle first = table.Acquire();
  EXPECT_FALSE(table.Acquire().valid());
  EXPECT_TRUE(table.Release(first));
  EXPECT_FALSE(table.Release(first));
  const SessionHandle second = table.Acquire();
  EXPECT_EQ(second.slot(), first.slot());
  EXPECT_NE(second.generation(), first.generation());
  EXPECT_FALSE(table.IsCurrent(first));
  EXPECT_TRUE(table.IsCurrent(second));
}

TEST_F(MediaPlaneTest, ThePublishersWorkerIsToldOfTheFirstAndTheLastSubscriptionPerWorker) {
  const PublicationHandle publication = plane_->NewPublication(0);
  const SubscriptionHandle a = Subscribe(1, publication);
  EXPECT_EQ(RoutesTold(0), 0b10);
  const SubscriptionHandle b = Subscribe(1, publication);
  EXPECT_EQ(RoutesTold(0), std::nullopt);
  plane_->Post(control::RemoveSubscription{a});
  EXPECT_EQ(RoutesTold(0), std::nullopt);
  plane_->Post(control::RemoveSubscription{b});
  EXPECT_EQ(RoutesTold(0), 0);
}

TEST_F(MediaPlaneTest, ARemovedPublicationIsRemovedWhereverItHasSubscribers) {
  const PublicationHandle publication = plane_->NewPublication(0);
  (void)Subscribe(1, publication);
  (void)Taken(0);
  (void)Taken(1);
  plane_->Post(control::RemovePublication{publication});
  EXPECT_EQ(Taken(0).size(), 1U);
  EXPECT_EQ(Taken(1).size(), 1U);
  plane_->Post(control::RemovePublication{publication});  // twice is harmless
  EXPECT_TRUE(Taken(0).empty());
}

TEST_F(MediaPlaneTest, AFenceIsCompleteWhenEveryWorkerPassedIt) {
  const std::uint64_t id = plane_->PostFence();
  EXPECT_EQ(Taken(0).size(), 1U);
  EXPECT_EQ(Taken(1).size(), 1U);
  EXPECT_FALSE(plane_->HandleEvent(control::FenceReached{id}));
  EXPECT_TRUE(plane_->HandleEvent(control::FenceReached{id}));
  EXPECT_FALSE(plane_->HandleEvent(control::FenceReached{id}));
}

TEST_F(MediaPlaneTest, ParticipantsGoToTheWorkerWithTheLeastDownlinks) {
  EXPECT_EQ(plane_->PickWorker(1), 0);
  (void)plane_->NewSession(0);
  EXPECT_EQ(plane_->PickWorker(1), 1);
  for (int i = 0; i < 3; ++i) (void)Subscribe(1, plane_->NewPublication(0));
  EXPECT_EQ(plane_->PickWorker(1), 0);
}

TEST_F(MediaPlaneTest, ParticipantsGoWhereAllTheirSessionsHaveASlot) {
  for (std::size_t i = 0; i < limits::kSessionsPerWorkerMax; ++i) {
    if (i > 0) (void)plane_->NewSession(0);
    (void)plane_->NewSession(1);
  }
  EXPECT_EQ(plane_->PickWorker(1), 0);
  EXPECT_EQ(plane_->PickWorker(2), std::nullopt);
  const SessionHandle last = plane_->NewSession(0);
  EXPECT_TRUE(last.valid());
  EXPECT_EQ(plane_->PickWorker(1), std::nullopt);
  for (int i = 0; i < 5; ++i) (void)Subscribe(0, plane_->NewPublication(0));
  plane_->Post(control::RemoveSession{last});
  EXPECT_EQ(plane_->PickWorker(1), 0) << "the other has less to do, but is full";
}

TEST_F(MediaPlaneTest, AWorkersTablesAreFullAtTheirLimits) {
  const auto count = [](auto acquire) {
    std::size_t taken = 0;
    while (acquire().valid()) ++taken;
    return taken;
  };
  EXPECT_EQ(count([&] { return plane_->NewSession(0); }), limits::kSessionsPerWorkerMax);
  EXPECT_EQ(count([&] { return plane_->NewPublication(0); }), limits::kPublicationsPerWorkerMax);
  EXPECT_EQ(count([&] { return plane_->NewSubscription(0); }), limits::kSubscriptionsPerWorkerMax);
  EXPECT_TRUE(plane_->NewSession(1).valid()) << "the other worker's are not";
}

TEST_F(MediaPlaneTest, SessionsAreAddedToAndRemovedFromTheDataPlaneToo) {
  control::AddSession add;
  add.session = plane_->NewSession(0);
  plane_->Post(add);
  EXPECT_EQ(data_.sessions, 1);
  EXPECT_EQ(plane_->sessions_in_use(), 1U);
  plane_->Post(control::RemoveSession{add.session});
  plane_->Post(control::RemoveSession{add.session});
  EXPECT_EQ(data_.sessions, 0);
  EXPECT_EQ(plane_->sessions_in_use(), 0U);
}

}  // namespace
}  // namespace fovea::focus
