// fovea: the command line. Everything it does is in the library beside it.
#include <cstdio>
#include <utility>

#include "signaling/app/cli.h"
#include "signaling/app/server.h"

namespace {

int Serve(fovea::app::Config config) {
  fovea::app::Server server(std::move(config));
  if (const auto error = server.Start()) {
    std::fprintf(stderr, "fovea: %s\n", error->c_str());
    return fovea::app::kExitFailed;
  }
  server.Run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return fovea::app::RunCommand(argc, argv, Serve); }
