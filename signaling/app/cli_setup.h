// `fovea setup`: the configuration for a new focus, the homeserver's side of it, and everything
// that somebody has to paste elsewhere. `fovea registration`: the homeserver's file alone.
// matrixrtc reference, sections 3 and 7. Thread: the one that parses the command line.
#pragma once

#include <optional>
#include <string>

#include "sfu/core/result.h"
#include "signaling/app/config.h"
#include "signaling/app/surroundings.h"

namespace fovea::app {

struct SetupFlags {
  std::string server_name;     // as in user ids: example.com
  std::string host;            // public name of the focus: matrix-rtc.example.com
  std::string homeserver_url;  // from here; empty: http://127.0.0.1:8008
  std::string focus_url;       // of this focus, from the homeserver; empty: http://127.0.0.1:7880
  std::string cert_file;       // with key_file: TLS here, no reverse proxy
  std::string key_file;
  std::string node_ip;  // public address of the media ports
  std::string out_dir;  // empty: nothing is written, files are printed
  bool force = false;   // write over files that are there
};

struct SetupFiles {
  std::string config;        // fovea.yaml
  std::string registration;  // fovea-registration.yaml
  std::string advice;        // for people: what to paste where
};

// Keys and tokens are made anew each time. The error is a sentence for the operator.
[[nodiscard]] Result<SetupFiles, std::string> MakeSetup(const SetupFlags& flags,
                                                        const Surroundings& surroundings);

// Writes both files, readable by their owner only, and returns what to print.
[[nodiscard]] Result<std::string, std::string> RunSetup(const SetupFlags& flags,
                                                        const Surroundings& surroundings);

// The registration that goes with a configuration. `focus_url` as in SetupFlags.
[[nodiscard]] Result<std::string, std::string> MakeRegistration(const Config& config,
                                                                const std::string& focus_url);

}  // namespace fovea::app
