// Which codecs an answer or an offer lists. See negotiation_codecs.h.
#include "signaling/livekit/negotiation_codecs.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace fovea::livekit {
namespace {

using rtp::Codec;

constexpr std::string_view kOpusFmtp = "minptime=10;useinbandfec=1";

[[nodiscard]] bool IsServedFeedback(std::string_view feedback) {
  return feedback == "nack" || feedback == "nack pli" || feedback == "ccm fir" ||
         feedback == "transport-cc" || feedback == "goog-remb";
}

// Parameters that describe the offerer's own encoder or receiver; an answer does not repeat them.
[[nodiscard]] bool IsOfferersOwn(std::string_view parameter) {
  return parameter.starts_with("x-google-") || parameter.starts_with("max-fs=") ||
         parameter.starts_with("max-fr=");
}

[[nodiscard]] std::string VideoFmtp(const wire::SdpCodec& offered) {
  std::string fmtp;
  std::string_view rest = offered.fmtp;
  while (!rest.empty()) {
    const std::size_t end = rest.find(';');
    std::string_view parameter = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    while (parameter.starts_with(' ')) parameter.remove_prefix(1);
    if (parameter.empty() || IsOfferersOwn(parameter)) continue;
    if (!fmtp.empty()) fmtp += ';';
    fmtp += parameter;
  }
  return fmtp;
}

// The profiles that browsers both send and receive. A forwarder cannot transcode, so a stream that
// only its sender can decode is of no use.
[[nodiscard]] bool IsCommonProfile(Codec codec, const wire::SdpCodec& offered) {
  if (codec == Codec::kVp9) return offered.Parameter("profile-id").value_or("0") == "0";
  if (codec == Codec::kAv1) return offered.Parameter("profile").value_or("0") == "0";
  if (codec != Codec::kH264) return true;
  const std::string_view level = offered.Parameter("profile-level-id").value_or("42e01f");
  return level.starts_with("42") || level.starts_with("4d") || level.starts_with("4D");
}

struct Accepted {
  Codec codec = Codec::kUnknown;
  wire::SdpCodec media;
  const wire::SdpCodec* rtx = nullptr;
};

[[nodiscard]] std::vector<Accepted> AcceptedCodecs(const wire::SdpMedia& offered,
                                                   const NegotiationPolicy& policy) {
  std::vector<Accepted> accepted;
  for (const wire::SdpCodec& codec : offered.codecs) {
    const Codec known = CodecOf(offered.kind, codec);
    if (!policy.Allows(known) || !IsCommonProfile(known, codec)) continue;
    Accepted& entry = accepted.emplace_back();
    entry.codec = known;
    entry.media = codec;
    std::erase_if(entry.media.feedback,
                  [](const std::string& feedback) { return !IsServedFeedback(feedback); });
    if (rtp::IsVideo(known)) entry.media.fmtp = VideoFmtp(codec);
    if (known == Codec::kOpus) entry.media.fmtp = kOpusFmtp;
    entry.rtx = offered.FindRtxOf(codec.payload_type);
  }
  return accepted;
}

[[nodiscard]] std::vector<wire::SdpCodec> Listed(const std::vector<Accepted>& accepted,
                                                 const wire::SdpMedia& offered) {
  std::vector<wire::SdpCodec> listed;
  for (const Accepted& entry : accepted) {
    listed.push_back(entry.media);
    if (entry.rtx != nullptr) listed.push_back(*entry.rtx);
  }
  // Nothing in common: the section is answered inactive, and a section needs a format.
  if (listed.empty() && !offered.codecs.empty()) listed.push_back(offered.codecs.front());
  return listed;
}

// How well an offered codec carries a stream made with `fmtp`. 0: not at all.
[[nodiscard]] int FitOf(Codec codec, const wire::SdpCodec& offered, const std::string& fmtp) {
  if (codec != Codec::kH264 || fmtp.empty()) return 1;
  wire::SdpCodec sent;
  sent.fmtp = fmtp;
  // RFC 6184 §8.1: the modes differ in packetization, which we do not change.
  const auto mode = [](const wire::SdpCodec& c) {
    return c.Parameter("packetization-mode").value_or("0");
  };
  if (mode(sent) != mode(offered)) return 0;
  const auto profile = [](const wire::SdpCodec& c) {
    return c.Parameter("profile-level-id").value_or("42e01f");
  };
  if (profile(sent).substr(0, 4) == profile(offered).substr(0, 4)) return 3;
  return profile(sent).substr(0, 2) == profile(offered).substr(0, 2) ? 2 : 1;
}

void MoveToFront(std::vector<Accepted>& accepted, PayloadType payload_type) {
  const auto found = std::find_if(accepted.begin(), accepted.end(), [&](const Accepted& entry) {
    return entry.media.payload_type == payload_type;
  });
  if (found != accepted.end()) std::rotate(accepted.begin(), found, found + 1);
}

struct TableRow {
  Codec codec;
  std::uint8_t payload_type;
  std::uint8_t rtx;  // 0: none
  std::string_view fmtp;
};

// LiveKit's numbers, RTX one above.
constexpr std::array kTable{
    TableRow{Codec::kOpus, 111, 0, kOpusFmtp},
    TableRow{Codec::kRed, 63, 0, "111/111"},
    TableRow{Codec::kG722, 9, 0, ""},
    TableRow{Codec::kPcmu, 0, 0, ""},
    TableRow{Codec::kPcma, 8, 0, ""},
    TableRow{Codec::kVp8, 96, 97, ""},
    TableRow{Codec::kVp9, 98, 99, "profile-id=0"},
    TableRow{Codec::kH264, 125, 126,
             "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
    TableRow{Codec::kH264, 108, 109,
             "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f"},
    TableRow{Codec::kH264, 102, 103,
             "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"},
    TableRow{Codec::kH264, 104, 105,
             "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f"},
    TableRow{Codec::kH264, 39, 40,
             "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f"},
    TableRow{Codec::kH264, 106, 107,
             "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f"},
    TableRow{Codec::kAv1, 35, 36, ""},
};

[[nodiscard]] wire::SdpCodec FromTable(const TableRow& row) {
  wire::SdpCodec codec;
  codec.payload_type = PayloadType(row.payload_type);
  const std::string_view mime = rtp::MimeType(row.codec);
  codec.name = mime.substr(mime.find('/') + 1);
  codec.clock_rate = rtp::ClockRate(row.codec);
  if (row.codec == Codec::kOpus || row.codec == Codec::kRed) codec.channels = 2;
  codec.fmtp = row.fmtp;
  if (rtp::IsVideo(row.codec)) {
    codec.feedback = {"goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"};
  } else if (row.codec == Codec::kOpus) {
    codec.feedback = {"transport-cc", "nack"};
  }
  return codec;
}

[[nodiscard]] wire::SdpCodec RtxOf(const TableRow& row) {
  wire::SdpCodec rtx;
  rtx.payload_type = PayloadType(row.rtx);
  rtx.name = "rtx";
  rtx.clock_rate = rtp::ClockRate(row.codec);
  rtx.fmtp = "apt=" + std::to_string(row.payload_type);
  return rtx;
}

}  // namespace

rtp::Codec CodecOf(wire::SdpKind kind, const wire::SdpCodec& codec) {
  return rtp::CodecFromMime(std::string(wire::SdpKindName(kind)) + '/' + codec.name);
}

std::vector<wire::SdpCodec> AnswerUplinkCodecs(const wire::SdpMedia& offered,
                                               const NegotiationPolicy& policy,
                                               const UplinkCodecRules& rules) {
  std::vector<Accepted> accepted = AcceptedCodecs(offered, policy);
  if (rules.disable_red) {
    std::erase_if(accepted, [](const Accepted& entry) { return entry.codec == Codec::kRed; });
  }
  const auto is_preferred = [&](const Accepted& entry) { return entry.codec == rules.preferred; };
  std::stable_partition(accepted.begin(), accepted.end(), is_preferred);
  if (rules.only_preferred && !accepted.empty() && is_preferred(accepted.front())) {
    std::erase_if(accepted, [&](const Accepted& entry) { return !is_preferred(entry); });
  }
  for (Accepted& entry : accepted) {
    if (entry.codec != Codec::kOpus) continue;
    if (!rules.disable_dtx) entry.media.fmtp += ";usedtx=1";
    if (rules.stereo) entry.media.fmtp += ";stereo=1;maxaveragebitrate=510000";
  }
  return Listed(accepted, offered);
}

std::vector<wire::SdpCodec> AnswerDownlinkCodecs(const wire::SdpMedia& offered,
                                                 const NegotiationPolicy& policy,
                                                 const DownlinkTrack* track) {
  std::vector<Accepted> accepted = AcceptedCodecs(offered, policy);
  const wire::SdpCodec* first = track == nullptr ? nullptr : FindCodecFor(offered, *track);
  if (first != nullptr && track->codec != Codec::kUnknown)
    MoveToFront(accepted, first->payload_type);
  for (Accepted& entry : accepted) {
    const bool stereo = track != nullptr && track->stereo;
    if (entry.codec == Codec::kOpus && stereo) entry.media.fmtp += ";sprop-stereo=1";
  }
  return Listed(accepted, offered);
}

const wire::SdpCodec* FindCodecFor(const wire::SdpMedia& offered, const DownlinkTrack& track) {
  const wire::SdpCodec* best = nullptr;
  int best_fit = 0;
  for (const wire::SdpCodec& codec : offered.codecs) {
    const Codec known = CodecOf(offered.kind, codec);
    if (known == Codec::kUnknown || !IsCommonProfile(known, codec)) continue;
    if (track.codec != Codec::kUnknown && known != track.codec) continue;
    const int fit = FitOf(known, codec, track.fmtp);
    if (fit <= best_fit) continue;
    best = &codec;
    best_fit = fit;
  }
  return best;
}

std::vector<wire::SdpCodec> OfferCodecs(const NegotiationPolicy& policy, const DownlinkTrack* track,
                                        control::MediaKind kind) {
  const bool is_video = kind == control::MediaKind::kVideo;
  const Codec wanted = track == nullptr ? Codec::kUnknown : track->codec;
  std::vector<const TableRow*> rows;
  for (const TableRow& row : kTable) {
    if (rtp::IsVideo(row.codec) != is_video) continue;
    if (policy.Allows(row.codec) || row.codec == wanted) rows.push_back(&row);
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const TableRow* a, const TableRow* b) {
    const auto fit = [&](const TableRow* row) {
      return row->codec == wanted ? FitOf(wanted, FromTable(*row), track->fmtp) + 1 : 0;
    };
    return fit(a) > fit(b);
  });
  std::vector<wire::SdpCodec> codecs;
  for (const TableRow* row : rows) {
    codecs.push_back(FromTable(*row));
    if (row->codec == Codec::kOpus && track != nullptr && track->stereo) {
      codecs.back().fmtp += ";sprop-stereo=1";
    }
    if (row->rtx != 0) codecs.push_back(RtxOf(*row));
  }
  return codecs;
}

std::vector<NegotiatedCodec> NegotiatedCodecs(wire::SdpKind kind,
                                              std::span<const wire::SdpCodec> codecs) {
  std::vector<NegotiatedCodec> negotiated;
  for (const wire::SdpCodec& codec : codecs) {
    const Codec known = CodecOf(kind, codec);
    if (known == Codec::kUnknown) continue;
    NegotiatedCodec& entry = negotiated.emplace_back();
    entry.codec = known;
    entry.payload_type = codec.payload_type;
    entry.fmtp = codec.fmtp;
    for (const wire::SdpCodec& other : codecs) {
      if (other.RepairedPayloadType() == codec.payload_type) entry.rtx = other.payload_type;
    }
  }
  return negotiated;
}

}  // namespace fovea::livekit
