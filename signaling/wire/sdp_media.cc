// Lookups and names of SDP media sections. Thread: any; plain data.
#include "signaling/wire/sdp_media.h"

#include "signaling/wire/sdp_text.h"

namespace fovea::wire {

std::string_view SdpKindName(SdpKind kind) {
  switch (kind) {
    case SdpKind::kAudio:
      return "audio";
    case SdpKind::kVideo:
      return "video";
    case SdpKind::kApplication:
      return "application";
    case SdpKind::kOther:
      return "";
  }
  return "";
}

std::string_view SdpDirectionName(SdpDirection direction) {
  switch (direction) {
    case SdpDirection::kSendRecv:
      return "sendrecv";
    case SdpDirection::kSendOnly:
      return "sendonly";
    case SdpDirection::kRecvOnly:
      return "recvonly";
    case SdpDirection::kInactive:
      return "inactive";
  }
  return "";
}

std::string_view SdpSetupName(SdpSetup setup) {
  switch (setup) {
    case SdpSetup::kActPass:
      return "actpass";
    case SdpSetup::kActive:
      return "active";
    case SdpSetup::kPassive:
      return "passive";
    case SdpSetup::kHoldConn:
      return "holdconn";
  }
  return "";
}

SdpDirection Reversed(SdpDirection direction) {
  switch (direction) {
    case SdpDirection::kSendOnly:
      return SdpDirection::kRecvOnly;
    case SdpDirection::kRecvOnly:
      return SdpDirection::kSendOnly;
    case SdpDirection::kSendRecv:
    case SdpDirection::kInactive:
      return direction;
  }
  return direction;
}

bool Sends(SdpDirection direction) {
  return direction == SdpDirection::kSendOnly || direction == SdpDirection::kSendRecv;
}

bool Receives(SdpDirection direction) {
  return direction == SdpDirection::kRecvOnly || direction == SdpDirection::kSendRecv;
}

bool SdpCodec::Is(std::string_view codec_name) const {
  return sdp_text::EqualsIgnoringCase(name, codec_name);
}

std::optional<std::string_view> SdpCodec::Parameter(std::string_view key) const {
  std::string_view rest = fmtp;
  while (!rest.empty()) {
    std::string_view value = sdp_text::Trim(sdp_text::Cut(rest, ';'));
    const bool has_value = value.find('=') != std::string_view::npos;
    const std::string_view found = sdp_text::Cut(value, '=');
    if (has_value && sdp_text::EqualsIgnoringCase(found, key)) return value;
  }
  return std::nullopt;
}

std::optional<PayloadType> SdpCodec::RepairedPayloadType() const {
  if (!Is("rtx")) return std::nullopt;
  const auto apt = Parameter("apt");
  if (!apt) return std::nullopt;
  const auto number = sdp_text::Number<std::uint8_t>(*apt);
  if (!number) return std::nullopt;
  return PayloadType(*number);
}

const SdpCodec* SdpMedia::FindCodec(PayloadType payload_type) const {
  for (const SdpCodec& codec : codecs) {
    if (codec.payload_type == payload_type) return &codec;
  }
  return nullptr;
}

const SdpCodec* SdpMedia::FindRtxOf(PayloadType payload_type) const {
  for (const SdpCodec& codec : codecs) {
    if (codec.RepairedPayloadType() == payload_type) return &codec;
  }
  return nullptr;
}

}  // namespace fovea::wire
