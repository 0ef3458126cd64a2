// /.well-known/matrix/client as a server reads it: where another homeserver's client-server API is.
// Matrix specification, client-server API, "Server discovery". Thread: pure function, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fovea::matrix {

// `m.homeserver.base_url` without slashes at its end. Nothing unless it is an https URL: the word
// of another server must not make us speak in the clear.
[[nodiscard]] std::optional<std::string> ReadHomeserverUrl(std::string_view well_known);

}  // namespace fovea::matrix
