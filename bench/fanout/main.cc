// CPU time per forwarded packet: Fovea's worker next to the naive loop, in turns in one process,
// over the same sockets. See bench/README.md. Absolute times drift with the machine; the ratio of a
// round is what counts.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "bench/fanout/naive_fan_out.h"
#include "bench/fanout/worker_fan_out.h"
#include "sfu/core/check.h"

namespace fovea::bench {
namespace {

struct Options {
  std::size_t subscribers = 50;
  int rounds = 9;
  double seconds = 0.2;  // of CPU time, for each entry of a round
  std::vector<std::size_t> bursts = {1, 8};
  std::string json;  // path; empty: none
  std::string only;  // entries whose name begins so; empty: all
};

struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};

Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

struct Row {
  std::string name;
  std::size_t burst = 0;
  Spread nanos;
  Spread ratio;  // to the first entry's: how many times Fovea's cost this is
};

double Measure(FanOut& entry, std::size_t burst, double seconds) {
  // One turn to warm up what the other entries pushed out of the caches.
  (void)entry.Forward(burst);
  Cost cost;
  while (static_cast<double>(cost.cpu_nanos) < seconds * 1e9) cost += entry.Forward(burst);
  return cost.nanos_per_packet();
}

std::vector<Row> Compare(const std::vector<FanOut*>& entries, std::size_t burst,
                         const Options& options) {
  std::vector<std::vector<double>> nanos(entries.size());
  for (int round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      nanos[i].push_back(Measure(*entries[i], burst, options.seconds));
      for (FanOut* entry : entries) entry->KeepAlive();
    }
  }
  std::vector<Row> rows;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < nanos[i].size(); ++round) {
      ratios.push_back(nanos[i][round] / nanos[0][round]);
    }
    rows.push_back({entries[i]->name(), burst, SpreadOf(nanos[i]), SpreadOf(ratios)});
  }
  return rows;
}

void PrintTable(const std::vector<Row>& rows, const Options& options) {
  std::printf("1 publisher, %zu subscribers, %zu-byte packets; ns of CPU per forwarded packet\n",
              options.subscribers, kRtpPacketBytes);
  std::printf("%5s  %-39s %8s %8s %8s   %s\n", "burst", "", "median", "min", "max",
              "times fovea's, median (min .. max)");
  for (const Row& row : rows) {
    std::printf("%5zu  %-39s %8.0f %8.0f %8.0f   %.2f (%.2f .. %.2f)\n", row.burst,
                row.name.c_str(), row.nanos.median, row.nanos.min, row.nanos.max, row.ratio.median,
                row.ratio.min, row.ratio.max);
  }
}

bool WriteJson(const std::vector<Row>& rows, const Options& options) {
  std::FILE* file = std::fopen(options.json.c_str(), "w");
  if (file == nullptr) return false;
  std::fprintf(file, "{\"subscribers\": %zu, \"packet_bytes\": %zu, \"rounds\": %d, \"rows\": [\n",
               options.subscribers, kRtpPacketBytes, options.rounds);
  const auto spread = [file](const char* name, const Spread& value) {
    std::fprintf(file, ", \"%s\": {\"median\": %.3f, \"min\": %.3f, \"max\": %.3f}", name,
                 value.median, value.min, value.max);
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::fprintf(file, "  {\"name\": \"%s\", \"burst\": %zu", rows[i].name.c_str(), rows[i].burst);
    spread("cpu_ns_per_packet", rows[i].nanos);
    spread("times_fovea", rows[i].ratio);
    std::fprintf(file, "}%s\n", i + 1 < rows.size() ? "," : "");
  }
  std::fprintf(file, "]}\n");
  return std::fclose(file) == 0;
}

[[noreturn]] void Usage() {
  std::fprintf(stderr,
               "fanout_bench [--subscribers=N] [--rounds=N] [--bursts=1,8] [--json=FILE]\n"
               "             [--only=NAME] [--benchmark_min_time=SECONDS]\n"
               "  SECONDS of CPU time for each entry in each round, 2 at most. --only leaves out\n"
               "  what does not begin with NAME (fovea, naive), for profiling one alone.\n");
  std::exit(2);
}

std::vector<std::size_t> ParseNumbers(const std::string& text) {
  std::vector<std::size_t> numbers;
  std::stringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    numbers.push_back(std::strtoul(part.c_str(), nullptr, 10));
  }
  return numbers;
}

// False for an unknown key.
bool SetOption(std::string_view key, const std::string& value, Options& options) {
  if (key == "--subscribers") {
    options.subscribers = std::strtoul(value.c_str(), nullptr, 10);
  } else if (key == "--rounds") {
    options.rounds = std::atoi(value.c_str());
  } else if (key == "--bursts") {
    options.bursts = ParseNumbers(value);
  } else if (key == "--benchmark_min_time") {
    options.seconds = std::atof(value.c_str());
  } else if (key == "--json") {
    options.json = value;
  } else if (key == "--only") {
    options.only = value;
  } else {
    return false;
  }
  return true;
}

Options Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    const std::size_t equals = argument.find('=');
    if (equals == std::string_view::npos) Usage();
    if (!SetOption(argument.substr(0, equals), std::string(argument.substr(equals + 1)), options)) {
      Usage();
    }
  }
  const bool sizes_fit = options.subscribers >= 1 && options.subscribers <= 1000 &&
                         std::all_of(options.bursts.begin(), options.bursts.end(),
                                     [](std::size_t burst) { return burst >= 1 && burst <= 32; });
  // Longer, and the sessions would miss their consent checks between two measurements.
  const bool times_fit = options.rounds >= 1 && options.seconds > 0 && options.seconds <= 2;
  if (!sizes_fit || !times_fit) Usage();
  return options;
}

int Run(const Options& options) {
  Receivers receivers(options.subscribers);
  // The worker first: its subscribers' handshakes need the sockets that later drop everything.
  std::vector<std::unique_ptr<FanOut>> made;
  auto worker = std::make_unique<WorkerFanOut>(receivers);
  const WorkerFanOut& fovea = *worker;
  made.push_back(std::move(worker));
  made.push_back(std::make_unique<NaiveFanOut>(OurLibSrtp(), receivers));
  if (const auto distribution = DistributionLibSrtp()) {
    made.push_back(std::make_unique<NaiveFanOut>(*distribution, receivers));
  }
  std::vector<FanOut*> entries;
  for (const auto& entry : made) {
    if (entry->name().starts_with(options.only)) entries.push_back(entry.get());
  }
  if (entries.empty()) Usage();

  std::vector<Row> rows;
  for (const std::size_t burst : options.bursts) {
    const std::vector<Row> more = Compare(entries, burst, options);
    rows.insert(rows.end(), more.begin(), more.end());
  }
  PrintTable(rows, options);
  std::printf("UDP segmentation %s\n", fovea.segmentation_enabled() ? "on" : "refused here");
  if (!options.json.empty() && !WriteJson(rows, options)) {
    std::fprintf(stderr, "fanout_bench: cannot write %s\n", options.json.c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace fovea::bench

int main(int argc, char** argv) { return fovea::bench::Run(fovea::bench::Parse(argc, argv)); }
