#include "signaling/wire/url.h"

#include <gmock/gmock.h>

namespace fovea::wire {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(RequestTarget, SplitsPathAndQuery) {
  const auto target = ParseRequestTarget("/rtc/v1?access_token=a.b-c_d&join_request=Cg%3D%3D");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/rtc/v1");
  EXPECT_THAT(target->segments, ElementsAre("rtc", "v1"));
  EXPECT_EQ(target->Query("access_token"), "a.b-c_d");
  EXPECT_EQ(target->Query("join_request"), "Cg==");
  EXPECT_EQ(target->Query("other"), std::nullopt);
}

TEST(RequestTarget, MakesRunsOfSlashesOne) {
  EXPECT_EQ(ParseRequestTarget("//rtc///v1")->path, "/rtc/v1");
  EXPECT_EQ(ParseRequestTarget("/rtc/")->path, "/rtc/");
  EXPECT_EQ(ParseRequestTarget("/")->path, "/");
  EXPECT_EQ(ParseRequestTarget("//")->path, "/");
  EXPECT_THAT(ParseRequestTarget("/")->segments, IsEmpty());
}

TEST(RequestTarget, AnEncodedSlashStaysInsideItsSegment) {
  const auto target = ParseRequestTarget("/rooms/%21a%2Fb:hs/x+y");
  ASSERT_TRUE(target);
  EXPECT_THAT(target->segments, ElementsAre("rooms", "!a/b:hs", "x+y"));
}

TEST(RequestTarget, KeepsOrderAndRepetitionsOfTheQuery) {
  const auto target = ParseRequestTarget("/?a=1&&a=2&b&c=x+y%2B=");
  ASSERT_TRUE(target);
  EXPECT_THAT(target->query,
              ElementsAre(Pair("a", "1"), Pair("a", "2"), Pair("b", ""), Pair("c", "x y+=")));
  EXPECT_EQ(target->Query("a"), "1");
}

TEST(RequestTarget, AcceptsAbsoluteFormAndAsterisk) {
  EXPECT_EQ(ParseRequestTarget("http://host:7880/rtc?a=b")->path, "/rtc");
  EXPECT_EQ(ParseRequestTarget("http://host?a=b")->Query("a"), "b");
  EXPECT_EQ(ParseRequestTarget("http://host")->path, "/");
  EXPECT_EQ(ParseRequestTarget("*")->path, "*");
}

TEST(RequestTarget, RefusesBrokenEscapes) {
  for (const char* text :
       {"", "rtc", "host:443", "/%", "/%4", "/%4g", "/?a=%", "/?%zz=1", "/%00"}) {
    EXPECT_FALSE(ParseRequestTarget(text)) << text;
  }
}

TEST(PercentEncoding, SurvivesTheRoundTripForEveryByte) {
  std::string all;
  for (int i = 1; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(PercentDecode(PercentEncode(all)), all);
  EXPECT_EQ(PercentEncode("!a/b c~"), "%21a%2Fb%20c~");
}

TEST(HttpUrl, KnowsDefaultPorts) {
  const auto url = ParseHttpUrl("HTTPS://matrix.example.org");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "matrix.example.org");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->target, "/");
  EXPECT_EQ(url->HostHeader(), "matrix.example.org");
}

TEST(HttpUrl, ReadsPortsQueriesAndIpv6) {
  const auto url = ParseHttpUrl("http://[::1]:8080?x=1#part");
  ASSERT_TRUE(url);
  EXPECT_FALSE(url->tls);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 8080);
  EXPECT_EQ(url->target, "/?x=1");
  EXPECT_EQ(url->HostHeader(), "[::1]:8080");
}

TEST(HttpUrl, RefusesWhatItCannotCall) {
  for (const char* text : {"", "ftp://a/", "http://", "http:///x", "http://u:p@host/",
                           "http://h:0/", "http://h:65536/", "http://h:8x/", "http://[::1/",
                           "http://[::1]x/", "http://h/a b", "http://h/\r\nX: y"}) {
    EXPECT_FALSE(ParseHttpUrl(text)) << text;
  }
}

}  // namespace
}  // namespace fovea::wire
