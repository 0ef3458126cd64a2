#include "signaling/io/http_connection_pool.h"

#include <gmock/gmock.h>

#include "sfu/core/limits.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::io {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// As many as may be under way to one homeserver.
static_assert(limits::kIdleConnectionsPerPlaceMax == limits::kDelayedCallsPerServerMax);
static_assert(limits::kIdleConnectionsPerPlaceMax == limits::kOpenIdChecksPerServerMax);

// Nothing ever comes; says when it is closed.
class QuietStream : public ByteStream {
 public:
  QuietStream(std::string name, std::vector<std::string>& closed)
      : name_(std::move(name)), closed_(closed) {}
  ~QuietStream() override { closed_.push_back(name_); }
  void Start(ByteStreamListener&) override {}
  void PauseReading() override {}
  void ResumeReading() override {}
  void Write(std::string) override {}
  void Finish() override {}
  [[nodiscard]] std::size_t unsent_bytes() const override { return 0; }

 private:
  const std::string name_;
  std::vector<std::string>& closed_;
};

class HttpConnectionPoolTest : public LoopTest {
 protected:
  void Put(const std::string& place, std::size_t number) {
    pool_->Put(place, std::make_unique<ReusableConnection>(std::make_unique<QuietStream>(
                          place + " " + std::to_string(number), closed_)));
  }
  void TearDown() override { pool_.reset(); }

  std::vector<std::string> closed_;
  std::unique_ptr<HttpConnectionPool> pool_ = std::make_unique<HttpConnectionPool>(&loop_);
};

TEST_F(HttpConnectionPoolTest, ClosesTheLongestIdleOfAPlaceThatHasItsShare) {
  Put("other", 0);
  for (std::size_t i = 0; i < limits::kIdleConnectionsPerPlaceMax; ++i) Put("place", i);
  EXPECT_THAT(closed_, IsEmpty());
  Put("place", limits::kIdleConnectionsPerPlaceMax);
  EXPECT_THAT(closed_, ElementsAre("place 0"));
  EXPECT_EQ(pool_->size(), limits::kIdleConnectionsPerPlaceMax + 1);
}

TEST_F(HttpConnectionPoolTest, ClosesTheLongestIdleOfAllWhenFull) {
  for (std::size_t i = 0; i < limits::kIdleConnectionsMax; ++i)
    Put("place " + std::to_string(i), i);
  EXPECT_THAT(closed_, IsEmpty());
  Put("one more", 0);
  EXPECT_THAT(closed_, ElementsAre("place 0 0"));
  EXPECT_EQ(pool_->size(), limits::kIdleConnectionsMax);
  EXPECT_NE(pool_->Take("one more"), nullptr);
}

}  // namespace
}  // namespace fovea::io
