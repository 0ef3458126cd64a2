#include "signaling/app/doctor_media.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "sfu/core/check.h"
#include "signaling/wire/json.h"
#include "signaling/wire/sdp.h"
#include "signaling/wire/token_grants.h"
#include "signaling/wire/url.h"

namespace fovea::app {
namespace {

constexpr const char* kRoom = "fovea-doctor";
constexpr std::int64_t kTokenSeconds = 60;
constexpr std::size_t kPasswordLetters = 22;  // the least of RFC 8839 section 5.4

// Takes every section as offered, and is the active end of a DTLS connection that never begins.
std::string AnswerTo(wire::SessionDescription offer) {
  constexpr std::size_t kDigestBytes = 32;
  wire::SdpTransport transport;
  transport.ufrag = kDoctorUfrag;
  transport.pwd = std::string(kPasswordLetters, '0');
  transport.setup = wire::SdpSetup::kActive;
  std::string digest = "00";
  for (std::size_t i = 1; i < kDigestBytes; ++i) digest += ":00";
  transport.fingerprints.push_back({"sha-256", digest});
  offer.ice_lite = false;
  offer.transport = {};
  for (wire::SdpMedia& media : offer.media) {
    media.transport = transport;
    if (media.IsRtp()) media.direction = wire::SdpDirection::kInactive;
  }
  return wire::WriteSdp(offer);
}

// Whether a port answers at none of its addresses: whoever is given that one hears nothing.
bool HasDeafPort(const std::vector<MediaTrial>& trials) {
  return std::any_of(trials.begin(), trials.end(), [&](const MediaTrial& trial) {
    return std::none_of(trials.begin(), trials.end(), [&](const MediaTrial& other) {
      return other.has_answered && other.address.port == trial.address.port;
    });
  });
}

std::string Listed(const std::vector<MediaTrial>& trials, bool has_answered) {
  std::string out;
  for (const MediaTrial& trial : trials) {
    if (trial.has_answered != has_answered) continue;
    out += (out.empty() ? "" : ", ") + trial.address.ToString();
  }
  return out;
}

}  // namespace

std::optional<NetAddress> UdpAddressOf(std::string_view candidate) {
  // foundation component transport priority address port
  std::array<std::string_view, 6> words;
  for (std::string_view& word : words) {
    const std::size_t end = candidate.find(' ');
    word = candidate.substr(0, end);
    candidate = end == std::string_view::npos ? std::string_view() : candidate.substr(end + 1);
  }
  const std::string_view digits = words[5];
  std::uint16_t port = 0;
  const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || rest != digits.data() + digits.size() || port == 0) return {};
  if (words[2] != "udp" && words[2] != "UDP") return std::nullopt;
  return NetAddress::Parse(words[4], port);
}

void MediaOffer::Add(const pb::SignalResponse& response) {
  if (response.has_offer()) {
    const auto sdp = wire::ParseSdp(response.offer().sdp());
    if (!sdp.ok() || sdp->media.empty()) return;
    const wire::SdpTransport transport = wire::EffectiveTransport(*sdp, sdp->media.front());
    ufrag = transport.ufrag;
    password = transport.pwd;
    answer.set_type("answer");
    answer.set_id(response.offer().id());
    answer.set_sdp(AnswerTo(*sdp));
    return;
  }
  if (!response.has_trickle()) return;
  is_complete = is_complete || response.trickle().final();
  const auto init = wire::ParseJson(response.trickle().candidateinit());
  if (!init.has_value() || !init->is_object()) return;
  const auto line = init->find("candidate");
  if (line == init->end() || !line->is_string()) return;
  std::string_view text = line->get_ref<const std::string&>();
  constexpr std::string_view kPrefix = "candidate:";
  if (!text.starts_with(kPrefix)) return;
  text.remove_prefix(kPrefix.size());
  if (const auto address = UdpAddressOf(text)) addresses.push_back(*address);
}

Finding MediaFinding(const std::vector<MediaTrial>& trials) {
  constexpr const char* kCheck = "media";
  const std::string silent = Listed(trials, /*has_answered=*/false);
  const std::string answering = Listed(trials, /*has_answered=*/true);
  const std::string fix =
      "nobody hears or sees anything through it: open the UDP ports (rtc.udp_port) in every "
      "firewall "
      "up to here, let the router hand them on, and let rtc.node_ip be the address that clients "
      "reach. This is how it looks from this machine; on another one, with this configuration, as "
      "clients see it";
  if (trials.empty()) {
    return {kCheck, Verdict::kFail, "clients are told no UDP address", "set rtc.node_ip"};
  }
  if (silent.empty()) return {kCheck, Verdict::kPass, "UDP answers at " + answering};
  if (answering.empty()) return {kCheck, Verdict::kFail, "no answer from UDP " + silent, fix};
  return {kCheck, HasDeafPort(trials) ? Verdict::kFail : Verdict::kWarn,
          "UDP answers at " + answering + ", not at " + silent, fix};
}

std::string DoctorJoinTarget(const Config& config, std::size_t participant, std::int64_t now_unix) {
  FOVEA_CHECK(!config.keys.empty());
  const auto& [key, secret] = *config.keys.begin();
  wire::TokenGrants grants;
  grants.api_key = key;
  grants.identity = kRoom + ("-" + std::to_string(participant));
  grants.not_before_unix = now_unix;
  grants.expires_at_unix = now_unix + kTokenSeconds;
  wire::VideoGrants& video = grants.video.emplace();
  video.room_create = true;  // also where room.auto_create is off
  video.room_join = true;
  video.room = kRoom;
  video.hidden = true;
  return "/rtc?protocol=15&auto_subscribe=0&access_token=" +
         wire::PercentEncode(wire::SignToken(grants, secret));
}

}  // namespace fovea::app
