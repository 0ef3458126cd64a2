// One view of all codecs' descriptors. See frame_info.h.
#include "sfu/rtp/frame_info.h"

#include "sfu/rtp/codec_av1.h"
#include "sfu/rtp/codec_h264.h"
#include "sfu/rtp/codec_vp8.h"
#include "sfu/rtp/codec_vp9.h"

namespace fovea::rtp {
namespace {

std::optional<FrameInfo> FromVp8(ByteSpan payload, bool marker) {
  const std::optional<Vp8Descriptor> vp8 = ParseVp8Descriptor(payload);
  if (!vp8) return std::nullopt;
  FrameInfo out;
  out.starts_frame = vp8->starts_frame;
  out.ends_frame = marker;
  out.is_key_frame_start = vp8->is_key_frame_start;
  out.layer_sync = vp8->layer_sync;
  out.temporal = vp8->temporal_id;
  out.picture_id_bits = vp8->picture_id_bits;
  out.has_tl0_pic_idx = vp8->has_tl0_pic_idx;
  out.has_key_idx = vp8->has_key_idx;
  out.ids = {vp8->picture_id, vp8->tl0_pic_idx, vp8->key_idx};
  out.width = vp8->width;
  out.height = vp8->height;
  return out;
}

std::optional<FrameInfo> FromVp9(ByteSpan payload) {
  const std::optional<Vp9Descriptor> vp9 = ParseVp9Descriptor(payload);
  if (!vp9) return std::nullopt;
  FrameInfo out;
  out.starts_frame = vp9->starts_frame;
  out.ends_frame = vp9->ends_frame;
  out.is_key_frame_start = vp9->is_key_frame_start();
  out.temporal_up_ok = vp9->switching_up;
  out.spatial = vp9->spatial_id;
  out.temporal = vp9->temporal_id;
  out.picture_id_bits = vp9->picture_id_bits;
  out.has_tl0_pic_idx = vp9->has_tl0_pic_idx;
  out.ids = {vp9->picture_id, vp9->tl0_pic_idx, 0};
  out.width = vp9->width;
  out.height = vp9->height;
  return out;
}

std::optional<FrameInfo> FromH264(ByteSpan payload, bool marker) {
  const std::optional<H264Summary> h264 = ParseH264(payload);
  if (!h264) return std::nullopt;
  FrameInfo out;
  out.starts_frame = h264->starts_frame;
  out.ends_frame = marker;
  out.is_key_frame_start = h264->is_key_frame_start;
  return out;
}

std::optional<FrameInfo> FromAv1(ByteSpan payload, bool marker) {
  const std::optional<Av1AggregationHeader> av1 = ParseAv1AggregationHeader(payload);
  if (!av1) return std::nullopt;
  FrameInfo out;
  out.starts_frame = av1->starts_coded_video_sequence;
  out.ends_frame = marker;
  out.is_key_frame_start = av1->starts_coded_video_sequence;
  return out;
}

FrameInfo FromDependencyDescriptor(const DependencyDescriptor& dd) {
  FrameInfo out;
  out.starts_frame = dd.starts_frame;
  out.ends_frame = dd.ends_frame;
  out.is_key_frame_start = dd.has_structure && dd.starts_frame && dd.spatial_id == 0;
  out.temporal_up_ok = dd.temporal_up_ok;
  out.spatial = dd.spatial_id;
  out.temporal = dd.temporal_id;
  out.picture_id_bits = 16;
  out.ids.picture_id = dd.frame_number;
  out.width = dd.resolution.width;
  out.height = dd.resolution.height;
  return out;
}

}  // namespace

std::optional<FrameInfo> ParseFrameInfo(Codec codec, ByteSpan payload,
                                        const DependencyDescriptor* descriptor, bool marker) {
  switch (codec) {
    case Codec::kOpus:
    case Codec::kRed:
    case Codec::kPcmu:
    case Codec::kPcma:
    case Codec::kG722: {
      if (payload.empty()) return std::nullopt;
      FrameInfo out;
      out.starts_frame = true;
      out.ends_frame = true;
      out.is_key_frame_start = true;
      return out;
    }
    // VP8 and VP9 keep their own counters in the payload; those are what forwarding must rewrite,
    // so a dependency descriptor beside them is not used.
    case Codec::kVp8:
      return FromVp8(payload, marker);
    case Codec::kVp9:
      return FromVp9(payload);
    case Codec::kH264:
      return descriptor != nullptr ? FromDependencyDescriptor(*descriptor)
                                   : FromH264(payload, marker);
    case Codec::kAv1:
      return descriptor != nullptr ? FromDependencyDescriptor(*descriptor)
                                   : FromAv1(payload, marker);
    case Codec::kUnknown:
      return std::nullopt;
  }
  return std::nullopt;
}

bool RewritePictureIds(Codec codec, MutableByteSpan payload, const PictureIds& ids) {
  if (codec == Codec::kVp8) return RewriteVp8Descriptor(payload, ids);
  if (codec == Codec::kVp9) return RewriteVp9Descriptor(payload, ids);
  return true;
}

}  // namespace fovea::rtp
