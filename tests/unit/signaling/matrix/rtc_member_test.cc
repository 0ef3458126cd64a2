#include "signaling/matrix/rtc_member.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "sfu/core/limits.h"
#include "signaling/matrix/server_acl.h"
#include "tests/unit/signaling/matrix/golden.h"

namespace fovea::matrix {
namespace {

using test::GoldenEvent;

RtcMembership Read(const std::string& name) {
  const auto member = ReadMembership(GoldenEvent(name));
  EXPECT_TRUE(member.ok()) << name;
  return member.ok() ? *member : RtcMembership{};
}

TEST(RtcMember, ReadsTheLegacyState) {
  const RtcMembership member = Read("legacy_join.json");
  EXPECT_EQ(member.format, MemberFormat::kLegacyState);
  EXPECT_TRUE(member.joined);
  EXPECT_EQ(member.user_id, "@alice:hs");
  EXPECT_EQ(member.device_id, "DEV");
  EXPECT_EQ(member.slot_id, "m.call#ROOM");
  EXPECT_EQ(member.intent, "video");
  EXPECT_EQ(member.created_ts_ms, 1'700'000'000'000);
  EXPECT_EQ(member.expires_ms, 14'400'000);
  EXPECT_EQ(member.transports, std::vector<std::string>{"https://rtc.hs/jwt"});
}

TEST(RtcMember, ReadsOwnedStateKeysAndOtherCalls) {
  const RtcMembership member = Read("legacy_owned_key.json");
  EXPECT_TRUE(member.joined);
  EXPECT_EQ(member.key, "@alice:hs_DEV_m.call");
  EXPECT_EQ(member.slot_id, "m.call#side");
  EXPECT_EQ(member.created_ts_ms, 1'699'999'990'000);
}

TEST(RtcMember, TakesAnEmptyStateForALeave) {
  const RtcMembership member = Read("legacy_leave.json");
  EXPECT_FALSE(member.joined);
  EXPECT_EQ(member.key, "_@alice:hs_DEV_m.call");
}

TEST(RtcMember, IgnoresTheOldArray) {
  const auto member = ReadMembership(GoldenEvent("legacy_old_array.json"));
  ASSERT_FALSE(member.ok());
  EXPECT_EQ(member.error(), MemberRefusal::kOldArray);
}

TEST(RtcMember, ReadsTheStateOf2024) {
  const RtcMembership member = Read("state_2024_join.json");
  EXPECT_EQ(member.format, MemberFormat::kState2024);
  EXPECT_TRUE(member.joined);
  EXPECT_EQ(member.device_id, "PHONE");
  EXPECT_EQ(member.intent, "audio");
  EXPECT_EQ(member.slot_id, "m.call#ROOM");
  EXPECT_EQ(member.created_ts_ms, 1'699'999'999'000);
  const RtcMembership leave = Read("state_2024_leave.json");
  EXPECT_FALSE(leave.joined);
  EXPECT_EQ(leave.leave_code, "lost_connection");
}

TEST(RtcMember, BelievesADeviceInAStateKeyOnlyBehindItsSender) {
  Event event = GoldenEvent("state_2024_join.json");
  event.state_key = "@victim:hs_PHONE";
  EXPECT_FALSE(ReadMembership(event).ok());
  event.content["device_id"] = "OTHER";
  const auto member = ReadMembership(event);
  ASSERT_TRUE(member.ok());
  EXPECT_EQ(member->user_id, "@bob:other.example");
  EXPECT_EQ(member->device_id, "OTHER");
}

TEST(RtcMember, ReadsOnlySoManyTransports) {
  Event event = GoldenEvent("legacy_join.json");
  auto transports = nlohmann::json::array();
  std::vector<std::string> first;
  for (std::size_t i = 0; i <= limits::kTransportsPerMemberMax; ++i) {
    const std::string url = "https://rtc.hs/" + std::to_string(i);
    transports.push_back({{"type", "livekit"}, {"livekit_service_url", url}});
    first.push_back(url);
  }
  first.pop_back();
  event.content["foci_preferred"] = transports;
  const auto member = ReadMembership(event);
  ASSERT_TRUE(member.ok());
  EXPECT_EQ(member->transports, first);
}

TEST(RtcMember, BelievesNobodyToStayForEver) {
  constexpr std::int64_t kMost = ToMillis(limits::kMemberExpiresMax);
  Event event = GoldenEvent("legacy_join.json");
  const auto expires = [&event](std::int64_t asked_ms) {
    event.content["expires"] = asked_ms;
    return ReadMembership(event)->expires_ms;
  };
  EXPECT_EQ(expires(kMost), kMost);
  EXPECT_EQ(expires(kMost + 1), kMost);
  EXPECT_EQ(expires((std::int64_t{1} << 53) - 1), kMost);  // the largest integer of Matrix
  EXPECT_EQ(expires(-1), 0);
}

TEST(RtcMember, ReadsEveryStickyVariant) {
  const RtcMembership b = Read("sticky_b_join.json");
  EXPECT_TRUE(b.joined);
  EXPECT_EQ(b.member_id, "mem1");
  EXPECT_EQ(b.device_id, "DEV");
  EXPECT_EQ(b.transports, std::vector<std::string>{"https://rtc.hs/jwt"});
  const RtcMembership c = Read("sticky_c_join.json");
  EXPECT_TRUE(c.joined);
  EXPECT_EQ(c.transports, std::vector<std::string>{"https://rtc.hs/jwt"});
  const RtcMembership d = Read("sticky_d_join.json");
  EXPECT_TRUE(d.joined);
  EXPECT_EQ(d.key, "memD");
  EXPECT_EQ(d.device_id, "");
  EXPECT_EQ(d.transports, std::vector<std::string>{"wss://rtc.hs"});
}

TEST(RtcMember, ReadsEveryStickyLeave) {
  const RtcMembership c = Read("sticky_c_leave.json");
  EXPECT_FALSE(c.joined);
  EXPECT_EQ(c.key, "mem1");
  const RtcMembership d = Read("sticky_d_leave.json");
  EXPECT_FALSE(d.joined);
  EXPECT_EQ(d.leave_code, "delayed_leave");
}

TEST(RtcMember, RefusesAStickyMemberThatClaimsAnotherUser) {
  Event event = GoldenEvent("sticky_b_join.json");
  event.content["member"]["user_id"] = "@victim:hs";
  const auto member = ReadMembership(event);
  ASSERT_FALSE(member.ok());
  EXPECT_EQ(member.error(), MemberRefusal::kUnreadable);
}

TEST(RtcMember, CallsUnreadableWhatIsNeitherJoinNorLeave) {
  Event event = GoldenEvent("legacy_join.json");
  for (const char* key : {"application", "device_id"}) {
    Event broken = event;
    broken.content[key] = 7;
    EXPECT_FALSE(ReadMembership(broken).ok()) << key;
  }
  Event sticky = GoldenEvent("sticky_c_join.json");
  sticky.content.erase("application");
  EXPECT_FALSE(ReadMembership(sticky).ok());
  sticky = GoldenEvent("sticky_c_join.json");
  sticky.sticky_duration_ms.reset();
  EXPECT_FALSE(ReadMembership(sticky).ok());
  sticky = GoldenEvent("sticky_d_join.json");
  sticky.content["member"]["membership"] = "perhaps";
  EXPECT_FALSE(ReadMembership(sticky).ok());
}

TEST(RtcSlot, IsOpenOnlyWithAnApplication) {
  EXPECT_EQ(ReadSlot(GoldenEvent("slot_open.json").content), SlotStatus::kOpen);
  const auto read = [](const char* text) { return ReadSlot(nlohmann::json::parse(text)); };
  EXPECT_EQ(read(R"({"application":{"type":"m.call"}})"), SlotStatus::kOpen);
  EXPECT_EQ(read(R"({"status":"closed","application":{"type":"m.call"}})"), SlotStatus::kClosed);
  EXPECT_EQ(read(R"({"status":"open"})"), SlotStatus::kClosed);
  EXPECT_EQ(read(R"({})"), SlotStatus::kClosed);
  EXPECT_EQ(read(R"({"status":5,"application":{"type":"m.call"}})"), SlotStatus::kClosed);
}

TEST(Glob, MatchesStarsAndQuestionMarks) {
  EXPECT_TRUE(GlobMatches("*", ""));
  EXPECT_TRUE(GlobMatches("*.evil.example", "a.b.evil.example"));
  EXPECT_FALSE(GlobMatches("*.evil.example", "evil.example"));
  EXPECT_TRUE(GlobMatches("?vil.*", "evil.example"));
  EXPECT_FALSE(GlobMatches("?", ""));
  EXPECT_TRUE(GlobMatches("EVIL.example", "evil.EXAMPLE"));
  EXPECT_FALSE(GlobMatches("evil.example", "evilXexample"));
  EXPECT_FALSE(GlobMatches("", "a"));
  EXPECT_TRUE(GlobMatches("a*b*c", "aXbYbZc"));
  // Quadratic at worst, never exponential.
  EXPECT_FALSE(GlobMatches("*a*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

TEST(ServerAcl, DeniesBeforeItAllows) {
  const auto acl = ServerAcl::Read(nlohmann::json::parse(
      R"({"allow":["*"],"deny":["*.evil.example","evil.example"],"allow_ip_literals":false})"));
  ASSERT_TRUE(acl.has_value());
  EXPECT_TRUE(acl->Permits("good.example"));
  EXPECT_TRUE(acl->Permits("good.example:8448"));
  EXPECT_FALSE(acl->Permits("evil.example:443"));
  EXPECT_FALSE(acl->Permits("x.EVIL.example"));
  EXPECT_FALSE(acl->Permits("192.0.2.1:8448"));
  EXPECT_FALSE(acl->Permits("[2001:db8::1]"));
}

TEST(ServerAcl, PermitsNobodyWithoutAnAllowList) {
  const auto acl = ServerAcl::Read(nlohmann::json::parse(R"({"deny":[]})"));
  ASSERT_TRUE(acl.has_value());
  EXPECT_FALSE(acl->Permits("good.example"));
}

TEST(ServerAcl, JudgesNobodyByWhatItCannotRead) {
  EXPECT_FALSE(ServerAcl::Read(nlohmann::json::parse(R"({"allow":"*"})")).has_value());
  const auto odd = ServerAcl::Read(nlohmann::json::parse(R"({"allow":["*",7],"deny":[null]})"));
  ASSERT_TRUE(odd.has_value());
  EXPECT_TRUE(odd->Permits("good.example"));
}

}  // namespace
}  // namespace fovea::matrix
