#include "scheduler/core/admission.hpp"

#include <fmt/format.h>

#include <cmath>

#include "schemas/commands.hpp"
#include "schemas/parse.hpp"

namespace oppen::core {
namespace {

// A spec is written into Redis, into job.queued and on the pod, each of which has a limit of its own; this is below all, also
// with what the catalogue adds.
constexpr std::size_t max_spec_bytes = 256 * 1024;

tl::unexpected<Refusal> refuse(std::string code, std::string reason, std::string field) {
  return tl::unexpected<Refusal>({std::move(code), std::move(reason), std::move(field)});
}

// Why no node is large enough; nullopt: one is, or may come. Nodes without a GPU say nothing of GPUs: where there are none yet, they
// may be starting.
std::optional<std::string> no_node_fits(const queue::JobRecord& record,
                                        const AdmissionRules& rules) {
  const auto& gpu_type = record.spec.resources.gpu_type;
  const auto product = rules.policy->gpu_products.find(gpu_type);
  const auto sizes = rules.node_sizes->find(
      product == rules.policy->gpu_products.end() ? gpu_type : product->second);
  if (sizes == rules.node_sizes->end()) return std::nullopt;
  const auto amounts = record.amounts();
  std::vector<plan::Amounts> nodes;
  for (const auto& size : sizes->second) {
    if (amounts.gpus == 0 || size.gpus > 0) nodes.push_back(size);
  }
  auto why = plan::never_fits(amounts, record.priority, {}, {}, nodes);
  if (why && !gpu_type.empty()) *why += fmt::format(" (of those with GPU type {})", gpu_type);
  return why;
}

}  // namespace

Refusal refusal_of(const FieldErrors& faults) {
  return {"invalid", sentences(faults), faults.empty() ? "" : faults.front().path};
}

tl::expected<queue::JobRecord, Refusal> admit(const JobSpec& submitted,
                                              const AdmissionRules& rules) {
  return admit_again(submitted, submitted.max_runtime_seconds.has_value(), rules);
}

tl::expected<queue::JobRecord, Refusal> admit_again(const JobSpec& spec, bool own_limit,
                                                    const AdmissionRules& rules) {
  const auto text = canonical_text(spec);
  if (text.size() > max_spec_bytes) {
    return refuse(
        "invalid",
        fmt::format(
            "the job spec takes {} bytes: expected at most {} (env, args and labels together)",
            text.size(), max_spec_bytes),
        "");
  }
  auto resolved = plan::resolve(spec, *rules.policy);
  if (!resolved) return tl::unexpected<Refusal>(refusal_of(resolved.error()));
  queue::JobRecord record;
  record.spec = std::move(*resolved);
  record.priority = record.spec.priority.value_or(Priority::normal);
  if (const auto why =
          plan::never_fits(record.amounts(), record.priority, rules.quotas, rules.limits)) {
    return refuse("never_fits", *why, "resources");
  }
  if (const auto why = no_node_fits(record, rules)) return refuse("never_fits", *why, "resources");
  record.own_limit = own_limit;
  record.submitted_hash = short_digest(text);
  // To the millisecond, as it is stored.
  const auto estimate = rules.durations->estimate(record.spec, own_limit, *rules.policy);
  record.estimated_seconds = std::round(estimate.p50_seconds * 1000) / 1000;
  record.spread_permille = static_cast<int>(std::lround(estimate.spread * 1000));
  record.doubt_permille = static_cast<int>(std::lround(estimate.doubt * 1000));
  return record;
}

}  // namespace oppen::core
