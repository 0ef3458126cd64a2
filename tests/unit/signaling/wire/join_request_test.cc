#include "signaling/wire/join_request.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include "sfu/core/limits.h"
#include "signaling/wire/base64.h"

namespace fovea::wire {
namespace {

using ::livekit::ClientInfo;
using ::livekit::WrappedJoinRequest;
using testing::ElementsAre;
using testing::HasSubstr;

// Made by npm @livekit/protocol 1.52.1 from what a Firefox tab says: no offer, no compression.
constexpr std::string_view kPlain =
    "EjAKKAgBEgYyLjIxLjAYESIFTGludXg6B0ZpcmVmb3hCBTE1My4wYAJqAQESBAgBEAE=";
// The same with an offer and a reconnect, gzipped by zlib.
constexpr std::string_view kGzipped =
    "CAESdB-"
    "LCAAAAAAAAAPj0uBgFGIz0jMy1DOQEFRi9cnMK62wYnfLLEpNy69wYjU0NdYzSGDKYmQUYuFgFGCUYsxVYuNizBZi"
    "LDO6ycjFmp-WllokdJaxzNaAlyvRtmJYEBKMFowOjF5sAY7xiUnJAB9EUkYjAQAA";

RequestTarget Target(std::string_view path, std::string_view join_request) {
  return *ParseRequestTarget(std::string(path) +
                             "?access_token=t&join_request=" + PercentEncode(join_request));
}

std::string Wrap(const std::string& bytes, WrappedJoinRequest::Compression compression) {
  WrappedJoinRequest wrapped;
  wrapped.set_compression(compression);
  wrapped.set_join_request(bytes);
  return Base64UrlEncode(AsBytes(wrapped.SerializeAsString()));
}

std::string Gzip(const std::string& plain) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(plain.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(JoinRequest, ReadsAnUncompressedOne) {
  const auto join = ParseJoinParameters(SignalPath::kV1, Target("/rtc/v1", kPlain));
  ASSERT_TRUE(join);
  EXPECT_TRUE(join->single_peer_connection);
  const ClientInfo& client = join->request.client_info();
  EXPECT_EQ(client.sdk(), ClientInfo::JS);
  EXPECT_EQ(client.version(), "2.21.0");
  EXPECT_EQ(client.protocol(), 17);
  EXPECT_EQ(client.client_protocol(), 2);
  EXPECT_EQ(client.browser(), "Firefox");
  EXPECT_THAT(client.capabilities(), ElementsAre(ClientInfo::CAP_PACKET_TRAILER));
  EXPECT_TRUE(join->request.connection_settings().auto_subscribe());
  EXPECT_TRUE(join->request.connection_settings().adaptive_stream());
  EXPECT_FALSE(join->request.connection_settings().has_subscriber_allow_pause());
  EXPECT_FALSE(join->request.has_publisher_offer());
}

TEST(JoinRequest, ReadsAGzippedOneWithAnOffer) {
  const auto join = ParseJoinParameters(SignalPath::kV1, Target("/rtc/v1", kGzipped));
  ASSERT_TRUE(join);
  EXPECT_EQ(join->request.publisher_offer().type(), "offer");
  EXPECT_EQ(join->request.publisher_offer().id(), 1U);
  EXPECT_EQ(join->request.publisher_offer().sdp().size(), 205U);
  EXPECT_TRUE(join->request.reconnect());
  EXPECT_EQ(join->request.participant_sid(), "PA_abc");
  EXPECT_EQ(join->request.reconnect_reason(), ::livekit::RR_SIGNAL_DISCONNECTED);
  EXPECT_EQ(join->request.participant_attributes().at("k"), "v");
}

TEST(JoinRequest, PaddingMayBeMissing) {
  std::string_view bare = kPlain;
  while (bare.ends_with('=')) bare.remove_suffix(1);
  EXPECT_TRUE(ParseJoinParameters(SignalPath::kV1, Target("/rtc/v1", bare)));
}

TEST(JoinRequest, OnTheOldPathMeansASinglePeerConnectionToo) {
  const auto join = ParseJoinParameters(SignalPath::kV0, Target("/rtc", kPlain));
  ASSERT_TRUE(join);
  EXPECT_TRUE(join->single_peer_connection);
  EXPECT_EQ(join->request.client_info().protocol(), 17);
}

TEST(JoinRequest, IsRequiredOnTheNewPath) {
  for (const char* target : {"/rtc/v1", "/rtc/v1?join_request=", "/rtc/v1?sdk=js"}) {
    const auto join = ParseJoinParameters(SignalPath::kV1, *ParseRequestTarget(target));
    ASSERT_FALSE(join);
    EXPECT_EQ(join.error().message, "join_request is missing");
  }
}

TEST(JoinRequest, TruncatedAnywhereNeverBecomesAnotherRequest) {
  for (std::size_t n = 1; n + 1 < kGzipped.size(); ++n) {
    const auto join =
        ParseJoinParameters(SignalPath::kV1, Target("/rtc/v1", kGzipped.substr(0, n)));
    // A cut behind the compression field alone leaves an empty gzip body, which is corrupt as well.
    EXPECT_FALSE(join) << n;
  }
}

TEST(JoinRequest, UnpackedSizeIsLimited) {
  ::livekit::JoinRequest request;
  request.set_metadata(std::string(limits::kJoinRequestBytesMax, 'x'));
  const auto join = ParseJoinParameters(
      SignalPath::kV1,
      Target("/rtc/v1", Wrap(Gzip(request.SerializeAsString()), WrappedJoinRequest::GZIP)));
  ASSERT_FALSE(join);
  EXPECT_EQ(join.error().message, "join_request is too large");

  request.set_metadata(std::string(limits::kJoinRequestBytesMax - 100, 'x'));
  EXPECT_TRUE(ParseJoinParameters(
      SignalPath::kV1,
      Target("/rtc/v1", Wrap(Gzip(request.SerializeAsString()), WrappedJoinRequest::GZIP))));
}

TEST(JoinRequest, SaysWhatIsWrong) {
  const auto message = [](std::string_view join_request) {
    const auto join = ParseJoinParameters(SignalPath::kV1, Target("/rtc/v1", join_request));
    return join ? std::string("accepted") : join.error().message;
  };
  EXPECT_THAT(message("!!"), HasSubstr("base64url"));
  EXPECT_THAT(message(Base64UrlEncode(AsBytes("\x0a"))), HasSubstr("WrappedJoinRequest"));
  EXPECT_THAT(message(Wrap("\x0a", WrappedJoinRequest::NONE)), HasSubstr("JoinRequest"));
  EXPECT_THAT(message(Wrap("plain", WrappedJoinRequest::GZIP)), HasSubstr("gzip"));
  EXPECT_THAT(message(Wrap("", static_cast<WrappedJoinRequest::Compression>(7))),
              HasSubstr("compression"));
}

TEST(V0Query, ReadsWhatTheNodeSdkSends) {
  const auto join = ParseJoinParameters(
      SignalPath::kV0,
      *ParseRequestTarget(
          "/rtc?sdk=node&os=Debian&os_version=12.0.0&device_model=Unknown&protocol=17"
          "&client_protocol=2&auto_subscribe=1&adaptive_stream=0&version=1.1.0"
          "&capabilities=CAP_PACKET_TRAILER,CAP_COMPRESSION_DEFLATE_RAW,CAP_NEW"));
  ASSERT_TRUE(join);
  EXPECT_FALSE(join->single_peer_connection);
  const ClientInfo& client = join->request.client_info();
  EXPECT_EQ(client.sdk(), ClientInfo::NODE);
  EXPECT_EQ(client.os_version(), "12.0.0");
  EXPECT_EQ(client.protocol(), 17);
  EXPECT_THAT(client.capabilities(),
              ElementsAre(ClientInfo::CAP_PACKET_TRAILER, ClientInfo::CAP_COMPRESSION_DEFLATE_RAW));
  EXPECT_TRUE(join->request.connection_settings().auto_subscribe());
  EXPECT_FALSE(join->request.connection_settings().adaptive_stream());
}

TEST(V0Query, SubscribesUnlessDenied) {
  const auto settings = [](const char* target) {
    return ParseJoinParameters(SignalPath::kV0, *ParseRequestTarget(target))
        ->request.connection_settings();
  };
  EXPECT_TRUE(settings("/rtc").auto_subscribe());
  EXPECT_TRUE(settings("/rtc?auto_subscribe=true").auto_subscribe());
  EXPECT_FALSE(settings("/rtc?auto_subscribe=0").auto_subscribe());
  EXPECT_FALSE(settings("/rtc").has_subscriber_allow_pause());
  EXPECT_FALSE(settings("/rtc?subscriber_allow_pause=0").subscriber_allow_pause());
  EXPECT_TRUE(settings("/rtc?subscriber_allow_pause=0").has_subscriber_allow_pause());
  EXPECT_FALSE(settings("/rtc").has_auto_subscribe_data_track());
  EXPECT_TRUE(settings("/rtc?auto_subscribe_data_track=0").has_auto_subscribe_data_track());
  EXPECT_FALSE(settings("/rtc?auto_subscribe_data_track=0").auto_subscribe_data_track());
}

TEST(V0Query, ReadsAReconnect) {
  const auto join = ParseJoinParameters(
      SignalPath::kV0,
      *ParseRequestTarget("/rtc?reconnect=1&sid=PA_x&reconnect_reason=2&publish=screen"));
  ASSERT_TRUE(join);
  EXPECT_TRUE(join->request.reconnect());
  EXPECT_EQ(join->request.participant_sid(), "PA_x");
  EXPECT_EQ(join->request.reconnect_reason(), ::livekit::RR_PUBLISHER_FAILED);
  EXPECT_EQ(join->publish_suffix, "screen");
}

TEST(V0Query, ReadsAttributes) {
  const auto join = [](std::string_view json) {
    return ParseJoinParameters(
        SignalPath::kV0, *ParseRequestTarget("/rtc?attributes=" + Base64UrlEncode(AsBytes(json))));
  };
  EXPECT_EQ(join(R"({"a":"b"})")->request.participant_attributes().at("a"), "b");
  EXPECT_FALSE(join(R"({"a":1})"));
  EXPECT_FALSE(join("[]"));
  EXPECT_FALSE(join("{"));
}

TEST(V0Query, NonsenseNumbersCountAsAbsent) {
  const auto join = ParseJoinParameters(
      SignalPath::kV0,
      *ParseRequestTarget(
          "/rtc?protocol=99999999999&client_protocol=2x&reconnect_reason=77&sdk=basic"));
  ASSERT_TRUE(join);
  EXPECT_EQ(join->request.client_info().protocol(), 0);
  EXPECT_EQ(join->request.client_info().client_protocol(), 0);
  EXPECT_EQ(join->request.client_info().sdk(), ClientInfo::UNKNOWN);
  EXPECT_EQ(join->request.reconnect_reason(), ::livekit::RR_UNKNOWN);
}

}  // namespace
}  // namespace fovea::wire
