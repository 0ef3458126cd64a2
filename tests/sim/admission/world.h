// The Jepsen-style check of admission: users, devices, a homeserver with faults and one focus, in
// virtual time. What the focus does is compared with a pure function of the homeserver's log.
// reliability, section 3.6.
//
// Checkers:
//  S1  once the focus received, in provable order, that somebody is out, no connection of theirs
//      is left and no token from before is accepted, also after a restart
//  S2  nobody is put out, or kept from publishing, who was entitled ever since their token was
//      given (and in everything that the focus could not have known then)
//  S3  half a minute after the faults end, exactly the entitled are admitted; later, nothing is
//  left S5  a transaction that comes again changes nothing S6  an older event never gets a token
//  for who is known to be out
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sfu/core/rng.h"
#include "sfu/core/time.h"
#include "signaling/focus/conductor.h"
#include "tests/sim/admission/homeserver.h"

namespace fovea::test {

// What may be wrong with a world on purpose, to see that a checker notices.
struct AdmissionMutant {
  std::span<const matrix::PolicyRow> policy{};  // another policy than ours
  bool forgets_order = false;        // every event arrives as if it were new: id, time, predecessor
  bool forgets_revocations = false;  // they are not stored
};

struct AdmissionRun {
  std::uint64_t seed = 1;
  Duration duration = Seconds(180);
  AdmissionMutant mutant{};
};

struct AdmissionResult {
  std::string failure;  // empty: everything held
  std::string ops;      // the last ones before it
  std::uint64_t evictions = 0;
  std::uint64_t false_evictions = 0;   // of who was entitled
  std::uint64_t missed_evictions = 0;  // who is out and yet there, or gets in with an old token
  // By a leave that was real, and that a reset had undone before it was pushed.
  std::uint64_t undone_leaves = 0;
  std::uint64_t connections = 0;
  std::uint64_t mints = 0;
  std::uint64_t restarts = 0;
  std::uint64_t questions = 0;
  std::uint64_t restrictions = 0;
  std::uint64_t absences = 0;  // evictions of who had left the call, but not the room
};

[[nodiscard]] AdmissionResult RunAdmission(const AdmissionRun& run);

}  // namespace fovea::test
