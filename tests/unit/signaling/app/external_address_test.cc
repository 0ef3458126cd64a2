// rtc.use_external_ip: whom it asks, and what clients are offered then.
// tests/e2e/cases/external-ip.mjs asks a server. Thread: test.
#include "signaling/app/external_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fovea::app {
namespace {

using testing::ElementsAre;

std::string Parsed(const std::string& server) {
  const StunEndpoint endpoint = ParseStunServer(server);
  return endpoint.host + " " + std::to_string(endpoint.port);
}

TEST(ExternalAddress, ReadsServersWithAndWithoutSchemeAndPort) {
  EXPECT_EQ(Parsed("stun:stun.example.com:19302"), "stun.example.com 19302");
  EXPECT_EQ(Parsed("stun.example.com"), "stun.example.com 3478");
  EXPECT_EQ(Parsed("stun:192.0.2.1:80"), "192.0.2.1 80");
  EXPECT_EQ(Parsed("[2001:db8::1]"), "2001:db8::1 3478");
  EXPECT_EQ(Parsed("[2001:db8::1]:5000"), "2001:db8::1 5000");
}

TEST(ExternalAddress, AsksPublicServersOnlyWhereNoneIsNamed) {
  Config config;
  EXPECT_EQ(StunServersOf(config).front(), "stun.l.google.com:19302");
  config.server.ice_servers = {{{"turn:turn.example.com"}, "", ""}, {{"stun:a.b:1"}, "", ""}};
  EXPECT_THAT(StunServersOf(config), ElementsAre("stun:a.b:1"));
}

TEST(ExternalAddress, ComesFirstAndOnce) {
  EXPECT_THAT(WithExternalAddress("192.0.2.1", RtcConfig{}, {"10.0.0.1", "192.0.2.1"}),
              ElementsAre("192.0.2.1", "10.0.0.1"));
}

TEST(ExternalAddress, StandsAloneWhereTheOwnOnesAreNotToBeShown) {
  for (const bool only : {false, true}) {
    for (const bool internal : {false, true}) {
      RtcConfig rtc;
      rtc.external_ip_only = only;
      rtc.advertise_internal_ip = internal;
      const auto offered = WithExternalAddress("192.0.2.1", rtc, {"10.0.0.1"});
      EXPECT_EQ(offered.size(), !only && internal ? 2U : 1U) << only << internal;
      EXPECT_EQ(offered[0], "192.0.2.1");
    }
  }
}

}  // namespace
}  // namespace fovea::app
