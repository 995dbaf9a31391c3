#include "workers/cost/report/focus.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "workers/cost/report/csv.hpp"

namespace oppen::cost {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

std::string midnight(sys_days day) { return to_text(day) + "T00:00:00Z"; }

// Exact: -20500 -> "-0.020500"
std::string dollars(std::int64_t microusd) {
  const auto raw = static_cast<std::uint64_t>(microusd);
  const std::uint64_t magnitude = microusd < 0 ? 0 - raw : raw;
  return fmt::format("{}{}.{:06}", microusd < 0 ? "-" : "", magnitude / 1'000'000,
                     magnitude % 1'000'000);
}

struct Part {
  const char* name;  // of the resource
  std::int64_t microusd;
  std::int64_t ms;  // times what was held of it; 0: not told
  const char* unit;
};

std::string tags_of(const DayKey& key) {
  nlohmann::json tags = nlohmann::json::object();
  const auto put = [&tags](const char* name, const std::string& value) {
    if (!value.empty()) tags[name] = value;
  };
  put("team", key.team);
  put("project", key.project);
  put("model_type", key.model_type);
  put("workload_type", key.workload_type);
  return tags.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_part(std::string& out, const DayKey& key, const Part& part) {
  if (part.microusd == 0) return;
  const year_month_day date{key.day};
  const auto month = date.year() / date.month();
  const auto cost = dollars(part.microusd);
  // Neither is there without the other.
  const auto hours =
      part.ms == 0 ? "" : fmt::format("{:.6f}", static_cast<double>(part.ms) / 3'600'000);
  const std::string unit = part.ms == 0 ? "" : part.unit;
  const auto what = key.model_type.empty()
                        ? std::string(part.name)
                        : fmt::format("{} of {} {}", part.name, key.model_type, key.workload_type);
  append_csv(out, {cost,
                   "oppen",
                   "Oppen",
                   "USD",
                   midnight(sys_days((month + std::chrono::months{1}) / std::chrono::day{1})),
                   midnight(sys_days(month / std::chrono::day{1})),
                   "Usage",
                   "",
                   csv_text(what),
                   "Usage-Based",
                   midnight(key.day + days{1}),
                   midnight(key.day),
                   hours,
                   unit,
                   cost,
                   cost,
                   "Oppen",
                   cost,
                   hours,
                   unit,
                   "Oppen",
                   "Oppen",
                   "AI and Machine Learning",
                   "Oppen training jobs",
                   csv_text(key.team),
                   csv_text(key.team),
                   tags_of(key),
                   csv_text(key.gpu_type),
                   csv_text(key.model_type),
                   csv_text(key.pod_namespace),
                   csv_text(key.project),
                   part.name});
}

}  // namespace

std::string to_focus(std::span<const DayRow> rows, const ReportFilter& filter,
                     const IdleSums& idle) {
  std::string out;
  append_csv(out, {"BilledCost",       "BillingAccountId",  "BillingAccountName",
                   "BillingCurrency",  "BillingPeriodEnd",  "BillingPeriodStart",
                   "ChargeCategory",   "ChargeClass",       "ChargeDescription",
                   "ChargeFrequency",  "ChargePeriodEnd",   "ChargePeriodStart",
                   "ConsumedQuantity", "ConsumedUnit",      "ContractedCost",
                   "EffectiveCost",    "InvoiceIssuerName", "ListCost",
                   "PricingQuantity",  "PricingUnit",       "ProviderName",
                   "PublisherName",    "ServiceCategory",   "ServiceName",
                   "SubAccountId",     "SubAccountName",    "Tags",
                   "x_GpuType",        "x_ModelType",       "x_Namespace",
                   "x_Project",        "x_Resource"});
  for (const DayRow& row : rows) {
    if (!filter.matches(row.key)) continue;
    const Spent& spent = row.spent;
    const bool gpu = spent.gpu_ms > 0;
    append_part(out, row.key,
                {gpu ? "GPU" : "CPU-only rate", spent.gpu_microusd,
                 gpu ? spent.gpu_ms : spent.run_ms, gpu ? "GPU-Hours" : "Hours"});
    append_part(out, row.key, {"CPU", spent.cpu_microusd, spent.core_ms, "Core-Hours"});
    append_part(out, row.key, {"Memory", spent.memory_microusd, spent.gib_ms, "GiB-Hours"});
  }
  for (const auto& [of, sum] : idle.days) {
    DayKey key;
    key.day = of.first;
    key.gpu_type = of.second;
    append_part(out, key, {"Idle GPU", sum.idle_microusd,
                            static_cast<std::int64_t>(sum.idle_time / 1'000'000), "GPU-Hours"});
  }
  return out;
}

}  // namespace oppen::cost
