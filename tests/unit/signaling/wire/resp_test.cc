#include "signaling/wire/resp.h"

#include <gtest/gtest.h>

#include "sfu/core/limits.h"

namespace fovea::wire {
namespace {

RespValue Text(std::string text) { return {RespValue::Kind::kText, std::move(text), 0, {}}; }
RespValue Integer(std::int64_t n) { return {RespValue::Kind::kInteger, "", n, {}}; }

TEST(Resp, WritesCommandsAsArraysOfBulkStrings) {
  EXPECT_EQ(SerializeRespCommand({"HSET", "key", "a\r\nb"}),
            "*3\r\n$4\r\nHSET\r\n$3\r\nkey\r\n$4\r\na\r\nb\r\n");
}

TEST(Resp, ReadsEveryKindOfReply) {
  RespParser parser;
  parser.Feed("+PONG\r\n-ERR no\r\n:-7\r\n$3\r\nabc\r\n");
  EXPECT_EQ(parser.Next(), Text("PONG"));
  EXPECT_EQ(parser.Next(), (RespValue{RespValue::Kind::kError, "ERR no", 0, {}}));
  EXPECT_EQ(parser.Next(), Integer(-7));
  EXPECT_EQ(parser.Next(), Text("abc"));
  EXPECT_EQ(parser.Next(), std::nullopt);
}

TEST(Resp, ReadsNothingAsNothingAndEmptyAsEmpty) {
  RespParser parser;
  parser.Feed("$4\r\na\r\nb\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n");
  EXPECT_EQ(parser.Next(), Text("a\r\nb"));
  EXPECT_EQ(parser.Next(), Text(""));
  EXPECT_EQ(parser.Next(), RespValue{});
  EXPECT_EQ(parser.Next(), RespValue{});
  EXPECT_EQ(parser.Next(), (RespValue{RespValue::Kind::kArray, "", 0, {}}));
  EXPECT_EQ(parser.Next(), std::nullopt);
  EXPECT_FALSE(parser.is_broken());
}

TEST(Resp, WaitsAtEveryByteOfAReply) {
  const std::string whole = "*3\r\n$2\r\nab\r\n*1\r\n:5\r\n+x\r\n";
  const RespValue expected{RespValue::Kind::kArray,
                           "",
                           0,
                           {Text("ab"), {RespValue::Kind::kArray, "", 0, {Integer(5)}}, Text("x")}};
  for (std::size_t size = 0; size < whole.size(); ++size) {
    RespParser parser;
    parser.Feed(whole.substr(0, size));
    EXPECT_EQ(parser.Next(), std::nullopt) << size;
    EXPECT_FALSE(parser.is_broken()) << size;
    parser.Feed(whole.substr(size));
    EXPECT_EQ(parser.Next(), expected) << size;
  }
}

TEST(Resp, ReadsABigReplyInSmallPieces) {
  RespParser parser;
  std::string whole = "*20000\r\n";
  for (int i = 0; i < 20000; ++i) whole += "$10\r\n0123456789\r\n";
  std::optional<RespValue> value;
  for (std::size_t at = 0; at < whole.size(); at += 1000) {
    parser.Feed(std::string_view(whole).substr(at, 1000));
    if (auto next = parser.Next()) value = std::move(next);
  }
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->items.size(), 20000u);
}

TEST(Resp, BreaksOffAtWhatIsNoRedis) {
  for (const char* text : {"HTTP/1.1 200 OK\r\n", "\r\n", "$x\r\n", "$-2\r\n", "$99999999999\r\n",
                           "*99999999999\r\n", ":\r\n", "$1\r\nabc\r\n"}) {
    RespParser parser;
    parser.Feed(text);
    EXPECT_EQ(parser.Next(), std::nullopt) << text;
    EXPECT_TRUE(parser.is_broken()) << text;
    parser.Feed("+OK\r\n");
    EXPECT_EQ(parser.Next(), std::nullopt);
  }
}

// --- Full cases ---

bool IsBrokenBy(std::string_view bytes) {
  RespParser parser;
  parser.Feed(bytes);
  while (parser.Next().has_value()) {
  }
  return parser.is_broken();
}

TEST(Resp, BoundsALineHoweverItComes) {
  const std::string longest = "+" + std::string(limits::kRespLineBytesMax - 1, 'x');
  const std::string_view end = "\r\n";
  for (std::size_t together = 0; together <= end.size(); ++together) {
    RespParser parser;
    parser.Feed(longest + std::string(end.substr(0, together)));
    std::optional<RespValue> value = parser.Next();
    EXPECT_EQ(value.has_value(), together == end.size());
    parser.Feed(end.substr(together));
    if (!value.has_value()) value = parser.Next();
    EXPECT_EQ(value, Text(longest.substr(1))) << together;
  }
  EXPECT_TRUE(IsBrokenBy(longest + "x\r\n")) << "at once";
  EXPECT_TRUE(IsBrokenBy(longest + "xx")) << "without an end";
  EXPECT_TRUE(IsBrokenBy(":" + std::string(limits::kRespLineBytesMax - 1, '0') + "1\r\n"));
}

TEST(Resp, BoundsAString) {
  const std::string longest(limits::kRespStringBytesMax, 'x');
  RespParser parser;
  parser.Feed("$" + std::to_string(longest.size()) + "\r\n" + longest + "\r\n");
  EXPECT_EQ(parser.Next(), Text(longest));
  EXPECT_TRUE(IsBrokenBy("$" + std::to_string(longest.size() + 1) + "\r\n"));
}

TEST(Resp, BoundsAnArray) {
  EXPECT_FALSE(IsBrokenBy("*" + std::to_string(limits::kRespItemsMax) + "\r\n:1\r\n"));
  EXPECT_TRUE(IsBrokenBy("*" + std::to_string(limits::kRespItemsMax + 1) + "\r\n"));
}

TEST(Resp, BoundsArraysWithinEachOther) {
  std::string arrays;
  for (std::size_t i = 0; i < limits::kRespDepthMax; ++i) arrays += "*1\r\n";
  RespParser parser;
  parser.Feed(arrays + ":1\r\n");
  EXPECT_TRUE(parser.Next().has_value());
  EXPECT_TRUE(IsBrokenBy(arrays + "*1\r\n:1\r\n"));
}

}  // namespace
}  // namespace fovea::wire
