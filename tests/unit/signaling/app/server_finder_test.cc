// Where servers listen, by a name service of our own: the C library's res_nquery is replaced in
// this executable, so that nothing asks a real one.
#include "signaling/app/server_finder.h"

#include <arpa/nameser.h>
#include <gtest/gtest.h>
#include <resolv.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/limits.h"
#include "sfu/io/system_clock.h"
#include "signaling/app/federation_client.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::app {
namespace {

// The port of every record of _matrix-fed._tcp.localhost; 0: no name has any. Read by the threads
// that look up.
std::atomic<std::uint16_t> g_srv_port = 0;
constexpr std::size_t kSrvRecords = limits::kServerEndpointsTriedMax + 2;

// So many records with the target "127.0.0.1".
std::vector<std::uint8_t> SrvAnswers(std::uint16_t port) {
  std::vector<std::uint8_t> message(NS_HFIXEDSZ);
  message[7] = static_cast<std::uint8_t>(kSrvRecords);
  for (std::size_t i = 0; i < kSrvRecords; ++i) {
    for (const int byte : {0,         0,
                           33,        0,
                           1,         0,
                           0,         0,
                           60,        0,
                           17,  // the root, SRV, IN, TTL, 17 bytes
                           0,         static_cast<int>(i),
                           0,         0,
                           port >> 8, port & 0xff,  //
                           3,         int{'1'},
                           int{'2'},  int{'7'},
                           1,         int{'0'},
                           1,         int{'0'},
                           1,         int{'1'},
                           0}) {
      message.push_back(static_cast<std::uint8_t>(byte));
    }
  }
  return message;
}

}  // namespace
}  // namespace fovea::app

extern "C" int res_nquery(res_state /*state*/, const char* name, int /*dns_class*/, int /*type*/,
                          unsigned char* answer, int answer_bytes) {
  const std::uint16_t port = fovea::app::g_srv_port;
  if (port == 0 || std::string_view(name) != "_matrix-fed._tcp.localhost") return -1;
  const std::vector<std::uint8_t> message = fovea::app::SrvAnswers(port);
  if (message.size() > static_cast<std::size_t>(answer_bytes)) return -1;
  std::copy(message.begin(), message.end(), answer);
  return static_cast<int>(message.size());
}

namespace fovea::app {
namespace {

// Without TLS every well-known document is missing, and without records every server is where its
// name says.
class ServerFinderTest : public io::LoopTest {
 protected:
  static matrix::ServerName Name(const std::string& text) {
    return *matrix::ServerName::Parse(text);
  }
  static std::string Numbered(std::size_t number) { return "s" + std::to_string(number) + ".org"; }
  // The place in answers_: nothing as long as it is being looked for.
  std::size_t Find(const std::string& name) {
    const std::size_t slot = answers_.size();
    answers_.emplace_back();
    finder_->Find(io::MonotonicNow(), Name(name), [this, slot](const auto* found) {
      answers_[slot] = found != nullptr ? found->host_header : "none";
      ++answered_;
    });
    return slot;
  }
  void TearDown() override {
    finder_.reset();
    http_.reset();
  }

  std::unique_ptr<io::HttpClient> http_ =
      std::make_unique<io::HttpClient>(&loop_, io::HttpClientOptions{});
  std::unique_ptr<ServerFinder> finder_ =
      std::make_unique<ServerFinder>(&loop_, *http_, [](const NetAddress&) { return false; });
  std::vector<std::optional<std::string>> answers_;
  std::size_t answered_ = 0;
};

TEST_F(ServerFinderTest, LooksForOnlySoManyServersAtOnce) {
  for (std::size_t i = 0; i < limits::kServerSearchesMax; ++i) Find(Numbered(i));
  EXPECT_EQ(answered_, 0U);
  EXPECT_EQ(answers_[Find("more.org")], "none");
  const std::size_t same = Find(Numbered(0));
  EXPECT_EQ(answers_[same], std::nullopt) << "that search is under way";
  EXPECT_EQ(answers_[Find("127.0.0.1:8448")], "127.0.0.1:8448") << "nothing to look for";
  ASSERT_TRUE(RunUntil([this] { return answered_ == answers_.size(); }));
  EXPECT_EQ(answers_[same], Numbered(0));
  const std::size_t again = Find("more.org");
  ASSERT_TRUE(RunUntil([&] { return answers_[again].has_value(); }));
  EXPECT_EQ(answers_[again], "more.org");
}

TEST_F(ServerFinderTest, ForgetsTheFirstToExpireWhenItKnowsTooMany) {
  // One after the other, so that the first is the first to expire.
  ASSERT_TRUE(RunUntil([this] {
    if (answered_ < answers_.size()) return false;
    if (answered_ > 1 && answers_.size() < limits::kServersFoundMax) {
      for (std::size_t i = 0; i < limits::kServerSearchesMax; ++i) {
        if (answers_.size() < limits::kServersFoundMax) Find(Numbered(answers_.size()));
      }
    } else if (answers_.size() < 2) {
      Find(Numbered(answers_.size()));
    }
    return answered_ == limits::kServersFoundMax;
  }));
  EXPECT_TRUE(answers_[Find(Numbered(0))].has_value()) << "known";
  const std::size_t more = Find("more.org");
  ASSERT_TRUE(RunUntil([&] { return answers_[more].has_value(); }));
  EXPECT_TRUE(answers_[Find("more.org")].has_value());
  EXPECT_TRUE(answers_[Find(Numbered(1))].has_value());
  EXPECT_FALSE(answers_[Find(Numbered(0))].has_value()) << "looked for again";
}

class ManyEndpointsTest : public io::LoopTest {
 protected:
  void TearDown() override { g_srv_port = 0; }
};

TEST_F(ManyEndpointsTest, OnlyTheFirstFewEndpointsOfAServerAreTried) {
  int connections = 0;
  const auto listener = *io::TcpListener::Open(
      &loop_, *NetAddress::Parse("127.0.0.1", 0),
      [&connections](const std::unique_ptr<io::TcpStream>&) { ++connections; });  // hangs up
  g_srv_port = listener->local().port;
  FederationClientOptions options;
  options.policy = matrix::EgressPolicy({*matrix::Cidr::Parse("127.0.0.0/8")}, {});
  const auto tls = io::TlsClient::Make(io::TlsTrust{.verify = false});
  ASSERT_TRUE(tls.ok()) << tls.error();
  FederationClient client(&loop_, options, &*tls, &*tls);
  std::optional<LookupError> error;
  client.LookUpUser(io::MonotonicNow(), "localhost", "t",
                    [&error](const auto& user) { error = user.error(); });
  ASSERT_TRUE(RunUntil([&] { return error.has_value(); }));
  EXPECT_EQ(error, LookupError::kUnreachable);
  EXPECT_EQ(connections, limits::kServerEndpointsTriedMax);
}

}  // namespace
}  // namespace fovea::app
