#include "signaling/app/doctor_machine.h"

#include <algorithm>

#include "signaling/matrix/egress_policy.h"

namespace fovea::app {
namespace {

constexpr std::int64_t kDaySeconds = 24 * 3600;
// Let's Encrypt renews 30 days before the end: below three weeks, renewal has failed for a while.
constexpr std::int64_t kDaysLeftMin = 21;

bool IsPublic(const std::string& ip) {
  const auto address = NetAddress::Parse(ip, 0);
  return address.has_value() && matrix::EgressPolicy().Allows(*address);
}

std::string Joined(const std::vector<std::string>& texts, const char* between) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : between) + text;
  return out;
}

constexpr const char* kRenew =
    "renew it, then: systemctl reload fovea (or kill -HUP), or reload the proxy that shows it";

// What is wrong with any certificate, wherever it was found.
std::optional<Finding> UnusableFinding(const char* check, const io::CertificateFacts& facts,
                                       const std::string& host, std::int64_t now_unix) {
  if (now_unix < facts.valid_from_unix) {
    return Finding{check, Verdict::kFail, "the certificate is not valid yet",
                   "set this machine's clock, or wait"};
  }
  if (now_unix >= facts.valid_until_unix) {
    const std::int64_t days = (now_unix - facts.valid_until_unix) / kDaySeconds;
    return Finding{check, Verdict::kFail,
                   "the certificate expired " + std::to_string(days) + " days ago", kRenew};
  }
  if (!host.empty() && !facts.names_host) {
    return Finding{check, Verdict::kFail, "the certificate is not for " + host,
                   "get one that names " + host + ", or correct access.public_url"};
  }
  return std::nullopt;
}

Finding TimeLeftFinding(const char* check, const io::CertificateFacts& facts,
                        std::int64_t now_unix) {
  const std::int64_t days = (facts.valid_until_unix - now_unix) / kDaySeconds;
  const std::string left = "valid for " + std::to_string(days) + " more days";
  if (days >= kDaysLeftMin) return {check, Verdict::kPass, left};
  return {check, Verdict::kWarn, left,
          std::string(kRenew) + "; if it renews by itself, that no longer works"};
}

}  // namespace

Finding CertificateFileFinding(const Result<io::CertificateFacts, std::string>& certificate,
                               const std::string& host, std::int64_t now_unix) {
  constexpr const char* kCheck = "certificate-file";
  if (!certificate.ok()) {
    return {kCheck, Verdict::kFail, certificate.error(),
            "tls.cert_file has to name a PEM file that the focus's user may read"};
  }
  if (auto unusable = UnusableFinding(kCheck, *certificate, host, now_unix)) {
    return *std::move(unusable);
  }
  if (certificate->is_self_signed) {
    return {kCheck, Verdict::kWarn, "the certificate is self-signed",
            "no browser trusts it unasked: get one from a certificate authority"};
  }
  if (certificate->chain_length == 1) {
    return {kCheck, Verdict::kWarn, "the file has no intermediate certificate",
            "some clients will not trust it: tls.cert_file should be the full chain "
            "(fullchain.pem)"};
  }
  return TimeLeftFinding(kCheck, *certificate, now_unix);
}

Finding CertificateFinding(const io::CertificateFacts& shown, const std::string& host,
                           std::int64_t now_unix) {
  constexpr const char* kCheck = "certificate";
  if (auto unusable = UnusableFinding(kCheck, shown, host, now_unix)) return *std::move(unusable);
  if (shown.refusal.empty()) return TimeLeftFinding(kCheck, shown, now_unix);
  return {
      kCheck, Verdict::kFail, "nobody vouches for the certificate: " + shown.refusal,
      shown.is_self_signed || shown.chain_length > 1
          ? "no browser trusts it unasked: get one from a certificate authority (--ca-file names "
            "a private one)"
          : "the server has to show the full chain: tls.cert_file, or the proxy's certificate, "
            "should be fullchain.pem"};
}

Finding PortsFinding(const PortTrial& trial, bool focus_runs) {
  if (trial.tried == 0) {
    return {trial.check, Verdict::kSkip, trial.ports + ": the kernel picks",
            "a firewall can only be opened for fixed ports"};
  }
  if (trial.problems.empty() && focus_runs) {
    return {trial.check, Verdict::kWarn, "a focus runs, but without " + trial.ports,
            "it was started with other settings: restart it"};
  }
  if (trial.problems.empty()) return {trial.check, Verdict::kPass, trial.ports + ": free"};
  if (focus_runs) {
    return {trial.check, Verdict::kPass,
            trial.ports + ": " + std::to_string(trial.problems.size()) + " of " +
                std::to_string(trial.tried) + " held, a focus runs here"};
  }
  return {trial.check, Verdict::kFail, Joined(trial.problems, "; "),
          "end what holds the port (ss -lntup shows it), or choose other ports in the "
          "configuration, the firewall and the proxy"};
}

Finding AddressFinding(const AddressFacts& facts) {
  constexpr const char* kCheck = "addresses";
  if (facts.advertised.empty()) {
    return {kCheck, Verdict::kFail, "this machine has no address that clients could be told",
            "rtc:\n  node_ip: PUBLIC_ADDRESS"};
  }
  const std::string told = "clients are told " + Joined(facts.advertised, ", ");
  if (facts.seen.has_value()) {
    const std::string seen = facts.seen->IpString();
    if (std::find(facts.advertised.begin(), facts.advertised.end(), seen) !=
        facts.advertised.end()) {
      return {kCheck, Verdict::kPass, told + "; from outside it is " + seen};
    }
    return {kCheck, Verdict::kWarn, told + "; from outside it is " + seen,
            "rtc:\n  node_ip: " + seen + "\nand let the router hand the UDP ports on to here"};
  }
  if (std::any_of(facts.advertised.begin(), facts.advertised.end(), IsPublic)) {
    return {kCheck, Verdict::kPass, told};
  }
  return {kCheck, Verdict::kWarn, told + ", none of which is public",
          std::string("nobody outside of this network hears anything; ") +
              (facts.is_configured ? "correct" : "set") +
              " it (--stun HOST:PORT finds it out):\nrtc:\n  node_ip: PUBLIC_ADDRESS"};
}

}  // namespace fovea::app
