// fovea: the command line. Everything it does is in the library beside it.
#include <cstdio>
#include <utility>

#include "signaling/app/cli.h"
#include "signaling/app/external_server.h"
#include "signaling/app/server.h"

namespace {

template <class Server>
int ServeWith(fovea::app::Config config) {
  Server server(std::move(config));
  if (const auto error = server.Start()) {
    std::fprintf(stderr, "fovea: %s\n", error->c_str());
    return fovea::app::kExitFailed;
  }
  server.Run();
  return 0;
}

int Serve(fovea::app::Config config) {
  if (!config.external.url.empty()) {
    return ServeWith<fovea::app::ExternalServer>(std::move(config));
  }
  return ServeWith<fovea::app::Server>(std::move(config));
}

}  // namespace

int main(int argc, char** argv) { return fovea::app::RunCommand(argc, argv, Serve); }
