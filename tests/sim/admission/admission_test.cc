// Seeded worlds of admission and eviction. FOVEA_ADMISSION_SEEDS says how many (100 without it),
// FOVEA_ADMISSION_FIRST from which on, FOVEA_ADMISSION_SEED runs a single one. What a failure says
// repeats it.
#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/sim/admission/world.h"

namespace fovea::test {
namespace {

using matrix::EvidenceKind;
using matrix::PolicyAction;
using matrix::PolicyRow;

constexpr int kFailuresShown = 20;

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

std::string Again(std::uint64_t seed) {
  return "again: FOVEA_ADMISSION_SEED=" + std::to_string(seed) + " admission_sim_test";
}

void Add(const AdmissionResult& result, AdmissionResult& sum) {
  sum.evictions += result.evictions;
  sum.false_evictions += result.false_evictions;
  sum.missed_evictions += result.missed_evictions;
  sum.undone_leaves += result.undone_leaves;
  sum.connections += result.connections;
  sum.mints += result.mints;
  sum.restarts += result.restarts;
  sum.questions += result.questions;
  sum.restrictions += result.restrictions;
  sum.absences += result.absences;
}

void Print(std::uint64_t first, std::uint64_t seeds, const AdmissionResult& sum) {
  std::printf("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " evictions, %" PRIu64
              " of them false, %" PRIu64 " missed, %" PRIu64
              " by leaves that a reset had undone\n  %" PRIu64 " tokens, %" PRIu64
              " connections, %" PRIu64 " questions, %" PRIu64 " restrictions, %" PRIu64
              " ends of absences, %" PRIu64 " restarts\n",
              first, first + seeds - 1, sum.evictions, sum.false_evictions, sum.missed_evictions,
              sum.undone_leaves, sum.mints, sum.connections, sum.questions, sum.restrictions,
              sum.absences, sum.restarts);
}

TEST(AdmissionSimulation, HoldsForEverySeed) {
  const std::uint64_t single = FromEnvironment("FOVEA_ADMISSION_SEED", 0);
  const std::uint64_t first = single != 0 ? single : FromEnvironment("FOVEA_ADMISSION_FIRST", 1);
  const std::uint64_t seeds = single != 0 ? 1 : FromEnvironment("FOVEA_ADMISSION_SEEDS", 100);
  AdmissionResult sum;
  int failures = 0;
  for (std::uint64_t seed = first; seed < first + seeds && failures < kFailuresShown; ++seed) {
    const AdmissionResult result = RunAdmission({.seed = seed});
    Add(result, sum);
    if (result.failure.empty()) continue;
    ++failures;
    ADD_FAILURE() << (failures == 1 ? result.ops : "") << result.failure << "\n" << Again(seed);
  }
  Print(first, seeds, sum);
  if (single != 0) return;
  // A world in which nothing happens would pass every check.
  EXPECT_GT(sum.evictions, seeds * 5);
  EXPECT_GT(sum.connections, seeds * 10);
  if (seeds >= 1000) {
    EXPECT_GT(sum.restrictions, seeds / 100);
  }
}

// The seed that finds out a world with that defect; 0 if none does. Begins at `first`, one that is
// known to: the others are for the day when worlds change.
std::uint64_t SeedThatNotices(const AdmissionMutant& mutant, const std::string& checker,
                              std::uint64_t first) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    const std::uint64_t seed = first + i;
    const AdmissionResult result = RunAdmission({.seed = seed, .mutant = mutant});
    if (result.failure.find(checker) == std::string::npos) continue;
    if (seed != first) std::printf("noticed by seed %d\n", static_cast<int>(seed));
    return seed;
  }
  return 0;
}

std::vector<PolicyRow> With(EvidenceKind evidence, PolicyAction action) {
  std::vector<PolicyRow> policy(matrix::AdmissionPolicy().begin(), matrix::AdmissionPolicy().end());
  for (PolicyRow& row : policy) {
    if (row.evidence == evidence) row.action = action;
  }
  return policy;
}

TEST(AdmissionSimulation, NoticesAPolicyThatIgnoresBans) {
  const auto policy = With(EvidenceKind::kUserBanned, PolicyAction::kNothing);
  EXPECT_NE(SeedThatNotices({.policy = policy}, "S1", 20), 0U);
}

TEST(AdmissionSimulation, NoticesAPolicyThatEvictsAtExpiry) {
  const auto policy = With(EvidenceKind::kLegacyExpired, PolicyAction::kEvict);
  EXPECT_NE(SeedThatNotices({.policy = policy}, "S2", 12), 0U);
}

TEST(AdmissionSimulation, NoticesAPolicyThatBelievesASingleState) {
  const auto policy = With(EvidenceKind::kUserMissingOnce, PolicyAction::kEvict);
  EXPECT_NE(SeedThatNotices({.policy = policy}, "S2", 7), 0U);
}

TEST(AdmissionSimulation, NoticesAPolicyThatIgnoresResets) {
  const auto policy = With(EvidenceKind::kUserMissingTwice, PolicyAction::kNothing);
  EXPECT_NE(SeedThatNotices({.policy = policy}, "S3", 60), 0U);
}

TEST(AdmissionSimulation, NoticesThatTheOrderOfEventsIsForgotten) {
  EXPECT_NE(SeedThatNotices({.forgets_order = true}, "S", 13), 0U);
}

TEST(AdmissionSimulation, NoticesRevocationsThatDoNotSurviveARestart) {
  EXPECT_NE(SeedThatNotices({.forgets_revocations = true}, "S", 80), 0U);
}

TEST(AdmissionSimulation, RepeatsItself) {
  const AdmissionResult first = RunAdmission({.seed = 5});
  const AdmissionResult second = RunAdmission({.seed = 5});
  EXPECT_EQ(first.ops, second.ops);
  EXPECT_NE(first.ops, RunAdmission({.seed = 6}).ops);
}

}  // namespace
}  // namespace fovea::test
