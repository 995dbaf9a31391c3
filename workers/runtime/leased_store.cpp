#include "workers/runtime/leased_store.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <random>

#include "workers/runtime/lua_scripts.hpp"

namespace oppen::runtime {

std::string new_token() {
  std::random_device random;
  return fmt::format("{}-{:08x}{:08x}", getpid(), random(), random());
}

Result<std::map<std::string, std::string>> fields_of(Redis& redis, const std::string& key) {
  const auto reply = redis.command({"HGETALL", key});
  if (!reply) return fail(reply.error());
  std::map<std::string, std::string> fields;
  for (std::size_t i = 0; i + 1 < reply->elements.size(); i += 2)
    fields[reply->elements[i].text] = reply->elements[i + 1].text;
  return fields;
}

LeasedStore::LeasedStore(Redis& redis, std::string prefix, std::string token,
                         std::chrono::milliseconds ttl)
    : redis_(redis), prefix_(std::move(prefix)), token_(std::move(token)), ttl_(ttl) {}

Result<bool> LeasedStore::hold() {
  static const RedisScript script(lua::hold);
  const auto reply =
      redis_.eval(script, {prefix_ + "meta"}, {prefix_, token_, std::to_string(ttl_.count())});
  if (!reply) return fail(reply.error());
  if (reply->text.empty()) return false;
  if (version_.empty()) version_ = reply->text;
  return true;
}

void LeasedStore::release() {
  static const RedisScript script(lua::release);
  [[maybe_unused]] const auto ignored = redis_.eval(script, {prefix_ + "meta"}, {prefix_, token_});
}

Status LeasedStore::commit(const std::vector<Cell>& cells) {
  static const RedisScript script(lua::commit);
  Redis::Args args{prefix_, token_, version_};
  args.reserve(3 + 3 * cells.size());
  for (const auto& cell : cells) args.insert(args.end(), {cell.hash, cell.field, cell.value});
  const auto reply = redis_.eval(script, {prefix_ + "meta"}, args);
  if (!reply) return fail(reply.error());
  version_ = std::to_string(reply->integer);
  return {};
}

Status LeasedStore::drop(const std::vector<std::string>& hashes) {
  Redis::Args command{"UNLINK"};
  for (const auto& hash : hashes) command.push_back(prefix_ + hash);
  if (const auto reply = redis_.command(command); !reply) return fail(reply.error());
  return {};
}

Result<std::map<std::string, std::string>> LeasedStore::all(const std::string& hash) {
  return fields_of(redis_, prefix_ + hash);
}

}  // namespace oppen::runtime
