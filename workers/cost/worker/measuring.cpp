#include "workers/cost/worker/measuring.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "workers/cost/books/charge_rows.hpp"
#include "workers/cost/usage/gpu_hourly.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

// Six samples of a device at the usual interval: fewer than are remembered.
constexpr auto store_every = 60s;
constexpr auto silent = 15min;

std::string usage_name(UsageBook::View key) {
  return std::string(key.job_id) + '/' + std::to_string(key.attempt);
}

bool is_open(const Ledger& ledger, const UsageBook::Key& key) {
  if (!ledger.knows(key.job_id)) return false;
  const auto& attempts = ledger.job(key.job_id).attempts;
  const auto found = attempts.find(key.attempt);
  return found != attempts.end() && !found->second.final;
}

void tell_measured(RunRecord& record, const Measured& measured) {
  record.gpu_utilization_percent = measured.gpu_utilization_percent();
  record.gpu_utilization_max_percent = measured.gpu_utilization_max_percent();
  record.utilization_source = measured.utilization_source();
  record.gpu_memory_max_mb = measured.gpu_memory_max_mb;
  record.cpu_cores_mean = measured.cpu_cores_mean();
  record.cpu_cores_max = measured.cpu_cores_max();
  record.memory_max_bytes = measured.memory_max();
}

const char* why_left_out(Usage::Outcome outcome) {
  switch (outcome) {
    case Usage::Outcome::counted:
    case Usage::Outcome::repeated:
      return nullptr;
    case Usage::Outcome::late:
      return "late";
    case Usage::Outcome::absurd:
      return "absurd";
    case Usage::Outcome::too_many:
      return "too_many_gpus";
    case Usage::Outcome::no_room:
      return "too_many_attempts";
  }
  return nullptr;
}

}  // namespace

Status Measuring::load(const std::map<std::string, std::string>& stored) {
  for (const auto& [name, text] : stored) {
    const auto slash = name.rfind('/');
    int attempt = 0;
    if (slash != std::string::npos)
      std::from_chars(name.data() + slash + 1, name.data() + name.size(), attempt);
    auto usage = Usage::decode(text);
    if (!usage) return fail(usage.error());
    newest_ = std::max(newest_, usage->latest());
    if (attempt > 0) book_.load({name.substr(0, slash), attempt}, std::move(*usage));
  }
  return {};
}

const char* Measuring::take(const Sampled& sample) {
  if (!sample.reading) return nullptr;
  if (sample.misplaced) return "misplaced";
  const auto outcome = add(*sample.reading);
  return outcome ? why_left_out(*outcome) : nullptr;
}

std::optional<Usage::Outcome> Measuring::add(const Reading& reading) {
  return std::visit(
      [this](const auto& one) {
        newest_ = std::max(newest_, one.sampled_at);
        return book_.add(one);
      },
      reading);
}

void Measuring::settle(Ledger& ledger, const std::vector<Charge>& charges,
                       const pricing::RateHistory& rates, Change& change) {
  std::set<std::pair<std::string, int>> settled;
  for (auto charge = charges.rbegin(); charge != charges.rend(); ++charge) {
    const auto& event = charge->event;
    const UsageBook::View key{event.job_id, event.attempt};
    auto* usage = book_.find(key);
    if (usage == nullptr || !settled.emplace(event.job_id, event.attempt).second) continue;
    auto& job = ledger.job(event.job_id);
    const auto& attempt = job.attempts.at(event.attempt);
    const Time when = event.interval_start;
    const auto news = usage->settle(gpu_hourly(attempt.bearer->usage, when, rates.at(when)),
                                    attempt.charged.gpu.value);
    Spent spent;
    spent.measured_microusd = news.measured_microusd;
    spent.effective_microusd = news.effective_microusd;
    job.run.record.spent += spent;
    tell_measured(job.run.record, usage->measured());
    change.measured.push_back({day_key_of(event), spent});
    change.usages.emplace_back(usage_name(key), attempt.final ? "" : usage->encode());
    if (attempt.final) book_.forget(key);
  }
}

void Measuring::store_all(const Ledger& ledger, bool now, Change& change) {
  const auto steady = std::chrono::steady_clock::now();
  const bool due = now || steady >= next_store_ || next - stored_ >= most_unstored;
  if (next == stored_ || !due) return;
  next_store_ = steady + store_every;
  stored_ = next;
  change.telemetry = next;
  // By what the samples say themselves: after a pause of the worker they are old, and none of them is less good for that.
  book_.visit([&](const UsageBook::Key& key, Usage& usage) {
    const bool keeps = usage.latest() >= newest_ - silent || is_open(ledger, key);
    if (keeps && !usage.take_changed()) return true;
    change.usages.emplace_back(usage_name(key), keeps ? usage.encode() : "");
    return keeps;
  });
}

}  // namespace oppen::cost
