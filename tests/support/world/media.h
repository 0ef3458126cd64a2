// Synthetic media that says what it is: every payload carries a stamp, so that whoever sees a
// packet anywhere can tell which publication, layer, frame and number it was made as. VP8 by RFC
// 7741, audio levels by RFC 6464. Thread: values of a test.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sfu/control/command.h"
#include "sfu/core/bytes.h"
#include "sfu/core/rng.h"
#include "sfu/rtp/extensions.h"

namespace fovea::test {

// Payload types and extension ids of every bundle in these tests.
inline constexpr PayloadType kOpusPt{111};
inline constexpr PayloadType kVp8Pt{96};
inline constexpr PayloadType kVp8RtxPt{97};
[[nodiscard]] rtp::ExtensionMap TestExtensions();

// What the maker of a packet knew of it.
struct Stamp {
  static constexpr std::size_t kBytes = 24;
  std::uint64_t publication = 0;  // handle bits
  std::uint8_t layer = 0;
  std::uint8_t temporal = 0;
  bool is_key_frame = false;
  std::uint8_t packet = 0;  // of the frame; 0 starts it
  std::uint32_t frame = 0;
  std::int64_t seq = 0;
  [[nodiscard]] bool starts_key_frame() const { return is_key_frame && packet == 0; }
};
// nullopt when the payload is too short or was damaged.
[[nodiscard]] std::optional<Stamp> ReadStamp(control::MediaKind kind, ByteSpan payload);

// A packet as it leaves an encoder, in plain text.
struct MadePacket {
  ExtSeq seq;
  std::size_t header_bytes = 0;
  std::vector<std::uint8_t> bytes;
};

// One outgoing stream (a simulcast layer, or audio), with what it needs to answer a NACK.
class MediaStream {
 public:
  struct Options {
    control::PublicationHandle publication;
    control::MediaKind kind = control::MediaKind::kAudio;
    std::string mid;
    std::string rid;  // empty: no simulcast
    std::uint8_t layer = 0;
    Ssrc ssrc;
    Ssrc rtx_ssrc;
    std::uint16_t first_seq = 0;
    int packets_per_frame = 1;
  };
  MediaStream(const Options& options, std::uint64_t seed);

  // The packets of the next frame. A key frame when one was asked for, and the first time.
  [[nodiscard]] std::vector<MadePacket> NextFrame(std::uint16_t& wide_seq);
  // The packet over RTX; nullopt when it is too long ago.
  [[nodiscard]] std::optional<MadePacket> Retransmit(std::uint16_t seq, std::uint16_t& wide_seq);
  void AskKeyFrame() { wants_key_frame_ = true; }
  // A browser that restarts its encoder: another SSRC, another numbering.
  void ChangeSsrc(Ssrc ssrc, std::uint16_t first_seq);

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] bool owns(Ssrc ssrc) const {
    return ssrc == options_.ssrc || ssrc == options_.rtx_ssrc;
  }
  [[nodiscard]] RtpTimestamp timestamp() const { return RtpTimestamp{timestamp_}; }
  [[nodiscard]] std::uint32_t packets() const { return packets_; }
  [[nodiscard]] std::uint32_t key_frames() const { return key_frames_; }
  void set_dbov(std::uint8_t dbov) { dbov_ = dbov; }

 private:
  struct Sent {
    std::uint32_t timestamp = 0;
    bool marker = false;
    std::vector<std::uint8_t> payload;
  };
  [[nodiscard]] std::vector<std::uint8_t> Payload(const Stamp& stamp);
  [[nodiscard]] MadePacket Wrap(const Sent& sent, ExtSeq seq, bool is_rtx, std::uint16_t& wide_seq);

  Options options_;
  Rng rng_;
  std::int64_t next_seq_;
  std::int64_t next_rtx_seq_;
  std::uint32_t timestamp_;
  std::uint32_t frame_ = 0;
  std::uint16_t picture_id_;
  std::uint8_t tl0_;
  std::uint8_t dbov_ = 20;
  bool wants_key_frame_ = true;
  std::uint32_t packets_ = 0;
  std::uint32_t key_frames_ = 0;
  std::map<std::uint16_t, Sent> history_;
};

}  // namespace fovea::test
