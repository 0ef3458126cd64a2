// fuzz-deps: signaling_livekit
// A client's SDP through both negotiators: arbitrary text as an offer (twice, so that the second
// one meets state), and as the answer to our own offer. What comes out must be readable and have
// the offer's sections.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/core/check.h"
#include "signaling/livekit/answer_negotiator.h"
#include "signaling/livekit/offer_negotiator.h"

namespace {

using namespace fovea;           // NOLINT
using namespace fovea::livekit;  // NOLINT

NegotiationPolicy Policy() {
  const std::vector<std::string> names = {"video/VP8", "video/H264", "video/VP9",
                                          "video/AV1", "audio/opus", "audio/red"};
  return NegotiationPolicy::FromMimeTypes(names);
}

LocalTransport Local() {
  return {{"ours", "our-password-of-24-chars"}, "AA:BB", {{"::1", 1, false}}};
}

std::vector<DownlinkTrack> Downlinks(std::uint32_t first) {
  std::vector<DownlinkTrack> tracks;
  for (std::uint32_t i = first; i < first + 4; ++i) {
    DownlinkTrack& track = tracks.emplace_back();
    track.kind = i % 2 == 0 ? control::MediaKind::kAudio : control::MediaKind::kVideo;
    track.codec = i % 2 == 0 ? rtp::Codec::kOpus : rtp::Codec::kVp8;
    track.publisher_sid = "PA_x";
    track.track_sid = "TR_" + std::to_string(i);
    track.stream_id = "PA_x|" + track.track_sid;
    track.ssrc = Ssrc(100 + i);
  }
  return tracks;
}

void CheckAnswer(std::string_view offer, const Answer& answer) {
  const auto asked = wire::ParseSdp(offer);
  const auto said = wire::ParseSdp(answer.sdp);
  FOVEA_CHECK(asked.ok() && said.ok());
  FOVEA_CHECK(asked->media.size() == said->media.size());
  for (std::size_t i = 0; i < said->media.size(); ++i) {
    FOVEA_CHECK(said->media[i].mid == asked->media[i].mid);
    FOVEA_CHECK(said->media[i].kind == asked->media[i].kind);
  }
  for (const UplinkSection& section : answer.uplinks) FOVEA_CHECK(!section.layers.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  Rng rng(1);
  AnswerNegotiator answerer(Policy(), Local(), rng);
  std::vector<UplinkTrack> uplinks(2);
  uplinks[0] = {"cam", "TR_C", false, control::MediaKind::kVideo, rtp::Codec::kVp8, 3,
                false, false,  false};
  uplinks[1] = {"mic", "TR_M", false, control::MediaKind::kAudio, rtp::Codec::kOpus, 0,
                true,  true,   true};
  for (const std::uint32_t first : {0U, 2U}) {
    const auto downlinks = Downlinks(first);
    const auto answer = answerer.HandleOffer(text, {uplinks, downlinks, {"fresh", "fresh"}});
    if (answer.ok()) CheckAnswer(text, *answer);
    (void)answerer.Rematch(uplinks);
  }
  OfferNegotiator offerer(Policy(), Local(), rng);
  for (const DownlinkTrack& track : Downlinks(0)) offerer.AddTrack(track);
  FOVEA_CHECK(offerer.NextOffer().has_value());
  if (offerer.HandleAnswer(0, text).ok()) {
    offerer.RemoveTrack("TR_0");
    FOVEA_CHECK(offerer.NextOffer().has_value());
  }
  return 0;
}
