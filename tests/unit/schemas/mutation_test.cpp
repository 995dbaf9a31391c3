// Proves that no input makes the readers crash and that no text which is not UTF-8 gets through:
// the examples are bent at random, as bytes before decode() and as JSON before parse_data(). The
// seed is fixed; a failure prints its round.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "examples.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/text.hpp"

namespace oppen {
namespace {

using nlohmann::json;
using test::Example;

constexpr int rounds = 10'000;

class Mutator {
 public:
  // From 0 to below `count`.
  std::size_t pick(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }

  void bend(std::string& bytes) {
    static constexpr std::string_view hard[] = {
        "\xff",  "\xc3", "\xed\xa0\x80", "\\ud800", "\\u0000",         "\"", "{", "[[[[",
        "1e999", "-",    "null",         "\n",      "\xf4\x90\x80\x80"};
    for (std::size_t i = 0, times = 1 + pick(4); i < times && !bytes.empty(); ++i) {
      const std::size_t at = pick(bytes.size());
      switch (pick(4)) {
        case 0:
          bytes[at] = static_cast<char>(pick(256));
          break;
        case 1:
          bytes.insert(at, hard[pick(std::size(hard))]);
          break;
        case 2:
          bytes.erase(at, 1 + pick(8));
          break;
        default:
          bytes.resize(at);
          break;
      }
    }
  }

  void bend(json& value) {
    if (value.is_structured() && !value.empty() && pick(4) != 0) {
      auto member = value.begin();
      std::advance(member, static_cast<std::ptrdiff_t>(pick(value.size())));
      if (pick(6) == 0) {
        value.erase(member);
      } else {
        bend(*member);
      }
      return;
    }
    const json hard[] = {nullptr,
                         true,
                         -1,
                         0.5,
                         1e300,
                         "",
                         "\xff\xfe",
                         json::array(),
                         json::object(),
                         INT64_MIN,
                         UINT64_MAX,
                         std::string("a\0b", 3),
                         std::string(5000, 'x'),
                         "9999-12-31T23:59:60Z",
                         {{"\xc3", 1}},
                         {{"k", "\xed\xa0\x80"}},
                         std::nan(""),
                         "1e-18",
                         "9E"};
    value = hard[pick(std::size(hard))];
  }

 private:
  std::mt19937 random_{20260103};  // NOLINT: the same mutations each time
};

bool is_utf8(const json& value) {
  // Strict dumping throws on text that is not UTF-8.
  try {
    return utf8_length(value.dump()).has_value();
  } catch (const json::type_error&) {
    return false;
  }
}

TEST(Mutations, OfRecordsNeverCrashDecodeNorSmuggleBrokenText) {
  const std::vector<Example> all = test::examples("valid");
  Mutator mutator;
  int accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    const Example& example = all[mutator.pick(all.size())];
    const CloudEvent event{"id",   "/test",   std::string(example.type->type),
                           Time{}, "subject", example.data};
    KafkaRecord record = encode(event, "key");
    if (mutator.pick(2) == 0) {
      json envelope = {{"specversion", "1.0"},
                       {"id", "id"},
                       {"source", "/test"},
                       {"type", event.type},
                       {"data", event.data}};
      record.value = envelope.dump();
      record.headers = {{"content-type", "application/cloudevents+json"}};
    }
    if (mutator.pick(3) == 0) {
      mutator.bend(record.headers[mutator.pick(record.headers.size())].second);
    } else {
      mutator.bend(*record.value);
    }
    const auto decoded = decode(record);
    if (!decoded) {
      EXPECT_EQ(decoded.error().kind, ErrorKind::invalid);
      EXPECT_TRUE(utf8_length(decoded.error().message)) << decoded.error().message;
      continue;
    }
    ++accepted;
    EXPECT_TRUE(utf8_length(decoded->id + decoded->source + decoded->type + decoded->subject));
    EXPECT_TRUE(is_utf8(decoded->data));
    example.type->rewrite(decoded->data);
  }
  // Were nearly everything refused, the readers behind decode() would not have been tried.
  EXPECT_GT(accepted, rounds / 50);
}

TEST(Mutations, OfDataNeverCrashParseDataNorSmuggleBrokenText) {
  const std::vector<Example> all = test::examples("valid");
  Mutator mutator;
  int accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    Example example = all[mutator.pick(all.size())];
    for (std::size_t i = 0, times = 1 + mutator.pick(3); i < times; ++i) mutator.bend(example.data);
    const auto written = example.type->rewrite(example.data);
    if (!written) {
      ASSERT_FALSE(written.error().empty());
      EXPECT_TRUE(utf8_length(sentences(written.error())));
      continue;
    }
    ++accepted;
    EXPECT_TRUE(is_utf8(*written)) << example.type->type;
    const auto again = example.type->rewrite(*written);
    ASSERT_TRUE(again) << sentences(again.error());
    EXPECT_EQ(again->dump(), written->dump());
  }
  EXPECT_GT(accepted, rounds / 50);
}

}  // namespace
}  // namespace oppen
