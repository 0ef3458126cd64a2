// RTP header extensions: walking a block, the meaning of the ids that SDP negotiated, and writing a
// block for outgoing packets. RFC 8285 (one-byte and two-byte form); the elements by RFC 6464,
// 7941, 8852, 5450, 3GPP TS 26.114 and the WebRTC drafts named at each URI. Thread: plain values,
// any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sfu/core/bytes.h"
#include "sfu/core/limits.h"
#include "sfu/rtp/header.h"

namespace fovea::rtp {

enum class ExtensionUri : std::uint8_t {
  kMid,
  kRid,
  kRrid,
  kAudioLevel,
  kAbsSendTime,
  kTransportCc,
  kDependencyDescriptor,
  kVideoOrientation,
  kPlayoutDelay,
  kAbsCaptureTime,
  kTransmissionOffset,
  kContentType,
  kVideoTiming,
  kColorSpace,
  kVideoLayersAllocation,
  kFrameMarking,
};
inline constexpr std::size_t kExtensionUriCount = 16;

// As it stands in a=extmap.
[[nodiscard]] std::string_view ToString(ExtensionUri uri);
[[nodiscard]] std::optional<ExtensionUri> ExtensionUriFrom(std::string_view text);

// Which id means which extension on one media section. 16 bytes, trivially copyable: it crosses
// rings by value.
//
// Invariants:
//  (1) An id stands for at most one URI, and a URI has at most one id.
//  (2) Ids are 1..255; 0 in the table means "not negotiated".
class ExtensionMap {
 public:
  // False when the id is 0, already stands for another URI, or the URI has another id.
  [[nodiscard]] bool TrySet(ExtensionUri uri, std::uint8_t id);
  void Remove(ExtensionUri uri) { ids_[static_cast<std::size_t>(uri)] = 0; }
  // 0 when not negotiated.
  [[nodiscard]] std::uint8_t IdOf(ExtensionUri uri) const {
    return ids_[static_cast<std::size_t>(uri)];
  }
  [[nodiscard]] bool Has(ExtensionUri uri) const { return IdOf(uri) != 0; }
  [[nodiscard]] std::optional<ExtensionUri> UriOf(std::uint8_t id) const;
  [[nodiscard]] std::size_t size() const;
  bool operator==(const ExtensionMap&) const = default;

 private:
  std::array<std::uint8_t, kExtensionUriCount> ids_{};
};
static_assert(kExtensionUriCount <= limits::kHeaderExtensionsMax);

struct ExtensionElement {
  std::uint8_t id = 0;
  ByteSpan data;
};

// Walks the elements of one packet in order. Stops early, with damaged() set, at the first element
// that does not fit its block; what came before it is good.
class ExtensionReader {
 public:
  ExtensionReader(ByteSpan packet, const RtpView& view);
  [[nodiscard]] std::optional<ExtensionElement> Next();
  [[nodiscard]] bool damaged() const { return damaged_; }

 private:
  enum class Form : std::uint8_t { kNone, kOneByte, kTwoByte };
  [[nodiscard]] std::optional<ExtensionElement> Take(std::uint8_t id, std::size_t length);

  Form form_ = Form::kNone;
  bool damaged_ = false;
  ByteSpan rest_;
};

// The bytes of the first element with `id`, for reading or for patching (transport-wide sequence
// number, absolute send time). Empty when there is none.
[[nodiscard]] ByteSpan FindExtension(ByteSpan packet, const RtpView& view, std::uint8_t id);
[[nodiscard]] MutableByteSpan FindExtension(MutableByteSpan packet, const RtpView& view,
                                            std::uint8_t id);

// RFC 6464.
struct AudioLevel {
  std::uint8_t minus_dbov = 127;  // 0 is the loudest, 127 digital silence
  bool voice = false;             // the V bit; meaningful only when the sender supports it
  bool operator==(const AudioLevel&) const = default;
};

// 3GPP TS 26.114 section 7.4.5 (CVO).
struct VideoOrientation {
  bool back_camera = false;
  bool flip = false;
  std::uint8_t quarter_turns = 0;  // 0..3; how far the receiver rotates clockwise
  bool operator==(const VideoOrientation&) const = default;
};

struct PlayoutDelay {
  std::uint16_t min_10ms = 0;  // 12 bits each, in units of 10 ms
  std::uint16_t max_10ms = 0;
  bool operator==(const PlayoutDelay&) const = default;
};

struct AbsCaptureTime {
  std::uint64_t ntp = 0;                         // UQ32.32 on the capturer's clock
  std::optional<std::int64_t> clock_offset_q32;  // Q32.32 from the capturer's clock to the sender's
  bool operator==(const AbsCaptureTime&) const = default;
};

// Everything the SFU reads from a packet's extensions, found in one pass. Strings and spans borrow
// the packet. An element of the wrong size is as good as absent (RFC 8285 section 4.1.1: what is
// not understood is ignored); it never costs the packet.
struct ParsedExtensions {
  std::string_view mid;
  std::string_view rid;
  std::string_view rrid;
  std::optional<AudioLevel> audio_level;
  std::optional<std::uint16_t> transport_cc;
  std::optional<std::uint32_t> abs_send_time;  // 24 bits, 6.18 seconds
  std::optional<std::int32_t> transmission_offset;
  std::optional<VideoOrientation> video_orientation;
  std::optional<PlayoutDelay> playout_delay;
  std::optional<AbsCaptureTime> abs_capture_time;
  std::optional<std::uint8_t> content_type;
  ByteSpan dependency_descriptor;
  ByteSpan video_timing;
  ByteSpan color_space;
  ByteSpan video_layers_allocation;
  ByteSpan frame_marking;

  [[nodiscard]] static ParsedExtensions Parse(ByteSpan packet, const RtpView& view,
                                              const ExtensionMap& map);
};

// Collects elements and writes them as one block. Chooses the one-byte form and changes to the
// two-byte form when an id is above 14 or a length is not 1..16 (RFC 8285 section 4.3 asks that the
// peer agreed by a=extmap-allow-mixed). Data given as spans is borrowed until Write.
class ExtensionWriter {
 public:
  // All return false, adding nothing, when the id is 0, the data is longer than 255 bytes, or
  // kHeaderExtensionsMax elements are in. An id of 0 (IdOf of what was not negotiated) is how a
  // caller skips an element, so most callers ignore the answer.
  bool Add(std::uint8_t id, ByteSpan data);
  // Empty text is refused too: a MID or RID is never empty.
  bool AddText(std::uint8_t id, std::string_view text);
  bool AddAudioLevel(std::uint8_t id, AudioLevel level);
  bool AddTransportCc(std::uint8_t id, std::uint16_t wide_seq);
  bool AddAbsSendTime(std::uint8_t id, std::uint32_t time_6_18);
  bool AddVideoOrientation(std::uint8_t id, VideoOrientation orientation);
  bool AddPlayoutDelay(std::uint8_t id, PlayoutDelay delay);
  bool AddAbsCaptureTime(std::uint8_t id, const AbsCaptureTime& time);

  // Bytes that Write will produce; 0 when nothing was added.
  [[nodiscard]] std::size_t BlockBytes() const;
  // Writes profile, length, elements and zero padding to 4 bytes. Writes nothing when empty.
  [[nodiscard]] bool Write(ByteWriter& writer) const;

 private:
  static constexpr std::size_t kImmediateBytesMax = 16;
  struct Entry {
    std::uint8_t id;
    std::uint8_t length;
    const std::uint8_t* borrowed;  // null: the bytes are in `immediate`
    std::array<std::uint8_t, kImmediateBytesMax> immediate;
  };
  bool AddImmediate(std::uint8_t id, ByteSpan data);
  [[nodiscard]] std::size_t ElementBytes() const;

  [[nodiscard]] std::span<const Entry> entries() const {
    return std::span<const Entry>(entries_).first(count_);
  }

  // Not initialised: there is a writer for each outgoing packet, and it holds one or two.
  std::array<Entry, limits::kHeaderExtensionsMax> entries_;
  std::size_t count_ = 0;
  bool two_byte_ = false;
};

}  // namespace fovea::rtp
