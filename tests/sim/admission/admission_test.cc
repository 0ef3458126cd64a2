// Seeded worlds of admission and eviction. FOVEA_ADMISSION_SEEDS says how many (50 without it),
// FOVEA_ADMISSION_SEED runs a single one. What a failure says repeats it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/sim/admission/world.h"

namespace fovea::test {
namespace {

using matrix::EvidenceKind;
using matrix::PolicyAction;
using matrix::PolicyRow;

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

std::string Again(std::uint64_t seed) {
  return "again: FOVEA_ADMISSION_SEED=" + std::to_string(seed) + " admission_sim_test";
}

TEST(AdmissionSimulation, HoldsForEverySeed) {
  const std::uint64_t single = FromEnvironment("FOVEA_ADMISSION_SEED", 0);
  const std::uint64_t first = single != 0 ? single : 1;
  const std::uint64_t last = single != 0 ? single : FromEnvironment("FOVEA_ADMISSION_SEEDS", 50);
  AdmissionResult sum;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const AdmissionResult result = RunAdmission({.seed = seed});
    ASSERT_EQ(result.failure, "") << result.ops << Again(seed);
    sum.evictions += result.evictions;
    sum.connections += result.connections;
    sum.mints += result.mints;
    sum.restarts += result.restarts;
    sum.questions += result.questions;
    sum.restrictions += result.restrictions;
  }
  std::printf(
      "%llu evictions, %llu connections, %llu tokens, %llu restarts, %llu questions, "
      "%llu restrictions\n",
      static_cast<unsigned long long>(sum.evictions),
      static_cast<unsigned long long>(sum.connections), static_cast<unsigned long long>(sum.mints),
      static_cast<unsigned long long>(sum.restarts), static_cast<unsigned long long>(sum.questions),
      static_cast<unsigned long long>(sum.restrictions));
  // A world in which nothing happens would pass every check.
  const std::uint64_t seeds = last - first + 1;
  EXPECT_GT(sum.evictions, seeds * 5);
  EXPECT_GT(sum.connections, seeds * 10);
}

// The seeds after which a world with that defect has been found out; 0 if it never was.
std::uint64_t SeedsToNotice(const AdmissionMutant& mutant, const std::string& checker) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const AdmissionResult result = RunAdmission({.seed = seed, .mutant = mutant});
    if (result.failure.find(checker) != std::string::npos) return seed;
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
  EXPECT_NE(SeedsToNotice({.policy = policy}, "S1"), 0U);
}

TEST(AdmissionSimulation, NoticesAPolicyThatEvictsAtExpiry) {
  const auto policy = With(EvidenceKind::kLegacyExpired, PolicyAction::kEvict);
  EXPECT_NE(SeedsToNotice({.policy = policy}, "S2"), 0U);
}

TEST(AdmissionSimulation, NoticesAPolicyThatBelievesASingleState) {
  const auto policy = With(EvidenceKind::kUserMissingOnce, PolicyAction::kEvict);
  EXPECT_NE(SeedsToNotice({.policy = policy}, "S2"), 0U);
}

TEST(AdmissionSimulation, NoticesAPolicyThatIgnoresResets) {
  const auto policy = With(EvidenceKind::kUserMissingTwice, PolicyAction::kNothing);
  EXPECT_NE(SeedsToNotice({.policy = policy}, "S3"), 0U);
}

TEST(AdmissionSimulation, NoticesThatTheOrderOfEventsIsForgotten) {
  EXPECT_NE(SeedsToNotice({.forgets_order = true}, "S"), 0U);
}

TEST(AdmissionSimulation, NoticesRevocationsThatDoNotSurviveARestart) {
  EXPECT_NE(SeedsToNotice({.forgets_revocations = true}, "S"), 0U);
}

TEST(AdmissionSimulation, RepeatsItself) {
  const AdmissionResult first = RunAdmission({.seed = 5});
  const AdmissionResult second = RunAdmission({.seed = 5});
  EXPECT_EQ(first.ops, second.ops);
  EXPECT_NE(first.ops, RunAdmission({.seed = 6}).ops);
}

}  // namespace
}  // namespace fovea::test
