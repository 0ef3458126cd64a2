// ICE candidates as `fovea doctor` reads them out of a join: whatever the text, an address with a
// port or nothing, and what it reads it finds again where it was. fuzz-deps: signaling_app
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sfu/core/check.h"
#include "signaling/app/doctor_media.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto address = fovea::app::UdpAddressOf(text);
  if (!address.has_value()) return 0;
  FOVEA_CHECK(address->port != 0);
  const std::string again =
      "0 1 udp 1 " + address->IpString() + " " + std::to_string(address->port) + " typ host";
  FOVEA_CHECK(fovea::app::UdpAddressOf(again) == address);
  return 0;
}
