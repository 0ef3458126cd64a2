// fovea: the command line. Everything it does is in the library beside it.
#include <cstdio>

#include "signaling/app/server.h"

int main() {
  fovea::app::Config config;
  config.development = true;
  config.keys["devkey"] = "secret";
  config.bind_addresses = {"127.0.0.1"};
  config.rtc.node_ips = {"127.0.0.1"};
  config.rtc.udp_ports = {0, 0};
  config.rtc.workers = 2;
  config.port = 7880;
  fovea::app::Server server(config);
  if (const auto error = server.Start()) {
    std::fprintf(stderr, "fovea: %s\n", error->c_str());
    return 1;
  }
  server.Run();
  return 0;
}
