// Proves that no password is shown, whatever it is made of, and that what has none is shown as it is.
#include "schemas/shown_url.hpp"

#include <gtest/gtest.h>

namespace oppen {
namespace {

TEST(ShownUrl, LeavesUsersAndPasswordsOut) {
  for (const auto* const text : {"http://user:secret@host:8088", "http://user:se/cret@host:8088",
                                 "http://user:se?cr#et@host:8088", "http://user:se,cret@host:8088",
                                 "http://user:se@cret@host:8088",
                                 "http://user:secret://x@host:8088", "http://secret@host:8088"})
    EXPECT_EQ(shown_url(text), "http://host:8088") << text;
  EXPECT_EQ(shown_url("user:secret@host:8088"), "host:8088");
  EXPECT_EQ(shown_url("user:se://cret@host:8088"), "host:8088");
  EXPECT_EQ(shown_url("http://a:secret@one:1,http://b:secret@two:2"), "http://two:2");
  EXPECT_EQ(shown_url("is http://a:b@one:1 or\tc:d@two:2 there"),
            "is http://one:1 or\ttwo:2 there");
}

TEST(ShownUrl, ShowsWhatHasNone) {
  for (const auto* const text : {"", " ", "http://host:1,https://host:2/path?q=1#f",
                                 "host:9092,host:9093", "any text, as it is"})
    EXPECT_EQ(shown_url(text), text);
}

}  // namespace
}  // namespace oppen
