// The books in a real Redis: each charge counts once in them, and they are the same when they are made again from the log.
#include "workers/cost/books/books.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/redis_server.hpp"
#include "tests/unit/cost_ledger/ledger_fixture.hpp"
#include "workers/cost/books/charge_rows.hpp"
#include "workers/cost/store/charged.hpp"
#include "workers/cost/store/ledger_store.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

// Of this time: what is kept is kept from its own time on.
const Time today = std::chrono::floor<std::chrono::days>(
    std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()));
const auto this_day = std::chrono::floor<std::chrono::days>(today);

Fact named(Fact fact, const std::string& state, bool over = false) {
  fact.told = Told{"digits", "kim", state, over, 3, 64};
  return fact;
}

class BooksTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server = new runtime::RedisServer(); }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }

  void SetUp() override { ASSERT_TRUE(redis->command({"FLUSHALL"})); }

  Status store_all(Claim& claim, Ledger& ledger, Time time) {
    charges = ledger.charge(time, 1'000);
    log.insert(log.end(), charges.begin(), charges.end());
    Change change;
    for (const auto& charge : charges) change.charges.push_back(&charge);
    for (const auto& id : ledger.take_changed()) change.jobs.emplace_back(id, &ledger.job(id));
    return store.commit(claim, change);
  }

  // Two days' worth of jobs: "late" is from today into tomorrow.
  void run_some(Claim& claim, Ledger& ledger) {
    ledger.apply(named(ended(today, today + 100s, 1, "early"), "succeeded", true));
    ledger.apply(named(began(today + 86'300s, 1, "late"), "running"));
    ASSERT_TRUE(store_all(claim, ledger, today + 86'400s));
    ledger.apply(named(ended(today + 86'300s, today + 86'500s, 1, "late"), "failed", true));
    ASSERT_TRUE(store_all(claim, ledger, today + 90'000s));
  }

  std::string text_of_all() {
    nlohmann::json all;
    const auto days = books.days(this_day, this_day + std::chrono::days(2)).value();
    for (const auto& row : days) {
      for (const auto& [field, amount] : day_fields(row))
        all[day_text(row.key.day)][field] = amount;
    }
    const auto runs = books.runs(today, today + 48h, {}, 100).value().runs;
    for (const auto& run : runs)
      all["runs"].push_back(
          {run.job_id, run.state, run.name, run.spent.total_microusd, run.run_seconds});
    return all.dump();
  }

  static inline runtime::RedisServer* server = nullptr;
  std::unique_ptr<runtime::Redis> redis = runtime::Redis::create(server->url()).value();
  LedgerStore store{*redis, "oppen."};
  Books books{*redis, "oppen."};
  pricing::RateHistory rates;
  std::vector<Charge> charges;
  std::vector<Charge> log;
};

// Nothing but a correction is left of it in the log.
TEST_F(BooksTest, OneOfWhoseBeginNothingIsKnownIsListed) {
  auto claim = store.claim(0).value();
  Job job;
  CostAccrued correction;
  correction.job_id = "a";
  correction.interval_start = correction.interval_end = today;
  Change change{{}, {}, {{"a", &job}}, {}};
  change.recalled.push_back(&correction);
  ASSERT_TRUE(store.commit(claim, change));
  EXPECT_EQ(redis->command({"ZRANGE", "{oppen.cost}:runs:" + day_text(this_day), "0", "-1"})
                .value()
                .elements.size(),
            1U);
}

TEST_F(BooksTest, EachDayHasWhatBeganInIt) {
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  run_some(claim, ledger);
  const auto rows = books.days(this_day, this_day + std::chrono::days(2)).value();
  ASSERT_EQ(rows.size(), 2U);
  const auto usage = bearer().usage;
  const auto price = [&](Time from, Time to) { return rates.price(usage, from, to).total.value; };
  const auto whole = price(today + 86'300s, today + 86'500s);
  const auto before = price(today + 86'300s, today + 86'400s);
  EXPECT_EQ(rows[0].spent.total_microusd, price(today, today + 100s) + before);
  EXPECT_EQ(rows[1].spent.total_microusd, whole - before);
  EXPECT_EQ(rows[0].spent.run_ms, 200'000);
  EXPECT_EQ(rows[1].spent.gpu_ms, 100'000);
  EXPECT_EQ(rows[1].key.team, "vision");
  EXPECT_EQ(rows[1].key.gpu_type, "T4");
  EXPECT_EQ(rows[1].key.pod_namespace, "ml-training");
  EXPECT_TRUE(books.days(this_day, this_day).value().empty());
  EXPECT_EQ(books.days(this_day - std::chrono::days(500), this_day).error().kind,
            ErrorKind::invalid);
}

TEST_F(BooksTest, AnAttemptHasItsCostOnceItsJobIsChargedToItsEnd) {
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  const auto costs = [&](const std::string& run, int attempt) {
    return charged(*redis, "oppen.", {{"nobody", 1}, {run, attempt}}).value().at(1);
  };
  const auto price = [&](Time from, Time to) {
    return std::optional(rates.price(bearer().usage, from, to).total);
  };
  EXPECT_TRUE(charged(*redis, "oppen.", {}).value().empty());
  ledger.apply(ended(today, today + 100s, 1, "a"));
  ledger.apply(began(today + 200s, 2, "a"));
  ASSERT_TRUE(store_all(claim, ledger, today + 300s));
  EXPECT_EQ(costs("a", 1), std::nullopt) << "the second one runs";
  ledger.apply(ended(today + 200s, today + 400s, 2, "a"));
  ASSERT_TRUE(store_all(claim, ledger, today + 500s));
  EXPECT_EQ(costs("a", 1), price(today, today + 100s));
  EXPECT_EQ(costs("a", 2), price(today + 200s, today + 400s));
  EXPECT_EQ(costs("a", 3), std::nullopt);
  // Of two ends the first one counts; it comes late here, and takes back what was charged beyond it.
  auto earlier = ended(today + 200s, today + 350s, 2, "a");
  earlier.seq = 21;
  ledger.load_settled("a", store.settled_jobs({"a"}).value().at("a"));
  ledger.apply(earlier);
  ASSERT_TRUE(store_all(claim, ledger, today + 600s));
  EXPECT_EQ(costs("a", 2), price(today + 200s, today + 350s));
  auto outside = ended(today, today + 10s, 0, run_key("", "r"));
  ledger.apply(outside);
  ASSERT_TRUE(store_all(claim, ledger, today + 600s));
  EXPECT_EQ(costs(":r", 0), price(today, today + 10s));
}

TEST_F(BooksTest, FindsRuns) {
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  run_some(claim, ledger);
  const auto ids = [](const std::vector<RunRecord>& runs) {
    std::vector<std::string> found;
    for (const auto& run : runs) found.push_back(run.job_id);
    return found;
  };
  using Ids = std::vector<std::string>;
  const auto runs = [&](Time from, Time to, const RunFilter& filter, std::size_t limit) {
    return ids(books.runs(from, to, filter, limit).value().runs);
  };
  EXPECT_EQ(runs(today, today + 48h, {}, 10), (Ids{"late", "early"}));
  EXPECT_EQ(runs(today, today + 48h, {}, 1), Ids{"late"});
  EXPECT_FALSE(books.runs(today, today + 48h, {}, 1).value().all);
  EXPECT_TRUE(books.runs(today, today + 48h, {}, 2).value().all);
  EXPECT_EQ(runs(today, today + 50s, {}, 10), Ids{"early"});
  EXPECT_EQ(runs(today + 100s, today + 48h, {}, 10), Ids{"late"});
  EXPECT_EQ(runs(today, today + 48h, {"vision", "digits", "mnist"}, 10).size(), 2U);
  EXPECT_TRUE(runs(today, today + 48h, {"", "other", ""}, 10).empty());
  EXPECT_EQ(ids(books.history("mnist", 10).value()), (Ids{"late", "early"}));
  EXPECT_EQ(ids(books.history("mnist", 1).value()), Ids{"late"});
  EXPECT_TRUE(books.history("other", 10).value().empty());
  EXPECT_EQ(books.run("early").value()->state, "succeeded");
  EXPECT_EQ(books.run("digits").value()->job_id, "late") << "the latest of that name";
  EXPECT_FALSE(books.run("nobody").value());
  EXPECT_EQ(books.job("early").value()->state, "succeeded");
  EXPECT_FALSE(books.job("digits").value()) << "that is a name";
  EXPECT_EQ(ids(books.jobs({"early", "digits", "late"}).value()), (Ids{"early", "late"}));
  EXPECT_TRUE(books.jobs({}).value().empty());
}

TEST_F(BooksTest, ReadsManyDays) {
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  run_some(claim, ledger);
  EXPECT_EQ(
      books.days(this_day - std::chrono::days(30), this_day + std::chrono::days(2)).value().size(),
      2U);
  EXPECT_EQ(
      books.days(this_day - std::chrono::days(7), this_day + std::chrono::days(1)).value().size(),
      1U);
}

TEST_F(BooksTest, LooksAtSoManyRunsAndNoMore) {
  cost::Run run;
  run.record.team = "vision";
  run.record.started_at = today;
  run.tells_epochs = true;
  const auto list = "{oppen.cost}:runs:" + day_text(this_day);
  ASSERT_TRUE(redis->command({"ZADD", list, "1", "1"}));
  const auto add = [&](std::size_t from, std::size_t to) {
    ASSERT_TRUE(redis->command(
        {"EVAL",
         "for i = tonumber(ARGV[3]), tonumber(ARGV[4]) do redis.call('ZADD', KEYS[1], -i, 'r' .. "
         "i) "
         "redis.call('SET', ARGV[1] .. 'r' .. i, ARGV[2]) end",
         "1", list + ":1", "{oppen.cost}:run:", encode_run(run), std::to_string(from),
         std::to_string(to)}));
  };
  add(1, most_examined_runs);
  ASSERT_TRUE(redis->command({"RPUSH", "{oppen.cost}:epochs:r1", "10"}));
  const auto of_nobody = [&] { return books.runs(today, today + 24h, {"nobody", "", ""}, 1); };
  EXPECT_TRUE(of_nobody().value().all);
  add(most_examined_runs + 1, most_examined_runs + 1);
  EXPECT_FALSE(of_nobody().value().all);
  const auto found = books.runs(today, today + 24h, {}, 1).value().runs;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].epoch_seconds.empty());
}

// The list of a day is kept in slices.
TEST_F(BooksTest, ListsADaysRunsByWhenTheyBegan) {
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  const std::pair<const char*, Time> jobs[] = {{"b", today + 4min},
                                               {"e", today + 86'390s},
                                               {"a", today - 1h},
                                               {"d", today + 11min},
                                               {"c", today + 6min}};
  for (const auto& [id, start] : jobs) {
    const Time end = start < today ? today + 10s : start + 5s;
    ledger.apply(named(ended(start, end, 1, id), "succeeded", true));
  }
  ASSERT_TRUE(store_all(claim, ledger, today + 86'400s));
  std::string ids;
  const auto found = books.runs(today, today + 24h, {}, 100).value();
  for (const auto& run : found.runs) ids += run.job_id;
  EXPECT_EQ(ids, "edcba");
  EXPECT_TRUE(books.surely_more_runs(today, today + 24h, 3).value());
  EXPECT_FALSE(books.surely_more_runs(today, today + 24h, 4).value()) << "one had begun before";
  EXPECT_FALSE(books.surely_more_runs(today + 1ms, today + 24h, 0).value())
      << "of a day that has begun before it is not known";
  EXPECT_FALSE(books.surely_more_runs(today, today + 20h, 0).value()) << "or is not over";
  EXPECT_EQ(day_slice(this_day, today - 1ms), 0);
  EXPECT_EQ(day_slice(this_day, today), 1);
  EXPECT_EQ(day_slice(this_day, today + 24h - 1ms), 288);
}

// More days, more slices of them and more runs of a slice than are asked for at once.
TEST_F(BooksTest, ListsAllRunsOfManyDaysInTheirOrder) {
  constexpr int days = 10;
  constexpr int slices = 70;
  const auto runs_in = [](int slice) { return slice == 3 ? 1'250 : 1; };
  cost::Run run;
  run.record.started_at = today - days * 24h;
  const auto record = encode_run(run);
  std::vector<std::string> expected;
  for (int ago = 0; ago < days; ++ago) {
    const auto list = "{oppen.cost}:runs:" + day_text(this_day - std::chrono::days(ago));
    for (int slice = slices; slice > 0; --slice) {
      const auto of = std::to_string(slice);
      std::vector<runtime::Redis::Args> commands{{"ZADD", list, of, of}};
      for (int i = runs_in(slice); i > 0; --i) {
        expected.push_back(fmt::format("{}-{}-{}", ago, slice, i));
        commands.push_back({"ZADD", list + ":" + of, std::to_string(i), expected.back()});
        commands.push_back({"SET", "{oppen.cost}:run:" + expected.back(), record});
      }
      // On the list of the day before, too, as one that ran on.
      commands.push_back(
          {"ZADD",
           "{oppen.cost}:runs:" + day_text(this_day - std::chrono::days(ago + 1)) + ":" + of, "0",
           expected.back()});
      ASSERT_TRUE(redis->pipeline(commands));
    }
  }
  std::vector<std::string> ids;
  const auto found = books.runs(today - (days - 1) * 24h, today + 24h, {}, 100'000).value();
  EXPECT_TRUE(found.all);
  for (const auto& one : found.runs) ids.push_back(one.job_id);
  EXPECT_EQ(ids, expected);
  EXPECT_EQ(books.runs_on(this_day).value(), 1'250U + slices - 1);
  EXPECT_EQ(books.runs_on(this_day + std::chrono::days(1)).value(), 0U);
}

TEST_F(BooksTest, KnowsTheLatestOfEachName) {
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  const auto ran = [&](const std::string& id, Time start) {
    auto fact = named(ended(start, start + 5s, 1, id), "succeeded", true);
    fact.told->name = "of-" + id.substr(0, 3);
    ledger.apply(fact);
  };
  // More than a part holds before it is looked through.
  for (int i = 0; i < 200; ++i) ran(fmt::format("{:03}", i), today);
  ran("007-later", today + 1min);
  ran("008-earlier", today - 1min);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(store_all(claim, ledger, today + 1h));
  EXPECT_EQ(books.run("of-007").value()->job_id, "007-later");
  EXPECT_EQ(books.run("of-008").value()->job_id, "008");
  EXPECT_EQ(books.run("of-199").value()->job_id, "199");
  EXPECT_FALSE(books.run("of-200").value());
}

TEST_F(BooksTest, WhatIsRefusedChangesNothing) {
  Ledger ledger(rates);
  auto former = store.claim(0).value();
  run_some(former, ledger);
  const auto before = text_of_all();
  auto claim = store.claim(0).value();
  ledger.apply(began(today + 90'000s, 1, "more"));
  EXPECT_EQ(store_all(former, ledger, today + 91'000s).error().kind, ErrorKind::fenced);
  EXPECT_EQ(text_of_all(), before);
  // Nor does what was stored and is tried once more, its answer having been lost.
  Change change;
  for (const auto& charge : charges) change.charges.push_back(&charge);
  auto again = claim;
  ASSERT_TRUE(store.commit(claim, change));
  const auto once = text_of_all();
  EXPECT_NE(once, before);
  EXPECT_EQ(store.commit(again, change).error().kind, ErrorKind::fenced);
  EXPECT_EQ(text_of_all(), once);
}

// From what was published, some of it twice, taken in by two owners of whom the first one died on the way.
TEST_F(BooksTest, AreTheSameWhenTheyAreMadeAgain) {
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  run_some(claim, ledger);
  const auto before = text_of_all();
  ASSERT_TRUE(redis->command({"FLUSHALL"}));
  const std::vector<Charge> twice(log.begin(), log.begin() + 5);
  log.insert(log.begin() + 5, twice.begin(), twice.end());
  const auto recall = [&](Claim& owner, Ledger& anew, std::size_t from, std::size_t to) {
    Change change;
    for (auto i = from; i < to; ++i) {
      if (anew.recall(log[i].id, log[i].event)) change.recalled.push_back(&log[i].event);
    }
    change.costs = static_cast<std::int64_t>(to);
    change.keep_outbox = true;
    for (const auto& id : anew.take_changed()) change.jobs.emplace_back(id, &anew.job(id));
    ASSERT_TRUE(store.commit(owner, change));
  };
  {
    Ledger died(rates);
    auto first = store.claim(0).value();
    recall(first, died, 0, 7);
  }
  Ledger anew(rates);
  auto second = store.claim(0).value();
  const auto place = static_cast<std::size_t>(second.costs.value());
  EXPECT_EQ(place, 7U);
  const auto known = store.settled_jobs({"early", "late"}).value();
  for (const auto& [id, job] : known) anew.load_settled(id, job);
  recall(second, anew, place, log.size());
  anew.apply(named(ended(today, today + 100s, 1, "early"), "succeeded", true));
  anew.apply(named(began(today + 86'300s, 1, "late"), "running"));
  anew.apply(named(ended(today + 86'300s, today + 86'500s, 1, "late"), "failed", true));
  ASSERT_TRUE(store_all(second, anew, today + 90'000s));
  EXPECT_TRUE(charges.empty());
  EXPECT_EQ(text_of_all(), before);
}

TEST_F(BooksTest, KeepsTheEpochsOfTheLastAttempt) {
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  ledger.apply(began(today, 1, "a"));
  const auto progress = [&](int attempt, int epoch, double seconds) {
    RunProgress told;
    told.job_id = "a";
    told.attempt = attempt;
    told.epoch = epoch;
    told.epoch_seconds = seconds;
    told.metrics = {{"accuracy", seconds / 100}};
    ledger.apply(Report{"a", told});
    ASSERT_TRUE(store_all(claim, ledger, today + 1min));
    ledger.stored("a");
  };
  progress(1, 1, 10.5);
  progress(1, 2, 11);
  const auto accuracies = [&] { return books.accuracies(*books.run("a").value()).value(); };
  EXPECT_EQ(books.run("a").value()->epoch_seconds, (std::vector<double>{10.5, 11}));
  EXPECT_EQ(accuracies(), (std::vector<double>{0.105, 0.11}));
  ledger.apply(began(today + 30s, 2, "a"));
  ASSERT_TRUE(store_all(claim, ledger, today + 1min));
  ledger.stored("a");
  EXPECT_TRUE(books.run("a").value()->epoch_seconds.empty());
  EXPECT_TRUE(accuracies().empty());
  EXPECT_EQ(books.run("a").value()->epochs_done, 0);
  progress(2, 1, 9);
  EXPECT_EQ(books.run("a").value()->epoch_seconds, std::vector<double>{9});
  EXPECT_EQ(accuracies(), std::vector<double>{0.09});
  EXPECT_EQ(books.run("a").value()->epochs_done, 1);
}

TEST_F(BooksTest, EverythingOfThemIsForgottenInTheEnd) {
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  run_some(claim, ledger);
  const auto keys = redis->command({"KEYS", "*"}).value();
  std::size_t kept = 0;
  for (const auto& key : keys.elements) {
    const bool of_the_partition = key.text.find(":partition:") != std::string::npos ||
                                  key.text.find(":outbox:") != std::string::npos ||
                                  key.text.find(":advise:") != std::string::npos;
    if (of_the_partition) continue;
    ++kept;
    EXPECT_GT(redis->command({"PTTL", key.text}).value().integer, 0) << key.text;
  }
  EXPECT_GE(kept, 8U);
  // What ended long ago is not kept anew: a rebuilt run is gone when it would have been.
  Ledger old(rates);
  old.apply(named(ended(today - 91 * 24h, today - 91 * 24h + 100s, 1, "old"), "succeeded", true));
  ASSERT_TRUE(store_all(claim, old, today));
  EXPECT_FALSE(books.run("old").value());
}

TEST_F(BooksTest, ADayIsReadAgainOnlyOnceItHasChanged) {
  KeptDays kept;
  Books keeping{*redis, "oppen.", &kept};
  const auto tomorrow = this_day + std::chrono::days(1);
  const auto spent = [&](Books& of) {
    std::map<std::string, std::int64_t> days;
    const auto rows = of.days(this_day - std::chrono::days(20), tomorrow).value();
    for (const auto& row : rows) days[day_text(row.key.day)] += row.spent.total_microusd;
    return days;
  };
  EXPECT_TRUE(spent(keeping).empty());
  Ledger ledger(rates);
  auto claim = store.claim(0).value();
  const auto ran = [&](const std::string& id, Time start) {
    ledger.apply(named(ended(start, start + 100s, 1, id), "succeeded", true));
    ASSERT_TRUE(store_all(claim, ledger, today + 86'400s));
  };
  ran("a", today - 240h);
  ran("b", today);
  EXPECT_EQ(spent(keeping), spent(books));
  EXPECT_EQ(spent(keeping).size(), 2U);
  ran("c", today);
  EXPECT_EQ(spent(keeping), spent(books));
  // Behind its back: of a day that has not changed nothing is read.
  const auto known = spent(books);
  const auto old_day = day_text(this_day - std::chrono::days(10));
  ASSERT_TRUE(redis->command({"DEL", "{oppen.cost}:day:" + old_day}));
  EXPECT_EQ(spent(keeping), known);
  ASSERT_TRUE(redis->command({"DEL", "{oppen.cost}:day-version:" + old_day}));
  EXPECT_EQ(spent(keeping).size(), 1U);
  const auto expires = [&](const std::string& key) {
    return redis->command({"PEXPIRETIME", "{oppen.cost}:" + key + day_text(this_day)})->integer;
  };
  EXPECT_GT(expires("day:"), 0);
  EXPECT_EQ(expires("day-version:"), expires("day:"));
}

TEST(KeptDays, KeepsTheLatestUpToABound) {
  KeptDays kept;
  const auto rows = [](std::size_t count) {
    return std::make_shared<const std::vector<DayRow>>(count);
  };
  const auto day = [](int number) { return this_day + std::chrono::days(number); };
  for (int i = 0; i < 4; ++i) kept.keep(day(i), "1", rows(KeptDays::most_rows / 4));
  EXPECT_NE(kept.find(day(0), "1"), nullptr);
  EXPECT_EQ(kept.find(day(0), "2"), nullptr);
  EXPECT_EQ(kept.find(day(0), ""), nullptr);
  kept.keep(day(3), "2", rows(KeptDays::most_rows / 4 + 1));
  EXPECT_EQ(kept.find(day(0), "1"), nullptr);
  EXPECT_EQ(kept.find(day(3), "2")->size(), KeptDays::most_rows / 4 + 1);
  kept.keep(day(-1), "", rows(1));
  EXPECT_NE(kept.find(day(1), "1"), nullptr);
}

TEST_F(BooksTest, SaysWhatIsBroken) {
  ASSERT_TRUE(redis->command({"SET", "{oppen.cost}:run:a", "no run"}));
  ASSERT_TRUE(redis->command({"HSET", "{oppen.cost}:day:" + day_text(this_day), "g", "1"}));
  EXPECT_EQ(books.run("a").error().kind, ErrorKind::fatal);
  ASSERT_TRUE(redis->command({"SET", "{oppen.cost}:run:a", "{\"run_id\":\"r\"}"}));
  EXPECT_NE(books.run("a").error().message.find("of another version"), std::string::npos);
  EXPECT_EQ(books.days(this_day, this_day + std::chrono::days(1)).error().kind, ErrorKind::fatal);
}

}  // namespace
}  // namespace oppen::cost
