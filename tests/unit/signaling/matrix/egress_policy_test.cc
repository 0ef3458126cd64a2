#include "signaling/matrix/egress_policy.h"

#include <gmock/gmock.h>

namespace fovea::matrix {
namespace {

NetAddress Address(std::string_view text) { return NetAddress::Parse(text, 8448).value(); }

TEST(EgressPolicy, LetsNothingThroughToPrivateOrSpecialAddresses) {
  const EgressPolicy policy;
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.100.100.200",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.254",
                           "169.254.0.1",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.0.192",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.0.1",
                           "192.168.255.255",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "239.255.255.250",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "::ffff:7f00:1",
                           "::127.0.0.1",
                           "::2",
                           "::ffff:0:10.0.0.1",
                           "64:ff9b::127.0.0.1",
                           "64:ff9b::a00:1",
                           "64:ff9b:1::1",
                           "100::1",
                           "2001::1",
                           "2001:0:808:808::1",
                           "2001:2::1",
                           "2001:10::1",
                           "2001:db8::1",
                           "2002:7f00:1::",
                           "2002:a00:1::1",
                           "2002:c0a8:101::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "fd12:3456::1",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "ff02::1",
                           "ff0e::1"}) {
    EXPECT_FALSE(policy.Allows(Address(text))) << text;
  }
}

TEST(EgressPolicy, LetsPublicAddressesThrough) {
  const EgressPolicy policy;
  for (const char* text : {"1.1.1.1",         "8.8.8.8",
                           "9.255.255.255",   "11.0.0.1",
                           "100.63.255.255",  "100.128.0.1",
                           "126.255.255.255", "128.0.0.1",
                           "172.15.255.255",  "172.32.0.1",
                           "192.0.1.1",       "192.167.1.1",
                           "192.169.0.1",     "198.17.0.1",
                           "198.20.0.1",      "223.255.255.255",
                           "::ffff:8.8.8.8",  "2606:4700::1111",
                           "2a00:1450::1",    "64:ff9b::8.8.8.8",
                           "2002:808:808::1", "2001:4860:4860::8888"}) {
    EXPECT_TRUE(policy.Allows(Address(text))) << text;
  }
}

TEST(EgressPolicy, OpensWhatTheOperatorNames) {
  const EgressPolicy policy({*Cidr::Parse("127.0.0.0/8"), *Cidr::Parse("fd00::/8")}, {});
  EXPECT_TRUE(policy.Allows(Address("127.0.0.1")));
  EXPECT_TRUE(policy.Allows(Address("::ffff:127.9.9.9")));
  EXPECT_TRUE(policy.Allows(Address("fd00::1")));
  EXPECT_FALSE(policy.Allows(Address("10.0.0.1")));
  EXPECT_FALSE(policy.Allows(Address("::1")));
}

TEST(EgressPolicy, RefusesThisMachinesOwnAddresses) {
  const EgressPolicy policy({}, {Address("8.8.4.4"), Address("2606:4700::1")});
  EXPECT_FALSE(policy.Allows(Address("8.8.4.4")));
  EXPECT_FALSE(policy.Allows(Address("2606:4700::1")));
  EXPECT_FALSE(policy.Allows(Address("64:ff9b::8.8.4.4")));
  EXPECT_TRUE(policy.Allows(Address("8.8.8.8")));
  const EgressPolicy opened({*Cidr::Parse("8.8.4.4")}, {Address("8.8.4.4")});
  EXPECT_TRUE(opened.Allows(Address("8.8.4.4")));
}

TEST(Cidr, ReadsRangesOfBothFamilies) {
  EXPECT_TRUE(Cidr::Parse("10.0.0.0/8")->Contains(Address("10.255.0.1")));
  EXPECT_FALSE(Cidr::Parse("10.0.0.0/8")->Contains(Address("11.0.0.1")));
  EXPECT_TRUE(Cidr::Parse("192.168.4.0/22")->Contains(Address("192.168.7.255")));
  EXPECT_FALSE(Cidr::Parse("192.168.4.0/22")->Contains(Address("192.168.8.0")));
  EXPECT_TRUE(Cidr::Parse("0.0.0.0/0")->Contains(Address("1.2.3.4")));
  EXPECT_FALSE(Cidr::Parse("0.0.0.0/0")->Contains(Address("2606::1")));
  EXPECT_TRUE(Cidr::Parse("::/0")->Contains(Address("1.2.3.4")));
  EXPECT_EQ(Cidr::Parse("10.0.0.0/8")->ToString(), "10.0.0.0/8");
  EXPECT_EQ(Cidr::Parse("1.2.3.4")->ToString(), "1.2.3.4/32");
  EXPECT_EQ(Cidr::Parse("fc00::/7")->ToString(), "fc00::/7");
}

TEST(Cidr, RefusesEverythingElse) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                           "::/129", "10/8", "example.com", "10.0.0.0/08888"}) {
    EXPECT_FALSE(Cidr::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace fovea::matrix
