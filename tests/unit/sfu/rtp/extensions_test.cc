#include "sfu/rtp/extensions.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <type_traits>
#include <vector>

#include "sfu/core/limits.h"

namespace fovea::rtp {
namespace {

using Bytes = std::vector<std::uint8_t>;

static_assert(std::is_trivially_copyable_v<ExtensionMap>);

// The ids that Chromium negotiates with a LiveKit server.
ExtensionMap ChromiumMap() {
  ExtensionMap map;
  EXPECT_TRUE(map.TrySet(ExtensionUri::kAudioLevel, 1));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kAbsSendTime, 2));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kTransportCc, 3));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kMid, 4));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kPlayoutDelay, 5));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kContentType, 6));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kVideoTiming, 7));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kColorSpace, 8));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kVideoLayersAllocation, 9));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kRid, 10));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kRrid, 11));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kDependencyDescriptor, 12));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kVideoOrientation, 13));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kTransmissionOffset, 14));
  return map;
}

Bytes Packet(std::uint16_t profile, Bytes elements) {
  while (elements.size() % 4 != 0) elements.push_back(0);
  Bytes packet(16, 0);
  packet[0] = 0x90;
  StoreBe16(&packet[12], profile);
  StoreBe16(&packet[14], static_cast<std::uint16_t>(elements.size() / 4));
  packet.insert(packet.end(), elements.begin(), elements.end());
  packet.push_back(0x77);  // payload
  return packet;
}

Bytes PacketFrom(const ExtensionWriter& writer) {
  Bytes block(writer.BlockBytes());
  ByteWriter out(block);
  EXPECT_TRUE(writer.Write(out));
  EXPECT_EQ(out.size(), block.size());
  Bytes packet(400);
  ByteWriter header(packet);
  EXPECT_TRUE(WriteRtpHeader({}, block, header));
  packet.resize(header.size());
  return packet;
}

RtpView View(const Bytes& packet) {
  const Result<RtpView, DropReason> view = RtpView::Parse(packet);
  EXPECT_TRUE(view.ok());
  return view.ok() ? *view : RtpView{};
}

ParsedExtensions Parse(const Bytes& packet, const ExtensionMap& map) {
  return ParsedExtensions::Parse(packet, View(packet), map);
}

TEST(ExtensionUri, TextRoundTrips) {
  for (std::size_t i = 0; i < kExtensionUriCount; ++i) {
    const auto uri = static_cast<ExtensionUri>(i);
    EXPECT_EQ(ExtensionUriFrom(ToString(uri)), uri);
  }
  EXPECT_EQ(ExtensionUriFrom("urn:ietf:params:rtp-hdrext:sdes:mid"), ExtensionUri::kMid);
  EXPECT_EQ(ExtensionUriFrom("urn:ietf:params:rtp-hdrext:encrypt"), std::nullopt);
}

TEST(ExtensionMap, KeepsIdsAndUrisOneToOne) {
  ExtensionMap map;
  EXPECT_FALSE(map.TrySet(ExtensionUri::kMid, 0));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kMid, 4));
  EXPECT_TRUE(map.TrySet(ExtensionUri::kMid, 4));
  EXPECT_FALSE(map.TrySet(ExtensionUri::kMid, 5));
  EXPECT_FALSE(map.TrySet(ExtensionUri::kRid, 4));
  EXPECT_EQ(map.UriOf(4), ExtensionUri::kMid);
  EXPECT_EQ(map.UriOf(0), std::nullopt);
  EXPECT_EQ(map.IdOf(ExtensionUri::kRid), 0);
  EXPECT_EQ(map.size(), 1U);
  map.Remove(ExtensionUri::kMid);
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(ChromiumMap().size(), 14U);
}

TEST(ParsedExtensions, ReadsAChromiumSimulcastVideoPacket) {
  const Bytes packet = Packet(0xbede, {0x22, 0x11, 0x22, 0x33,    // abs-send-time
                                       0x31, 0xab, 0xcd,          // transport-cc
                                       0x40, '1',                 // mid
                                       0xa0, 'q',                 // rid
                                       0x52, 0x00, 0xa0, 0x14,    // playout delay 10, 20
                                       0xc2, 0x80, 0x00, 0x01,    // dependency descriptor
                                       0xd0, 0x0d,                // orientation
                                       0xe2, 0xff, 0xff, 0xfe});  // toffset -2
  const ParsedExtensions parsed = Parse(packet, ChromiumMap());
  EXPECT_EQ(parsed.abs_send_time, 0x112233U);
  EXPECT_EQ(parsed.transport_cc, 0xabcd);
  EXPECT_EQ(parsed.mid, "1");
  EXPECT_EQ(parsed.rid, "q");
  EXPECT_TRUE(parsed.rrid.empty());
  EXPECT_EQ(parsed.playout_delay, (PlayoutDelay{.min_10ms = 10, .max_10ms = 20}));
  ASSERT_EQ(parsed.dependency_descriptor.size(), 3U);
  EXPECT_EQ(parsed.dependency_descriptor[0], 0x80);
  EXPECT_EQ(parsed.video_orientation,
            (VideoOrientation{.back_camera = true, .flip = true, .quarter_turns = 1}));
  EXPECT_EQ(parsed.transmission_offset, -2);
  EXPECT_EQ(parsed.audio_level, std::nullopt);
}

TEST(ParsedExtensions, ReadsNoMidOrRidThatIsTooLong) {
  for (const auto uri : {ExtensionUri::kMid, ExtensionUri::kRid, ExtensionUri::kRrid}) {
    const std::size_t longest =
        uri == ExtensionUri::kMid ? limits::kMidBytesMax : limits::kRidBytesMax;
    for (const std::size_t length : {longest, longest + 1}) {
      ExtensionWriter writer;
      const std::string text(length, 'x');
      ASSERT_TRUE(writer.AddText(ChromiumMap().IdOf(uri), text));
      const Bytes packet = PacketFrom(writer);
      const ParsedExtensions parsed = Parse(packet, ChromiumMap());
      const auto& read = uri == ExtensionUri::kMid   ? parsed.mid
                         : uri == ExtensionUri::kRid ? parsed.rid
                                                     : parsed.rrid;
      EXPECT_EQ(read, length == longest ? text : "") << ToString(uri);
    }
  }
}

TEST(ParsedExtensions, ReadsTheTwoByteForm) {
  const Bytes packet = Packet(0x1000, {1, 1, 0x85, 0, 0, 4, 2, 'm', '0', 20, 0});
  ExtensionMap map = ChromiumMap();
  EXPECT_TRUE(map.TrySet(ExtensionUri::kAbsCaptureTime, 20));
  const ParsedExtensions parsed = Parse(packet, map);
  EXPECT_EQ(parsed.audio_level, (AudioLevel{.minus_dbov = 5, .voice = true}));
  EXPECT_EQ(parsed.mid, "m0");
  EXPECT_EQ(parsed.abs_capture_time, std::nullopt);
}

TEST(ParsedExtensions, AnElementOfTheWrongSizeIsAsGoodAsAbsent) {
  const Bytes packet = Packet(0xbede, {0x21, 1, 2, 0x30, 9, 0x40, 0, 0x51, 1, 2, 0x41, '7', 0});
  const ParsedExtensions parsed = Parse(packet, ChromiumMap());
  EXPECT_EQ(parsed.abs_send_time, std::nullopt);
  EXPECT_EQ(parsed.transport_cc, std::nullopt);
  EXPECT_EQ(parsed.playout_delay, std::nullopt);
  EXPECT_EQ(parsed.mid, "7");
}

TEST(ExtensionReader, StopsAtIdFifteenOfTheOneByteForm) {
  const Bytes packet = Packet(0xbede, {0x40, 'a', 0xf0, 0x11, 0xa0, 'q'});
  const ParsedExtensions parsed = Parse(packet, ChromiumMap());
  EXPECT_EQ(parsed.mid, "a");
  EXPECT_TRUE(parsed.rid.empty());
}

TEST(ExtensionReader, StopsAtIdZeroWithALength) {
  const Bytes packet = Packet(0xbede, {0x40, 'a', 0x02, 0xa0, 'q', 0});
  const ParsedExtensions parsed = Parse(packet, ChromiumMap());
  EXPECT_EQ(parsed.mid, "a");
  EXPECT_TRUE(parsed.rid.empty());
}

TEST(ExtensionReader, KeepsWhatCameBeforeAnElementThatOverruns) {
  for (const std::uint16_t profile : {std::uint16_t{0xbede}, std::uint16_t{0x1005}}) {
    const Bytes packet = profile == 0xbede ? Packet(profile, {0x40, 'a', 0xaf, 'q'})
                                           : Packet(profile, {4, 1, 'a', 10, 9, 'q', 'q', 'q'});
    ExtensionReader reader(packet, View(packet));
    const std::optional<ExtensionElement> first = reader.Next();
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(first->id, 4);
    EXPECT_FALSE(reader.Next().has_value());
    EXPECT_TRUE(reader.damaged());
  }
}

TEST(ExtensionReader, IgnoresAForeignProfile) {
  const Bytes packet = Packet(0x1234, {0x40, 'a', 0, 0});
  ExtensionReader reader(packet, View(packet));
  EXPECT_FALSE(reader.Next().has_value());
  EXPECT_FALSE(reader.damaged());
}

TEST(FindExtension, GivesBytesToPatch) {
  Bytes packet = Packet(0xbede, {0x40, 'a', 0x31, 0, 0});
  const RtpView view = View(packet);
  const MutableByteSpan wide_seq = FindExtension(MutableByteSpan(packet), view, 3);
  ASSERT_EQ(wide_seq.size(), 2U);
  StoreBe16(wide_seq.data(), 0xbeef);
  EXPECT_EQ(Parse(packet, ChromiumMap()).transport_cc, 0xbeef);
  EXPECT_TRUE(FindExtension(MutableByteSpan(packet), view, 9).empty());
  EXPECT_TRUE(FindExtension(MutableByteSpan(packet), view, 0).empty());
}

TEST(ExtensionWriter, WritesTheOneByteFormPaddedToWords) {
  ExtensionWriter writer;
  EXPECT_TRUE(writer.AddText(4, "0"));
  EXPECT_TRUE(writer.AddTransportCc(3, 0x0102));
  Bytes block(writer.BlockBytes());
  ByteWriter out(block);
  ASSERT_TRUE(writer.Write(out));
  EXPECT_EQ(block, (Bytes{0xbe, 0xde, 0x00, 0x02, 0x40, '0', 0x31, 0x01, 0x02, 0, 0, 0}));
}

TEST(ExtensionWriter, ChangesToTheTwoByteFormForAHighIdALongOrAnEmptyElement) {
  const std::array<std::uint8_t, 17> seventeen{};
  for (int kind = 0; kind < 3; ++kind) {
    ExtensionWriter writer;
    EXPECT_TRUE(writer.AddText(4, "0"));
    if (kind == 0) {
      EXPECT_TRUE(writer.AddTransportCc(15, 1));
    }
    if (kind == 1) {
      EXPECT_TRUE(writer.Add(12, seventeen));
    }
    if (kind == 2) {
      EXPECT_TRUE(writer.Add(12, {}));
    }
    const Bytes packet = PacketFrom(writer);
    EXPECT_EQ(View(packet).extension_profile, 0x1000) << kind;
    EXPECT_EQ(Parse(packet, ChromiumMap()).mid, "0") << kind;
  }
}

TEST(ExtensionWriter, RoundTripsEveryTypedElement) {
  ExtensionMap map = ChromiumMap();
  EXPECT_TRUE(map.TrySet(ExtensionUri::kAbsCaptureTime, 15));
  const AudioLevel level{.minus_dbov = 30, .voice = true};
  const VideoOrientation orientation{.back_camera = false, .flip = true, .quarter_turns = 3};
  const PlayoutDelay delay{.min_10ms = 0xfff, .max_10ms = 1};
  const AbsCaptureTime capture{.ntp = 0x0102030405060708, .clock_offset_q32 = -5};
  ExtensionWriter writer;
  EXPECT_TRUE(writer.AddAudioLevel(1, level));
  EXPECT_TRUE(writer.AddAbsSendTime(2, 0xabcdef));
  EXPECT_TRUE(writer.AddTransportCc(3, 77));
  EXPECT_TRUE(writer.AddText(4, "mid"));
  EXPECT_TRUE(writer.AddPlayoutDelay(5, delay));
  EXPECT_TRUE(writer.AddVideoOrientation(13, orientation));
  EXPECT_TRUE(writer.AddAbsCaptureTime(15, capture));
  const Bytes packet = PacketFrom(writer);
  const ParsedExtensions parsed = Parse(packet, map);
  EXPECT_EQ(parsed.audio_level, level);
  EXPECT_EQ(parsed.abs_send_time, 0xabcdefU);
  EXPECT_EQ(parsed.transport_cc, 77);
  EXPECT_EQ(parsed.mid, "mid");
  EXPECT_EQ(parsed.playout_delay, delay);
  EXPECT_EQ(parsed.video_orientation, orientation);
  EXPECT_EQ(parsed.abs_capture_time, capture);
}

TEST(ExtensionWriter, RefusesIdZeroOverlongDataAndOneElementTooMany) {
  ExtensionWriter writer;
  const Bytes overlong(limits::kDependencyDescriptorBytesMax + 1);
  EXPECT_FALSE(writer.AddTransportCc(0, 1));
  EXPECT_FALSE(writer.Add(1, overlong));
  EXPECT_FALSE(writer.AddText(1, ""));
  EXPECT_EQ(writer.BlockBytes(), 0U);
  constexpr auto kLast = std::uint8_t{limits::kHeaderExtensionsMax};
  for (std::uint8_t id = 1; id <= kLast; ++id) EXPECT_TRUE(writer.AddTransportCc(id, id));
  EXPECT_FALSE(writer.AddTransportCc(kLast + 1, 1));
  std::array<std::uint8_t, 10> tight{};
  ByteWriter out(tight);
  EXPECT_FALSE(writer.Write(out));
  const Bytes packet = PacketFrom(writer);
  EXPECT_EQ(FindExtension(ByteSpan(packet), View(packet), kLast)[1], kLast);
  EXPECT_TRUE(FindExtension(ByteSpan(packet), View(packet), kLast + 1).empty());
}

TEST(ExtensionWriter, CarriesADescriptorAsLongAsTheyCome) {
  Bytes longest(limits::kDependencyDescriptorBytesMax, 0x5a);
  longest.back() = 0xa5;
  ExtensionWriter writer;
  ASSERT_TRUE(writer.Add(12, longest));
  const Bytes packet = PacketFrom(writer);
  const ByteSpan found = Parse(packet, ChromiumMap()).dependency_descriptor;
  EXPECT_EQ(Bytes(found.begin(), found.end()), longest);
}

TEST(ExtensionReader, EveryCutOfABlockStaysInBounds) {
  const Bytes elements = {0x22, 1, 2, 3, 0x31, 1, 2, 0x40, '1', 0xa0, 'q', 0xc2, 1, 2, 3, 0xd0};
  for (std::size_t n = 0; n <= elements.size(); ++n) {
    Bytes cut(elements.begin(), elements.begin() + static_cast<std::ptrdiff_t>(n));
    for (const std::uint16_t profile : {std::uint16_t{0xbede}, std::uint16_t{0x1000}}) {
      const Bytes packet = Packet(profile, cut);
      (void)Parse(packet, ChromiumMap());
    }
  }
}

}  // namespace
}  // namespace fovea::rtp
