// Picture counters of one subscription: picture id, TL0PICIDX and KEYIDX of VP8 and VP9, and the
// frame number of the dependency descriptor, kept going across layer switches.
// RFC 7741 section 4.2, RFC 9628 section 4.2. Thread: owned by the subscription's worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sfu/rtp/frame_info.h"
#include "sfu/rtp/picture_ids.h"

namespace fovea::router {

// Invariants:
//  (1) A picture gets the same ids for all its packets, however late they come.
//  (2) A new run continues one after the last picture sent.
//  (3) With kClose, a picture left out on purpose takes no id; with kKeep, ids keep the source's
//      distances.
class PictureMunger {
 public:
  enum class Gaps : std::uint8_t {
    // VP8: a receiver waits for a missing id in case a higher temporal layer refers to it.
    kClose,
    // VP9 and the dependency descriptor: references are differences of ids.
    kKeep,
  };
  // Pictures that a late packet can still belong to: 2 s at 30 pictures per second.
  static constexpr std::size_t kPictures = 64;

  explicit PictureMunger(Gaps gaps) : gaps_(gaps) {}

  // Ids for a packet in order. nullopt when it carries none.
  [[nodiscard]] std::optional<rtp::PictureIds> Forward(std::uint8_t layer,
                                                       const rtp::FrameInfo& frame,
                                                       bool starts_run);

  // A packet in order, of the current run's layer, was left out.
  void Drop(std::uint8_t layer, const rtp::FrameInfo& frame);

  // Ids for a packet that comes late. nullopt when it carries none, when its picture was left out,
  // or when it is too old to know; CarriesNone() tells the first case from the others.
  [[nodiscard]] std::optional<rtp::PictureIds> MapLate(std::uint8_t layer,
                                                       const rtp::FrameInfo& frame) const;

  [[nodiscard]] static bool CarriesNone(const rtp::FrameInfo& frame) {
    return frame.picture_id_bits == 0;
  }

 private:
  struct Picture {
    std::uint16_t source = 0;
    std::uint16_t out = 0;
    std::uint8_t tl0_offset = 0;
    std::uint8_t key_offset = 0;
    std::uint8_t layer = 0;
    bool is_known = false;
  };

  void StartRun(const rtp::FrameInfo& frame);
  void Advance(std::uint8_t layer, std::uint16_t distance);
  Picture& Record(std::uint8_t layer, std::uint16_t source, std::uint16_t out);
  [[nodiscard]] rtp::PictureIds Apply(const Picture& picture, const rtp::FrameInfo& frame) const;

  // Constant after construction.
  Gaps gaps_;

  bool started_ = false;
  std::uint16_t mask_ = 0x7fff;
  std::uint16_t newest_source_ = 0;
  std::uint16_t newest_out_ = 0;
  std::uint8_t newest_out_tl0_ = 0;
  std::uint8_t newest_out_key_ = 0;
  std::uint8_t tl0_offset_ = 0;
  std::uint8_t key_offset_ = 0;
  std::array<Picture, kPictures> pictures_{};  // by source id modulo kPictures
};

}  // namespace fovea::router
