#include "workers/runtime/redis.hpp"

#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <openssl/sha.h>
#include <sys/time.h>

#include <array>
#include <initializer_list>
#include <span>
#include <utility>

#include "workers/runtime/redis_url.hpp"

namespace oppen::runtime {
namespace {

struct ContextDeleter {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct ReplyDeleter {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Context = std::unique_ptr<redisContext, ContextDeleter>;
using RawReply = std::unique_ptr<redisReply, ReplyDeleter>;

RedisReply to_reply(const redisReply& raw) {
  RedisReply reply;
  switch (raw.type) {
    case REDIS_REPLY_INTEGER:
      reply.type = RedisReply::Type::integer;
      reply.integer = raw.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      reply.type = RedisReply::Type::text;
      reply.text.assign(raw.str, raw.len);
      break;
    case REDIS_REPLY_ERROR:
      reply.type = RedisReply::Type::error;
      reply.text.assign(raw.str, raw.len);
      break;
    case REDIS_REPLY_ARRAY:
      reply.type = RedisReply::Type::array;
      reply.elements.reserve(raw.elements);
      for (std::size_t i = 0; i < raw.elements; ++i)
        reply.elements.push_back(to_reply(*raw.element[i]));
      break;
    default:
      break;
  }
  return reply;
}

struct Meaning {
  std::string_view prefix;
  ErrorKind kind;
  std::string_view advice;
};

constexpr Meaning meanings[] = {
    {"OPPEN_FENCED", ErrorKind::fenced, ""},
    {"OPPEN_CONFLICT", ErrorKind::conflict, ""},
    {"LOADING", ErrorKind::unavailable, ""},
    {"BUSY ", ErrorKind::unavailable, ""},
    {"READONLY", ErrorKind::unavailable, "connect to the primary, not a replica: OPPEN_REDIS_URL"},
    {"MASTERDOWN", ErrorKind::unavailable, ""},
    {"NOREPLICAS", ErrorKind::unavailable, "Redis wants more replicas: its min-replicas-to-write"},
    {"NOAUTH", ErrorKind::refused, "give user and password in OPPEN_REDIS_URL"},
    {"WRONGPASS", ErrorKind::refused, "correct user and password in OPPEN_REDIS_URL"},
    {"ERR AUTH", ErrorKind::refused, "correct user and password in OPPEN_REDIS_URL"},
    {"NOPERM", ErrorKind::refused, "grant the right to this user with ACL SETUSER"},
    {"OOM", ErrorKind::refused, "raise Redis' maxmemory"},
    {"MISCONF", ErrorKind::refused, "Redis can't write its snapshot: see its log and disk"},
};

// Messages for people: a script's error may quote whatever was in its arguments.
constexpr std::size_t max_shown = 300;

Error to_error(const std::string& text, const std::string& what) {
  const auto shown = what + ": " + text.substr(0, max_shown);
  for (const auto& meaning : meanings) {
    if (!text.starts_with(meaning.prefix)) continue;
    return {meaning.kind,
            meaning.advice.empty() ? shown : fmt::format("{} ({})", shown, meaning.advice)};
  }
  return {ErrorKind::fatal, shown};
}

timeval to_timeval(std::chrono::milliseconds duration) {
  timeval value{};
  value.tv_sec = duration.count() / 1000;
  value.tv_usec = static_cast<suseconds_t>(duration.count() % 1000 * 1000);
  return value;
}

std::string run_id_in(const std::string& info) {
  constexpr std::string_view name = "run_id:";
  const auto begin = info.find(name);
  if (begin == std::string::npos) return {};
  return info.substr(begin + name.size(), info.find('\r', begin) - begin - name.size());
}

}  // namespace

RedisScript::RedisScript(std::string text) : text_(std::move(text)) {
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  // The casts are what SHA1() takes; Redis names scripts by SHA-1, nothing here depends on its
  // strength.
  SHA1(reinterpret_cast<const unsigned char*>(text_.data()), text_.size(), digest.data());
  for (const auto byte : digest) sha_ += fmt::format("{:02x}", byte);
}

struct Redis::Impl {
  RedisUrl url;
  timeval timeout{};
  Context context;
  std::string run_id;

  std::string name() const { return "Redis at " + url.address(); }

  Error lost(const std::string& reason) {
    context.reset();
    return {ErrorKind::unavailable,
            name() + ": " + reason + " (is it running, and is OPPEN_REDIS_URL right?)"};
  }

  // One command, whose words may lie in several lists: they are large, and not copied.
  Status append(std::initializer_list<std::span<const std::string>> lists) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const auto& list : lists) {
      for (const auto& arg : list) {
        texts.push_back(arg.data());
        sizes.push_back(arg.size());
      }
    }
    if (redisAppendCommandArgv(context.get(), static_cast<int>(texts.size()), texts.data(),
                               sizes.data()) == REDIS_OK) {
      return {};
    }
    return fail(lost(context->errstr));
  }

  Result<RedisReply> receive() {
    void* raw = nullptr;
    if (redisGetReply(context.get(), &raw) != REDIS_OK || raw == nullptr) {
      const bool timed_out =
          context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
      return fail(lost(timed_out ? "no answer in time" : context->errstr));
    }
    return to_reply(*RawReply(static_cast<redisReply*>(raw)));
  }

  // The connection is up. Error replies come as such.
  Result<RedisReply> exchange(std::initializer_list<std::span<const std::string>> lists) {
    if (auto sent = append(lists); !sent) return fail(sent.error());
    return receive();
  }

  // An error reply becomes an Error.
  Result<RedisReply> judge(Result<RedisReply> reply, const std::string& command) {
    if (!reply || reply->type != RedisReply::Type::error) return reply;
    auto error = to_error(reply->text, name() + ", " + command);
    // A replica stays one: connect again, perhaps to its primary.
    if (error.kind == ErrorKind::unavailable && !reply->text.starts_with("BUSY ")) context.reset();
    return fail(std::move(error));
  }

  Result<RedisReply> call(const Args& args) { return judge(exchange({args}), args.front()); }

  Status connect() {
    if (context != nullptr) return {};
    context.reset(redisConnectWithTimeout(url.host.c_str(), url.port, timeout));
    if (context == nullptr)
      return fail(ErrorKind::unavailable, name() + ": out of memory while connecting");
    if (context->err != 0) return fail(lost(context->errstr));
    if (redisSetTimeout(context.get(), timeout) != REDIS_OK) return fail(lost(context->errstr));
    redisEnableKeepAlive(context.get());
    if (auto ready = introduce(); !ready) {
      context.reset();
      return ready;
    }
    return {};
  }

  Status introduce() {
    if (!url.password.empty()) {
      Args auth{"AUTH"};
      if (!url.user.empty()) auth.push_back(url.user);
      auth.push_back(url.password);
      if (auto reply = call(auth); !reply) return fail(reply.error());
    }
    if (url.database != 0) {
      if (auto reply = call({"SELECT", std::to_string(url.database)}); !reply)
        return fail(reply.error());
    }
    auto info = call({"INFO", "server"});
    if (!info) return fail(info.error());
    run_id = run_id_in(info->text);
    return {};
  }
};

Redis::Redis(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Redis::~Redis() = default;

Result<std::unique_ptr<Redis>> Redis::create(const std::string& url,
                                             std::chrono::milliseconds timeout) {
  auto parts = parse_redis_url(url);
  if (!parts) return fail(parts.error());
  auto impl = std::make_unique<Impl>();
  impl->url = std::move(*parts);
  impl->timeout = to_timeval(timeout);
  return std::unique_ptr<Redis>(new Redis(std::move(impl)));
}

Result<RedisReply> Redis::command(const Args& args) {
  if (auto connected = impl_->connect(); !connected) return fail(connected.error());
  return impl_->call(args);
}

Result<std::vector<RedisReply>> Redis::pipeline(const std::vector<Args>& commands) {
  if (auto connected = impl_->connect(); !connected) return fail(connected.error());
  for (const auto& args : commands) {
    if (auto sent = impl_->append({args}); !sent) return fail(sent.error());
  }
  std::vector<RedisReply> replies;
  replies.reserve(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    auto reply = impl_->receive();
    if (!reply) return fail(reply.error());
    replies.push_back(std::move(*reply));
  }
  return replies;
}

Result<RedisReply> Redis::eval(const RedisScript& script, const Args& keys, const Args& args) {
  if (auto connected = impl_->connect(); !connected) return fail(connected.error());
  const auto keys_count = std::to_string(keys.size());
  auto reply = impl_->exchange({Args{"EVALSHA", script.sha(), keys_count}, keys, args});
  if (reply && reply->type == RedisReply::Type::error && reply->text.starts_with("NOSCRIPT")) {
    reply = impl_->exchange({Args{"EVAL", script.text(), keys_count}, keys, args});
  }
  return impl_->judge(std::move(reply), "EVAL");
}

const std::string& Redis::run_id() const { return impl_->run_id; }

void Redis::disconnect() { impl_->context.reset(); }

}  // namespace oppen::runtime
