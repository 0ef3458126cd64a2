// The session-level half of the SDP parser. Thread: any; pure functions.
#include "signaling/wire/sdp.h"

#include <algorithm>

#include "sfu/core/limits.h"
#include "signaling/wire/sdp_parse_media.h"
#include "signaling/wire/sdp_text.h"

namespace fovea::wire {
namespace {

using sdp_text::Cut;
using sdp_text::Word;

[[nodiscard]] bool HasControlCharacter(std::string_view line) {
  return std::any_of(line.begin(), line.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
  });
}

// o=<username> <session id> <version> IN IP4 <address>
SdpReason ParseOrigin(std::string_view value, SdpOrigin& out) {
  out.username = Word(value);
  out.session_id = Word(value);
  const auto version = sdp_text::Number<std::uint64_t>(Word(value));
  if (out.username.empty() || out.session_id.empty() || !version) return "o= line is malformed";
  out.version = *version;
  return {};
}

SdpReason ParseGroup(std::string_view value, SessionDescription& out) {
  SdpGroup group;
  group.semantics = Word(value);
  if (group.semantics.empty()) return "group without semantics";
  if (out.groups.size() >= limits::kSdpItemsPerSectionMax) return "too many groups";
  for (std::string_view mid = Word(value); !mid.empty(); mid = Word(value)) {
    if (group.mids.size() >= limits::kSdpMediaSectionsMax) return "group has too many mids";
    group.mids.emplace_back(mid);
  }
  out.groups.push_back(std::move(group));
  return {};
}

SdpReason ParseSessionAttribute(std::string_view name, std::string_view value,
                                SessionDescription& out) {
  if (name == "group") return ParseGroup(value, out);
  if (name == "ice-lite") out.ice_lite = true;
  if (name == "extmap-allow-mixed") out.extmap_allow_mixed = true;
  bool known = false;
  return ParseTransportAttribute(name, value, out.transport, known);
}

SdpReason ParseLine(std::string_view line, SessionDescription& out) {
  if (line.size() < 2 || line[1] != '=') return "line is not <letter>=<value>";
  std::string_view value = line.substr(2);
  switch (line[0]) {
    case 'o':
      return ParseOrigin(value, out.origin);
    case 'm':
      if (out.media.size() >= limits::kSdpMediaSectionsMax) return "too many media sections";
      return ParseMediaLine(value, out.media.emplace_back());
    case 'a': {
      const std::string_view name = Cut(value, ':');
      if (out.media.empty()) return ParseSessionAttribute(name, value, out);
      return ParseMediaAttribute(name, value, out.media.back());
    }
    default:
      return {};  // s=, t=, c=, b=, ...: nothing in them that WebRTC uses
  }
}

[[nodiscard]] bool HasDuplicateMid(const SessionDescription& description) {
  std::vector<std::string_view> mids;
  for (const SdpMedia& media : description.media) {
    if (!media.mid.empty()) mids.push_back(media.mid);
  }
  std::sort(mids.begin(), mids.end());
  return std::adjacent_find(mids.begin(), mids.end()) != mids.end();
}

}  // namespace

const SdpMedia* SessionDescription::FindMid(std::string_view mid) const {
  for (const SdpMedia& section : media) {
    if (section.mid == mid) return &section;
  }
  return nullptr;
}

const std::vector<std::string>* SessionDescription::Bundle() const {
  for (const SdpGroup& group : groups) {
    if (group.semantics == "BUNDLE") return &group.mids;
  }
  return nullptr;
}

Result<SessionDescription, SdpError> ParseSdp(std::string_view text) {
  if (text.size() > limits::kSdpBytesMax) return Failure{SdpError{0, "description too large"}};
  SessionDescription out;
  std::size_t number = 0;
  while (!text.empty()) {
    std::string_view line = Cut(text, '\n');
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1 && line != "v=0") return Failure{SdpError{1, "does not start with v=0"}};
    if (line.empty()) continue;
    if (HasControlCharacter(line)) return Failure{SdpError{number, "control character"}};
    const SdpReason reason = ParseLine(line, out);
    if (!reason.empty()) return Failure{SdpError{number, reason}};
  }
  if (number == 0) return Failure{SdpError{0, "description is empty"}};
  if (HasDuplicateMid(out)) return Failure{SdpError{0, "two media sections with one mid"}};
  return out;
}

SdpTransport EffectiveTransport(const SessionDescription& description, const SdpMedia& section) {
  SdpTransport transport = section.transport;
  const SdpTransport& session = description.transport;
  if (transport.ufrag.empty()) {
    transport.ufrag = session.ufrag;
    transport.pwd = session.pwd;
  }
  if (transport.ice_options.empty()) transport.ice_options = session.ice_options;
  if (transport.fingerprints.empty()) transport.fingerprints = session.fingerprints;
  if (!transport.setup) transport.setup = session.setup;
  if (transport.candidates.empty()) transport.candidates = session.candidates;
  transport.end_of_candidates |= session.end_of_candidates;
  return transport;
}

}  // namespace fovea::wire
