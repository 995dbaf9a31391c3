#pragma once
// A connection to Redis that comes back by itself. Thin over hiredis; its types stay out of this
// header.
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/error.hpp"

namespace oppen::runtime {

// A reply as a value. Nested arrays as they come.
struct RedisReply {
  enum class Type { nil, integer, text, array, error };
  Type type = Type::nil;
  std::int64_t integer = 0;
  std::string text;  // of text, status and error
  std::vector<RedisReply> elements;

  bool is_nil() const { return type == Type::nil; }
};

// A Lua script, known to Redis by the SHA-1 of its text. Declare one per script, static.
class RedisScript {
 public:
  explicit RedisScript(std::string text);
  const std::string& text() const { return text_; }
  const std::string& sha() const { return sha_; }

 private:
  std::string text_;
  std::string sha_;
};

// One connection; one thread uses it at a time (each thread has its own Redis). Reconnects on the
// next call after a failure; a call that failed may or may not have been carried out: repeat only
// what is idempotent or fenced by an offset.
class Redis {
 public:
  using Args = std::vector<std::string>;

  // "redis://[user:password@]host:port/db" (rediss:// where hiredis has TLS, otherwise invalid says
  // so). `timeout` bounds connecting and each command.
  static Result<std::unique_ptr<Redis>> create(
      const std::string& url, std::chrono::milliseconds timeout = std::chrono::seconds{5});
  ~Redis();
  Redis(const Redis&) = delete;
  Redis& operator=(const Redis&) = delete;

  // Errors: unavailable (no connection, timeout, LOADING, READONLY/MASTERDOWN/BUSY: try later),
  // refused (NOAUTH, NOPERM, OOM: the message names what to change), fatal (any other error reply:
  // a defect of ours).
  Result<RedisReply> command(const Args& args);
  // All at once, one round trip; error replies stand in their place. Errors: only of the
  // connection.
  Result<std::vector<RedisReply>> pipeline(const std::vector<Args>& commands);
  // EVALSHA, and EVAL when Redis does not know the script (it forgets them when restarted). An
  // error reply whose text begins with "OPPEN_FENCED" is kind fenced, "OPPEN_CONFLICT" kind
  // conflict.
  Result<RedisReply> eval(const RedisScript& script, const Args& keys, const Args& args);

  // The server's run_id as of the present connection ("" before the first): it changes when Redis
  // was restarted. Set afresh at every (re)connect, so comparing it after each call finds every
  // restart.
  const std::string& run_id() const;
  // Closes the connection; the next call connects again.
  void disconnect();

 private:
  struct Impl;
  explicit Redis(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::runtime
