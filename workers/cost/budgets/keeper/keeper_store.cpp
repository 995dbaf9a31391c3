#include "workers/cost/budgets/keeper/keeper_store.hpp"

#include <nlohmann/json.hpp>

#include "schemas/parse.hpp"
#include "workers/cost/budgets/keeper/lua_scripts.hpp"

namespace oppen::budgets {
namespace {

using nlohmann::json;
using runtime::Redis;
using runtime::RedisScript;

std::string prefix_of(const std::string& topic_prefix) { return "{" + topic_prefix + "budgets}:"; }

Result<std::map<std::string, std::string>> fields_of(Redis& redis, const std::string& key) {
  const auto reply = redis.command({"HGETALL", key});
  if (!reply) return fail(reply.error());
  std::map<std::string, std::string> fields;
  for (std::size_t i = 0; i + 1 < reply->elements.size(); i += 2)
    fields[reply->elements[i].text] = reply->elements[i + 1].text;
  return fields;
}

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
    : redis_(redis), prefix_(prefix_of(topic_prefix)), token_(std::move(token)), ttl_(ttl) {}

Result<bool> KeeperStore::hold() {
  static const RedisScript script(lua::hold);
  const auto reply =
      redis_.eval(script, {prefix_ + "meta"}, {prefix_, token_, std::to_string(ttl_.count())});
  if (!reply) return fail(reply.error());
  if (reply->text.empty()) return false;
  if (version_.empty()) version_ = reply->text;
  return true;
}

void KeeperStore::release() {
  static const RedisScript script(lua::release);
  [[maybe_unused]] const auto ignored = redis_.eval(script, {prefix_ + "meta"}, {prefix_, token_});
}

Status KeeperStore::commit(const std::vector<Cell>& cells) {
  static const RedisScript script(lua::commit);
  Redis::Args args{prefix_, token_, version_};
  for (const auto& cell : cells) args.insert(args.end(), {cell.hash, cell.field, cell.value});
  const auto reply = redis_.eval(script, {prefix_ + "meta"}, args);
  if (!reply) return fail(reply.error());
  version_ = std::to_string(reply->integer);
  return {};
}

Result<std::map<std::string, std::string>> KeeperStore::all(const std::string& hash) {
  return fields_of(redis_, prefix_ + hash);
}

Result<std::vector<BudgetView>> read_budgets(Redis& redis, const std::string& topic_prefix) {
  const auto sets = fields_of(redis, prefix_of(topic_prefix) + "sets");
  if (!sets) return fail(sets.error());
  const auto states = fields_of(redis, prefix_of(topic_prefix) + "states");
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

}  // namespace oppen::budgets
