// Proves how OPPEN_REDIS_URL is read, and that no message shows the password.
#include "workers/runtime/redis_url.hpp"

#include <gmock/gmock.h>

namespace oppen::runtime {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RedisUrl, HasDefaults) {
  const auto url = parse_redis_url("redis://cache");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->address(), "cache:6379");
  EXPECT_EQ(url->database, 0);
  EXPECT_EQ(url->user, "");
  EXPECT_EQ(url->password, "");
}

TEST(RedisUrl, HasAllItsParts) {
  const auto url = parse_redis_url("redis://me:p%40ss:w%2Ford@10.0.0.7:7000/3");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->address(), "10.0.0.7:7000");
  EXPECT_EQ(url->database, 3);
  EXPECT_EQ(url->user, "me");
  EXPECT_EQ(url->password, "p@ss:w/ord");
}

TEST(RedisUrl, MayHaveAPasswordAlone) {
  const auto url = parse_redis_url("redis://:secret@cache:6379/0");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->user, "");
  EXPECT_EQ(url->password, "secret");
}

TEST(RedisUrl, TakesIpv6InBrackets) {
  EXPECT_EQ(parse_redis_url("redis://[::1]:7000/1")->host, "::1");
  EXPECT_EQ(parse_redis_url("redis://[::1]:7000/1")->port, 7000);
  EXPECT_EQ(parse_redis_url("redis://[::1]")->port, 6379);
}

TEST(RedisUrl, IsRefusedWhenMalformedWithoutShowingThePassword) {
  for (const char* text :
       {"http://:hunter2@cache", "redis://:hunter2@", "redis://:hunter2@cache:0",
        "redis://:hunter2@cache:port", "redis://:hunter2@cache:1/x", "redis://hunter2@cache",
        "redis://:hunter2%zz@cache", "redis://:hunter2@cache:70000", ""}) {
    const auto url = parse_redis_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().kind, ErrorKind::invalid);
    EXPECT_THAT(url.error().message, HasSubstr("OPPEN_REDIS_URL"));
    EXPECT_THAT(url.error().message, Not(HasSubstr("hunter2")));
  }
}

TEST(RedisUrl, SaysThatTlsIsNotThere) {
  const auto url = parse_redis_url("rediss://cache");
  ASSERT_FALSE(url);
  EXPECT_THAT(url.error().message, HasSubstr("TLS"));
}

}  // namespace
}  // namespace oppen::runtime
