// RTP header extensions. RFC 8285. Thread: pure functions and plain values, any thread.
#include "sfu/rtp/extensions.h"

#include <algorithm>

namespace fovea::rtp {
namespace {

constexpr std::uint16_t kOneByteProfile = 0xbede;
constexpr std::uint16_t kTwoByteProfile = 0x1000;  // the low four bits are "appbits", ignored
constexpr std::uint16_t kTwoByteProfileMask = 0xfff0;
constexpr std::uint8_t kOneByteIdMax = 14;
constexpr std::uint8_t kOneByteStopId = 15;
constexpr std::size_t kOneByteLengthMax = 16;
constexpr std::size_t kTwoByteLengthMax = 255;
constexpr std::size_t kBlockHeaderBytes = 4;

constexpr std::array<std::string_view, kExtensionUriCount> kUris = {
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    "urn:3gpp:video-orientation",
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
    "urn:ietf:params:rtp-hdrext:toffset",
    "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
    "http://www.webrtc.org/experiments/rtp-hdrext/video-timing",
    "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
    "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
    "http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07",
};

// MID, RID: text that some senders end with a NUL. Empty when it cannot be an identifier.
std::string_view Text(ByteSpan data, std::size_t bytes_max) {
  const auto end = std::find(data.begin(), data.end(), std::uint8_t{0});
  const auto length = static_cast<std::size_t>(end - data.begin());
  if (length == 0 || length > bytes_max) return {};
  return {reinterpret_cast<const char*>(data.data()), length};
}

//  0                   1
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5      RFC 6464 section 3; the two-byte form may carry a
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+    padding byte behind the level.
// |  ID   | len=0 |V| level       |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
std::optional<AudioLevel> ParseAudioLevel(ByteSpan data) {
  if (data.empty() || data.size() > 2) return std::nullopt;
  return AudioLevel{.minus_dbov = static_cast<std::uint8_t>(data[0] & 0x7f),
                    .voice = (data[0] & 0x80) != 0};
}

//  0 1 2 3 4 5 6 7
// +-+-+-+-+-+-+-+-+    C: back-facing camera, F: horizontal flip, R: rotation in quarter turns.
// |0 0 0 0 C F R R|
// +-+-+-+-+-+-+-+-+
std::optional<VideoOrientation> ParseVideoOrientation(ByteSpan data) {
  if (data.size() != 1) return std::nullopt;
  return VideoOrientation{.back_camera = (data[0] & 0x08) != 0,
                          .flip = (data[0] & 0x04) != 0,
                          .quarter_turns = static_cast<std::uint8_t>(data[0] & 0x03)};
}

//  0                   1                   2
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// |       MIN delay       |       MAX delay       |
// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
std::optional<PlayoutDelay> ParsePlayoutDelay(ByteSpan data) {
  if (data.size() != 3) return std::nullopt;
  const std::uint32_t raw = LoadBe24(data.data());
  return PlayoutDelay{.min_10ms = static_cast<std::uint16_t>(raw >> 12),
                      .max_10ms = static_cast<std::uint16_t>(raw & 0xfff)};
}

// 64-bit capture timestamp, then (extended form) a 64-bit signed estimated clock offset.
std::optional<AbsCaptureTime> ParseAbsCaptureTime(ByteSpan data) {
  if (data.size() != 8 && data.size() != 16) return std::nullopt;
  AbsCaptureTime time{.ntp = LoadBe64(data.data()), .clock_offset_q32 = std::nullopt};
  if (data.size() == 16) time.clock_offset_q32 = static_cast<std::int64_t>(LoadBe64(&data[8]));
  return time;
}

std::optional<std::int32_t> ParseTransmissionOffset(ByteSpan data) {
  if (data.size() != 3) return std::nullopt;
  // Signed 24 bits: shift to the top and back to copy the sign.
  return static_cast<std::int32_t>(LoadBe24(data.data()) << 8) >> 8;
}

void Store(ParsedExtensions& out, ExtensionUri uri, ByteSpan data) {
  switch (uri) {
    case ExtensionUri::kMid:
      out.mid = Text(data, limits::kMidBytesMax);
      break;
    case ExtensionUri::kRid:
      out.rid = Text(data, limits::kRidBytesMax);
      break;
    case ExtensionUri::kRrid:
      out.rrid = Text(data, limits::kRidBytesMax);
      break;
    case ExtensionUri::kAudioLevel:
      out.audio_level = ParseAudioLevel(data);
      break;
    case ExtensionUri::kAbsSendTime:
      if (data.size() == 3) out.abs_send_time = LoadBe24(data.data());
      break;
    case ExtensionUri::kTransportCc:
      // The v2 form (draft-holmer 02) has two more bytes, a feedback request we do not answer.
      if (data.size() == 2 || data.size() == 4) out.transport_cc = LoadBe16(data.data());
      break;
    case ExtensionUri::kDependencyDescriptor:
      out.dependency_descriptor = data;
      break;
    case ExtensionUri::kVideoOrientation:
      out.video_orientation = ParseVideoOrientation(data);
      break;
    case ExtensionUri::kPlayoutDelay:
      out.playout_delay = ParsePlayoutDelay(data);
      break;
    case ExtensionUri::kAbsCaptureTime:
      out.abs_capture_time = ParseAbsCaptureTime(data);
      break;
    case ExtensionUri::kTransmissionOffset:
      out.transmission_offset = ParseTransmissionOffset(data);
      break;
    case ExtensionUri::kContentType:
      if (data.size() == 1) out.content_type = data[0];
      break;
    case ExtensionUri::kVideoTiming:
      out.video_timing = data;
      break;
    case ExtensionUri::kColorSpace:
      out.color_space = data;
      break;
    case ExtensionUri::kVideoLayersAllocation:
      out.video_layers_allocation = data;
      break;
    case ExtensionUri::kFrameMarking:
      out.frame_marking = data;
      break;
  }
}

}  // namespace

std::string_view ToString(ExtensionUri uri) { return kUris[static_cast<std::size_t>(uri)]; }

std::optional<ExtensionUri> ExtensionUriFrom(std::string_view text) {
  for (std::size_t i = 0; i < kUris.size(); ++i) {
    if (kUris[i] == text) return static_cast<ExtensionUri>(i);
  }
  return std::nullopt;
}

bool ExtensionMap::TrySet(ExtensionUri uri, std::uint8_t id) {
  if (id == 0) return false;
  const std::optional<ExtensionUri> holder = UriOf(id);
  if (holder.has_value()) return *holder == uri;
  if (Has(uri)) return false;
  ids_[static_cast<std::size_t>(uri)] = id;
  return true;
}

std::optional<ExtensionUri> ExtensionMap::UriOf(std::uint8_t id) const {
  if (id == 0) return std::nullopt;
  const auto at = std::find(ids_.begin(), ids_.end(), id);
  if (at == ids_.end()) return std::nullopt;
  return static_cast<ExtensionUri>(at - ids_.begin());
}

std::size_t ExtensionMap::size() const {
  return kExtensionUriCount -
         static_cast<std::size_t>(std::count(ids_.begin(), ids_.end(), std::uint8_t{0}));
}

ExtensionReader::ExtensionReader(ByteSpan packet, const RtpView& view) {
  if (!view.has_extension) return;
  if (view.extension_profile == kOneByteProfile) {
    form_ = Form::kOneByte;
  } else if ((view.extension_profile & kTwoByteProfileMask) == kTwoByteProfile) {
    form_ = Form::kTwoByte;
  } else {
    return;  // a profile of its own (RFC 3550 section 5.3.1): nothing we know how to walk
  }
  rest_ = view.ExtensionBlock(packet);
}

// One-byte form (RFC 8285 section 4.2):        Two-byte form (section 4.3):
//  0 1 2 3 4 5 6 7                              0                   1
// +-+-+-+-+-+-+-+-+                             0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
// |  ID   |  len  |  data of len + 1 bytes     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// +-+-+-+-+-+-+-+-+                            |       ID      |     length    |
//                                              +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
// A byte of 0 where an ID is expected is padding in both.
std::optional<ExtensionElement> ExtensionReader::Next() {
  while (!rest_.empty()) {
    const std::uint8_t first = rest_[0];
    rest_ = rest_.subspan(1);
    if (first == 0) continue;
    if (form_ == Form::kOneByte) {
      const auto id = static_cast<std::uint8_t>(first >> 4);
      // RFC 8285 section 4.2: at ID 15, and at ID 0 with a length, processing of the block ends.
      if (id == kOneByteStopId || id == 0) break;
      return Take(id, std::size_t{first & 0x0fU} + 1);
    }
    if (rest_.empty()) {
      damaged_ = true;
      break;
    }
    const std::size_t length = rest_[0];
    rest_ = rest_.subspan(1);
    return Take(first, length);
  }
  rest_ = {};
  return std::nullopt;
}

std::optional<ExtensionElement> ExtensionReader::Take(std::uint8_t id, std::size_t length) {
  if (length > rest_.size()) {
    damaged_ = true;
    rest_ = {};
    return std::nullopt;
  }
  const ExtensionElement element{.id = id, .data = rest_.first(length)};
  rest_ = rest_.subspan(length);
  return element;
}

ByteSpan FindExtension(ByteSpan packet, const RtpView& view, std::uint8_t id) {
  if (id == 0) return {};
  ExtensionReader reader(packet, view);
  while (const std::optional<ExtensionElement> element = reader.Next()) {
    if (element->id == id) return element->data;
  }
  return {};
}

MutableByteSpan FindExtension(MutableByteSpan packet, const RtpView& view, std::uint8_t id) {
  const ByteSpan found = FindExtension(ByteSpan(packet), view, id);
  if (found.empty()) return {};
  return packet.subspan(static_cast<std::size_t>(found.data() - packet.data()), found.size());
}

ParsedExtensions ParsedExtensions::Parse(ByteSpan packet, const RtpView& view,
                                         const ExtensionMap& map) {
  ParsedExtensions parsed;
  ExtensionReader reader(packet, view);
  while (const std::optional<ExtensionElement> element = reader.Next()) {
    const std::optional<ExtensionUri> uri = map.UriOf(element->id);
    if (uri.has_value()) Store(parsed, *uri, element->data);
  }
  return parsed;
}

bool ExtensionWriter::Add(std::uint8_t id, ByteSpan data) {
  if (id == 0 || data.size() > kTwoByteLengthMax || count_ == entries_.size()) return false;
  Entry& entry = entries_[count_++];
  entry.id = id;
  entry.length = static_cast<std::uint8_t>(data.size());
  entry.borrowed = data.data();
  two_byte_ = two_byte_ || id > kOneByteIdMax || data.empty() || data.size() > kOneByteLengthMax;
  return true;
}

bool ExtensionWriter::AddImmediate(std::uint8_t id, ByteSpan data) {
  if (!Add(id, data)) return false;
  Entry& entry = entries_[count_ - 1];
  std::copy(data.begin(), data.end(), entry.immediate.begin());
  entry.borrowed = nullptr;
  return true;
}

bool ExtensionWriter::AddText(std::uint8_t id, std::string_view text) {
  if (text.empty()) return false;
  return Add(id, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

bool ExtensionWriter::AddAudioLevel(std::uint8_t id, AudioLevel level) {
  const std::array<std::uint8_t, 1> data = {
      static_cast<std::uint8_t>((level.voice ? 0x80 : 0) | (level.minus_dbov & 0x7f))};
  return AddImmediate(id, data);
}

bool ExtensionWriter::AddTransportCc(std::uint8_t id, std::uint16_t wide_seq) {
  std::array<std::uint8_t, 2> data{};
  StoreBe16(data.data(), wide_seq);
  return AddImmediate(id, data);
}

bool ExtensionWriter::AddAbsSendTime(std::uint8_t id, std::uint32_t time_6_18) {
  std::array<std::uint8_t, 3> data{};
  StoreBe24(data.data(), time_6_18);
  return AddImmediate(id, data);
}

bool ExtensionWriter::AddVideoOrientation(std::uint8_t id, VideoOrientation orientation) {
  const std::array<std::uint8_t, 1> data = {static_cast<std::uint8_t>(
      (orientation.back_camera ? 0x08 : 0) | (orientation.flip ? 0x04 : 0) |
      (orientation.quarter_turns & 0x03))};
  return AddImmediate(id, data);
}

bool ExtensionWriter::AddPlayoutDelay(std::uint8_t id, PlayoutDelay delay) {
  std::array<std::uint8_t, 3> data{};
  StoreBe24(data.data(),
            (std::uint32_t{delay.min_10ms & 0xfffU} << 12) | (delay.max_10ms & 0xfffU));
  return AddImmediate(id, data);
}

bool ExtensionWriter::AddAbsCaptureTime(std::uint8_t id, const AbsCaptureTime& time) {
  std::array<std::uint8_t, 16> data{};
  StoreBe64(data.data(), time.ntp);
  if (!time.clock_offset_q32.has_value()) return AddImmediate(id, ByteSpan(data).first(8));
  StoreBe64(&data[8], static_cast<std::uint64_t>(*time.clock_offset_q32));
  return AddImmediate(id, data);
}

std::size_t ExtensionWriter::ElementBytes() const {
  std::size_t bytes = 0;
  for (const Entry& entry : entries()) bytes += (two_byte_ ? 2U : 1U) + entry.length;
  return bytes;
}

std::size_t ExtensionWriter::BlockBytes() const {
  return count_ == 0 ? 0 : kBlockHeaderBytes + (ElementBytes() + 3) / 4 * 4;
}

bool ExtensionWriter::Write(ByteWriter& writer) const {
  if (count_ == 0) return !writer.failed();
  const std::size_t padded = BlockBytes() - kBlockHeaderBytes;
  writer.U16(two_byte_ ? kTwoByteProfile : kOneByteProfile);
  writer.U16(static_cast<std::uint16_t>(padded / 4));
  for (const Entry& entry : entries()) {
    if (two_byte_) {
      writer.U8(entry.id);
      writer.U8(entry.length);
    } else {
      writer.U8(static_cast<std::uint8_t>((entry.id << 4) | (entry.length - 1)));
    }
    const std::uint8_t* data = entry.borrowed != nullptr ? entry.borrowed : entry.immediate.data();
    writer.Bytes({data, entry.length});
  }
  writer.Zeros(padded - ElementBytes());
  return !writer.failed();
}

}  // namespace fovea::rtp
