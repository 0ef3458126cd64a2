#include "signaling/app/redis_jobs.h"

#include <gmock/gmock.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sfu/core/limits.h"
#include "signaling/io/tcp.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::app {
namespace {

using testing::ElementsAre;

matrix::LeaveJob JobOf(const std::string& identity) {
  return {{"room", identity}, "@alice:example.com", "example.com", "delay/1",
          Millis(1500),       1'790'000'000'123,    true};
}

TEST(RedisJobFormat, IsThatOfTheReferenceService) {
  EXPECT_EQ(RedisJobField({"a+/", "@u:h:D"}), R"(["a+/","@u:h:D"])");
  EXPECT_EQ(RedisJobValue(JobOf("alice")),
            R"({"Params":{"DelayId":"delay/1","DelayTimeout":1500000000,"LiveKitIdentity":"alice",)"
            R"("LiveKitRoom":"room","ServerName":"example.com"},)"
            R"("RestartedAt":"2026-09-21T14:13:20.123Z","UserId":"@alice:example.com",)"
            R"("WasConnected":true})");
}

TEST(RedisJobFormat, ReadsBackWhatItWrites) {
  const matrix::LeaveJob job = JobOf("alice");
  EXPECT_EQ(ReadRedisJob(RedisJobField(job.key), RedisJobValue(job)), job);
}

TEST(RedisJobFormat, ReadsWhatGoWrites) {
  const auto read = [](const std::string& time) {
    return ReadRedisJob(R"(["r","i\u003c"])",
                        R"({"Params":{"DelayId":"d","DelayTimeout":3600000000000,"ServerName":"s",)"
                        R"("LiveKitRoom":"r","LiveKitIdentity":"i"},"RestartedAt":")" +
                            time + R"("})");
  };
  const auto job = read("2026-09-21T16:13:20.123456789+02:00");
  ASSERT_TRUE(job.has_value());
  EXPECT_EQ(job->key.identity, "i<");
  EXPECT_EQ(job->delay_timeout, Seconds(3600));
  EXPECT_EQ(job->restarted_unix_ms, 1'790'000'000'123);
  EXPECT_FALSE(job->was_connected);
  EXPECT_EQ(read("2026-09-21T14:13:20Z")->restarted_unix_ms, 1'790'000'000'000);
  for (const char* time : {"", "now", "2026-09-21", "2026-09-21T14:13:20", "2026-13-21T14:13:20Z",
                           "2026-09-21T14:13:20.5", "2026-09-21T14:13:20+02"}) {
    EXPECT_FALSE(read(time).has_value()) << time;
  }
}

TEST(RedisJobFormat, RefusesWhatIsNoJob) {
  const std::string value = RedisJobValue(JobOf("alice"));
  for (const char* field : {"", "[]", R"(["a"])", R"(["a","b","c"])", R"(["a",1])", "{}"}) {
    EXPECT_FALSE(ReadRedisJob(field, value).has_value()) << field;
  }
  for (std::size_t size = 0; size < value.size(); ++size) {
    EXPECT_FALSE(ReadRedisJob(R"(["a","b"])", value.substr(0, size)).has_value()) << size;
  }
}

TEST(ParseRedisUrl, ReadsEveryPart) {
  const auto all = io::ParseRedisUrl("rediss://me:p%40ss@[::1]:7000/3");
  ASSERT_TRUE(all.has_value());
  EXPECT_TRUE(all->tls);
  EXPECT_EQ(all->user, "me");
  EXPECT_EQ(all->password, "p@ss");
  EXPECT_EQ(all->host, "::1");
  EXPECT_EQ(all->port, 7000);
  EXPECT_EQ(all->database, 3u);
  const auto least = io::ParseRedisUrl("redis://redis");
  ASSERT_TRUE(least.has_value());
  EXPECT_EQ(least->host, "redis");
  EXPECT_EQ(least->port, 6379);
  EXPECT_EQ(io::ParseRedisUrl("redis://:secret@h/")->password, "secret");
  for (const char* url : {"", "http://h", "redis://", "redis://h:x", "redis://h:0", "redis://h/x",
                          "redis://[::1", "redis://h:70000", "redis://a%zz@h"}) {
    EXPECT_FALSE(io::ParseRedisUrl(url).has_value()) << url;
  }
}

TEST(RedisAddressOf, TakesThePasswordFromBesideTheUrlWhereThatHasNone) {
  EXPECT_EQ(RedisAddressOf("redis://h", "beside")->password, "beside");
  EXPECT_EQ(RedisAddressOf("redis://:inside@h", "beside")->password, "inside");
  EXPECT_EQ(RedisAddressOf("redis://:inside@h", "")->password, "inside");
  EXPECT_EQ(RedisAddressOf("redis://h:7000/3", "")->password, "");
  EXPECT_EQ(RedisAddressOf("redis://h:7000/3", "beside")->port, 7000);
  EXPECT_FALSE(RedisAddressOf("http://h", "beside").has_value());
}

// A server with one hash, for one connection at a time.
class FakeRedis : public io::ByteStreamListener {
 public:
  explicit FakeRedis(uv_loop_t* loop, std::uint16_t port = 0)
      : listener_(*io::TcpListener::Open(loop, *NetAddress::Parse("127.0.0.1", port),
                                         [this](std::unique_ptr<io::TcpStream> stream) {
                                           stream_ = std::move(stream);
                                           parser_ = {};
                                           stream_->Start(*this);
                                         })) {}
  [[nodiscard]] std::uint16_t port() const { return listener_->local().port; }
  void HangUp() { stream_.reset(); }
  void Release() {
    for (const std::string& answer : std::exchange(held_, {})) stream_->Write(answer);
  }

  std::map<std::string, std::string> hash;
  std::vector<std::string> commands;
  bool refuses_writes = false;
  bool holds = false;  // answers, until Release()

 private:
  void OnBytes(std::string_view bytes) override {
    parser_.Feed(bytes);
    while (const auto value = parser_.Next()) {
      std::vector<std::string> words;
      for (const auto& item : value->items) words.push_back(item.text);
      std::string answer = Answer(words);
      if (holds) {
        held_.push_back(std::move(answer));
      } else {
        stream_->Write(std::move(answer));
      }
    }
  }
  std::string Answer(const std::vector<std::string>& words) {
    commands.push_back(words[0]);
    if (words[0] == "PING") return "+PONG\r\n";
    if (words[0] == "AUTH") return words.back() == "right" ? "+OK\r\n" : "-WRONGPASS no\r\n";
    if (words[0] == "HGETALL") {
      std::string out = "*" + std::to_string(hash.size() * 2) + "\r\n";
      for (const auto& [field, text] : hash) {
        for (const std::string& part : {field, text}) {
          out += "$" + std::to_string(part.size()) + "\r\n" + part + "\r\n";
        }
      }
      return out;
    }
    if (refuses_writes) return "-OOM command not allowed\r\n";
    if (words[0] == "HSET") hash[words[2]] = words[3];
    if (words[0] == "HDEL") hash.erase(words[2]);
    return ":1\r\n";
  }
  void OnEnd() override {}
  void OnDrained() override {}
  void OnFailure() override {}

  std::unique_ptr<io::TcpListener> listener_;
  std::unique_ptr<io::TcpStream> stream_;
  wire::RespParser parser_;
  std::vector<std::string> held_;
};

class CollectedLog : public LogSink {
 public:
  void Log(LogLevel, std::string_view message) override { lines.emplace_back(message); }
  std::vector<std::string> lines;
};

class RedisJobsTest : public io::LoopTest {
 protected:
  void SetUp() override {
    redis_.emplace(&loop_);
    Open();
  }
  void TearDown() override {
    jobs_.reset();
    redis_.reset();
  }
  void Open(const std::string& password = "") {
    io::RedisClientOptions options;
    options.address.host = "127.0.0.1";
    options.address.port = redis_->port();
    options.address.password = password;
    jobs_.emplace(&loop_, options, log_);
  }
  [[nodiscard]] Result<std::vector<matrix::LeaveJob>, std::string> Load() {
    std::optional<Result<std::vector<matrix::LeaveJob>, std::string>> out;
    jobs_->Load([&out](auto result) { out.emplace(std::move(result)); });
    EXPECT_TRUE(RunUntil([&] { return out.has_value(); }));
    return std::move(*out);
  }
  [[nodiscard]] bool Written() {
    return RunUntil([&] { return jobs_->is_idle(); });
  }

  std::optional<FakeRedis> redis_;
  std::optional<RedisJobs> jobs_;
  CollectedLog log_;
};

TEST_F(RedisJobsTest, KeepsJobsAcrossARestart) {
  jobs_->PutJob(JobOf("alice"));
  jobs_->PutJob(JobOf("bob"));
  jobs_->RemoveJob(JobOf("bob").key);
  ASSERT_TRUE(Written());
  Open();
  const auto loaded = Load();
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  EXPECT_THAT(*loaded, ElementsAre(JobOf("alice")));
}

TEST_F(RedisJobsTest, RemovesWhatIsNoJobAndRespellsTheFieldsOfTheOtherService) {
  redis_->hash["rubbish"] = "{}";
  redis_->hash[R"(["room","a\u003cb"])"] = RedisJobValue(JobOf("a<b"));
  const auto loaded = Load();
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->size(), 1u);
  ASSERT_TRUE(Written());
  ASSERT_EQ(redis_->hash.size(), 1u);
  EXPECT_EQ(redis_->hash.begin()->first, R"(["room","a<b"])");
}

TEST_F(RedisJobsTest, WritesTheLastOfSeveralChanges) {
  for (int i = 0; i < 100; ++i) jobs_->PutJob(JobOf("alice"));
  jobs_->RemoveJob(JobOf("alice").key);
  ASSERT_TRUE(Written());
  EXPECT_TRUE(redis_->hash.empty());
  EXPECT_LE(redis_->commands.size(), 3u);
}

TEST_F(RedisJobsTest, SendsTheRestWhenABatchIsAnswered) {
  const auto arrived = [this](std::size_t count) {
    const bool is_there = RunUntil([&] { return redis_->commands.size() >= count; });
    for (int i = 0; i < 100; ++i) uv_run(&loop_, UV_RUN_NOWAIT);  // whatever else was sent
    return is_there && redis_->commands.size() == count;
  };
  redis_->holds = true;
  jobs_->PutJob(JobOf("first"));
  ASSERT_TRUE(arrived(1));
  constexpr std::size_t kMost = limits::kRedisBatchMax;
  for (std::size_t i = 0; i <= kMost; ++i) jobs_->PutJob(JobOf(std::to_string(i)));
  redis_->Release();
  EXPECT_TRUE(arrived(1 + kMost)) << redis_->commands.size();
  redis_->Release();
  EXPECT_TRUE(arrived(1 + kMost + 1)) << redis_->commands.size();
  redis_->Release();
  ASSERT_TRUE(Written());
  EXPECT_EQ(redis_->hash.size(), kMost + 2);
}

TEST_F(RedisJobsTest, WritesAgainAfterAConnectionWasLost) {
  jobs_->PutJob(JobOf("alice"));
  ASSERT_TRUE(Written());
  redis_->HangUp();
  jobs_->PutJob(JobOf("bob"));
  ASSERT_TRUE(Written());
  EXPECT_EQ(redis_->hash.size(), 2u);
}

TEST_F(RedisJobsTest, WaitsWhileRedisRefuses) {
  redis_->refuses_writes = true;
  jobs_->PutJob(JobOf("alice"));
  ASSERT_TRUE(RunUntil([&] { return !log_.lines.empty(); }));
  jobs_->PutJob(JobOf("alice"));
  redis_->refuses_writes = false;
  ASSERT_TRUE(Written());
  EXPECT_EQ(redis_->hash.size(), 1u);
  EXPECT_EQ(log_.lines.size(), 1u);
}

TEST_F(RedisJobsTest, SaysWhyThereIsNothingToLoad) {
  Open("wrong");
  const auto refused = Load();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error(), "WRONGPASS no");
  Open("right");
  EXPECT_TRUE(Load().ok());
  redis_.reset();
  jobs_.reset();
  io::RedisClientOptions options;
  options.address.host = "127.0.0.1";
  options.address.port = 9;
  jobs_.emplace(&loop_, options, log_);
  EXPECT_FALSE(Load().ok());
}

}  // namespace
}  // namespace fovea::app
