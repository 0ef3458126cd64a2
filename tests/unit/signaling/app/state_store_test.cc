#include "signaling/app/state_store.h"

#include <gtest/gtest.h>
#include <uv.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "sfu/core/limits.h"

namespace fovea::app {
namespace {

class NoLog : public LogSink {
 public:
  void Log(LogLevel, std::string_view message) override { ADD_FAILURE() << message; }
};

class StateStoreTest : public testing::Test {
 protected:
  StateStoreTest() {
    uv_loop_init(&loop_);
    std::string name = testing::TempDir() + "fovea-state-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    Reopen();
  }
  ~StateStoreTest() override {
    store_.reset();
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0);
    std::filesystem::remove_all(folder_);
  }
  // As a restart would.
  void Reopen() {
    store_.reset();
    auto store = StateStore::Open(&loop_, folder_ + "/state.db", log_);
    ASSERT_TRUE(store.ok()) << store.error();
    store_ = std::move(*store);
  }

  NoLog log_;
  uv_loop_t loop_{};
  std::string folder_;
  std::unique_ptr<StateStore> store_;
};

matrix::LeaveJob JobOf(const std::string& identity) {
  return {{"room", identity}, "@alice:example.com", "example.com", "delay/1",
          Seconds(3600),      1'790'000'000'123,    true};
}

TEST_F(StateStoreTest, KeepsJobs) {
  store_->PutJob(JobOf("alice"));
  store_->PutJob(JobOf("bob"));
  matrix::LeaveJob newer = JobOf("alice");
  newer.delay_id = "delay/2";
  store_->PutJob(newer);
  store_->RemoveJob(JobOf("bob").key);
  Reopen();
  EXPECT_EQ(store_->Jobs(), std::vector<matrix::LeaveJob>{newer});
}

TEST_F(StateStoreTest, KeepsTheLastTransactionIds) {
  const std::size_t count = limits::kTransactionIdsMax + 10;
  for (std::size_t i = 0; i < count; ++i) store_->PutTransactionId(std::to_string(i));
  store_->PutTransactionId("500");
  Reopen();
  const std::vector<std::string> ids = store_->TransactionIds();
  ASSERT_EQ(ids.size(), limits::kTransactionIdsMax);
  EXPECT_EQ(ids.front(), "10");
  EXPECT_EQ(ids.back(), std::to_string(count - 1));
}

TEST_F(StateStoreTest, KeepsIdentitiesWithEveryField) {
  matrix::MintedIdentity identity;
  identity.room_name = "room+/=";
  identity.identity = "@alice:example.com:DEV";
  identity.room_id = "!room:example.com";
  identity.slot_id = "m.call#ROOM";
  identity.user_id = "@alice:example.com";
  identity.device_id = "DEV";
  identity.member_id = "member";
  identity.server_name = "example.com";
  identity.full_access = true;
  identity.route = matrix::TokenRoute::kFederation;
  identity.issued_unix = 1'790'000'000;
  identity.expires_unix = 1'790'003'600;
  store_->PutIdentity(identity);
  Reopen();
  const auto identities = store_->Identities();
  ASSERT_EQ(identities.size(), 1u);
  const matrix::MintedIdentity& read = identities[0];
  EXPECT_EQ(read.room_name, identity.room_name);
  EXPECT_EQ(read.identity, identity.identity);
  EXPECT_EQ(read.room_id, identity.room_id);
  EXPECT_EQ(read.slot_id, identity.slot_id);
  EXPECT_EQ(read.user_id, identity.user_id);
  EXPECT_EQ(read.device_id, identity.device_id);
  EXPECT_EQ(read.member_id, identity.member_id);
  EXPECT_EQ(read.server_name, identity.server_name);
  EXPECT_TRUE(read.full_access);
  EXPECT_EQ(read.route, identity.route);
  EXPECT_EQ(read.issued_unix, identity.issued_unix);
  EXPECT_EQ(read.expires_unix, identity.expires_unix);
  store_->RemoveIdentity(identity.room_name, identity.identity);
  EXPECT_TRUE(store_->Identities().empty());
}

TEST_F(StateStoreTest, RefusesTheSameTokensAfterARestart) {
  store_->PutRevocation({"room", "alice", 2000});
  store_->PutRevocation({"room", "alice", 1000});
  store_->PutRevocation({"room", "bob", 2000});
  store_->RemoveRevocation("room", "bob");
  Reopen();
  livekit::Revocations revocations;
  store_->LoadInto(revocations);
  EXPECT_EQ(revocations.size(), 1u);
  EXPECT_TRUE(revocations.IsRevoked("room", "alice", 1999));
  EXPECT_FALSE(revocations.IsRevoked("room", "alice", 2000));
  EXPECT_FALSE(revocations.IsRevoked("room", "bob", 1));
}

TEST_F(StateStoreTest, RefusesEverybodyAfterARestartThoughAllWerePutOutAtOnce) {
  for (std::size_t i = 0; i < limits::kAdmissionsMax; ++i) {
    matrix::MintedIdentity minted;
    minted.room_name = "room";
    minted.identity = std::to_string(i);
    store_->PutIdentity(minted);
    store_->PutRevocation({"room", minted.identity, 2000});
  }
  EXPECT_EQ(store_->database()->dropped_writes_total(), 0u);
  Reopen();
  livekit::Revocations revocations;
  store_->LoadInto(revocations);
  EXPECT_EQ(revocations.size(), limits::kAdmissionsMax);
  EXPECT_TRUE(revocations.IsRevoked("room", "0", 1999));
  EXPECT_EQ(store_->Identities().size(), limits::kAdmissionsMax);
}

TEST_F(StateStoreTest, KeepsTheYoungestRevocationsWhenThereAreTooMany) {
  for (std::size_t i = 0; i < limits::kRevocationsMax + 5; ++i) {
    store_->PutRevocation({"room", std::to_string(i), static_cast<std::int64_t>(1000 + i)});
    if (i == limits::kRevocationsMax / 2) store_->Flush();  // no more wait for the disk than may
  }
  const auto revocations = store_->Revocations();
  ASSERT_EQ(revocations.size(), limits::kRevocationsMax);
  EXPECT_EQ(revocations.front().not_before_unix, 1005);
}

TEST_F(StateStoreTest, PurgesWhatNoTokenCanBringBack) {
  constexpr std::int64_t kNow = 1'790'000'000;
  matrix::MintedIdentity identity;
  identity.room_name = "room";
  identity.identity = "old";
  identity.expires_unix = kNow - 3 * 86'400;
  store_->PutIdentity(identity);
  identity.identity = "in a long call";
  identity.expires_unix = kNow - 86'400;
  store_->PutIdentity(identity);
  store_->PutRevocation({"room", "old", kNow - 8 * 86'400});
  store_->PutRevocation({"room", "young", kNow - 6 * 86'400});
  store_->PurgeExpired(kNow);
  Reopen();
  ASSERT_EQ(store_->Identities().size(), 1u);
  EXPECT_EQ(store_->Identities()[0].identity, "in a long call");
  ASSERT_EQ(store_->Revocations().size(), 1u);
  EXPECT_EQ(store_->Revocations()[0].identity, "young");
}

TEST_F(StateStoreTest, DoesNothingWithoutAFile) {
  StateStore none;
  none.PutJob(JobOf("alice"));
  none.PurgeExpired(1);
  none.Flush();
  EXPECT_TRUE(none.Jobs().empty());
  EXPECT_FALSE(none.has_file());
  EXPECT_FALSE(none.is_degraded());
}

}  // namespace
}  // namespace fovea::app
