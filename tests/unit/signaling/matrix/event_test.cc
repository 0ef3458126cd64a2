#include "signaling/matrix/event.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sfu/core/limits.h"
#include "signaling/matrix/json_scan.h"
#include "signaling/matrix/server_acl.h"
#include "signaling/matrix/sync_response.h"
#include "signaling/matrix/transaction.h"

#include "tests/unit/signaling/matrix/golden.h"

namespace fovea::matrix {
namespace {

using test::Golden;
using test::GoldenEvent;

TEST(MatrixEvent, ReadsTheEnvelope) {
  const Event event = GoldenEvent("legacy_join.json");
  EXPECT_EQ(event.kind, EventKind::kCallMember);
  EXPECT_EQ(event.room_id, "!r:hs");
  EXPECT_EQ(event.event_id, "$legacy");
  EXPECT_EQ(event.sender, "@alice:hs");
  EXPECT_EQ(event.state_key, "_@alice:hs_DEV_m.call");
  EXPECT_EQ(event.origin_server_ts_ms, 1'700'000'000'000);
  EXPECT_EQ(event.replaces_state, "$before");
}

TEST(MatrixEvent, ReadsStickinessInBothSpellings) {
  const Event unstable = GoldenEvent("sticky_b_join.json");
  EXPECT_EQ(unstable.sticky_duration_ms, 3'600'000);
  EXPECT_EQ(unstable.sticky_ttl_ms, 1234);
  EXPECT_EQ(GoldenEvent("sticky_d_join.json").sticky_duration_ms, 600'000);
}

TEST(MatrixEvent, IgnoresSoftFailedEvents) {
  const auto event = ParseEvent(
      R"({"type":"m.room.member","room_id":"!r:hs","event_id":"$e","sender":"@a:hs","state_key":)"
      R"("@a:hs","origin_server_ts":1,"content":{},"unsigned":)"
      R"({"io.element.synapse.soft_failed":true}})");
  ASSERT_FALSE(event.ok());
  EXPECT_EQ(event.error(), EventRefusal::kSoftFailed);
}

TEST(MatrixEvent, TakesAMessageOfAStateTypeForNothing) {
  const auto event =
      ParseEvent(R"({"type":"m.room.member","room_id":"!r:hs","event_id":"$e","sender":"@a:hs",)"
                 R"("origin_server_ts":1,"content":{"membership":"leave"}})");
  ASSERT_FALSE(event.ok());
  EXPECT_EQ(event.error(), EventRefusal::kOfNoInterest);
}

TEST(MatrixEvent, RefusesAnEnvelopeWithoutWhatItNeeds) {
  const std::string good = Golden("legacy_leave.json");
  ASSERT_TRUE(ParseEvent(good).ok());
  for (const char* key : {"event_id", "sender", "origin_server_ts", "content", "room_id"}) {
    auto json = nlohmann::json::parse(good);
    json.erase(key);
    EXPECT_FALSE(ReadEvent(json).ok()) << key;
    json[key] = nlohmann::json::array({1});
    EXPECT_FALSE(ReadEvent(json).ok()) << key;
  }
  auto json = nlohmann::json::parse(good);
  json["sender"] = "@" + std::string(300, 'a') + ":hs";
  EXPECT_FALSE(ReadEvent(json).ok());
}

// What a user wrote must not decide whether the event that puts them out can be read.
TEST(MatrixEvent, SkipsWhatItDoesNotRead) {
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  const std::string old_content = R"({"membership":"join","x":)" + deep + "}";
  const std::string long_content = R"({"x":")" + std::string(100'000, 'x') + "\"}";
  for (const std::string& before : {old_content, long_content}) {
    const auto event =
        ParseEvent(R"({"type":"m.room.member","room_id":"!r:hs","event_id":"$e","sender":"@a:hs",)"
                   R"("state_key":"@b:hs","origin_server_ts":1,"prev_content":)" +
                   before + R"(,"content":{"x":)" + deep +
                   R"(,"membership":"leave"},"unsigned":{"prev_content":)" + before +
                   R"(,"replaces_state":"$before"}})");
    ASSERT_TRUE(event.ok());
    EXPECT_EQ(StringIn(event->content, "membership"), "leave");
    EXPECT_EQ(event->replaces_state, "$before");
  }
}

TEST(MatrixEvent, ReadsAClientsContentAsFarAsItCan) {
  const std::string head =
      R"({"type":"org.matrix.msc3401.call.member","room_id":"!r:hs","event_id":"$e",)"
      R"("sender":"@a:hs","state_key":"k","origin_server_ts":1,"content":)";
  const auto deep = ParseEvent(head + R"({"device_id":"D","x":)" + std::string(100, '[') +
                               std::string(100, ']') + "}}");
  ASSERT_TRUE(deep.ok());
  EXPECT_EQ(StringIn(deep->content, "device_id"), "D");
  EXPECT_TRUE(deep->content.contains("x"));  // or it might look like a leave
  const auto long_one =
      ParseEvent(head + R"({"x":")" + std::string(limits::kEventContentBytesMax, 'x') + "\"}}");
  ASSERT_FALSE(long_one.ok());
  EXPECT_EQ(long_one.error(), EventRefusal::kMalformed);
}

TEST(MatrixEvent, LosesNoEventForItsTimestamp) {
  for (const char* timestamp : {"-1", "9007199254740993", "1e300", "1.5"}) {
    const auto event =
        ParseEvent(R"({"type":"m.room.member","room_id":"!r:hs","event_id":"$e","sender":"@a:hs",)"
                   R"("state_key":"@a:hs","content":{"membership":"join"},"origin_server_ts":)" +
                   std::string(timestamp) + "}");
    ASSERT_TRUE(event.ok()) << timestamp;
    EXPECT_EQ(event->origin_server_ts_ms, 0);
  }
}

TEST(MatrixEvent, ReadsWholeNumbersOnly) {
  const auto json = nlohmann::json::parse(R"({"a":12,"b":1e3,"c":1.5,"d":"7","e":9007199254740993,)"
                                          R"("f":-3,"g":1e300,"h":18446744073709551615})");
  EXPECT_EQ(IntegerIn(json, "a"), 12);
  EXPECT_EQ(IntegerIn(json, "b"), 1000);
  EXPECT_EQ(IntegerIn(json, "f"), -3);
  for (const char* key : {"c", "d", "e", "g", "h", "none"}) {
    EXPECT_FALSE(IntegerIn(json, key).has_value()) << key;
  }
}

TEST(MatrixEvent, RefusesEveryTruncation) {
  for (const char* name : {"legacy_join.json", "sticky_b_join.json", "slot_open.json"}) {
    std::string text = Golden(name);
    while (text.back() == '\n') text.pop_back();
    for (std::size_t size = 0; size < text.size(); ++size) {
      EXPECT_FALSE(ParseEvent(std::string_view(text).substr(0, size)).ok()) << name << size;
    }
  }
}

TEST(Transaction, ReadsWhatIsOfInterestAndCountsTheRest) {
  const auto transaction = ParseTransaction(Golden("transaction.json"));
  ASSERT_TRUE(transaction.has_value());
  ASSERT_EQ(transaction->events.size(), 2U);
  EXPECT_EQ(transaction->events[0].event_id, "$ban");
  EXPECT_EQ(transaction->events[0].replaces_state, "$join");
  EXPECT_EQ(transaction->events[1].redacts, "$legacy");
  EXPECT_EQ(transaction->skipped, 2U);
  EXPECT_EQ(transaction->soft_failed, 1U);
  EXPECT_EQ(transaction->malformed, 1U);
}

TEST(Transaction, ParsesOnlyRoomsThatAreWanted) {
  const auto transaction = ParseTransaction(Golden("transaction.json"),
                                            [](std::string_view room) { return room != "!r:hs"; });
  ASSERT_TRUE(transaction.has_value());
  EXPECT_TRUE(transaction->events.empty());
  EXPECT_EQ(transaction->malformed, 0U);
}

TEST(Transaction, RefusesWhatIsNoTransaction) {
  for (const char* text : {"", "[]", "{}", "null", R"({"events":{}})", R"({"events":[{])",
                           R"({"events":[1,]x})", R"({"events" []})", R"({"a":1 "events":[]})"}) {
    EXPECT_FALSE(ParseTransaction(text).has_value()) << text;
  }
  EXPECT_TRUE(ParseTransaction(R"( {"events":[]} )").has_value());
  EXPECT_TRUE(ParseTransaction(R"({"events":[1,"a",null,[],{}]})").has_value());
}

TEST(Transaction, NamesUsersWhoseDevicesChanged) {
  const auto transaction = ParseTransaction(R"({"events":[],"org.matrix.msc3202.device_lists":)"
                                            R"({"changed":["@a:hs",7,"@b:hs"],"left":["@c:hs"]}})");
  ASSERT_TRUE(transaction.has_value());
  EXPECT_EQ(transaction->changed_devices, (std::vector<std::string>{"@a:hs", "@b:hs"}));
  // A hint that cannot be read loses no event.
  for (const char* lists : {"null", "[]", "7", R"({"changed":"@a:hs"})", R"({"changed":{}})"}) {
    const auto other =
        ParseTransaction(std::string(R"({"events":[],"device_lists":)") + lists + "}");
    ASSERT_TRUE(other.has_value()) << lists;
    EXPECT_TRUE(other->changed_devices.empty()) << lists;
  }
  std::string many = R"({"events":[],"device_lists":{"changed":["@a:hs")";
  for (int i = 0; i < 2000; ++i) many += R"(,"@a:hs")";
  EXPECT_EQ(ParseTransaction(many + "]}}")->changed_devices.size(), limits::kChangedUsersMax);
}

TEST(Transaction, RefusesEveryTruncation) {
  std::string text = Golden("transaction.json");
  while (text.back() == '\n') text.pop_back();
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(ParseTransaction(std::string_view(text).substr(0, size)).has_value()) << size;
  }
}

TEST(Transaction, SurvivesDeepNesting) {
  const std::string deep(100'000, '[');
  EXPECT_FALSE(ParseTransaction(R"({"events":[)" + deep).has_value());
  const std::string closed = deep + std::string(deep.size(), ']');
  EXPECT_TRUE(ParseTransaction(R"({"events":[{"type":"m.room.member","content":)" + closed + "}]}")
                  .has_value());
}

TEST(Transaction, ReadsARoomsState) {
  const auto events = ParseRoomState(Golden("room_state.json"), "!r:hs");
  ASSERT_TRUE(events.has_value());
  ASSERT_EQ(events->size(), 3U);
  EXPECT_EQ(events->at(0).kind, EventKind::kCreate);
  EXPECT_FALSE(ParseRoomState(R"({"errcode":"M_FORBIDDEN"})", "!r:hs").has_value());
  EXPECT_FALSE(ParseRoomState(R"([{"type":"m.room.create"}])", "!r:hs").has_value());
}

// Anybody may write these, so that none of them may hide the rest.
TEST(Transaction, ReadsARoomsStateBesideWhatClientsWrote) {
  auto state = nlohmann::json::parse(Golden("room_state.json"));
  const auto read = ParseRoomState(state.dump(), "!r:hs");
  ASSERT_TRUE(read.has_value());
  nlohmann::json event{{"state_key", "k"}, {"sender", "@eve:evil"}, {"event_id", "$e"}};
  event["type"] = "org.matrix.msc3401.call.member";
  state.push_back(event);  // without the rest of its envelope
  event["type"] = "m.room.redaction";
  state.push_back(event);
  event["type"] = "m.room.member";
  event["origin_server_ts"] = 1;
  event["content"] = {{"membership", "join"}};
  event["state_key"] = "@" + std::string(300, 'x') + ":evil";
  state.push_back(event);
  const auto events = ParseRoomState(state.dump(), "!r:hs");
  ASSERT_TRUE(events.has_value());
  EXPECT_EQ(events->size(), read->size());
}

TEST(TransactionIds, KnowsTheLatestOnes) {
  TransactionIds ids;
  for (std::size_t i = 0; i < limits::kTransactionIdsMax; ++i) {
    EXPECT_FALSE(ids.Add("t" + std::to_string(i)).has_value());
  }
  EXPECT_FALSE(ids.Add("t0").has_value());  // now the youngest
  EXPECT_EQ(ids.Add("new"), "t1");
  EXPECT_TRUE(ids.Contains("t0"));
  EXPECT_FALSE(ids.Contains("t1"));
  EXPECT_EQ(ids.size(), limits::kTransactionIdsMax);
}

TEST(TransactionIds, CutsWhatIsTooLong) {
  TransactionIds ids;
  const std::string longest(limits::kTransactionIdBytesMax, 't');
  ids.Add(longest + "a");
  EXPECT_TRUE(ids.Contains(longest + "b"));
  EXPECT_TRUE(ids.Contains(longest));
  EXPECT_FALSE(ids.Contains(longest.substr(1)));
  const std::string other = "u" + longest.substr(1);
  ids.Add(other);
  EXPECT_TRUE(ids.Contains(other));
  EXPECT_EQ(ids.size(), 2U);
}

TEST(SyncResponse, TakesStateAfterForTheStateAndTheTimelineForTheRest) {
  const auto sync = ParseSync(Golden("sync.json"));
  ASSERT_TRUE(sync.has_value());
  EXPECT_EQ(sync->next_batch, "s72_1");
  ASSERT_EQ(sync->joined.size(), 2U);
  const SyncRoom& room = sync->joined[0];
  EXPECT_EQ(room.room_id, "!r:hs");
  EXPECT_TRUE(room.is_limited);
  EXPECT_TRUE(room.has_state_after);
  EXPECT_EQ(room.state_events, 1U);
  ASSERT_EQ(room.events.size(), 3U);
  EXPECT_EQ(room.events[0].event_id, "$after");
  EXPECT_EQ(room.events[1].kind, EventKind::kRedaction);
  EXPECT_EQ(room.events[2].sticky_ttl_ms, 5000);
  EXPECT_EQ(room.events[2].room_id, "!r:hs");
  EXPECT_EQ(sync->left, std::vector<std::string>{"!gone:hs"});
}

TEST(SyncResponse, RefusesEveryTruncationAndWhatIsNoSync) {
  std::string text = Golden("sync.json");
  while (text.back() == '\n') text.pop_back();
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(ParseSync(std::string_view(text).substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(ParseSync("{}").has_value());
  EXPECT_FALSE(ParseSync(R"({"next_batch":"a","rooms":[]})").has_value());
  EXPECT_TRUE(ParseSync(R"({"next_batch":"a"})").has_value());
}

TEST(SyncFilter, LetsThroughEveryKindThatIsRead) {
  const auto filter = nlohmann::json::parse(SyncFilter());
  const auto passes = [&filter](const char* section, const char* type) {
    const auto& patterns = filter["room"][section]["types"];
    return std::any_of(patterns.begin(), patterns.end(), [type](const nlohmann::json& pattern) {
      return GlobMatches(pattern.get<std::string>(), type);
    });
  };
  for (const char* type :
       {"m.room.member", "m.room.server_acl", "m.room.encryption", "m.room.tombstone",
        "m.room.create", "org.matrix.msc3401.call.member", "m.call.member", "m.rtc.member",
        "org.matrix.msc4143.rtc.member", "m.rtc.slot", "org.matrix.msc4143.rtc.slot"}) {
    EXPECT_NE(KindOf(type), EventKind::kOther) << type;
    EXPECT_TRUE(passes("state", type)) << type;
    EXPECT_TRUE(passes("timeline", type)) << type;
  }
  EXPECT_TRUE(passes("timeline", "m.room.redaction"));
  EXPECT_FALSE(passes("timeline", "m.room.message"));
  // With lazy members the state would not be complete.
  EXPECT_FALSE(filter["room"]["state"].contains("lazy_load_members"));
}

TEST(JsonScan, WalksOverObjectsAndArrays) {
  JsonWalk walk(R"({ "a" : 1 , "b\"}":[1,{"x":"]"}] })");
  auto item = walk.Next();
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->key, "a");
  EXPECT_EQ(item->value, "1");
  item = walk.Next();
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->value, R"([1,{"x":"]"}])");
  EXPECT_FALSE(walk.Next().has_value());
  EXPECT_FALSE(walk.failed());
}

}  // namespace
}  // namespace fovea::matrix
