#include "signaling/app/candidate_addresses.h"

#include <gmock/gmock.h>

namespace fovea::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A host with Docker on it.
std::vector<io::InterfaceAddress> Host(io::Loopback loopback) {
  std::vector<io::InterfaceAddress> out = {
      {"eth0", "192.0.2.7"}, {"docker0", "172.17.0.1"}, {"eth0", "2001:db8::7"}};
  if (loopback == io::Loopback::kInclude) out.push_back({"lo", "127.0.0.1"});
  return out;
}

std::vector<std::string> Of(const RtcConfig& rtc) {
  const auto ips = CandidateAddresses(rtc, &Host);
  EXPECT_TRUE(ips.ok()) << ips.error();
  return ips.ok() ? *ips : std::vector<std::string>{};
}

TEST(CandidateAddresses, AreAllOfThemWhereNothingIsSaid) {
  EXPECT_THAT(Of({}), ElementsAre("192.0.2.7", "172.17.0.1", "2001:db8::7"));
  EXPECT_THAT(Of({.enable_loopback_candidate = true}),
              ElementsAre("192.0.2.7", "172.17.0.1", "2001:db8::7", "127.0.0.1"));
}

TEST(CandidateAddresses, AreWhatTheOperatorNamed) {
  EXPECT_THAT(Of({.node_ips = {"198.51.100.1"}, .interfaces = {.includes = {"none"}}}),
              ElementsAre("198.51.100.1"));
}

TEST(CandidateAddresses, OfTheInterfacesThatAreIncludedOrNotExcluded) {
  EXPECT_THAT(Of({.interfaces = {.includes = {"docker0"}}}), ElementsAre("172.17.0.1"));
  EXPECT_THAT(Of({.interfaces = {.excludes = {"docker0", "docker"}}}),
              ElementsAre("192.0.2.7", "2001:db8::7"));
}

TEST(CandidateAddresses, OfTheNetworksThatAreIncludedOrNotExcluded) {
  EXPECT_THAT(Of({.ips = {.includes = {"192.0.2.0/24", "2001:db8::/32"}}}),
              ElementsAre("192.0.2.7", "2001:db8::7"));
  EXPECT_THAT(Of({.ips = {.excludes = {"172.16.0.0/12"}}}),
              ElementsAre("192.0.2.7", "2001:db8::7"));
  // Both filters are in force.
  EXPECT_THAT(Of({.ips = {.excludes = {"2001:db8::/32"}}, .interfaces = {.includes = {"eth0"}}}),
              ElementsAre("192.0.2.7"));
}

TEST(CandidateAddresses, FiltersThatLeaveNothingAreAnErrorWithWhatThereIs) {
  const auto ips = CandidateAddresses({.interfaces = {.includes = {"eth1"}}}, &Host);
  ASSERT_FALSE(ips.ok());
  EXPECT_THAT(ips.error(), HasSubstr("192.0.2.7 (eth0), 172.17.0.1 (docker0)"));
}

TEST(CandidateAddresses, AMachineWithoutNetworkServesItself) {
  const auto alone = [](io::Loopback loopback) {
    return loopback == io::Loopback::kInclude
               ? std::vector<io::InterfaceAddress>{{"lo", "127.0.0.1"}}
               : std::vector<io::InterfaceAddress>{};
  };
  const auto ips = CandidateAddresses({}, alone);
  ASSERT_TRUE(ips.ok());
  EXPECT_THAT(*ips, ElementsAre("127.0.0.1"));
}

}  // namespace
}  // namespace fovea::app
