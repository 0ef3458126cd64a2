#include "signaling/wire/websocket.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "sfu/core/bytes.h"
#include "sfu/core/limits.h"

namespace fovea::wire {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kMask("\x37\xfa\x21\x3d", 4);  // the one of RFC 6455 section 5.7

enum class Fin { kNo, kYes };

// A frame as a client has to send it: masked.
std::string ClientFrame(int opcode, std::string_view payload, Fin fin = Fin::kYes) {
  std::string out;
  out.push_back(static_cast<char>((fin == Fin::kYes ? 0x80 : 0) | opcode));
  std::uint8_t length[8];
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(0x80 | payload.size()));
  } else if (payload.size() < 65536) {
    out.push_back(static_cast<char>(0x80 | 126));
    StoreBe16(length, static_cast<std::uint16_t>(payload.size()));
    out.append(reinterpret_cast<char*>(length), 2);
  } else {
    out.push_back(static_cast<char>(0x80 | 127));
    StoreBe64(length, payload.size());
    out.append(reinterpret_cast<char*>(length), 8);
  }
  out += kMask;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out.push_back(static_cast<char>(payload[i] ^ kMask[i % 4]));
  }
  return out;
}

struct Session {
  std::vector<WebSocketMessage> Read(std::string_view bytes) {
    std::vector<WebSocketMessage> out;
    socket.HandleBytes(bytes, out);
    return out;
  }
  WebSocket socket;
};

HttpRequest Handshake(std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==",
                      std::string_view version = "13") {
  HttpRequest request;
  request.headers = {{"Upgrade", "WebSocket"},
                     {"Connection", "keep-alive, Upgrade"},
                     {"Sec-WebSocket-Key", std::string(key)},
                     {"Sec-WebSocket-Version", std::string(version)},
                     {"Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"}};
  return request;
}

TEST(WebSocketHandshake, ComputesTheExampleOfRfc6455) {
  EXPECT_EQ(WebSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketHandshake, AcceptsWithoutAnyExtension) {
  const auto response = WebSocketHandshake(Handshake());
  ASSERT_TRUE(response);
  EXPECT_EQ(SerializeResponse(*response, {}),
            "HTTP/1.1 101 Switching Protocols\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
            "\r\n");
}

TEST(WebSocketHandshake, RefusesBadKeysVersionsAndMethods) {
  EXPECT_EQ(WebSocketHandshake(Handshake("short")).error().status, 400);
  const auto old = WebSocketHandshake(Handshake("dGhlIHNhbXBsZSBub25jZQ==", "8"));
  EXPECT_EQ(old.error().status, 426);
  EXPECT_EQ(old.error().Header("sec-websocket-version"), "13");
  HttpRequest post = Handshake();
  post.method = HttpMethod::kPost;
  EXPECT_EQ(WebSocketHandshake(post).error().status, 400);
  HttpRequest plain;
  EXPECT_FALSE(IsWebSocketUpgrade(plain));
  EXPECT_EQ(WebSocketHandshake(plain).error().status, 400);
}

TEST(WebSocket, ReadsTheMaskedExampleOfRfc6455) {
  Session session;
  const auto messages = session.Read("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_EQ(messages[0].kind, WebSocketKind::kText);
  EXPECT_EQ(messages[0].payload, "Hello");
}

TEST(WebSocket, WritesTheUnmaskedExamplesOfRfc6455) {
  Session session;
  EXPECT_TRUE(session.socket.Send(WebSocketKind::kText, "Hello"));
  EXPECT_EQ(session.socket.TakeOutput(), "\x81\x05Hello");
  const std::string binary(256, '\x01');
  EXPECT_TRUE(session.socket.Send(WebSocketKind::kBinary, binary));
  EXPECT_EQ(session.socket.TakeOutput(), std::string("\x82\x7e\x01\x00", 4) + binary);
  const std::string large(65536, '\x02');
  EXPECT_TRUE(session.socket.Send(WebSocketKind::kBinary, large));
  EXPECT_EQ(session.socket.TakeOutput(), std::string("\x82\x7f\0\0\0\0\0\1\0\0", 10) + large);
}

TEST(WebSocket, OfAClientMasksAndUnderstandsAServer) {
  WebSocket client(WebSocketSide::kClient, [](MutableByteSpan out) {
    std::copy_n(kMask.begin(), out.size(), out.begin());
  });
  ASSERT_TRUE(client.Send(WebSocketKind::kText, "Hello"));
  const std::string sent = client.TakeOutput();
  EXPECT_EQ(sent, ClientFrame(1, "Hello"));
  Session server;
  EXPECT_EQ(server.Read(sent).at(0).payload, "Hello");
  ASSERT_TRUE(server.socket.Send(WebSocketKind::kBinary, "and back"));
  std::vector<WebSocketMessage> heard;
  client.HandleBytes(server.socket.TakeOutput(), heard);
  EXPECT_EQ(heard.at(0).payload, "and back");
  client.HandleBytes(ClientFrame(1, "masked"), heard);
  EXPECT_EQ(client.close_code(), close_code::kProtocolError) << "a server masks nothing";
}

TEST(WebSocket, ReadsTheSameHoweverTheBytesAreCut) {
  const std::string bytes = ClientFrame(2, "one") + ClientFrame(1, "t", Fin::kNo) +
                            ClientFrame(9, "ping") + ClientFrame(0, "wo") +
                            ClientFrame(2, std::string(70'000, 'x'));
  for (const std::size_t step : {1UL, 2UL, 3UL, 7UL, 1000UL, bytes.size()}) {
    Session session;
    std::vector<WebSocketMessage> all;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      session.socket.HandleBytes(std::string_view(bytes).substr(at, step), all);
    }
    ASSERT_THAT(all, SizeIs(3)) << step;
    EXPECT_EQ(all[0].payload, "one");
    EXPECT_EQ(all[1].payload, "two");
    EXPECT_EQ(all[1].kind, WebSocketKind::kText);
    EXPECT_THAT(all[2].payload, SizeIs(70'000));
    EXPECT_EQ(session.socket.TakeOutput(), "\x8a\x04ping");
  }
}

TEST(WebSocket, AnEmptyMessageIsAMessage) {
  Session session;
  const auto messages = session.Read(ClientFrame(2, ""));
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_EQ(messages[0].payload, "");
}

TEST(WebSocket, SendsPingsAndSwallowsPongs) {
  Session session;
  EXPECT_TRUE(session.socket.SendPing());
  EXPECT_EQ(session.socket.TakeOutput(), std::string("\x89\x00", 2));
  EXPECT_THAT(session.Read(ClientFrame(10, "")), IsEmpty());
  EXPECT_FALSE(session.socket.closing());
}

TEST(WebSocket, EchoesThePeersClose) {
  Session session;
  EXPECT_THAT(session.Read(ClientFrame(8,
                                       "\x03\xe8"
                                       "bye")),
              IsEmpty());
  EXPECT_TRUE(session.socket.finished());
  EXPECT_EQ(session.socket.close_code(), 1000);
  EXPECT_EQ(session.socket.close_reason(), "bye");
  const std::string echo = session.socket.TakeOutput();
  EXPECT_EQ(echo.substr(0, 1), "\x88");
  EXPECT_EQ(echo.substr(2, 2), "\x03\xe8");
  EXPECT_FALSE(session.socket.Send(WebSocketKind::kText, "late"));
}

TEST(WebSocket, ACloseWithoutCodeIs1005) {
  Session session;
  session.Read(ClientFrame(8, ""));
  EXPECT_TRUE(session.socket.finished());
  EXPECT_EQ(session.socket.close_code(), close_code::kNoCode);
}

TEST(WebSocket, HalfACloseCodeCountsAsNone) {
  Session session;
  session.Read(ClientFrame(8, "\x03"));
  EXPECT_TRUE(session.socket.finished());
  EXPECT_EQ(session.socket.close_code(), close_code::kNoCode);
}

TEST(WebSocket, ClosesAndWaitsForTheEcho) {
  Session session;
  session.socket.Close(close_code::kNormal, "done");
  EXPECT_EQ(session.socket.TakeOutput(),
            "\x88\x06\x03\xe8"
            "done");
  EXPECT_TRUE(session.socket.closing());
  EXPECT_FALSE(session.socket.finished());
  EXPECT_FALSE(session.socket.Send(WebSocketKind::kText, "late"));
  EXPECT_THAT(session.Read(ClientFrame(2, "crossing")), IsEmpty());
  session.Read(ClientFrame(8, "\x03\xe8"));
  EXPECT_TRUE(session.socket.finished());
  EXPECT_EQ(session.socket.close_code(), close_code::kNormal);
  EXPECT_EQ(session.socket.close_reason(), "done");
}

TEST(WebSocket, CutsALongReasonBetweenCharacters) {
  Session session;
  std::string reason(122, 'a');
  reason += "\xc3\xa4\xc3\xa4";
  session.socket.Close(close_code::kPolicyViolation, reason);
  EXPECT_THAT(session.socket.TakeOutput(), SizeIs(2 + 2 + 122));
}

TEST(WebSocket, AMessageBeforeACloseInTheSameReadIsDelivered) {
  Session session;
  const auto messages = session.Read(ClientFrame(2, "last") + ClientFrame(8, "\x03\xe9"));
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_EQ(messages[0].payload, "last");
  EXPECT_EQ(session.socket.close_code(), close_code::kGoingAway);
}

std::uint16_t CodeAfter(std::string_view bytes) {
  Session session;
  EXPECT_THAT(session.Read(bytes), IsEmpty());
  EXPECT_TRUE(session.socket.finished());
  const std::string output = session.socket.TakeOutput();
  EXPECT_GE(output.size(), 4U);
  if (output.size() < 4) return 0;
  EXPECT_EQ(output.substr(0, 1), "\x88");
  EXPECT_EQ(session.socket.close_code(),
            LoadBe16(reinterpret_cast<const std::uint8_t*>(&output[2])));
  EXPECT_GT(output.size(), 4U) << "a reason for " << session.socket.close_code();
  EXPECT_EQ(output.size(), 2U + static_cast<std::uint8_t>(output[1]));
  return session.socket.close_code();
}

TEST(WebSocket, ClosesOnProtocolErrors) {
  EXPECT_EQ(CodeAfter("\x82\x01x"), close_code::kProtocolError) << "not masked";
  EXPECT_EQ(CodeAfter("\xc2" + ClientFrame(2, "x").substr(1)), close_code::kProtocolError)
      << "RSV1";
  EXPECT_EQ(CodeAfter(ClientFrame(3, "x")), close_code::kProtocolError) << "unknown opcode";
  EXPECT_EQ(CodeAfter(ClientFrame(0, "x")), close_code::kProtocolError) << "continues nothing";
  EXPECT_EQ(CodeAfter(ClientFrame(9, "x", Fin::kNo)), close_code::kProtocolError);
}

TEST(WebSocket, ClosesOnTextThatIsNoUtf8) {
  EXPECT_EQ(CodeAfter(ClientFrame(1, "\xff\xfe")), 1007);
}

TEST(WebSocket, BoundsAMessageOverAllItsFragments) {
  EXPECT_EQ(CodeAfter(ClientFrame(2, std::string(limits::kSignalMessageBytesMax + 1, 'x'))),
            close_code::kMessageTooBig);
  const std::string half(limits::kSignalMessageBytesMax / 2 + 1, 'x');
  EXPECT_EQ(CodeAfter(ClientFrame(2, half, Fin::kNo) + ClientFrame(0, half)),
            close_code::kMessageTooBig);
  Session session;
  EXPECT_THAT(session.Read(ClientFrame(2, std::string(limits::kSignalMessageBytesMax, 'x'))),
              SizeIs(1));
}

TEST(WebSocket, AnAnnouncedLengthReservesNothing) {
  EXPECT_EQ(CodeAfter(std::string_view(
                "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x37\xfa\x21\x3d\x00", 15)),
            close_code::kMessageTooBig);
}

TEST(WebSocket, NothingIsReadAfterTheEnd) {
  Session session;
  session.Read("\x82\x01x");
  EXPECT_THAT(session.Read(ClientFrame(2, "x")), IsEmpty());
}

}  // namespace
}  // namespace fovea::wire
