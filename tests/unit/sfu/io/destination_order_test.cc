#include "sfu/io/destination_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "sfu/core/rng.h"

namespace fovea::io {
namespace {

std::vector<std::uint16_t> OrderOf(DestinationOrder& order, const worker::TxBatch& batch) {
  const auto indices = order.Of(batch);
  return {indices.begin(), indices.end()};
}

void Add(worker::TxBatch& batch, std::size_t port, std::uint8_t local = 0) {
  (void)batch.Reserve();
  batch.Commit(NetAddress::V4(0x7f000001, static_cast<std::uint16_t>(port)), 100,
               worker::LocalAddressId{local});
}

TEST(DestinationOrder, PutsOneDestinationTogetherInTheOrderOfTheBatch) {
  DestinationOrder order;
  worker::TxBatch batch;
  for (const std::size_t port : {5, 7, 5, 6, 7, 5}) Add(batch, port);
  EXPECT_EQ(OrderOf(order, batch), (std::vector<std::uint16_t>{0, 2, 5, 1, 4, 3}));
}

TEST(DestinationOrder, TellsSourceAddressesApart) {
  DestinationOrder order;
  worker::TxBatch batch;
  Add(batch, 5, 1);
  Add(batch, 5, 2);
  Add(batch, 5, 1);
  EXPECT_EQ(OrderOf(order, batch), (std::vector<std::uint16_t>{0, 2, 1}));
}

TEST(DestinationOrder, ForgetsTheLastBatch) {
  DestinationOrder order;
  worker::TxBatch batch;
  for (const std::size_t port : {5, 6, 5}) Add(batch, port);
  (void)order.Of(batch);
  batch.Clear();
  EXPECT_TRUE(OrderOf(order, batch).empty());
  for (const std::size_t port : {6, 5, 6}) Add(batch, port);
  EXPECT_EQ(OrderOf(order, batch), (std::vector<std::uint16_t>{0, 2, 1}));
}

// As many destinations as there can be, and anything in between.
TEST(DestinationOrder, GroupsFullBatchesOfAnyMixture) {
  Rng rng(11);
  const auto order = std::make_unique<DestinationOrder>();
  for (const std::uint32_t ports : {1U, 2U, 50U, 512U, 60000U}) {
    worker::TxBatch batch;
    while (!batch.full()) Add(batch, 1 + rng.Below(ports));
    std::map<std::uint16_t, std::vector<std::uint16_t>> groups;
    std::vector<std::uint16_t> first_seen;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const std::uint16_t port = batch.entry(i).remote.port;
      if (groups[port].empty()) first_seen.push_back(port);
      groups[port].push_back(static_cast<std::uint16_t>(i));
    }
    std::vector<std::uint16_t> expected;
    for (const std::uint16_t port : first_seen) {
      expected.insert(expected.end(), groups[port].begin(), groups[port].end());
    }
    ASSERT_EQ(OrderOf(*order, batch), expected) << ports;
  }
}

}  // namespace
}  // namespace fovea::io
