// How loud a speaker is, from the audio levels of RFC 6464, on LiveKit's scale: what clients draw
// as the ring around a tile. Thread: owned by the worker of the publishing session.
#pragma once

#include <cstdint>

#include "sfu/core/time.h"

namespace fovea::router {

// What counts as speaking. The figures are LiveKit's, because its clients tune their display to
// them.
struct SpeakerTuning {
  // 0 loudest, 127 silence: 35 is -35 dBov. Larger: quieter voices count, and so does noise.
  std::uint8_t active_dbov = 35;
  // Of a window. Smaller: a cough counts.
  std::uint8_t active_percent = 40;
  // Windows that the level is smoothed over; 0 and 1: not at all. Larger: calmer, and later.
  std::uint32_t smooth_windows = 2;
};

// Looks at windows of kWindow of audio. Someone is active in a window if at least so much of it is
// loud enough; the level is the loudest packet of the window, lowered by how much of the window was
// silent, smoothed over windows.
class ActiveSpeakerLevel {
 public:
  static constexpr Duration kWindow = Millis(400);
  static constexpr Duration kPacket = Millis(20);      // when timestamps do not tell
  static constexpr Duration kPacketMax = Millis(120);  // the longest Opus packet

  explicit ActiveSpeakerLevel(const SpeakerTuning& tuning = {}) : tuning_(tuning) {}

  // One packet's level (0 loudest, 127 silence) and how much audio it holds. Levels are the
  // sender's word: nothing here may be used to decide who is heard.
  void Observe(Instant now, std::uint8_t dbov, Duration duration = kPacket);

  // 0..1 in eighths; 0 when not active. Someone who sent nothing for two windows is silent.
  [[nodiscard]] float Level(Instant now) const;
  [[nodiscard]] bool IsActive(Instant now) const { return Level(now) > 0; }

 private:
  void CloseWindow();

  SpeakerTuning tuning_;
  Duration observed_{};
  Duration active_{};
  std::uint8_t loudest_ = 127;
  double smoothed_ = 0;
  Instant last_packet_at_ = Instant::min();
};

}  // namespace fovea::router
