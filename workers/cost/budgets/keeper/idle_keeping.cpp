#include "workers/cost/budgets/keeper/idle_keeping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "schemas/parse.hpp"
#include "schemas/topics.hpp"
#include "workers/runtime/log.hpp"

namespace oppen::budgets {
namespace {

using namespace std::chrono_literals;

constexpr auto marks_deadline = 5s;
constexpr std::size_t most_nodes = 1'000;  // that a turn counts, about
constexpr auto between_counts = 30s;
// A node, or a rate, that changes is told at once: up to so long ago everything is known.
constexpr auto surely_told = 10s;
constexpr std::size_t most_types = 50;  // of GPUs on the page of metrics while a process lives
constexpr auto other_types = "other";
constexpr std::chrono::days look_back{400};  // for days that are to be forgotten
constexpr std::int64_t before_the_log = -1;  // the offset of what stands in it no more

void not_believed(const client::ConsumedRecord& record) {
  spdlog::warn("{}/{} offset {} counts for no node: its time or its number of GPUs is absurd",
               record.topic, record.partition, record.offset);
}

}  // namespace

// A clock that has jumped ahead is not believed: what has been counted, or forgotten, is not taken back.
Result<Time> IdleKeeping::believed_now() {
  const auto theirs = redis_.command({"TIME"});
  if (!theirs) return fail(theirs.error());
  const std::chrono::seconds seconds(
      std::strtoll(theirs->elements.at(0).text.c_str(), nullptr, 10));
  return std::min<Time>(parts_.clock.now(), Time(seconds));
}

Status IdleKeeping::load(const std::function<Status()>& renew) {
  for (const auto* const hash : cost::IdleCount::hashes) {
    const auto fields = store_.all(hash);
    if (!fields) return fail(fields.error());
    for (const auto& [field, value] : *fields) {
      if (!idle_.load(hash, field, value))
        return fail(ErrorKind::fatal,
                    fmt::format("{} of the budgets in Redis is broken: {}", hash, field));
    }
    if (hash == std::string_view("policies") && fields->empty()) {
      if (auto status = take_policy_in_force(); !status) return status;
    }
    if (auto status = renew(); !status) return status;
  }
  const auto begun = store_.all("idle");
  if (!begun) return fail(begun.error());
  if (const auto since = begun->find("since"); since != begun->end())
    idle_.begin(Time(std::chrono::milliseconds(std::strtoll(since->second.c_str(), nullptr, 10))));
  const auto today = std::chrono::floor<std::chrono::days>(parts_.clock.now());
  const auto day = store_.all(cost::idle_day(today));
  if (!day) return fail(day.error());
  for (const auto& [field, value] : *day) {
    if (!idle_.load_day(today, field, value))
      return fail(ErrorKind::fatal, "today's idle GPUs in Redis are broken: " + field);
  }
  return {};
}

// The log may hold it no more.
Status IdleKeeping::take_policy_in_force() {
  const auto published = queue_.policy();
  if (!published && published.error().kind == ErrorKind::not_found) return {};
  if (!published) return fail(published.error());
  auto policy = parse_data<PolicyChanged>(*published);
  if (policy) {
    idle_.take(before_the_log, std::move(*policy));
  } else {
    spdlog::error("idle GPUs are not priced by the policies in force, which can't be read: {}",
                  sentences(policy.error()));
  }
  return {};
}

Status IdleKeeping::begin(std::vector<Cell>& cells) {
  const auto now = believed_now();
  if (!now) return fail(now.error());
  spdlog::info("GPUs that nobody takes are counted from {} on", to_rfc3339(*now));
  idle_.begin(*now);
  cells.push_back({"idle", "since", std::to_string(now->time_since_epoch().count())});
  return {};
}

void IdleKeeping::take(const CloudEvent& event, const client::ConsumedRecord& record) {
  if (event.type == PolicyChanged::type) {
    if (auto policy = parse_data<PolicyChanged>(event.data))
      idle_.take(record.offset, std::move(*policy));
  } else if (event.type == NodeObserved::type) {
    const auto node = parse_data<NodeObserved>(event.data);
    if (node && (event.time > record.timestamp + 10min || !idle_.observe(*node, event.time)))
      not_believed(record);
  }
}

void IdleKeeping::take(const CostAccrued& charge, const client::ConsumedRecord& record) {
  if (!idle_.charge(charge, record.timestamp)) not_believed(record);
}

Status IdleKeeping::count() {
  const client::TopicPartition control{std::string(topics::control), 0};
  if (!count_to_) {
    if (SteadyClock::now() < next_count_) return {};
    const auto marks = consumer_.watermarks(control, marks_deadline);
    if (!marks && marks.error().kind == ErrorKind::unavailable) return {};
    if (!marks) return fail(marks.error());
    const auto now = believed_now();
    if (!now) return fail(now.error());
    count_to_ = *now - surely_told;
    count_at_ = marks->high;
  }
  if (consumer_.position(control) < count_at_) return {};
  if (!idle_.count(*count_to_, most_nodes)) return {};  // the next turn goes on
  count_to_.reset();
  next_count_ = SteadyClock::now() + between_counts;
  show(idle_.rows_of(std::chrono::floor<std::chrono::days>(parts_.clock.now())));
  return {};
}

Status IdleKeeping::forget() {
  if (SteadyClock::now() < next_forgetting_) return {};
  next_forgetting_ = SteadyClock::now() + 1h;
  const auto now = believed_now();
  if (!now) return fail(now.error());
  idle_.forget(*now);
  std::vector<std::string> days;
  auto day = std::chrono::floor<std::chrono::days>(*now) - keep_idle;
  for (int back = 0; back < look_back.count(); ++back, day -= std::chrono::days(1))
    days.push_back(cost::idle_day(day));
  return store_.drop(days);
}

// What is not there any more is 0.
void IdleKeeping::show(const cost::IdleRows& today) {
  std::map<std::string, cost::IdleSum> sums;
  for (const auto& type : types_) sums[type] = {};
  for (const auto& [key, time] : today) {
    const bool is_named = types_.contains(key.gpu_type) || types_.size() < most_types;
    const auto type = is_named ? key.gpu_type : std::string(other_types);
    types_.insert(type);
    sums[type] += cost::sum_of(key, time);
  }
  constexpr double million = 1e6;
  for (const auto& [type, sum] : sums) {
    const auto set = [&, &gpu_type = type](const char* name, const char* help,
                                           std::int64_t microusd) {
      parts_.metrics.gauge(name, help, {{"gpu_type", gpu_type}})
          .set(static_cast<double>(microusd) / million);
    };
    set("oppen_gpu_capacity_usd", "What the GPUs of the nodes cost today, of UTC, at the list rate",
        sum.capacity_microusd);
    set("oppen_gpu_idle_usd", "Of that, of the GPUs that nobody took", sum.idle_microusd);
    set("oppen_gpu_unreconciled_usd",
        "What was charged today for GPUs beyond those that nodes are known to have had",
        sum.unreconciled_microusd);
  }
}

}  // namespace oppen::budgets
