// `fovea doctor`: looks at a configuration from outside, as homeserver and clients do, and says
// what to change. Thread: the one that parses the command line; it waits for each answer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "signaling/app/config.h"
#include "signaling/app/doctor_finding.h"
#include "signaling/app/doctor_probe.h"

namespace fovea::app {

struct DoctorFlags {
  std::string user_token = {};   // of an account at the homeserver; empty: nothing that needs one
  std::string stun_server = {};  // "host:port"; empty: the first of rtc.stun_servers, if any
  std::string ca_file = {};      // vouches for public servers beside the system's bundle
  bool as_json = false;
};

// What is asked over HTTP. `fetch` waits for each answer.
[[nodiscard]] std::vector<Finding> ExamineHomeserver(const Config& config, const DoctorFlags& flags,
                                                     std::int64_t now_unix, const Fetch& fetch);
[[nodiscard]] std::vector<Finding> ExaminePublicUrl(const Config& config, const DoctorFlags& flags,
                                                    std::int64_t now_unix, const Fetch& fetch);

struct DoctorReport {
  std::string text;
  bool has_failure = false;
};

// Everything. Takes up to ten seconds for each server that does not answer.
[[nodiscard]] DoctorReport RunDoctor(const Config& config, const DoctorFlags& flags,
                                     std::int64_t now_unix);

}  // namespace fovea::app
