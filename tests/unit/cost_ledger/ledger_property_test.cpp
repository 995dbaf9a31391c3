// Whatever comes twice, late, in another order or not at all, and whenever the worker dies: each attempt's charges add up to its
// price to the micro-dollar, no time is charged twice and none is left out.
#include <algorithm>
#include <random>

#include "tests/unit/cost_ledger/ledger_fixture.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t seeds = 10;  // each takes 20 times as long then
#else
constexpr std::uint64_t seeds = 100;
#endif

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::int64_t operator()(std::int64_t from, std::int64_t to) {
    return std::uniform_int_distribution<std::int64_t>(from, to)(engine_);
  }
  bool once_in(std::int64_t many) { return (*this)(1, many) == 1; }
  template <class List>
  void shuffle(List& list) {
    std::shuffle(list.begin(), list.end(), engine_);
  }

 private:
  std::mt19937_64 engine_;
};

struct Truth {
  std::string job_id;
  int attempt = 0;
  Time start{};
  Time end{};
  Bearer bearer;
};

struct Story {
  std::vector<Truth> attempts;
  std::vector<Fact> facts;
  Time begin = at("2026-10-24T23:30:00Z");  // the clocks go back at 01:00
  Time end = begin;
};

Story random_story(Random& random) {
  Story story;
  for (int job = 0; job < 6; ++job) {
    const std::string job_id = "j" + std::to_string(job);
    Time time = story.begin + milliseconds(random(0, 1'800'000));
    const int attempts = static_cast<int>(random(1, 3));
    for (int number = 1; number <= attempts; ++number) {
      Truth truth{job_id, number, time, time + milliseconds(random(0, 5'400'000)), bearer()};
      if (random.once_in(4)) truth.end = truth.start;
      auto& usage = truth.bearer.usage;
      usage.resources.memory_bytes = random(1, std::int64_t{1} << 38);
      usage.resources.cpu_millicores = random(0, 30'000);
      usage.priority = all_priorities[random(0, 2)];
      usage.spot = random.once_in(3);
      time = truth.end + milliseconds(random(0, 60'000));
      story.end = std::max(story.end, time);

      Fact start{job_id, number, number * 10 + 1, truth.start, {}, truth.bearer};
      Fact end{job_id, number, number * 10 + 2, truth.start, truth.end, truth.bearer};
      // A begin may be lost. The end alone tells everything.
      if (!random.once_in(4)) story.facts.push_back(start);
      for (auto copies = random(1, 3); copies > 0; --copies) story.facts.push_back(end);
      if (random.once_in(2)) story.facts.push_back(start);
      // Cancelled when it was back in the queue.
      if (number == attempts && random.once_in(3))
        story.facts.push_back({job_id, number, number * 10 + 3, {}, time + 1h, {}});
      story.attempts.push_back(std::move(truth));
    }
  }
  random.shuffle(story.facts);
  return story;
}

PolicyChanged random_policy(Random& random, Time from) {
  PolicyChanged policy;
  policy.effective_from = from;
  policy.cost_model = {
      {"gpu_hourly_usd", "0." + std::to_string(random(100'000, 999'999))},
      {"cpu_core_hourly_usd", "0.0" + std::to_string(random(10'000, 99'999))},
      {"off_peak_window", random.once_in(2) ? "02:30-03:15 Europe/Berlin" : "00:10-00:50 UTC"}};
  return policy;
}

// The same jobs as after they were stored and loaded again.
Ledger reloaded(const Ledger& ledger, const pricing::RateHistory& rates) {
  Ledger fresh(rates);
  for (const auto& [job_id, job] : ledger.jobs())
    fresh.load(job_id, decode_job(encode(job)).value());
  return fresh;
}

void expect_exact(const Consumer& consumer, const Story& story, const pricing::RateHistory& rates,
                  std::uint64_t seed) {
  ASSERT_EQ(consumer.accounts.size(), story.attempts.size()) << "seed " << seed;
  for (const auto& truth : story.attempts) {
    const auto& account = consumer.accounts.at({truth.job_id, truth.attempt});
    const auto price = rates.price(truth.bearer.usage, truth.start, truth.end);
    ASSERT_EQ(account.sum.gpu, price.gpu) << "seed " << seed;
    ASSERT_EQ(account.sum.cpu, price.cpu) << "seed " << seed;
    ASSERT_EQ(account.sum.memory, price.memory) << "seed " << seed;
    ASSERT_EQ(account.sum.total, price.total) << "seed " << seed;
    ASSERT_EQ(account.from, truth.start) << "seed " << seed;
    ASSERT_EQ(account.until, truth.end) << "seed " << seed;
    ASSERT_TRUE(account.final) << "seed " << seed;
  }
}

TEST(LedgerProperty, AnyOrderAndAnyCrashGiveTheSameSums) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Random random(seed);
    const Story story = random_story(random);
    pricing::RateHistory rates;
    Ledger ledger(rates);
    Consumer consumer;
    Time time = story.begin;
    bool rates_may_change = true;
    for (const auto& fact : story.facts) {
      ledger.apply(fact);
      if (random.once_in(2)) time += milliseconds(random(0, 3'600'000));
      // Rates that were to hold from a while ago, or soon. What has ended is not priced anew, so they are all known by then.
      if (rates_may_change && random.once_in(6)) {
        ASSERT_TRUE(
            rates.take(random_policy(random, story.begin + milliseconds(random(0, 7'200'000)))));
        ledger.rates_changed();
      }
      const auto charges = ledger.charge(time, static_cast<std::size_t>(random(1, 200)));
      for (const auto& charge : charges) rates_may_change &= !charge.event.final;
      consumer.take(charges);
      if (random.once_in(5)) consumer.take(charges);  // published again after a crash
      if (random.once_in(3)) ledger = reloaded(ledger, rates);
    }
    while (true) {
      const auto charges = ledger.charge(story.end + 2h, 50);
      if (charges.empty()) break;
      consumer.take(charges);
    }
    expect_exact(consumer, story, rates, seed);
  }
}

// Redis has lost everything, or its last while: what was published is recalled from the log, from some record on that what is
// remembered begins before.
TEST(LedgerProperty, WhatWasPublishedIsRecalled) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Random random(seed);
    Story story = random_story(random);
    pricing::RateHistory rates;
    ASSERT_TRUE(rates.take(random_policy(random, story.begin + 40min)));
    Ledger ledger(rates);
    Ledger older(rates);
    std::size_t older_facts = 0;
    Consumer consumer;
    Time time = story.begin;
    const auto crash =
        static_cast<std::size_t>(random(1, static_cast<std::int64_t>(story.facts.size())));
    for (std::size_t i = 0; i < crash; ++i) {
      if (random.once_in(10)) {
        older = reloaded(ledger, rates);
        older_facts = i;
      }
      ledger.apply(story.facts[i]);
      time += milliseconds(random(0, 1'800'000));
      consumer.take(ledger.charge(time, static_cast<std::size_t>(random(1, 200))));
    }
    for (const auto& charge : consumer.log) older.recall(charge.id, charge.event);
    for (std::size_t i = older_facts; i < story.facts.size(); ++i) {
      older.apply(story.facts[i]);
      time += milliseconds(random(0, 600'000));
      consumer.take(older.charge(time, 200));
    }
    while (true) {
      const auto charges = older.charge(story.end + 2h, 50);
      if (charges.empty()) break;
      consumer.take(charges);
    }
    expect_exact(consumer, story, rates, seed);
  }
}

}  // namespace
}  // namespace oppen::cost
