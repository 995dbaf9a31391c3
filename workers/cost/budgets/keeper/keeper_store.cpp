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

Result<cost::IdleRows> read_idle(Redis& redis, const std::string& topic_prefix,
                                 std::chrono::sys_days from, std::chrono::sys_days to) {
  std::vector<Redis::Args> commands;
  for (auto day = from; day < to; day += std::chrono::days(1))
    commands.push_back({"HGETALL", prefix_of(topic_prefix) + cost::idle_day(day)});
  const auto replies = redis.pipeline(commands);
  if (!replies) return fail(replies.error());
  cost::IdleRows rows;
  for (std::size_t i = 0; i < replies->size(); ++i) {
    if (replies->at(i).type == runtime::RedisReply::Type::error)
      return fail(ErrorKind::unavailable, "reading idle GPUs: " + replies->at(i).text);
    const auto& fields = replies->at(i).elements;
    for (std::size_t f = 0; f + 1 < fields.size(); f += 2) {
      const auto& text = fields[f + 1].text;
      std::int64_t amount = 0;
      const auto read = std::from_chars(text.data(), text.data() + text.size(), amount);
      if (read.ec != std::errc{} ||
          !cost::add_idle_field(rows, from + std::chrono::days(i), fields[f].text, amount))
        return fail(ErrorKind::fatal, "idle GPUs in Redis are broken: " + fields[f].text);
    }
  }
  return rows;
}

}  // namespace oppen::budgets
