// The table of codecs. See codec.h.
#include "sfu/rtp/codec.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace fovea::rtp {
namespace {

struct Row {
  Codec codec;
  std::string_view mime;
  std::uint32_t clock_rate;
};

// In the order of the enumeration, so that a codec is its own index.
constexpr std::array<Row, 10> kRows = {{
    {Codec::kOpus, "audio/opus", 48000},
    {Codec::kRed, "audio/red", 48000},
    {Codec::kPcmu, "audio/PCMU", 8000},
    {Codec::kPcma, "audio/PCMA", 8000},
    {Codec::kG722, "audio/G722", 8000},
    {Codec::kVp8, "video/VP8", 90000},
    {Codec::kVp9, "video/VP9", 90000},
    {Codec::kH264, "video/H264", 90000},
    {Codec::kAv1, "video/AV1", 90000},
    {Codec::kUnknown, "", 0},
}};

constexpr bool RowsAreInOrder() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].codec) != i) return false;
  }
  return true;
}
static_assert(RowsAreInOrder());

const Row& RowOf(Codec codec) { return kRows[static_cast<std::size_t>(codec)]; }

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return LowerAscii(x) == LowerAscii(y); });
}

}  // namespace

std::string_view MimeType(Codec codec) { return RowOf(codec).mime; }

Codec CodecFromMime(std::string_view mime) {
  for (const Row& row : kRows) {
    if (EqualIgnoringCase(row.mime, mime)) return row.codec;
  }
  return Codec::kUnknown;
}

bool IsVideo(Codec codec) { return RowOf(codec).mime.starts_with("video/"); }

std::uint32_t ClockRate(Codec codec) { return RowOf(codec).clock_rate; }

}  // namespace fovea::rtp
