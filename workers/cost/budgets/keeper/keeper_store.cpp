#include "workers/cost/budgets/keeper/keeper_store.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "schemas/parse.hpp"

namespace oppen::budgets {
namespace {

using nlohmann::json;
using runtime::Redis;

std::string prefix_of(const std::string& topic_prefix) { return "{" + topic_prefix + "budgets}:"; }

}  // namespace

std::string to_text(const ToldState& told) {
  return json{{"state", to_data(told.state)}, {"at", to_rfc3339(told.at)}}.dump();
}

std::optional<ToldState> read_told(const std::string& text) {
  const auto data = json::parse(text, nullptr, false);
  if (!data.is_object()) return std::nullopt;
  const auto state = parse_data<BudgetState>(data.value("state", json()));
  const auto at = parse_rfc3339(data.value("at", ""));
  if (!state || !at) return std::nullopt;
  return ToldState{*state, *at};
}

KeeperStore::KeeperStore(Redis& redis, const std::string& topic_prefix, std::string token,
                         std::chrono::milliseconds ttl)
    : LeasedStore(redis, prefix_of(topic_prefix), std::move(token), ttl) {}

Result<std::vector<BudgetView>> read_budgets(Redis& redis, const std::string& topic_prefix) {
  const auto sets = runtime::fields_of(redis, prefix_of(topic_prefix) + "sets");
  if (!sets) return fail(sets.error());
  const auto states = runtime::fields_of(redis, prefix_of(topic_prefix) + "states");
  if (!states) return fail(states.error());
  std::vector<BudgetView> views;
  for (const auto& [id, text] : *sets) {
    auto set = parse_data<BudgetSet>(json::parse(text, nullptr, false));
    if (!set) return fail(ErrorKind::fatal, "budget " + id + " in Redis is broken");
    const auto state = states->find(id);
    views.push_back(
        {std::move(*set), state == states->end() ? std::nullopt : read_told(state->second)});
  }
  return views;
}

Result<cost::IdleSums> read_idle(Redis& redis, const std::string& topic_prefix,
                                 std::chrono::sys_days from, std::chrono::sys_days to) {
  cost::IdleSums sums;
  for (auto day = from; day < to; day += std::chrono::days(1)) {
    const auto fields = runtime::fields_of(redis, prefix_of(topic_prefix) + cost::idle_day(day));
    if (!fields) return fail(fields.error());
    cost::IdleRows rows;  // of this day alone: a year of many nodes is a lot
    for (const auto& [field, text] : *fields) {
      std::int64_t amount = 0;
      const auto read = std::from_chars(text.data(), text.data() + text.size(), amount);
      if (read.ec != std::errc{} || !cost::add_idle_field(rows, day, field, amount))
        return fail(ErrorKind::fatal, "idle GPUs in Redis are broken: " + field);
    }
    for (const auto& [key, time] : rows) sums.add(key, time);
  }
  return sums;
}

}  // namespace oppen::budgets
