#include "signaling/app/well_known.h"

#include <gtest/gtest.h>

#include "signaling/wire/json.h"

namespace fovea::app {
namespace {

const WellKnownOptions kOptions{.upstream = "",
                                .base_url = "https://matrix.example.com",
                                .livekit_service_url = "https://rtc.example.com"};

nlohmann::json Completed(std::string_view upstream) {
  const auto text = CompleteWellKnown(upstream, kOptions);
  return text.has_value() ? nlohmann::json::parse(*text) : nlohmann::json("nothing");
}

TEST(WellKnown, NamesHomeserverAndFocusWhereThereIsNoOtherDocument) {
  const nlohmann::json document = Completed("{}");
  EXPECT_EQ(document["m.homeserver"]["base_url"], "https://matrix.example.com");
  EXPECT_EQ(document["org.matrix.msc4143.rtc_foci"],
            nlohmann::json::parse(
                R"([{"type":"livekit","livekit_service_url":"https://rtc.example.com"}])"));
}

TEST(WellKnown, KeepsWhatTheHomeserverSays) {
  const nlohmann::json document = Completed(
      R"({"m.homeserver":{"base_url":"https://hs.example.com"},"m.tile_server":{"a":[1]}})");
  EXPECT_EQ(document["m.homeserver"]["base_url"], "https://hs.example.com");
  EXPECT_EQ(document["m.tile_server"]["a"][0], 1);
}

TEST(WellKnown, PutsOurFocusFirstAndOnce) {
  const nlohmann::json document = Completed(
      R"({"org.matrix.msc4143.rtc_foci":[
            {"type":"livekit","livekit_service_url":"https://old.example.com"},
            {"type":"livekit","livekit_service_url":"https://rtc.example.com"}]})");
  const nlohmann::json& foci = document["org.matrix.msc4143.rtc_foci"];
  ASSERT_EQ(foci.size(), 2U);
  EXPECT_EQ(foci[0]["livekit_service_url"], "https://rtc.example.com");
  EXPECT_EQ(foci[1]["livekit_service_url"], "https://old.example.com");
}

TEST(WellKnown, RepairsPartsThatAreOfTheWrongKind) {
  const nlohmann::json document =
      Completed(R"({"m.homeserver":7,"org.matrix.msc4143.rtc_foci":"x"})");
  EXPECT_EQ(document["m.homeserver"]["base_url"], "https://matrix.example.com");
  EXPECT_EQ(document["org.matrix.msc4143.rtc_foci"].size(), 1U);
}

TEST(WellKnown, SaysNothingOfAHomeserverThatNobodyNamed) {
  WellKnownOptions options = kOptions;
  options.base_url.clear();
  const auto text = CompleteWellKnown("{}", options);
  ASSERT_TRUE(text.has_value());
  EXPECT_FALSE(nlohmann::json::parse(*text).contains("m.homeserver"));
}

TEST(WellKnown, RefusesWhatIsNoObject) {
  EXPECT_EQ(Completed("[]"), "nothing");
  EXPECT_EQ(Completed("<html>"), "nothing");
  EXPECT_EQ(Completed(""), "nothing");
}

}  // namespace
}  // namespace fovea::app
