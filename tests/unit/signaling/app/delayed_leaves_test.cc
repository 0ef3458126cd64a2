// Delegated leave against a homeserver on loopback: what is really sent, with which credentials.
#include "signaling/app/delayed_leaves.h"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "livekit.pb.h"
#include "sfu/io/system_clock.h"
#include "signaling/app/cs_api_directory.h"
#include "signaling/io/http_server.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::app {
namespace {

using testing::ElementsAre;

// Answers by the last segments of the path; notes "POST path?query [token]".
class FakeHomeserver : public io::HttpHandler {
 public:
  void OnRequest(io::IncomingRequest request, io::ResponseWriter writer) override {
    const std::string token(request.http.Header("authorization").value_or("-"));
    const std::string user(request.http.target.Query("user_id").value_or("-"));
    const auto& segments = request.http.target.segments;
    const std::string call =
        segments.at(segments.size() - 1) + " " + segments.at(segments.size() - 2);
    calls.push_back(call + " " + user + " " + token);
    wire::HttpResponse response = wire::JsonResponse(200, "{}");
    if (refuses_tokens && token != "-") {
      response = wire::JsonResponse(401, R"({"errcode":"M_UNKNOWN_TOKEN"})");
    } else if (!answers.empty()) {
      response = answers.front();
      answers.erase(answers.begin());
    }
    writer.Send(response);
  }
  void OnUpgrade(io::IncomingRequest, io::UpgradeWriter) override {}

  std::vector<std::string> calls;
  std::vector<wire::HttpResponse> answers;  // in order; then 200
  bool refuses_tokens = false;
};

class FakeStore : public LeaveJobStore {
 public:
  void PutJob(const matrix::LeaveJob& job) override { jobs[job.key] = job; }
  void RemoveJob(const matrix::LeaveKey& key) override { jobs.erase(key); }
  std::map<matrix::LeaveKey, matrix::LeaveJob> jobs;
};

class FakeSfu : public SfuControl {
 public:
  void CreateRoom(const std::string&, OnCreated on_created) override { on_created(true); }
  void Watch(Instant, const matrix::LeaveKey& key, Duration) override {
    watched.push_back(key.identity);
  }
  void Unwatch(const matrix::LeaveKey& key) override { unwatched.push_back(key.identity); }
  std::vector<std::string> watched;
  std::vector<std::string> unwatched;
};

class CollectedLog : public LogSink {
 public:
  void Log(LogLevel, std::string_view message) override { lines.emplace_back(message); }
  std::vector<std::string> lines;
};

class DelayedLeavesTest : public io::LoopTest {
 protected:
  void SetUp() override {
    server_ = std::make_unique<io::HttpServer>(&loop_, homeserver_);
    const auto port = server_->Listen(*NetAddress::Parse("127.0.0.1", 0))->port;
    directory_.emplace(
        CsApiDirectoryConfig{{{"example.com", "http://127.0.0.1:" + std::to_string(port)}}},
        nullptr);
    config_.own_server_name = "example.com";
    config_.as_token = "as-secret";
    config_.wall_offset = &io::WallOffsetMicros;
    Make();
  }
  void TearDown() override {
    leaves_.reset();
    server_.reset();
  }
  void Make() {
    leaves_.emplace(&loop_, config_, DelayedLeaves::Ports{*directory_, nullptr, store_, sfu_, log_},
                    io::HttpClientOptions{});
  }
  static matrix::LeaveJob Job(const std::string& identity, Duration delay = Seconds(3600)) {
    matrix::LeaveJob job;
    job.key = {"room", identity};
    job.user_id = "@alice:example.com";
    job.server_name = "example.com";
    job.delay_id = "a/b";
    job.delay_timeout = delay;
    return job;
  }
  void Add(const matrix::LeaveJob& job) { leaves_->AddJob(io::MonotonicNow(), job); }
  void Connected(const std::string& who) {
    leaves_->HandleConnected(io::MonotonicNow(), "room", who);
  }
  void Left(const std::string& who) {
    leaves_->HandleLeft(io::MonotonicNow(), "room", who, matrix::LeftReason::kGone);
  }
  [[nodiscard]] bool Idle() { return leaves_->table().size() == 0; }

  FakeHomeserver homeserver_;
  std::unique_ptr<io::HttpServer> server_;
  std::optional<CsApiDirectory> directory_;
  FakeStore store_;
  FakeSfu sfu_;
  CollectedLog log_;
  DelayedLeavesConfig config_;
  std::optional<DelayedLeaves> leaves_;
};

TEST_F(DelayedLeavesTest, CallsTheOwnHomeserverInTheNameOfTheUser) {
  Add(Job("alice"));
  Connected("alice");
  ASSERT_TRUE(RunUntil([&] { return homeserver_.calls.size() == 1; }));
  Left("alice");
  ASSERT_TRUE(RunUntil([&] { return Idle(); }));
  EXPECT_THAT(homeserver_.calls, ElementsAre("restart a/b @alice:example.com Bearer as-secret",
                                             "send a/b @alice:example.com Bearer as-secret"));
}

TEST_F(DelayedLeavesTest, CallsWithoutCredentialsWhereTheTokenIsNotKnown) {
  homeserver_.refuses_tokens = true;
  Add(Job("alice"));
  Left("alice");
  ASSERT_TRUE(RunUntil([&] { return Idle(); }));
  EXPECT_THAT(homeserver_.calls,
              ElementsAre("send a/b @alice:example.com Bearer as-secret", "send a/b - -"));
  for (const std::string& line : log_.lines) {
    EXPECT_EQ(line.find("as-secret"), std::string::npos) << line;
    EXPECT_EQ(line.find("alice"), std::string::npos) << line;
  }
}

TEST_F(DelayedLeavesTest, KeepsTheTokenFromOtherHomeservers) {
  config_.own_server_name = "another.org";
  Make();
  Add(Job("alice"));
  Left("alice");
  ASSERT_TRUE(RunUntil([&] { return Idle(); }));
  EXPECT_THAT(homeserver_.calls, ElementsAre("send a/b - -"));
}

TEST_F(DelayedLeavesTest, TriesAgainAsTheHomeserverAsks) {
  wire::HttpResponse limited = wire::JsonResponse(429, R"({"retry_after_ms":150})");
  homeserver_.answers = {limited};
  Add(Job("alice"));
  const Instant before = io::MonotonicNow();
  Left("alice");
  ASSERT_TRUE(RunUntil([&] { return Idle(); }));
  EXPECT_EQ(homeserver_.calls.size(), 2u);
  EXPECT_GE(io::MonotonicNow() - before, Millis(150));
  EXPECT_LT(io::MonotonicNow() - before, Millis(900)) << "the usual back-off was used";
}

TEST_F(DelayedLeavesTest, SendsByItselfWhenNobodyConnects) {
  Add(Job("alice", Millis(500)));
  ASSERT_TRUE(RunUntil([&] { return Idle(); }));
  EXPECT_EQ(homeserver_.calls.size(), 1u);
  EXPECT_TRUE(store_.jobs.empty());
}

TEST_F(DelayedLeavesTest, RestartsAgainAndAgain) {
  Add(Job("alice", Millis(500)));
  Connected("alice");
  ASSERT_TRUE(RunUntil([&] { return homeserver_.calls.size() >= 4; }));
  for (const std::string& call : homeserver_.calls) EXPECT_TRUE(call.starts_with("restart"));
}

TEST_F(DelayedLeavesTest, KeepsJobsAndWatchesTheirParticipants) {
  Add(Job("alice"));
  EXPECT_EQ(store_.jobs.size(), 1u);
  EXPECT_THAT(sfu_.watched, ElementsAre("alice"));
  leaves_->HandleAborted(io::MonotonicNow(), "room", "alice");
  EXPECT_TRUE(store_.jobs.empty());
  EXPECT_THAT(sfu_.unwatched, ElementsAre("alice"));
  EXPECT_TRUE(homeserver_.calls.empty());
}

TEST_F(DelayedLeavesTest, PurgesExpiredJobsBeforeItResumesTheOthers) {
  const std::int64_t now_ms = io::WallNow().value / 1000;
  matrix::LeaveJob expired = Job("expired", Millis(500));
  expired.restarted_unix_ms = now_ms - 10'000;
  matrix::LeaveJob young = Job("young");
  young.restarted_unix_ms = now_ms - 10'000;
  store_.PutJob(expired);
  store_.PutJob(young);
  EXPECT_EQ(leaves_->Resume(io::MonotonicNow(), {expired, young}), 1u);
  EXPECT_EQ(store_.jobs.size(), 1u);
  EXPECT_THAT(sfu_.watched, ElementsAre("young"));
  EXPECT_TRUE(homeserver_.calls.empty());
}

TEST_F(DelayedLeavesTest, FailsWithoutACallWhereAServerCannotBeFound) {
  matrix::LeaveJob job = Job("alice", Millis(500));
  job.server_name = "unknown.example";
  leaves_->AddJob(io::MonotonicNow(), job);
  Left("alice");
  ASSERT_TRUE(RunUntil([&] { return Idle(); }));
  EXPECT_TRUE(homeserver_.calls.empty());
  EXPECT_EQ(leaves_->table().ended_total(matrix::LeaveEnd::kGivenUp), 1u);
  EXPECT_EQ(log_.lines.size(), 1u);
}

TEST_F(DelayedLeavesTest, IsVerifiedByAHomeserverThatKnowsDelayedEvents) {
  homeserver_.answers = {
      wire::JsonResponse(404, R"({"errcode":"M_NOT_FOUND"})"),
      wire::JsonResponse(200, R"({"unstable_features":{"org.matrix.msc4140":true}})")};
  EXPECT_FALSE(leaves_->IsOffered());
  leaves_->VerifyOwnServer();
  EXPECT_TRUE(RunUntil([&] { return leaves_->IsOffered(); }));
  EXPECT_THAT(homeserver_.calls,
              ElementsAre("restart fovea-probe - Bearer as-secret", "versions client - -"));
}

TEST_F(DelayedLeavesTest, IsNotVerifiedByAHomeserverThatHasThemOff) {
  homeserver_.answers = {wire::JsonResponse(404, R"({"errcode":"M_UNRECOGNIZED"})")};
  leaves_->VerifyOwnServer();
  EXPECT_TRUE(RunUntil([&] { return !log_.lines.empty(); }));
  EXPECT_FALSE(leaves_->IsOffered());
  EXPECT_NE(log_.lines[0].find("max_event_delay_duration"), std::string::npos);
}

// Synapse 1.163 without max_event_delay_duration: it looks for the event and has none.
TEST_F(DelayedLeavesTest, IsNotVerifiedByAHomeserverThatDoesNotTellClientsOfThem) {
  for (const char* features :
       {R"({"org.matrix.msc4140":false})", R"({"org.matrix.msc4140":1})", "{}", "[true]", "7"}) {
    homeserver_.answers = {
        wire::JsonResponse(404, R"({"errcode":"M_NOT_FOUND"})"),
        wire::JsonResponse(200, R"({"unstable_features":)" + std::string(features) + "}")};
    homeserver_.calls.clear();
    leaves_->VerifyOwnServer();
    EXPECT_TRUE(RunUntil([&] { return homeserver_.calls.size() == 2; }));
    bool is_over = false;
    io::Timer pause(&loop_, [&] { is_over = true; });
    pause.StartOnce(Millis(20));
    EXPECT_TRUE(RunUntil([&] { return is_over; }));
    EXPECT_FALSE(leaves_->IsOffered()) << features;
  }
  EXPECT_NE(log_.lines[0].find("max_event_delay_duration"), std::string::npos);
}

TEST_F(DelayedLeavesTest, TakesJobsFromTheTokenService) {
  Delegation delegation;
  delegation.who.room_name = "room";
  delegation.who.identity = "alice";
  delegation.who.user_id = "@alice:example.com";
  delegation.who.server_name = "example.com";
  delegation.delay_id = "id";
  delegation.timeout = Seconds(3600);
  DelegationPort& port = *leaves_;
  EXPECT_TRUE(port.AddJob(io::MonotonicNow(), delegation));
  EXPECT_TRUE(port.AddJob(io::MonotonicNow(), delegation)) << "again, as clients do";
  delegation.delay_id = "..";
  EXPECT_FALSE(port.AddJob(io::MonotonicNow(), delegation));
  EXPECT_FALSE(port.IsOffered());
  bool known = false;
  port.FindClientApi("example.com", [&known](bool found) { known = found; });
  EXPECT_TRUE(known);
  Left("alice");
  ASSERT_TRUE(RunUntil([&] { return Idle(); }));
  EXPECT_THAT(homeserver_.calls, ElementsAre("send id @alice:example.com Bearer as-secret"));
}

TEST(LeftReasonOf, KnowsWhoGoesOnElsewhere) {
  using ::livekit::DisconnectReason;
  EXPECT_EQ(LeftReasonOf(DisconnectReason::DUPLICATE_IDENTITY), matrix::LeftReason::kSuperseded);
  EXPECT_EQ(LeftReasonOf(DisconnectReason::SERVER_SHUTDOWN), matrix::LeftReason::kFocusStopping);
  EXPECT_EQ(LeftReasonOf(DisconnectReason::CLIENT_INITIATED), matrix::LeftReason::kGone);
  EXPECT_EQ(LeftReasonOf(DisconnectReason::PARTICIPANT_REMOVED), matrix::LeftReason::kGone);
  EXPECT_EQ(LeftReasonOf(DisconnectReason::SIGNAL_CLOSE), matrix::LeftReason::kConnectionLost);
  EXPECT_EQ(LeftReasonOf(999), matrix::LeftReason::kGone);
}

}  // namespace
}  // namespace fovea::app
