// A GPU reports an XID or ECC errors that could not be corrected. Told apart are faults of the hardware, of the driver and of what runs there.
#include <fmt/format.h>

#include "workers/anomaly/rules/rules.hpp"
#include "workers/anomaly/rules/xid.hpp"

namespace oppen::anomaly {
namespace {

// What comes again within that time is the same fault.
constexpr std::chrono::hours lasts{1};

struct Fault {
  std::string node;
  std::string gpu_uuid;
  std::string of;
  int xid = 0;  // the last one; 0: none, but ECC errors
  std::int64_t ecc = 0;
  int count = 0;
  std::string severity;
  Time at{};
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Fault, node, gpu_uuid, of, xid, ecc, count,
                                                severity, at)

class GpuFault : public RuleOf<Fault> {
 public:
  GpuFault() : RuleOf("gpu_faults") {}

  void take(const Happening& one, const Scene& /*scene*/) override {
    const auto* sample = std::get_if<Sampled>(&one.fact);
    if (sample == nullptr) return;
    const auto ecc = sample->ecc_errors;
    const auto code = sample->xid;
    if (code <= 0 && ecc <= 0) return;
    const auto xid =
        code > 0 ? xid_of(code) : Xid{0, "uncorrected ECC errors", "hardware", "critical"};
    const auto key = sample->gpu->gpu_uuid + " " + std::string(xid.of);
    auto& fault = kept_.at(key);
    if (sample->sampled_at <= fault.at) return;  // of a shared device there is one for each pod
    if (sample->sampled_at >= fault.at + lasts) fault = {};
    fault.node = sample->gpu->node;
    fault.gpu_uuid = sample->gpu->gpu_uuid;
    fault.of = xid.of;
    if (code > 0) fault.xid = code;
    fault.ecc += ecc;
    ++fault.count;
    if (fault.severity != "critical" && (fault.severity.empty() || xid.severity != "info"))
      fault.severity = xid.severity;
    fault.at = sample->sampled_at;
  }

  void look(Time now, const Scene& /*scene*/, std::vector<Finding>& found) override {
    for (const auto& [key, fault] : kept_.all()) {
      auto finding = about(
          "gpu_fault", {{"node", fault.node}, {"gpu_uuid", fault.gpu_uuid}, {"class", fault.of}});
      finding.holds = now < fault.at + lasts;
      finding.severity = fault.severity;
      finding.badness = fault.count;
      finding.actual = fault.count;
      const auto what = fault.xid == 0
                            ? fmt::format("{} uncorrected ECC errors", fault.ecc)
                            : fmt::format("XID {} ({})", fault.xid, xid_of(fault.xid).meaning);
      const auto advice = fault.of == "hardware" ? "take it out of service and look at its hardware"
                          : fault.of == "driver" ? "if it comes again, reset it"
                                                 : "look at the job that ran there";
      finding.summary = fmt::format("GPU {} of node {}: {}, a fault of the {}: {}", fault.gpu_uuid,
                                    fault.node, what, fault.of, advice);
      found.push_back(std::move(finding));
    }
    kept_.erase_if([&](const Fault& fault) { return now >= fault.at + 2 * lasts; });
  }
};

}  // namespace

std::unique_ptr<Rule> gpu_fault() { return std::make_unique<GpuFault>(); }

}  // namespace oppen::anomaly
