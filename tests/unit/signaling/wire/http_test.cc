#include <gmock/gmock.h>

#include "sfu/core/limits.h"
#include "signaling/wire/http_message.h"
#include "signaling/wire/http_parser.h"

namespace fovea::wire {
namespace {

using testing::HasSubstr;
using testing::Not;
using State = HttpParseState;

constexpr std::string_view kGet =
    "GET /rtc/validate?access_token=x HTTP/1.1\r\n"
    "Host: focus.example.org\r\n"
    "Origin: https://call.example.org\r\n"
    "\r\n";
constexpr std::string_view kPost =
    "POST /twirp/livekit.RoomService/ListRooms HTTP/1.1\r\n"
    "Host: h\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
constexpr std::string_view kChunked =
    "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
    "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";

int RefusalOf(std::string_view bytes) {
  HttpRequestParser parser;
  EXPECT_EQ(parser.Feed(bytes), State::kFailed) << bytes.substr(0, 200);
  return parser.error_status();
}

TEST(HttpRequestParser, ReadsAGet) {
  HttpRequestParser parser;
  EXPECT_TRUE(parser.idle());
  ASSERT_EQ(parser.Feed(kGet), State::kComplete);
  const HttpRequest request = parser.Take();
  EXPECT_EQ(request.method, HttpMethod::kGet);
  EXPECT_EQ(request.target.path, "/rtc/validate");
  EXPECT_EQ(request.Header("ORIGIN"), "https://call.example.org");
  EXPECT_TRUE(request.keep_alive);
  EXPECT_TRUE(parser.idle());
}

TEST(HttpRequestParser, ReadsBodiesByLengthAndByChunks) {
  HttpRequestParser parser;
  ASSERT_EQ(parser.Feed(kPost), State::kComplete);
  EXPECT_EQ(parser.Take().body, "{}");
  ASSERT_EQ(parser.Feed(kChunked), State::kComplete);
  EXPECT_EQ(parser.Take().body, "abcde");
}

TEST(HttpRequestParser, NeedsMoreAtEveryTruncation) {
  for (const std::string_view whole : {kGet, kPost, kChunked}) {
    for (std::size_t n = 0; n < whole.size(); ++n) {
      HttpRequestParser parser;
      EXPECT_EQ(parser.Feed(whole.substr(0, n)), State::kNeedMore) << n;
      EXPECT_EQ(parser.idle(), n == 0);
      EXPECT_EQ(parser.Feed(whole.substr(n)), State::kComplete) << n;
    }
  }
}

TEST(HttpRequestParser, ReadsByteByByte) {
  HttpRequestParser parser;
  for (const char c : kChunked) parser.Feed({&c, 1});
  ASSERT_EQ(parser.state(), State::kComplete);
  EXPECT_EQ(parser.Take().body, "abcde");
  constexpr std::string_view kNoChunks =
      "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  for (const char c : kNoChunks) parser.Feed({&c, 1});
  ASSERT_EQ(parser.state(), State::kComplete);
  EXPECT_EQ(parser.Take().body, "");
}

TEST(HttpRequestParser, KeepsPipelinedRequestsApart) {
  HttpRequestParser parser;
  ASSERT_EQ(parser.Feed(std::string(kPost) + std::string(kGet)), State::kComplete);
  EXPECT_EQ(parser.Take().method, HttpMethod::kPost);
  ASSERT_EQ(parser.Feed(""), State::kComplete);
  EXPECT_EQ(parser.Take().method, HttpMethod::kGet);
  EXPECT_EQ(parser.Feed(""), State::kNeedMore);
}

TEST(HttpRequestParser, HandsOverWhatFollowsAnUpgrade) {
  HttpRequestParser parser;
  ASSERT_EQ(parser.Feed("GET /rtc HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                        "Upgrade: websocket\r\n\r\n\x82\x80"),
            State::kComplete);
  const HttpRequest request = parser.Take();
  EXPECT_TRUE(HeaderListHas(request.headers, "Connection", "upgrade"));
  EXPECT_EQ(parser.TakeBuffered(), "\x82\x80");
}

TEST(HttpRequestParser, KnowsWhoKeepsTheConnection) {
  HttpRequestParser parser;
  parser.Feed("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(parser.Take().keep_alive);
  parser.Feed("GET / HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(parser.Take().keep_alive);
}

TEST(HttpRequestParser, AsksForTheBodyOnceWhenTheClientWaits) {
  HttpRequestParser parser;
  parser.Feed("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_TRUE(parser.wants_continue());
  parser.Feed("a");
  EXPECT_FALSE(parser.wants_continue());
  ASSERT_EQ(parser.Feed("bc"), State::kComplete);
  EXPECT_EQ(parser.Take().body, "abc");
}

TEST(HttpRequestParser, UnknownMethodsAreNoParseError) {
  HttpRequestParser parser;
  ASSERT_EQ(parser.Feed("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n"), State::kComplete);
  EXPECT_EQ(parser.Take().method, HttpMethod::kOther);
}

TEST(HttpRequestParser, RefusesMalformedRequests) {
  EXPECT_EQ(RefusalOf("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"), 400);
  EXPECT_EQ(RefusalOf("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(RefusalOf("GET / HTTP/1.1\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(RefusalOf("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(RefusalOf("GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(RefusalOf("GET / HTTP/1.1\r\nHost : h\r\n\r\n"), 400);
}

TEST(HttpRequestParser, RefusesAmbiguousLengths) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(RefusalOf(head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(RefusalOf(head + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), 400);
  EXPECT_EQ(RefusalOf(head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n"), 400);
  EXPECT_EQ(RefusalOf(head + "Content-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(RefusalOf(head + "Transfer-Encoding: gzip\r\n\r\n"), 400);
}

TEST(HttpRequestParser, BoundsRequestLineHeaderAndBody) {
  EXPECT_EQ(RefusalOf("GET /" + std::string(limits::kHttpRequestLineBytesMax, 'a')), 414);
  EXPECT_EQ(RefusalOf("GET /" + std::string(limits::kHttpRequestLineBytesMax, 'a') +
                      " HTTP/1.1\r\nHost: h\r\n\r\n"),
            414);
  EXPECT_EQ(
      RefusalOf("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(limits::kHttpHeaderBytesMax, 'a')),
      431);
  EXPECT_EQ(RefusalOf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n"), 413);
}

TEST(HttpRequestParser, AcceptsARequestLineJustBelowTheLimit) {
  HttpRequestParser parser;
  const std::string target = "/" + std::string(limits::kHttpRequestLineBytesMax - 100, 'a');
  EXPECT_EQ(parser.Feed("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n"), State::kComplete);
}

TEST(HttpRequestParser, BoundsABodyThatArrivesWithItsHead) {
  const std::string body(limits::kHttpBodyBytesMax + 1, 'x');
  const auto post = [](std::string_view content) {
    return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(content.size()) +
           "\r\n\r\n" + std::string(content);
  };
  EXPECT_EQ(RefusalOf(post(body)), 413);
  HttpRequestParser parser;
  EXPECT_EQ(parser.Feed(post(std::string_view(body).substr(1))), State::kComplete);
}

static_assert(limits::kTransactionBytesMax == limits::kHttpLargeBodyBytesMax);  // the largest

TEST(HttpRequestParser, BoundsALargeBodyWhateverItsRouteAllows) {
  const auto allow_all = [](const HttpRequest&) { return SIZE_MAX; };
  const auto head = [](std::size_t size) {
    return "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
  };
  HttpRequestParser parser(allow_all);
  EXPECT_EQ(parser.Feed(head(limits::kHttpLargeBodyBytesMax)), State::kNeedMore);
  ASSERT_EQ(parser.Feed(std::string(limits::kHttpLargeBodyBytesMax, 'x')), State::kComplete);
  EXPECT_EQ(parser.Take().body.size(), limits::kHttpLargeBodyBytesMax);
  HttpRequestParser too_small(allow_all);
  EXPECT_EQ(too_small.Feed(head(limits::kHttpLargeBodyBytesMax + 1)), State::kFailed);
  EXPECT_EQ(too_small.error_status(), 413);
}

TEST(HttpRequestParser, BoundsChunkedBodiesToo) {
  HttpRequestParser parser;
  parser.Feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 17; ++i) parser.Feed(chunk);
  EXPECT_EQ(parser.state(), State::kFailed);
  EXPECT_EQ(parser.error_status(), 413);
}

TEST(HttpResponseParser, ReadsLengthsChunksAndOpenEnds) {
  HttpResponseParser by_length({.body_bytes_max = 10});
  EXPECT_EQ(by_length.Feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh"), State::kNeedMore);
  ASSERT_EQ(by_length.Feed("i"), State::kComplete);
  EXPECT_EQ(by_length.Take().body, "hi");

  HttpResponseParser open_end({.body_bytes_max = 10});
  EXPECT_EQ(open_end.Feed("HTTP/1.0 404 Nope\r\nX-Y: z\r\n\r\nhello"), State::kNeedMore);
  ASSERT_EQ(open_end.FeedEnd(), State::kComplete);
  const HttpResponse response = open_end.Take();
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.Header("x-y"), "z");
  EXPECT_EQ(response.body, "hello");
}

TEST(HttpResponseParser, SkipsInterimResponses) {
  HttpResponseParser parser({.body_bytes_max = 10});
  ASSERT_EQ(parser.Feed("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
            State::kComplete);
  EXPECT_EQ(parser.Take().status, 204);
}

TEST(HttpResponseParser, RefusesCutShortAndTooLong) {
  HttpResponseParser cut({.body_bytes_max = 10});
  EXPECT_EQ(cut.Feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi"), State::kNeedMore);
  EXPECT_EQ(cut.FeedEnd(), State::kFailed);
  HttpResponseParser silent({.body_bytes_max = 10});
  EXPECT_EQ(silent.FeedEnd(), State::kFailed);
  HttpResponseParser long_body({.body_bytes_max = 10});
  EXPECT_EQ(long_body.Feed("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"), State::kFailed);
  HttpResponseParser at_once({.body_bytes_max = 10});
  EXPECT_EQ(at_once.Feed("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"),
            State::kFailed);
  HttpResponseParser garbage({.body_bytes_max = 10});
  EXPECT_EQ(garbage.Feed("SSH-2.0-OpenSSH\r\n\r\n"), State::kFailed);
}

TEST(SerializeResponse, WritesTheseBytes) {
  EXPECT_EQ(SerializeResponse(TextResponse(404, "requested room does not exist"), {}),
            "HTTP/1.1 404 Not Found\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "Content-Length: 29\r\n"
            "Connection: keep-alive\r\n"
            "\r\n"
            "requested room does not exist");
}

TEST(SerializeResponse, AnswersHeadWithoutTheBody) {
  const std::string bytes =
      SerializeResponse(TextResponse(200, "OK"), {.keep_alive = false, .head_only = true});
  EXPECT_THAT(bytes, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_THAT(bytes, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(bytes.ends_with("\r\n\r\n"));
}

TEST(SerializeResponse, NoLengthWhereNoBodyMayBe) {
  EXPECT_THAT(SerializeResponse({.status = 204, .headers = {}, .body = "x"}, {}),
              Not(HasSubstr("Content-Length")));
}

TEST(SerializeResponse, AHeaderValueCannotStartAnotherHeader) {
  HttpResponse response = TextResponse(200, "");
  response.headers.emplace_back("X-Echo", "a\r\nSet-Cookie: b");
  EXPECT_THAT(SerializeResponse(response, {}), HasSubstr("X-Echo: a  Set-Cookie: b\r\n"));
}

TEST(SerializeResponse, IsReadBackByTheParser) {
  HttpResponseParser parser({.body_bytes_max = 100});
  ASSERT_EQ(parser.Feed(SerializeResponse(JsonResponse(429, "{}"), {})), State::kComplete);
  const HttpResponse response = parser.Take();
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.Header("content-type"), "application/json");
  EXPECT_EQ(response.body, "{}");
}

TEST(SerializeRequest, IsReadBackByTheParser) {
  HttpRequestParser parser;
  const std::string bytes = SerializeRequest({.method = HttpMethod::kPost,
                                              .url = *ParseHttpUrl("http://hooks:8080/in?x=1"),
                                              .headers = {{"Authorization", "token"}},
                                              .body = "{}"});
  ASSERT_EQ(parser.Feed(bytes), State::kComplete);
  const HttpRequest request = parser.Take();
  EXPECT_EQ(request.Header("host"), "hooks:8080");
  EXPECT_EQ(request.Header("authorization"), "token");
  EXPECT_EQ(request.target.Query("x"), "1");
  EXPECT_EQ(request.body, "{}");
  EXPECT_FALSE(request.keep_alive);
}

TEST(SerializeRequest, LeavesAConnectionFieldOfItsOwnAlone) {
  const std::string bytes = SerializeRequest(
      {.url = *ParseHttpUrl("http://hooks/"), .headers = {{"connection", "Upgrade"}}});
  EXPECT_NE(bytes.find("connection: Upgrade\r\n"), std::string::npos) << bytes;
  EXPECT_EQ(bytes.find("close"), std::string::npos) << bytes;
}

TEST(Cors, PreflightRepeatsTheHeadersAskedFor) {
  HttpRequestParser parser;
  parser.Feed(
      "OPTIONS /twirp/livekit.RoomService/ListRooms HTTP/1.1\r\nHost: h\r\nOrigin: https://a\r\n"
      "Access-Control-Request-Method: POST\r\n"
      "Access-Control-Request-Headers: authorization,content-type\r\n\r\n");
  const HttpRequest request = parser.Take();
  ASSERT_TRUE(IsCorsPreflight(request));
  const HttpResponse response = CorsPreflightResponse(request);
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.Header("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(response.Header("Access-Control-Allow-Headers"), "authorization,content-type");
  EXPECT_THAT(std::string(*response.Header("Access-Control-Allow-Methods")), HasSubstr("POST"));
  EXPECT_EQ(response.Header("Access-Control-Max-Age"), "86400");
}

TEST(Cors, PlainOptionsIsNoPreflight) {
  HttpRequest request;
  request.method = HttpMethod::kOptions;
  EXPECT_FALSE(IsCorsPreflight(request));
}

TEST(Cors, ErrorsCarryTheHeadersToo) {
  HttpResponse response = TextResponse(401, "permissions denied");
  AddCorsHeaders(response);
  EXPECT_EQ(response.Header("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(response.Header("Access-Control-Expose-Headers"), "*");
}

}  // namespace
}  // namespace fovea::wire
