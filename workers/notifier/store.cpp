#include "workers/notifier/store.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <random>

#include "schemas/parse.hpp"
#include "workers/notifier/lua_scripts.hpp"

namespace oppen::notifier {
namespace {

using nlohmann::json;
using runtime::Redis;
using runtime::RedisScript;

constexpr auto receipts_kept = "10000";
constexpr std::string_view canary_prefix = "canary:";

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string text_of(Time time) { return std::to_string(time.time_since_epoch().count()); }

// Two instances never have the same one, whatever Redis has forgotten.
std::string new_token() {
  std::random_device random;
  return fmt::format("{}-{:08x}{:08x}", getpid(), random(), random());
}

std::string encode(const Entry& entry) {
  json stored{{"alert", to_data(entry.alert)}};
  if (entry.told) stored["told"] = entry.told->time_since_epoch().count();
  return stored.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<Entry> decode(const std::string& text) {
  const auto stored = json::parse(text, nullptr, false);
  if (!stored.is_object() || !stored.contains("alert")) return std::nullopt;
  auto alert = parse_data<Alert>(stored["alert"]);
  if (!alert) return std::nullopt;
  Entry entry{std::move(*alert), {}};
  if (const auto told = stored.find("told"); told != stored.end() && told->is_number_integer())
    entry.told = Time(std::chrono::milliseconds(told->get<std::int64_t>()));
  return entry;
}

}  // namespace

Store::Store(Redis& redis, const std::string& topic_prefix)
    : redis_(redis), prefix_("{" + topic_prefix + "notifier}:") {}

Result<std::string> Store::cluster(const std::string& connected) {
  const auto key = prefix_ + "cluster";
  if (const auto set = redis_.command({"SET", key, connected, "NX"}); !set)
    return fail(set.error());
  return redis_.command({"GET", key}).map([](const auto& reply) { return reply.text; });
}

Result<Claim> Store::claim() {
  static const RedisScript script(lua::claim);
  Claim claim{new_token(), 0, {}};
  const auto reply = redis_.eval(script, {prefix_ + "state"}, {prefix_, claim.token});
  if (!reply) return fail(reply.error());
  claim.version = number(reply->elements.at(0).text).value_or(0);
  claim.next = number(reply->elements.at(1).text);
  return claim;
}

Result<Stored> Store::load() {
  Stored stored;
  auto waiting = redis_.command({"HGETALL", prefix_ + "waiting"});
  if (!waiting) return fail(waiting.error());
  for (std::size_t i = 0; i + 1 < waiting->elements.size(); i += 2) {
    const auto& field = waiting->elements[i].text;
    const auto slash = field.find('/');
    auto entry = decode(waiting->elements[i + 1].text);
    if (slash == std::string::npos || !entry)
      return fail(ErrorKind::fatal, "an alert in Redis that was to be told is broken: " + field);
    stored.waiting[field.substr(0, slash)][field.substr(slash + 1)] = std::move(*entry);
  }
  const auto state = redis_.command({"HGETALL", prefix_ + "state"});
  if (!state) return fail(state.error());
  for (std::size_t i = 0; i + 1 < state->elements.size(); i += 2) {
    const auto& field = state->elements[i].text;
    if (!field.starts_with(canary_prefix)) continue;
    const auto at = number(state->elements[i + 1].text).value_or(0);
    stored.canaries[field.substr(canary_prefix.size())] = Time(std::chrono::milliseconds(at));
  }
  return stored;
}

Status Store::commit(Claim& claim, const Change& change) {
  static const RedisScript script(lua::commit);
  Redis::Args args{prefix_, claim.token, std::to_string(claim.version),
                   change.next ? std::to_string(*change.next) : "", receipts_kept};
  for (const auto& [route, entry] : change.entries) {
    const auto field = route + "/" + entry.fingerprint;
    if (entry.entry) {
      args.insert(args.end(), {"W", field, encode(*entry.entry)});
    } else {
      args.insert(args.end(), {"F", field});
    }
  }
  for (const auto& receipt : change.receipts) args.insert(args.end(), {"R", to_json(receipt)});
  for (const auto& [route, at] : change.canaries)
    args.insert(args.end(), {"C", route, text_of(at)});
  const auto reply = redis_.eval(script, {prefix_ + "state"}, args);
  if (!reply) return fail(reply.error());
  claim.version = reply->integer;
  return {};
}

Status Store::check(const Claim& claim) {
  const auto reply = redis_.command({"HMGET", prefix_ + "state", "token", "version"});
  if (!reply) return fail(reply.error());
  if (reply->elements.at(0).text == claim.token &&
      number(reply->elements.at(1).text).value_or(0) == claim.version)
    return {};
  return fail(ErrorKind::fenced, "another instance delivers, or Redis has come back older");
}

Result<std::vector<std::string>> Store::receipts(std::size_t most) {
  const auto reply = redis_.command(
      {"XREVRANGE", prefix_ + "deliveries", "+", "-", "COUNT", std::to_string(most)});
  if (!reply) return fail(reply.error());
  std::vector<std::string> all;
  for (const auto& entry : reply->elements) all.push_back(entry.elements.at(1).elements.at(1).text);
  return all;
}

}  // namespace oppen::notifier
