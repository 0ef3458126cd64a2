#include "signaling/matrix/derive.h"

#include <gmock/gmock.h>

#include "signaling/matrix/canonical_json.h"
#include "signaling/wire/json.h"

namespace fovea::matrix {
namespace {

TEST(CanonicalJson, SortsKeysAndLeavesSpacesOut) {
  const auto value = wire::ParseJson(R"( {"b": [1, true, null], "a": {"\u00e9": "x", "B": -5}} )");
  EXPECT_EQ(CanonicalJson(*value), "{\"a\":{\"B\":-5,\"\xc3\xa9\":\"x\"},\"b\":[1,true,null]}");
}

TEST(CanonicalJson, EscapesOnlyWhatMustBe) {
  EXPECT_EQ(CanonicalJson(nlohmann::json("<>&\"\\/\n\x01\x7f")), "\"<>&\\\"\\\\/\\n\\u0001\x7f\"");
  EXPECT_EQ(CanonicalJson(nlohmann::json("\xe2\x80\xa8\xf0\x9f\x90\xb1")),
            "\"\xe2\x80\xa8\xf0\x9f\x90\xb1\"");
}

TEST(CanonicalJson, HasNoFormForFractionsHugeNumbersAndBrokenText) {
  EXPECT_EQ(CanonicalJson(nlohmann::json(1.5)), std::nullopt);
  EXPECT_EQ(CanonicalJson(nlohmann::json(std::int64_t{1} << 53)), std::nullopt);
  EXPECT_EQ(CanonicalJson(nlohmann::json(-(std::int64_t{1} << 53))), std::nullopt);
  EXPECT_EQ(CanonicalJson(nlohmann::json((std::int64_t{1} << 53) - 1)), "9007199254740991");
  EXPECT_EQ(CanonicalJson(nlohmann::json("\xff")), std::nullopt);
  EXPECT_EQ(CanonicalJson(nlohmann::json::array({1, {{"a", 0.5}}})), std::nullopt);
}

// The vectors of MSC4195's appendix, and the slots of released clients.
TEST(RoomName, IsTheHashOfRoomAndSlot) {
  EXPECT_EQ(RoomName("!roomid:example.com", "slot1234"),
            "O8437W3+jmzMVjoIP3tNwbm+XxHQk2iKpOA7aqw3qSc");
  EXPECT_EQ(RoomName("!room:example.com", "m.call#ROOM"),
            "krj2dgxw2K6EOm9he4GfQJ6JsSVWfJ8a7BkyjZcSmxs");
  EXPECT_EQ(RoomName("!room:example.com", kCallSlot), RoomName("!room:example.com", "m.call#ROOM"));
  EXPECT_EQ(RoomName("!room:example.com", "m.call#"),
            "hrQ0l3fv1RI0sCBUn3Nu59Bu/b3f7hWXbMLLfFMLNOY");
}

TEST(RoomName, MayBeSalted) {
  EXPECT_EQ(SaltedRoomName("!roomid:example.com", "slot123", "random123"),
            "IMeDd+K3MIqJTI20EXBIrepKkhhORvf3q8fx3rlrhTk");
}

TEST(Identity, OfEachGeneration) {
  EXPECT_EQ(LegacyIdentity("@alice:example.com", "DEVICE123"), "@alice:example.com:DEVICE123");
  EXPECT_EQ(LegacyIdentity("@alice:example.com", ""), "@alice:example.com:");
  EXPECT_EQ(MemberIdentity("@alice:example.com", "DEVICE123", "memberABC"),
            "J+T45tGruxc+HrUOqJJlyQSV33m728Cme4+vt8/SWrU");
  EXPECT_EQ(HomeserverIdentity("@alice:example.com", "memberABC"),
            "M3VnsLXrkbxIDINXO64u8PZzFyD9ZYFiQULR2dshWYs");
}

TEST(Identity, DoesNotRunTogether) {
  EXPECT_NE(MemberIdentity("@a:b", "c", "d"), MemberIdentity("@a:b", "c\",\"d", ""));
  EXPECT_NE(MemberIdentity("@a:b", "", "d"), HomeserverIdentity("@a:b", "d"));
}

}  // namespace
}  // namespace fovea::matrix
