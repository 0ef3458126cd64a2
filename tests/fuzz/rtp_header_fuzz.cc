// fuzz-deps: sfu_rtp
// Any bytes as an RTP packet: the view stays in bounds, extensions are walked, found and parsed,
// and an RTX packet is restored to something that parses or is refused.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "sfu/core/check.h"
#include "sfu/rtp/extensions.h"
#include "sfu/rtp/header.h"
#include "sfu/rtp/rtx.h"

namespace {

using fovea::ByteSpan;
using fovea::MutableByteSpan;
namespace rtp = fovea::rtp;

// Ids 1..15 and 20 in the order of the URIs.
rtp::ExtensionMap AllExtensions() {
  rtp::ExtensionMap map;
  for (std::size_t i = 0; i < rtp::kExtensionUriCount; ++i) {
    const auto id = static_cast<std::uint8_t>(i < 15 ? i + 1 : 20);
    FOVEA_CHECK(map.TrySet(static_cast<rtp::ExtensionUri>(i), id));
  }
  return map;
}

void CheckView(const rtp::RtpView& view, std::size_t size) {
  FOVEA_CHECK(view.header_length() >= rtp::kFixedHeaderBytes);
  FOVEA_CHECK(std::size_t{view.payload_offset} + view.payload_length + view.padding_length == size);
  FOVEA_CHECK(view.extension_offset + view.extension_length <= view.payload_offset);
}

// What was read can be written again, and reads the same.
void CheckRewrittenExtensions(ByteSpan packet, const rtp::RtpView& view) {
  rtp::ExtensionReader reader(packet, view);
  rtp::ExtensionWriter writer;
  std::size_t added = 0;
  while (const auto element = reader.Next()) {
    if (writer.Add(element->id, element->data)) ++added;
  }
  std::array<std::uint8_t, 8192> out{};
  fovea::ByteWriter block(out);
  FOVEA_CHECK(writer.Write(block));
  FOVEA_CHECK(block.size() == writer.BlockBytes());
  std::array<std::uint8_t, 8300> packet_out{};
  fovea::ByteWriter header(packet_out);
  FOVEA_CHECK(rtp::WriteRtpHeader({}, block.written(), header));
  const auto again = rtp::RtpView::Parse(header.written());
  FOVEA_CHECK(again.ok());
  rtp::ExtensionReader second(packet, view);
  rtp::ExtensionReader copy(header.written(), *again);
  for (std::size_t i = 0; i < added; ++i) {
    const auto original = second.Next();
    const auto copied = copy.Next();
    FOVEA_CHECK(original.has_value() && copied.has_value());
    FOVEA_CHECK(original->id == copied->id);
    FOVEA_CHECK(std::equal(original->data.begin(), original->data.end(), copied->data.begin(),
                           copied->data.end()));
  }
  FOVEA_CHECK(!copy.damaged());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::array<std::uint8_t, 2048> bytes{};
  if (size > bytes.size()) return 0;
  std::copy(data, data + size, bytes.begin());
  const MutableByteSpan packet = MutableByteSpan(bytes).first(size);
  (void)rtp::IsRtcp(packet);
  auto view = rtp::RtpView::Parse(packet);
  if (!view.ok()) return 0;
  CheckView(*view, size);

  const rtp::ExtensionMap map = AllExtensions();
  const auto extensions = rtp::ParsedExtensions::Parse(packet, *view, map);
  FOVEA_CHECK(extensions.mid.size() <= fovea::limits::kMidBytesMax);
  FOVEA_CHECK(extensions.rid.size() <= fovea::limits::kRidBytesMax);
  for (int id = 0; id < 256; ++id) {
    (void)rtp::FindExtension(packet, *view, static_cast<std::uint8_t>(id));
  }
  CheckRewrittenExtensions(packet, *view);

  const auto restored =
      rtp::RestoreFromRtx(packet, *view, {.pt = fovea::PayloadType{96}, .ssrc = fovea::Ssrc{1}});
  if (!restored.ok()) return 0;
  auto original = rtp::RtpView::Parse(*restored);
  FOVEA_CHECK(original.ok());
  CheckView(*original, restored->size());
  std::array<std::uint8_t, 2052> out{};
  fovea::ByteWriter writer(out);
  FOVEA_CHECK(rtp::WriteRtx(*restored, *original, {}, writer));
  FOVEA_CHECK(rtp::RtpView::Parse(writer.written()).ok());
  const MutableByteSpan stripped = rtp::StripPadding(*restored, *original);
  FOVEA_CHECK(rtp::RtpView::Parse(stripped).ok());
  return 0;
}
