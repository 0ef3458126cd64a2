// How much of an answer of the homeserver is read.
#include "signaling/app/homeserver_client.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sfu/core/limits.h"
#include "tests/unit/signaling/io/loop_fixture.h"

namespace fovea::app {
namespace {

// Answers each connection with the next of `answers` as soon as something comes, whatever it is.
class CannedServer {
 public:
  explicit CannedServer(uv_loop_t* loop)
      : listener_(*io::TcpListener::Open(loop, *NetAddress::Parse("127.0.0.1", 0),
                                         [this](std::unique_ptr<io::TcpStream> stream) {
                                           connections_.push_back(std::make_unique<Connection>(
                                               *this, std::move(stream)));
                                         })) {}
  [[nodiscard]] std::string Url() const {
    return "http://127.0.0.1:" + std::to_string(listener_->local().port);
  }

  std::vector<std::string> answers;

 private:
  class Connection : public io::ByteStreamListener {
   public:
    Connection(CannedServer& server, std::unique_ptr<io::TcpStream> stream)
        : server_(server), stream_(std::move(stream)) {
      stream_->Start(*this);
    }

   private:
    void OnBytes(std::string_view) override {
      if (server_.answers.empty()) return;
      stream_->Write(std::move(server_.answers.front()));
      server_.answers.erase(server_.answers.begin());
    }
    void OnEnd() override {}
    void OnDrained() override {}
    void OnFailure() override {}
    CannedServer& server_;
    std::unique_ptr<io::TcpStream> stream_;
  };

  std::vector<std::unique_ptr<Connection>> connections_;
  std::unique_ptr<io::TcpListener> listener_;
};

std::string Head(std::size_t body_bytes) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n\r\n";
}
// JSON may have any number of spaces.
std::string Padded(std::string body, std::size_t bytes) {
  body.resize(bytes, ' ');
  return Head(bytes) + body;
}

class HomeserverClientTest : public io::LoopTest {
 protected:
  HomeserverClientTest() { homeserver_.url = server_->Url(); }
  void TearDown() override {
    client_.reset();
    server_.reset();
  }

  std::unique_ptr<CannedServer> server_ = std::make_unique<CannedServer>(&loop_);
  HomeserverConfig homeserver_;
  AppserviceConfig appservice_;
  std::unique_ptr<HomeserverClient> client_ =
      std::make_unique<HomeserverClient>(&loop_, homeserver_, appservice_, nullptr);
};

TEST_F(HomeserverClientTest, ReadsNoMoreOfAnAnswerThanItNeeds) {
  const std::string body = R"({"joined":true})";
  const auto answer = [&](std::size_t bytes) {
    server_->answers = {Padded(body, bytes)};
    std::optional<matrix::JoinedAnswer> joined;
    client_->AskIsJoined("!r:hs", "@a:hs", [&joined](auto said) { joined = said; });
    EXPECT_TRUE(RunUntil([&] { return joined.has_value(); }));
    return joined;
  };
  EXPECT_EQ(answer(limits::kHomeserverAnswerBytesMax), matrix::JoinedAnswer::kJoined);
  EXPECT_EQ(answer(limits::kHomeserverAnswerBytesMax + 1), matrix::JoinedAnswer::kUnknown);
}

TEST_F(HomeserverClientTest, WaitsForNoRoomStateThatIsTooLarge) {
  using Status = focus::RoomStateAnswer::Status;
  // What would follow is not sent: the bound of what is read is what is announced.
  server_->answers = {Head(limits::kRoomStateBytesMax), Head(limits::kRoomStateBytesMax + 1)};
  std::vector<Status> answers;
  const auto ask = [&] {
    client_->FetchRoomState({.room_id = "!r:hs", .as_user = "", .id = 1},
                            [&answers](const auto& answer) { answers.push_back(answer.status); });
  };
  ask();
  ASSERT_TRUE(RunUntil([this] { return server_->answers.size() == 1; }));
  ask();
  ASSERT_TRUE(RunUntil([&] { return !answers.empty(); }));
  EXPECT_EQ(answers, std::vector{Status::kFailed}) << "the first is still being read";
}

}  // namespace
}  // namespace fovea::app
