// Proves against a real redis-server that values come back unchanged, that each trouble has its
// kind, and that the connection comes back by itself and tells a restarted server from the same
// one.
#include "workers/runtime/redis.hpp"

#include <gmock/gmock.h>

#include "tests/support/redis_server.hpp"

namespace oppen::runtime {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

std::unique_ptr<Redis> connect(const std::string& url, std::chrono::milliseconds timeout = 5s) {
  auto redis = Redis::create(url, timeout);
  EXPECT_TRUE(redis);
  return std::move(*redis);
}

TEST(Redis, GivesValuesBackAsTheyWere) {
  const RedisServer server;
  const auto redis = connect(server.url());
  const std::string binary("a\0b\r\n\xff", 6);
  EXPECT_EQ(redis->command({"SET", "key", binary})->text, "OK");
  const auto reply = redis->command({"GET", "key"});
  EXPECT_EQ(reply->type, RedisReply::Type::text);
  EXPECT_EQ(reply->text, binary);
  EXPECT_TRUE(redis->command({"GET", "none"})->is_nil());
  EXPECT_EQ(redis->command({"INCR", "n"})->integer, 1);
  const auto nested = redis->command({"EVAL", "return {1, 'two', {3}}", "0"});
  ASSERT_EQ(nested->type, RedisReply::Type::array);
  EXPECT_EQ(nested->elements.at(1).text, "two");
  EXPECT_EQ(nested->elements.at(2).elements.at(0).integer, 3);
}

TEST(Redis, KeepsDatabasesApart) {
  const RedisServer server;
  ASSERT_TRUE(connect(server.url() + "/2")->command({"SET", "key", "two"}));
  EXPECT_TRUE(connect(server.url())->command({"GET", "key"})->is_nil());
  EXPECT_EQ(connect(server.url() + "/2")->command({"GET", "key"})->text, "two");
}

TEST(Redis, PipelinesWithErrorsInTheirPlace) {
  const RedisServer server;
  const auto redis = connect(server.url());
  const auto replies = redis->pipeline({{"SET", "a", "1"}, {"LPUSH", "a", "x"}, {"GET", "a"}});
  ASSERT_TRUE(replies);
  ASSERT_EQ(replies->size(), 3u);
  EXPECT_EQ((*replies)[1].type, RedisReply::Type::error);
  EXPECT_THAT((*replies)[1].text, HasSubstr("WRONGTYPE"));
  EXPECT_EQ((*replies)[2].text, "1");
  EXPECT_TRUE(redis->pipeline({})->empty());
}

TEST(Redis, RunsScriptsAlsoAfterTheServerForgotThem) {
  const RedisServer server;
  const auto redis = connect(server.url());
  static const RedisScript script("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}");
  EXPECT_EQ(script.sha().size(), 40u);
  for (int expected = 1; expected <= 3; ++expected) {
    const auto reply = redis->eval(script, {"key"}, {"arg"});
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->elements.at(0).text, "key");
    EXPECT_EQ(reply->elements.at(1).text, "arg");
    EXPECT_EQ(reply->elements.at(2).integer, expected);
    if (expected == 2) {
      ASSERT_TRUE(redis->command({"SCRIPT", "FLUSH"}));
    }
  }
}

TEST(Redis, TellsTheScriptsErrorsApart) {
  const RedisServer server;
  const auto redis = connect(server.url());
  static const RedisScript script("return redis.error_reply(ARGV[1])");
  EXPECT_EQ(redis->eval(script, {}, {"OPPEN_FENCED epoch 4 leads"}).error().kind,
            ErrorKind::fenced);
  EXPECT_EQ(redis->eval(script, {}, {"OPPEN_CONFLICT offset 9"}).error().kind, ErrorKind::conflict);
  EXPECT_EQ(redis->eval(script, {}, {"ERR something"}).error().kind, ErrorKind::fatal);
  EXPECT_THAT(redis->eval(script, {}, {"OPPEN_FENCED epoch 4 leads"}).error().message,
              HasSubstr("epoch 4 leads"));
  EXPECT_EQ(redis->command({"NO-SUCH-COMMAND"}).error().kind, ErrorKind::fatal);
}

TEST(Redis, IsRefusedWithoutThePassword) {
  const RedisServer server({"--requirepass", "hunter2"});
  const auto address = "127.0.0.1:" + std::to_string(server.port());
  const auto without = connect(server.url())->command({"PING"});
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().kind, ErrorKind::refused);
  EXPECT_THAT(without.error().message, HasSubstr("OPPEN_REDIS_URL"));
  const auto wrong = connect("redis://:hunter3@" + address)->command({"PING"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::refused);
  EXPECT_THAT(wrong.error().message, Not(HasSubstr("hunter3")));
  EXPECT_TRUE(connect("redis://:hunter2@" + address)->command({"PING"}));
  EXPECT_TRUE(connect("redis://default:hunter2@" + address)->command({"PING"}));
}

TEST(Redis, SaysThatMemoryIsFull) {
  const RedisServer server({"--maxmemory", "1", "--maxmemory-policy", "noeviction"});
  const auto reply = connect(server.url())->command({"SET", "key", "value"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::refused);
  EXPECT_THAT(reply.error().message, HasSubstr("maxmemory"));
}

TEST(Redis, ComesBackAndNoticesTheRestart) {
  RedisServer server;
  const auto redis = connect(server.url());
  EXPECT_EQ(redis->run_id(), "");
  ASSERT_TRUE(redis->command({"PING"}));
  const auto first = redis->run_id();
  EXPECT_EQ(first.size(), 40u);
  redis->disconnect();
  ASSERT_TRUE(redis->command({"PING"}));
  EXPECT_EQ(redis->run_id(), first) << "the same server";

  server.kill();
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto reply = redis->command({"PING"});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(reply.error().message, HasSubstr("127.0.0.1:" + std::to_string(server.port())));
  }
  server.start();
  const auto reply = redis->command({"PING"});
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_NE(redis->run_id(), first);
}

TEST(Redis, GivesUpOnAServerThatDoesNotAnswer) {
  RedisServer server;
  const auto redis = connect(server.url(), 50ms);
  // It has only just started, and 50 ms are little on a busy machine.
  auto first = redis->command({"PING"});
  for (int attempt = 0; !first && attempt < 100; ++attempt) first = redis->command({"PING"});
  ASSERT_TRUE(first) << first.error().message;
  server.pause(true);
  const auto reply = redis->command({"SET", "key", "1"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(reply.error().message, HasSubstr("no answer in time"));
  server.pause(false);
  // On a new connection: the late answer to the first command must not be taken for this one's.
  auto second = redis->command({"ECHO", "fresh"});
  for (int attempt = 0; !second && attempt < 100; ++attempt)
    second = redis->command({"ECHO", "fresh"});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->text, "fresh");
}

TEST(Redis, RefusesAMalformedUrl) {
  const auto redis = Redis::create("localhost:6379");
  ASSERT_FALSE(redis);
  EXPECT_EQ(redis.error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace oppen::runtime
