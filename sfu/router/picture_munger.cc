// Picture counters of a subscription. See picture_munger.h.
#include "sfu/router/picture_munger.h"

#include <algorithm>

#include "sfu/core/seq.h"

namespace fovea::router {
namespace {

constexpr std::uint8_t kKeyIdxMask = 0x1f;

std::uint16_t MaskOf(const rtp::FrameInfo& frame) {
  return static_cast<std::uint16_t>((1U << frame.picture_id_bits) - 1);
}

}  // namespace

rtp::PictureIds PictureMunger::Apply(const Picture& picture, const rtp::FrameInfo& frame) const {
  return {static_cast<std::uint16_t>(picture.out & mask_),
          static_cast<std::uint8_t>(frame.ids.tl0_pic_idx + picture.tl0_offset),
          static_cast<std::uint8_t>((frame.ids.key_idx + picture.key_offset) & kKeyIdxMask)};
}

PictureMunger::Picture& PictureMunger::Record(std::uint8_t layer, std::uint16_t source,
                                              std::uint16_t out) {
  Picture& picture = pictures_[source % kPictures];
  picture = {source, out, tl0_offset_, key_offset_, layer, true};
  return picture;
}

void PictureMunger::StartRun(const rtp::FrameInfo& frame) {
  mask_ = MaskOf(frame);
  newest_source_ = frame.ids.picture_id;
  if (!started_) {
    started_ = true;
    newest_out_ = frame.ids.picture_id;
    return;
  }
  ++newest_out_;
  tl0_offset_ = static_cast<std::uint8_t>(newest_out_tl0_ + 1 - frame.ids.tl0_pic_idx);
  key_offset_ = static_cast<std::uint8_t>(newest_out_key_ + 1 - frame.ids.key_idx);
}

// Goes on by `distance` pictures, of which all but the last were not seen: they keep their ids, in
// case they come late.
void PictureMunger::Advance(std::uint8_t layer, std::uint16_t distance) {
  const auto unseen = static_cast<std::uint16_t>(distance - 1);
  const auto remembered = std::min<std::uint16_t>(unseen, kPictures - 1);
  for (std::uint16_t back = remembered; back > 0; --back) {
    const auto ahead = static_cast<std::uint16_t>(unseen - back + 1);
    Record(layer, static_cast<std::uint16_t>((newest_source_ + ahead) & mask_),
           static_cast<std::uint16_t>(newest_out_ + ahead));
  }
  newest_source_ = static_cast<std::uint16_t>((newest_source_ + distance) & mask_);
  newest_out_ = static_cast<std::uint16_t>(newest_out_ + unseen);
}

std::optional<rtp::PictureIds> PictureMunger::Forward(std::uint8_t layer,
                                                      const rtp::FrameInfo& frame,
                                                      bool starts_run) {
  if (frame.picture_id_bits == 0) return std::nullopt;
  // A stream that begins to carry ids, or changes their width, begins anew.
  const bool begins = starts_run || !started_ || mask_ != MaskOf(frame);
  if (begins) {
    StartRun(frame);
    Record(layer, newest_source_, newest_out_);
  } else {
    const auto distance =
        static_cast<std::uint16_t>((frame.ids.picture_id - newest_source_) & mask_);
    if (distance > mask_ / 2) {
      if (const auto late = MapLate(layer, frame)) return late;
      // Going backwards without a new run is against the format; the distances are kept.
      const auto back = static_cast<std::uint16_t>(newest_out_ - ((mask_ + 1) - distance));
      return Apply(Picture{0, back, tl0_offset_, key_offset_, layer, true}, frame);
    }
    if (distance > 0) {
      Advance(layer, distance);
      Record(layer, newest_source_, ++newest_out_);
    }
  }
  const rtp::PictureIds out =
      Apply(Picture{newest_source_, newest_out_, tl0_offset_, key_offset_, layer, true}, frame);
  if (begins || IsNewer(out.tl0_pic_idx, newest_out_tl0_)) newest_out_tl0_ = out.tl0_pic_idx;
  newest_out_key_ = out.key_idx;
  return out;
}

void PictureMunger::Drop(std::uint8_t layer, const rtp::FrameInfo& frame) {
  if (gaps_ == Gaps::kKeep || !started_ || frame.picture_id_bits == 0) return;
  const auto distance = static_cast<std::uint16_t>((frame.ids.picture_id - newest_source_) & mask_);
  if (distance == 0 || distance > mask_ / 2) return;
  Advance(layer, distance);
  pictures_[newest_source_ % kPictures].is_known = false;
}

std::optional<rtp::PictureIds> PictureMunger::MapLate(std::uint8_t layer,
                                                      const rtp::FrameInfo& frame) const {
  if (frame.picture_id_bits == 0) return std::nullopt;
  const Picture& picture = pictures_[frame.ids.picture_id % kPictures];
  if (!picture.is_known || picture.layer != layer || picture.source != frame.ids.picture_id) {
    return std::nullopt;
  }
  return Apply(picture, frame);
}

}  // namespace fovea::router
