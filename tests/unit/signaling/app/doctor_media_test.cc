// What `fovea doctor` reads out of a join, and what it makes of ICE checks.
#include "signaling/app/doctor_media.h"

#include <gmock/gmock.h>

#include <set>
#include <string>

#include "signaling/wire/sdp.h"
#include "signaling/wire/token_grants.h"
#include "signaling/wire/url.h"

namespace fovea::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kCandidate = "0 1 udp 2130706431 203.0.113.7 7882 typ host";
const NetAddress kAddress = *NetAddress::Parse("203.0.113.7", 7882);

pb::SignalResponse Trickle(std::string_view candidate, bool is_final) {
  pb::SignalResponse response;
  response.mutable_trickle()->set_candidateinit(R"({"candidate":"candidate:)" +
                                                std::string(candidate) + R"(","sdpMid":"0"})");
  response.mutable_trickle()->set_final(is_final);
  return response;
}

TEST(DoctorMedia, ReadsHostCandidatesOverUdp) {
  EXPECT_EQ(UdpAddressOf(kCandidate), kAddress);
  EXPECT_EQ(UdpAddressOf("0 1 UDP 1 2001:db8::1 7882 typ host"),
            NetAddress::Parse("2001:db8::1", 7882));
  EXPECT_EQ(UdpAddressOf("0 1 tcp 1 203.0.113.7 7881 typ host tcptype passive"), std::nullopt);
}

TEST(DoctorMedia, ReadsNothingOutOfDamagedCandidates) {
  for (const char* text :
       {"", " ", "0 1 udp 1 203.0.113.7 0 typ host", "0 1 udp 1 203.0.113.7 65536 typ host",
        "0 1 udp 1 203.0.113.7 -1", "0 1 udp 1 203.0.113.7 7882x typ host",
        "0 1 udp 1 name 7882 typ host"}) {
    EXPECT_EQ(UdpAddressOf(text), std::nullopt) << text;
  }
  const std::size_t end_of_port = kCandidate.find(" typ");
  for (std::size_t size = 0; size < kCandidate.size(); ++size) {
    const bool has_some_port = size > end_of_port - 4;  // "7" of "7882" is a port too
    EXPECT_EQ(UdpAddressOf(kCandidate.substr(0, size)).has_value(), has_some_port) << size;
  }
}

TEST(DoctorMedia, TakesAnOfferAndItsCandidatesTogether) {
  MediaOffer offer;
  pb::SignalResponse response;
  response.mutable_offer()->set_id(7);
  response.mutable_offer()->set_sdp(
      "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
      "a=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\n");
  offer.Add(response);
  EXPECT_EQ(offer.ufrag, "abcd");
  EXPECT_EQ(offer.password, "0123456789abcdef012345");
  EXPECT_EQ(offer.answer.type(), "answer");
  EXPECT_EQ(offer.answer.id(), 7U);
  const auto answer = wire::ParseSdp(offer.answer.sdp());
  ASSERT_TRUE(answer.ok()) << offer.answer.sdp();
  EXPECT_EQ(answer->media.front().mid, "0");
  EXPECT_EQ(answer->media.front().transport.ufrag, kDoctorUfrag);
  EXPECT_EQ(answer->media.front().transport.setup, wire::SdpSetup::kActive);
  offer.Add(Trickle("1 1 tcp 1 203.0.113.7 7881 typ host", false));
  EXPECT_FALSE(offer.is_complete);
  offer.Add(Trickle(kCandidate, true));
  EXPECT_TRUE(offer.is_complete);
  EXPECT_THAT(offer.addresses, ElementsAre(kAddress));
  response.Clear();
  response.mutable_trickle()->set_candidateinit("no JSON");
  offer.Add(response);
  EXPECT_THAT(offer.addresses, ElementsAre(kAddress));
}

TEST(DoctorMedia, WantsEveryAddressToAnswer) {
  EXPECT_EQ(MediaFinding({{kAddress, true}}).verdict, Verdict::kPass);
  const Finding cut = MediaFinding({{kAddress, false}});
  EXPECT_EQ(cut.verdict, Verdict::kFail);
  EXPECT_THAT(cut.observed, HasSubstr("203.0.113.7:7882"));
  EXPECT_THAT(cut.fix, HasSubstr("open the UDP ports"));
  const Finding half = MediaFinding({{kAddress, true}, {*NetAddress::Parse("::1", 7882), false}});
  EXPECT_EQ(half.verdict, Verdict::kWarn);
  EXPECT_THAT(half.observed, HasSubstr("not at [::1]:7882"));
  EXPECT_EQ(
      MediaFinding({{kAddress, true}, {*NetAddress::Parse("203.0.113.7", 7883), false}}).verdict,
      Verdict::kFail)
      << "half of the participants get that port";
  EXPECT_EQ(MediaFinding({}).verdict, Verdict::kFail);
}

TEST(DoctorMedia, JoinsHiddenWithTokensOfItsOwn) {
  Config config;
  config.keys["key"] = "a-secret-of-at-least-32-characters";
  std::set<std::string> identities;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string target = DoctorJoinTarget(config, i, 1000);
    EXPECT_TRUE(target.starts_with("/rtc?"));
    const auto grants =
        wire::VerifyToken(target.substr(target.find("access_token=") + 13), config.keys, 1000);
    ASSERT_TRUE(grants.ok());
    EXPECT_TRUE(grants->video->hidden);
    EXPECT_FALSE(wire::RefuseJoin(*grants).has_value());
    identities.insert(grants->identity);
  }
  EXPECT_EQ(identities.size(), 2U) << "or one would put the other out";
}

}  // namespace
}  // namespace fovea::app
