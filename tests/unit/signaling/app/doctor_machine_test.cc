// What `fovea doctor` makes of a certificate, ports and addresses.
#include "signaling/app/doctor_machine.h"

#include <gmock/gmock.h>

namespace fovea::app {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kDay = 24 * 3600;
constexpr std::int64_t kNow = 1'700'000'000;

io::CertificateFacts Good() {
  return {.valid_from_unix = kNow - kDay,
          .valid_until_unix = kNow + 60 * kDay,
          .names_host = true,
          .is_self_signed = false,
          .chain_length = 2};
}

Finding JudgeFile(const io::CertificateFacts& facts) {
  return CertificateFileFinding(facts, "matrix-rtc.example.com", kNow);
}

Finding JudgeShown(const io::CertificateFacts& facts) {
  return CertificateFinding(facts, "matrix-rtc.example.com", kNow);
}

TEST(DoctorCertificate, PassesWithAChainTheRightNameAndTime) {
  for (const Finding& finding : {JudgeFile(Good()), JudgeShown(Good())}) {
    EXPECT_EQ(finding.verdict, Verdict::kPass);
    EXPECT_THAT(finding.observed, HasSubstr("60 more days"));
  }
}

TEST(DoctorCertificate, WarnsThreeWeeksBeforeTheEndAndFailsAtIt) {
  for (const auto judge : {JudgeFile, JudgeShown}) {
    io::CertificateFacts facts = Good();
    facts.valid_until_unix = kNow + 21 * kDay;
    EXPECT_EQ(judge(facts).verdict, Verdict::kPass);
    facts.valid_until_unix = kNow + 21 * kDay - 1;
    EXPECT_EQ(judge(facts).verdict, Verdict::kWarn);
    facts.valid_until_unix = kNow;
    EXPECT_EQ(judge(facts).verdict, Verdict::kFail);
    EXPECT_THAT(judge(facts).observed, HasSubstr("expired"));
    EXPECT_THAT(judge(facts).fix, HasSubstr("kill -HUP"));
  }
}

TEST(DoctorCertificate, IsNotForAnotherHostOrALaterDay) {
  for (const auto judge : {JudgeFile, JudgeShown}) {
    io::CertificateFacts facts = Good();
    facts.names_host = false;
    EXPECT_THAT(judge(facts).observed, HasSubstr("not for matrix-rtc.example.com"));
    facts = Good();
    facts.valid_from_unix = kNow + 1;
    EXPECT_EQ(judge(facts).verdict, Verdict::kFail);
  }
}

TEST(DoctorCertificate, InAFileWantsAChainAndSomebodyElsesSignature) {
  EXPECT_EQ(CertificateFileFinding(Failure{std::string("cannot open x")}, "h", kNow).verdict,
            Verdict::kFail);
  io::CertificateFacts facts = Good();
  facts.chain_length = 1;
  EXPECT_EQ(JudgeFile(facts).verdict, Verdict::kWarn);
  EXPECT_THAT(JudgeFile(facts).fix, HasSubstr("fullchain.pem"));
  facts.is_self_signed = true;
  EXPECT_THAT(JudgeFile(facts).observed, HasSubstr("self-signed"));
}

TEST(DoctorCertificate, ThatWasRefusedNeedsAnIssuerOrTheChainToOne) {
  io::CertificateFacts facts = Good();
  facts.refusal = "unable to get local issuer certificate";
  facts.chain_length = 1;
  EXPECT_EQ(JudgeShown(facts).verdict, Verdict::kFail);
  EXPECT_THAT(JudgeShown(facts).fix, HasSubstr("fullchain.pem"));
  facts.is_self_signed = true;
  EXPECT_THAT(JudgeShown(facts).fix, HasSubstr("certificate authority"));
}

TEST(DoctorPorts, MayBeHeldByAFocusAndByNobodyElse) {
  PortTrial trial{.check = "udp-ports", .ports = "UDP 7882-7883", .tried = 2, .problems = {}};
  EXPECT_EQ(PortsFinding(trial, false).verdict, Verdict::kPass);
  EXPECT_EQ(PortsFinding(trial, true).verdict, Verdict::kWarn) << "it listens elsewhere";
  trial.problems = {"UDP port 7882 is taken by another process"};
  EXPECT_EQ(PortsFinding(trial, true).verdict, Verdict::kPass);
  EXPECT_EQ(PortsFinding(trial, false).verdict, Verdict::kFail);
  EXPECT_THAT(PortsFinding(trial, false).observed, HasSubstr("7882 is taken"));
  trial.tried = 0;
  EXPECT_EQ(PortsFinding(trial, false).verdict, Verdict::kSkip);
}

TEST(DoctorAddresses, HaveToBePublicOrTheOnesThatAreSeen) {
  EXPECT_EQ(AddressFinding({}).verdict, Verdict::kFail);
  AddressFacts facts{.advertised = {"192.168.1.2", "fd00::2"}, .is_configured = false, .seen = {}};
  EXPECT_EQ(AddressFinding(facts).verdict, Verdict::kWarn);
  EXPECT_THAT(AddressFinding(facts).fix, HasSubstr("node_ip"));
  facts.seen = NetAddress::Parse("9.9.9.9", 4000);
  EXPECT_EQ(AddressFinding(facts).verdict, Verdict::kWarn);
  EXPECT_THAT(AddressFinding(facts).fix, HasSubstr("node_ip: 9.9.9.9"));
  facts.advertised = {"9.9.9.9"};
  EXPECT_EQ(AddressFinding(facts).verdict, Verdict::kPass);
  facts.seen.reset();
  EXPECT_EQ(AddressFinding(facts).verdict, Verdict::kPass);
}

}  // namespace
}  // namespace fovea::app
