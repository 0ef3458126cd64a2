#include "signaling/io/http_server.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "tests/unit/signaling/io/loop_fixture.h"

namespace {
bool may_bind = true;  // root always may
int asked_backlog = 0;
}  // namespace

// In front of libc's.
extern "C" int bind(int fd, const sockaddr* address, socklen_t length) noexcept {
  if (!may_bind) {
    errno = EACCES;
    return -1;
  }
  return static_cast<int>(syscall(SYS_bind, fd, address, length));
}
extern "C" int listen(int fd, int backlog) noexcept {
  asked_backlog = backlog;
  return static_cast<int>(syscall(SYS_listen, fd, backlog));
}

namespace fovea::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kHandshake =
    "GET /rtc/v1?access_token=t HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: "
    "websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

std::string Get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

// Masked with zeros, which leaves the payload readable.
std::string ClientFrame(int opcode, std::string_view payload) {
  std::string out{static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | payload.size())};
  return out.append(4, '\0').append(payload);
}

struct Watch {
  std::size_t seen = 0;  // bytes that came in
  bool is_paused = false;
  bool is_stuck = false;   // the client takes nothing any more
  std::size_t unsent = 0;  // since then
};

// Passes everything through, unless it is stuck, and tells what happens.
class WatchedStream : public ByteStream, private ByteStreamListener {
 public:
  WatchedStream(std::unique_ptr<ByteStream> raw, Watch& watch)
      : raw_(std::move(raw)), watch_(watch) {}
  void Start(ByteStreamListener& listener) override {
    listener_ = &listener;
    raw_->Start(*this);
  }
  void PauseReading() override {
    watch_.is_paused = true;
    raw_->PauseReading();
  }
  void ResumeReading() override {
    watch_.is_paused = false;
    raw_->ResumeReading();
  }
  void Write(std::string bytes) override {
    watch_.unsent += watch_.is_stuck ? bytes.size() : 0;
    if (!watch_.is_stuck) raw_->Write(std::move(bytes));
  }
  void Finish() override { raw_->Finish(); }
  [[nodiscard]] std::size_t unsent_bytes() const override {
    return watch_.is_stuck ? watch_.unsent : raw_->unsent_bytes();
  }

 private:
  void OnBytes(std::string_view bytes) override {
    watch_.seen += bytes.size();
    listener_->OnBytes(bytes);
  }
  void OnEnd() override { listener_->OnEnd(); }
  void OnDrained() override { listener_->OnDrained(); }
  void OnFailure() override { listener_->OnFailure(); }

  std::unique_ptr<ByteStream> raw_;
  Watch& watch_;
  ByteStreamListener* listener_ = nullptr;
};

class RecordingHandler : public HttpHandler {
 public:
  void OnRequest(IncomingRequest request, ResponseWriter writer) override {
    paths.push_back(request.http.target.path);
    peer = request.peer;
    if (request.http.target.path == "/later") {
      pending.push_back(std::move(writer));
    } else if (request.http.target.path != "/forgotten") {
      writer.Send(wire::TextResponse(200, "you asked for " + request.http.target.path));
    }
  }

  void OnUpgrade(IncomingRequest request, UpgradeWriter writer) override {
    paths.push_back(request.http.target.path);
    if (refuse) {
      wire::HttpResponse response = wire::TextResponse(404, "requested room does not exist");
      wire::AddCorsHeaders(response);
      writer.Refuse(std::move(response));
    } else if (accept_later) {
      upgrades.push_back(std::move(writer));
    } else {
      Accept(std::move(writer));
    }
  }

  void Accept(UpgradeWriter writer) {
    auto accepted = writer.Accept({.on_message =
                                       [this](wire::WebSocketMessage message) {
                                         messages.push_back(message.payload);
                                         if (message.payload == "bye?")
                                           socket.Close(wire::close_code::kNormal, "bye!");
                                         if (message.payload == "die?") socket.Abort();
                                       },
                                   .on_close =
                                       [this](std::uint16_t code, std::string_view reason) {
                                         close_codes.push_back(code);
                                         close_reason = reason;
                                       }});
    accept_worked = accepted.has_value();
    if (accepted) socket = *accepted;
  }

  bool refuse = false;
  bool accept_later = false;
  bool accept_worked = false;
  NetAddress peer;
  std::vector<std::string> paths;
  std::vector<ResponseWriter> pending;
  std::vector<UpgradeWriter> upgrades;
  WebSocketConnection socket;
  std::vector<std::string> messages;
  std::vector<std::uint16_t> close_codes;
  std::string close_reason;
};

class HttpServerTest : public LoopTest {
 protected:
  void StartServer(HttpServerOptions options = {}) {
    server_ = std::make_unique<HttpServer>(&loop_, handler_, options);
    const auto bound = server_->Listen(*NetAddress::Parse("127.0.0.1", 0));
    ASSERT_TRUE(bound);
    address_ = *bound;
    client_ = std::make_unique<RawClient>(&loop_, address_);
  }
  void StartWatchedServer() {
    server_ = std::make_unique<HttpServer>(&loop_, handler_);
    const auto bound = server_->Listen(*NetAddress::Parse("127.0.0.1", 0), [this](auto raw) {
      return std::make_unique<WatchedStream>(std::move(raw), watch_);
    });
    ASSERT_TRUE(bound);
    client_ = std::make_unique<RawClient>(&loop_, *bound);
  }

  // Sends the next request behind one that is not answered yet.
  void ExpectToBeReadOnlyAheadAsFarAsAllowed(std::string next) {
    StartWatchedServer();
    client_->Send(Get("/later"));
    ASSERT_TRUE(RunUntil([&] { return handler_.pending.size() == 1; }));
    watch_.seen = 0;
    next.resize(limits::kHttpReadAheadBytes, 'x');
    client_->Send(std::move(next));
    ASSERT_TRUE(RunUntil([&] { return watch_.seen == limits::kHttpReadAheadBytes; }));
    EXPECT_FALSE(watch_.is_paused);
    client_->Send("x");
    ASSERT_TRUE(RunUntil([&] { return watch_.seen == limits::kHttpReadAheadBytes + 1; }));
    EXPECT_TRUE(watch_.is_paused);
    handler_.pending[0].Send(wire::TextResponse(200, "late"));
    EXPECT_FALSE(watch_.is_paused);
  }

  void OpenWebSocket() {
    client_->Send(std::string(kHandshake));
    ASSERT_TRUE(RunUntil([&] { return client_->received.ends_with("\r\n\r\n"); }));
    EXPECT_THAT(client_->received, StartsWith("HTTP/1.1 101 "));
    EXPECT_THAT(client_->received,
                HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    client_->received.clear();
  }

  // Short enough to wait for; the sweep decides how exact they are.
  static HttpServerOptions ShortTimeouts() {
    HttpServerOptions options;
    options.request_timeout = Millis(20);
    options.idle_timeout = Millis(20);
    options.close_timeout = Millis(20);
    options.ping_interval = Millis(20);
    options.sweep_interval = Millis(5);
    return options;
  }

  RecordingHandler handler_;
  std::unique_ptr<HttpServer> server_;
  NetAddress address_;
  std::unique_ptr<RawClient> client_;
  Watch watch_;

  void TearDown() override {
    handler_.pending.clear();
    handler_.upgrades.clear();
    client_.reset();
    server_.reset();
  }
};

TEST_F(HttpServerTest, AnswersARequestAndKeepsTheConnection) {
  StartServer();
  EXPECT_NE(address_.port, 0);
  client_->Send(Get("/one"));
  ASSERT_TRUE(RunUntil([&] { return client_->received.ends_with("asked for /one"); }));
  EXPECT_THAT(client_->received, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(handler_.peer.IpString(), "127.0.0.1");
  client_->Send(Get("/two"));
  ASSERT_TRUE(RunUntil([&] { return client_->received.ends_with("asked for /two"); }));
  EXPECT_EQ(server_->accepted_total(), 1U);
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  StartServer();
  client_->Send(Get("/a") + Get("/later") + Get("/b"));
  ASSERT_TRUE(RunUntil([&] { return handler_.pending.size() == 1; }));
  EXPECT_THAT(handler_.paths, ElementsAre("/a", "/later"));
  handler_.pending[0].Send(wire::TextResponse(200, "late"));
  ASSERT_TRUE(RunUntil([&] { return client_->received.ends_with("asked for /b"); }));
  EXPECT_LT(client_->received.find("late"), client_->received.find("asked for /b"));
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
  StartServer();
  client_->Send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(RunUntil([&] { return client_->received.ends_with("\r\n\r\n"); }));
  EXPECT_THAT(client_->received, HasSubstr("Content-Length: 15\r\n"));
}

TEST_F(HttpServerTest, ClosesWhenTheClientWantsItTo) {
  StartServer();
  client_->Send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(RunUntil([&] { return client_->ended; }));
  EXPECT_THAT(client_->received, HasSubstr("Connection: close\r\n"));
  client_->HangUp();
  EXPECT_TRUE(RunUntil([&] { return server_->connection_count() == 0; }));
}

TEST_F(HttpServerTest, ARequestForgottenByTheHandlerIsAnswered) {
  StartServer();
  client_->Send(Get("/forgotten"));
  ASSERT_TRUE(RunUntil([&] { return client_->received.ends_with("internal error"); }));
  EXPECT_THAT(client_->received, StartsWith("HTTP/1.1 500 "));
}

TEST_F(HttpServerTest, AnswersGarbageWithAnErrorAndCloses) {
  StartServer();
  client_->Send("EHLO mail\r\n\r\n");
  ASSERT_TRUE(RunUntil([&] { return client_->ended; }));
  EXPECT_THAT(client_->received, StartsWith("HTTP/1.1 400 "));
  EXPECT_TRUE(handler_.paths.empty());
}

TEST_F(HttpServerTest, AsksForABodyTheClientHoldsBack) {
  StartServer();
  client_->Send("POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  ASSERT_TRUE(RunUntil([&] { return !client_->received.empty(); }));
  EXPECT_EQ(client_->received, "HTTP/1.1 100 Continue\r\n\r\n");
  client_->Send("x");
  EXPECT_TRUE(RunUntil([&] { return client_->received.ends_with("asked for /p"); }));
}

TEST_F(HttpServerTest, AnAnswerToAClientThatLeftIsDropped) {
  StartServer();
  client_->Send(Get("/later"));
  ASSERT_TRUE(RunUntil([&] { return handler_.pending.size() == 1; }));
  EXPECT_TRUE(handler_.pending[0].client_is_there());
  client_->HangUp();
  ASSERT_TRUE(RunUntil([&] { return server_->connection_count() == 0; }));
  EXPECT_FALSE(handler_.pending[0].client_is_there());
  handler_.pending[0].Send(wire::TextResponse(200, "nobody reads this"));
}

TEST_F(HttpServerTest, AClientThatSendsAheadHasToWait) {
  StartWatchedServer();
  client_->Send(Get("/later") + std::string(4 * 1024 * 1024, 'x'));
  ASSERT_TRUE(RunUntil([&] { return handler_.pending.size() == 1; }));
  // Turns of the loop in which the server could read if it wanted to.
  Timer beat(&loop_, [] {});
  beat.StartEvery(Millis(1));
  for (int i = 0; i < 50; ++i) uv_run(&loop_, UV_RUN_ONCE);
  beat.Stop();
  EXPECT_LT(watch_.seen, 2 * limits::kHttpReadAheadBytes);
  handler_.pending[0].Send(wire::TextResponse(200, "late"));
  EXPECT_TRUE(
      RunUntil([&] { return client_->received.find("HTTP/1.1 414 ") != std::string::npos; }));
}

TEST_F(HttpServerTest, ReadsOnlyTheStartOfALargeHeadAheadOfAnAnswer) {
  ExpectToBeReadOnlyAheadAsFarAsAllowed("GET /next HTTP/1.1\r\nHost: h\r\nX: ");
}

TEST_F(HttpServerTest, ReadsOnlyTheStartOfALargeBodyAheadOfAnAnswer) {
  ExpectToBeReadOnlyAheadAsFarAsAllowed("POST /next HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                                        std::to_string(limits::kHttpBodyBytesMax) + "\r\n\r\n");
}

TEST_F(HttpServerTest, ReadsNoFurtherAheadWithEachAnswerToManySmallRequests) {
  StartWatchedServer();
  std::string requests;
  constexpr std::size_t kMany = 8000;
  for (std::size_t i = 0; i < kMany; ++i) requests += Get("/later");
  ASSERT_GT(requests.size(), 2 * limits::kHttpReadAheadBytes);
  const std::size_t each = requests.size() / kMany;
  client_->Send(std::move(requests));
  for (std::size_t answered = 0; answered < 200; ++answered) {
    ASSERT_TRUE(RunUntil([&] { return handler_.pending.size() == answered + 1; }));
    for (int i = 0; i < 4; ++i) uv_run(&loop_, UV_RUN_NOWAIT);
    ASSERT_LE(watch_.seen, 2 * limits::kHttpReadAheadBytes + answered * each) << answered;
    handler_.pending[answered].Send(wire::TextResponse(200, "late"));
  }
}

TEST_F(HttpServerTest, ClosesIdleConnectionsSilently) {
  StartServer(ShortTimeouts());
  ASSERT_TRUE(RunUntil([&] { return client_->ended || client_->failed; }));
  EXPECT_EQ(client_->received, "");
}

TEST_F(HttpServerTest, GivesUpOnARequestThatDoesNotArrive) {
  StartServer(ShortTimeouts());
  client_->Send("GET / HT");
  ASSERT_TRUE(RunUntil([&] { return client_->ended || client_->failed; }));
  EXPECT_THAT(client_->received, StartsWith("HTTP/1.1 408 "));
}

static_assert(HttpServerOptions{}.connections_max == limits::kHttpConnectionsMax);

TEST_F(HttpServerTest, RefusesConnectionsAboveTheLimit) {
  HttpServerOptions options;
  options.connections_max = 1;
  StartServer(options);
  client_->Send(Get("/first"));
  ASSERT_TRUE(RunUntil([&] { return !client_->received.empty(); }));
  RawClient second(&loop_, address_);
  ASSERT_TRUE(RunUntil([&] { return second.ended || second.failed; }));
  EXPECT_EQ(server_->refused_total(), 1U);
  client_->HangUp();
  ASSERT_TRUE(RunUntil([&] { return server_->connection_count() == 0; }));
  RawClient third(&loop_, address_);
  third.Send(Get("/third"));
  EXPECT_TRUE(RunUntil([&] { return third.received.ends_with("asked for /third"); }));
}

TEST_F(HttpServerTest, AsksTheKernelToKeepAStormOfClientsWaiting) {
  StartServer();
  EXPECT_EQ(asked_backlog, limits::kListenBacklog);
}

TEST_F(HttpServerTest, SaysThatAPortIsTaken) {
  StartServer();
  const auto again = server_->Listen(address_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error(), "TCP port " + std::to_string(address_.port) +
                               " on 127.0.0.1 is taken by another process");
}

TEST_F(HttpServerTest, SaysThatItHasNoPermission) {
  StartServer();
  may_bind = false;
  const auto refused = server_->Listen(*NetAddress::Parse("127.0.0.1", 443));
  may_bind = true;
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(),
            "no permission to listen on TCP port 443 (ports below 1024 need root or "
            "CAP_NET_BIND_SERVICE)");
}

TEST_F(HttpServerTest, SaysThatAnAddressIsForeign) {
  StartServer();
  const auto foreign = server_->Listen(*NetAddress::Parse("192.0.2.1", 0));
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error(), HasSubstr("no address 192.0.2.1"));
}

TEST_F(HttpServerTest, ListensOnSeveralAddresses) {
  StartServer();
  const auto other = server_->Listen(*NetAddress::Parse("127.0.0.2", 0));
  ASSERT_TRUE(other);
  RawClient second(&loop_, *other);
  second.Send(Get("/x"));
  EXPECT_TRUE(RunUntil([&] { return second.received.ends_with("asked for /x"); }));
}

TEST_F(HttpServerTest, WebSocketCarriesMessagesBothWays) {
  StartServer();
  OpenWebSocket();
  client_->Send(ClientFrame(2, "hello") + ClientFrame(1, "text"));
  ASSERT_TRUE(RunUntil([&] { return handler_.messages.size() == 2; }));
  EXPECT_THAT(handler_.messages, ElementsAre("hello", "text"));
  handler_.socket.SendBinary("one");
  handler_.socket.SendText("two");
  ASSERT_TRUE(RunUntil([&] { return client_->received.size() >= 10; }));
  EXPECT_EQ(client_->received, "\x82\x03one\x81\x03two");
}

TEST_F(HttpServerTest, AHandshakeMayBeRefusedWithPlainHttp) {
  handler_.refuse = true;
  StartServer();
  client_->Send(std::string(kHandshake));
  ASSERT_TRUE(RunUntil([&] { return client_->ended; }));
  EXPECT_THAT(client_->received, StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(client_->received, HasSubstr("Access-Control-Allow-Origin: *\r\n"));
  EXPECT_TRUE(client_->received.ends_with("requested room does not exist"));
}

TEST_F(HttpServerTest, AHandshakeMayBeAcceptedLater) {
  handler_.accept_later = true;
  StartServer();
  client_->Send(std::string(kHandshake) + ClientFrame(2, "too early"));
  ASSERT_TRUE(RunUntil([&] { return handler_.upgrades.size() == 1; }));
  EXPECT_EQ(client_->received, "");
  handler_.Accept(std::move(handler_.upgrades[0]));
  EXPECT_TRUE(handler_.accept_worked);
  EXPECT_TRUE(handler_.messages.empty()) << "never from inside Accept";
  ASSERT_TRUE(RunUntil([&] { return handler_.messages.size() == 1; }));
  EXPECT_EQ(handler_.messages[0], "too early");
}

TEST_F(HttpServerTest, AcceptingAClientThatLeftSaysSo) {
  handler_.accept_later = true;
  StartServer();
  client_->Send(std::string(kHandshake));
  ASSERT_TRUE(RunUntil([&] { return handler_.upgrades.size() == 1; }));
  client_->HangUp();
  ASSERT_TRUE(RunUntil([&] { return server_->connection_count() == 0; }));
  handler_.Accept(std::move(handler_.upgrades[0]));
  EXPECT_FALSE(handler_.accept_worked);
}

TEST_F(HttpServerTest, ABadHandshakeNeverReachesTheHandler) {
  StartServer();
  client_->Send(
      "GET /rtc HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 8\r\n\r\n");
  ASSERT_TRUE(RunUntil([&] { return client_->ended; }));
  EXPECT_THAT(client_->received, StartsWith("HTTP/1.1 426 "));
  EXPECT_TRUE(handler_.paths.empty());
}

TEST_F(HttpServerTest, ReportsThePeersClose) {
  StartServer();
  OpenWebSocket();
  client_->Send(ClientFrame(8, "\x03\xe9gone"));
  ASSERT_TRUE(RunUntil([&] { return client_->ended && !handler_.close_codes.empty(); }));
  EXPECT_THAT(handler_.close_codes, ElementsAre(wire::close_code::kGoingAway));
  EXPECT_EQ(handler_.close_reason, "gone");
  EXPECT_EQ(client_->received.substr(2, 2), "\x03\xe9");
  EXPECT_FALSE(handler_.socket.open());
  handler_.socket.SendText("nothing happens");
}

TEST_F(HttpServerTest, ReportsALostConnection) {
  StartServer();
  OpenWebSocket();
  client_->HangUp();
  ASSERT_TRUE(RunUntil([&] { return !handler_.close_codes.empty(); }));
  EXPECT_THAT(handler_.close_codes, ElementsAre(wire::close_code::kAbnormal));
  EXPECT_TRUE(RunUntil([&] { return server_->connection_count() == 0; }));
}

TEST_F(HttpServerTest, OwnCloseIsSentAndNotReported) {
  StartServer();
  OpenWebSocket();
  client_->Send(ClientFrame(2, "bye?"));
  ASSERT_TRUE(RunUntil([&] { return client_->received.size() >= 8; }));
  EXPECT_EQ(client_->received,
            "\x88\x06\x03\xe8"
            "bye!");
  client_->Send(ClientFrame(8, "\x03\xe8"));
  ASSERT_TRUE(RunUntil([&] { return client_->ended; }));
  client_->HangUp();
  ASSERT_TRUE(RunUntil([&] { return server_->connection_count() == 0; }));
  EXPECT_TRUE(handler_.close_codes.empty());
}

TEST_F(HttpServerTest, OwnCloseDoesNotWaitForeverForTheEcho) {
  StartServer(ShortTimeouts());
  OpenWebSocket();
  handler_.socket.Close(wire::close_code::kNormal, "");
  EXPECT_TRUE(RunUntil([&] { return client_->ended || client_->failed; }));
  EXPECT_TRUE(RunUntil([&] { return server_->connection_count() == 0; }));
}

TEST_F(HttpServerTest, AbortFromInsideACallbackEndsItAtOnce) {
  StartServer();
  OpenWebSocket();
  client_->Send(ClientFrame(2, "die?") + ClientFrame(2, "never delivered"));
  ASSERT_TRUE(RunUntil([&] { return client_->ended || client_->failed; }));
  EXPECT_THAT(handler_.messages, ElementsAre("die?"));
  EXPECT_TRUE(handler_.close_codes.empty());
  EXPECT_EQ(client_->received, "");
}

TEST_F(HttpServerTest, PingsItsWebSockets) {
  StartServer(ShortTimeouts());
  OpenWebSocket();
  ASSERT_TRUE(RunUntil([&] { return client_->received.size() >= 4; }));
  EXPECT_EQ(client_->received.substr(0, 4), std::string("\x89\x00\x89\x00", 4));
}

TEST_F(HttpServerTest, DropsAWebSocketThatStaysSilent) {
  HttpServerOptions options = ShortTimeouts();
  options.silence_timeout = Millis(50);
  StartServer(options);
  OpenWebSocket();
  ASSERT_TRUE(RunUntil([&] { return !handler_.close_codes.empty(); }));
  EXPECT_THAT(handler_.close_codes, ElementsAre(wire::close_code::kAbnormal));
}

TEST_F(HttpServerTest, DropsAClientThatReadsTooSlowly) {
  StartServer();
  OpenWebSocket();
  client_->stream().PauseReading();
  const std::string chunk(64 * 1024, 'x');
  int sent = 0;
  while (handler_.socket.open() && sent < 1000) {
    handler_.socket.SendBinary(chunk);
    ++sent;
  }
  EXPECT_LT(sent, 1000);
  EXPECT_TRUE(handler_.close_codes.empty()) << "never from inside Send";
  ASSERT_TRUE(RunUntil([&] { return !handler_.close_codes.empty(); }));
  EXPECT_THAT(handler_.close_codes, ElementsAre(wire::close_code::kTryAgainLater));
}

TEST_F(HttpServerTest, KeepsNoMoreForASlowClientThanItMay) {
  StartWatchedServer();
  OpenWebSocket();
  watch_.is_stuck = true;
  constexpr std::size_t kHeaderBytes = 10;  // of a long frame
  handler_.socket.SendBinary(std::string(limits::kWsSendQueueBytesMax - kHeaderBytes, 'x'));
  EXPECT_EQ(watch_.unsent, limits::kWsSendQueueBytesMax);
  EXPECT_TRUE(handler_.socket.open());
  handler_.socket.SendBinary("");
  EXPECT_FALSE(handler_.socket.open());
  ASSERT_TRUE(RunUntil([&] { return !handler_.close_codes.empty(); }));
  EXPECT_THAT(handler_.close_codes, ElementsAre(wire::close_code::kTryAgainLater));
}

TEST_F(HttpServerTest, DestroyingTheServerDropsEverybody) {
  StartServer();
  OpenWebSocket();
  handler_.socket = {};
  server_.reset();
  EXPECT_TRUE(RunUntil([&] { return client_->ended || client_->failed; }));
}

}  // namespace
}  // namespace fovea::io
