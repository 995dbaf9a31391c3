// What GPUs nobody takes: to the millisecond and micro-dollar, over restarts, repetitions and corrections, and what can't be reconciled is told.
#include "workers/cost/idle/idle_count.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

Time clock_at(const char* text) { return parse_rfc3339(text).value(); }
const Time noon = clock_at("2026-03-10T12:00:00Z");
constexpr std::int64_t gpu_hour = std::int64_t{1'000'000} * 3'600'000;

NodeObserved node(int gpus, const std::string& state = "ready", bool spot = false,
                  const std::string& gpu_type = "A100", const std::string& name = "n1") {
  return {name, gpus, gpu_type, 8'000, std::int64_t{1} << 36, state, spot};
}

CostAccrued held(double gpus, Time from, Time to, const std::string& name = "n1") {
  CostAccrued charge;
  charge.job_id = "job";
  charge.attempt = 1;
  charge.gpu_type = "A100";
  charge.interval_start = from;
  charge.interval_end = to;
  charge.gpus = gpus;
  charge.node = name;
  return charge;
}
CostAccrued taken_back(CostAccrued charge) {
  charge.correction = true;
  return charge;
}

PolicyChanged a100_costs(const std::string& usd, Time from) {
  PolicyChanged policy;
  policy.cost_model = {{"gpu_type_hourly_usd", R"({"A100":)" + usd + "}"},
                       {"gpu_hourly_usd", "0.25"}};
  policy.effective_from = from;
  return policy;
}

// As Redis keeps it.
class Kept {
 public:
  void store(IdleCount& count) {
    std::vector<runtime::Cell> cells;
    count.take_changes(cells);
    for (const auto& cell : cells) {
      if (cell.hash.starts_with('+')) {
        auto& field = hashes_[cell.hash.substr(1)][cell.field];
        field = std::to_string((field.empty() ? 0 : std::stoll(field)) + std::stoll(cell.value));
      } else if (cell.value.empty()) {
        hashes_[cell.hash].erase(cell.field);
      } else {
        hashes_[cell.hash][cell.field] = cell.value;
      }
    }
  }
  IdleCount load() {
    IdleCount count;
    for (const auto* const hash : IdleCount::hashes) {
      for (const auto& [field, value] : hashes_[hash])
        EXPECT_TRUE(count.load(hash, field, value)) << field << ' ' << value;
    }
    return count;
  }
  std::size_t size(const std::string& hash) { return hashes_[hash].size(); }
  IdleRows rows() {
    IdleRows rows;
    for (const auto& [hash, fields] : hashes_) {
      if (!hash.starts_with("idle:")) continue;
      std::istringstream text(hash.substr(5));
      int year = 0;
      unsigned month = 0;
      unsigned day = 0;
      char dash = 0;
      text >> year >> dash >> month >> dash >> day;
      const std::chrono::sys_days date(std::chrono::year{year} / std::chrono::month{month} /
                                       std::chrono::day{day});
      for (const auto& [field, value] : fields)
        EXPECT_TRUE(add_idle_field(rows, date, field, std::stoll(value))) << field;
    }
    return rows;
  }
  IdleSum sum() {
    IdleSum sum;
    for (const auto& [key, time] : rows()) sum += sum_of(key, time);
    return sum;
  }

 private:
  std::map<std::string, std::map<std::string, std::string>> hashes_;
};

// What a test counts, stored after each step.
class Counting : public testing::Test {
 protected:
  void observe(const NodeObserved& node, Time at) {
    EXPECT_TRUE(count.observe(node, at));
    kept.store(count);
  }
  void charge(const CostAccrued& charge) {
    EXPECT_TRUE(count.charge(charge, charge.interval_end));
    kept.store(count);
  }
  void until(Time time) {
    while (!count.count(time, 10)) kept.store(count);
    kept.store(count);
  }
  void restart() { count = kept.load(); }

  Kept kept;
  IdleCount count;
};

TEST_F(Counting, NobodyTookAnything) {
  observe(node(8), noon);
  until(noon + 30min);
  // 8 GPUs x $0.35 x 0.5 h
  EXPECT_EQ(kept.sum().capacity_microusd, 1'400'000);
  EXPECT_EQ(kept.sum().idle_microusd, 1'400'000);
  EXPECT_EQ(kept.sum().idle_time, 4 * gpu_hour);
}

TEST_F(Counting, OfAPartlyUsedNodeTheRestIsIdleAtTheListRateWhateverTheJobPays) {
  observe(node(8), noon);
  auto cheap = held(2, noon, noon + 30min);
  cheap.multipliers = {0.5, 0.8, 1};
  cheap.gpu = cheap.total = {140'000};
  charge(cheap);
  charge(held(0.25, noon, noon + 30min));
  until(noon + 30min);
  // 2.25 and 5.75 of 8 GPUs x $0.35 x 0.5 h
  EXPECT_EQ(kept.sum().taken_microusd, 393'750);
  EXPECT_EQ(kept.sum().idle_microusd, 1'006'250);
  EXPECT_EQ(kept.sum().unreconciled_microusd, 0);
}

TEST_F(Counting, ASpotNodeIsPricedAsOne) {
  observe(node(1, "ready", true), noon);
  until(noon + 1h);
  EXPECT_EQ(kept.sum().idle_microusd, 105'000) << "$0.35 x 0.3";
}

TEST_F(Counting, ATypeWithoutARateHasTheGeneralOne) {
  observe(node(1, "ready", false, "NVIDIA B200"), noon);
  until(noon + 1h);
  EXPECT_EQ(kept.sum().idle_microusd, 250'000);
  EXPECT_EQ(kept.rows().begin()->first.gpu_type, "NVIDIA B200");
}

TEST_F(Counting, OnlyWhileItIsUpAndWithTheGpusThatItOffers) {
  observe(node(4), noon);
  observe(node(4, "cordoned"), noon + 1h);  // still paid for
  observe(node(2), noon + 2h);              // two have failed
  observe(node(2, "not_ready"), noon + 3h);
  observe(node(4), noon + 5h);
  observe({"n1", 0, "", 0, 0, "gone"}, noon + 6h);
  restart();
  until(noon + 9h);
  EXPECT_EQ(kept.sum().capacity_time, (4 + 4 + 2 + 0 + 4) * gpu_hour);
}

TEST_F(Counting, DaysAndRatesAreCutWhereTheyChange) {
  const Time evening = clock_at("2026-03-10T23:00:00Z");
  observe(node(1), evening);
  count.take(7, a100_costs("0.70", evening + 30min));
  kept.store(count);
  restart();
  until(evening + 2h);
  std::vector<std::pair<std::int64_t, std::int64_t>> found;  // rate, minutes
  for (const auto& [key, time] : kept.rows())
    found.emplace_back(key.rate, time.capacity * 60 / gpu_hour);
  EXPECT_EQ(found, (decltype(found){{350'000, 30}, {700'000, 30}, {700'000, 60}}));
  EXPECT_EQ(kept.sum().capacity_microusd, 175'000 + 350'000 + 700'000);
}

TEST_F(Counting, WhatWasChargedBeyondWhatIsKnownToHaveBeenThereIsALineOfItsOwn) {
  charge(held(1, noon - 1h, noon));  // before the node was seen
  observe(node(1), noon);
  charge(held(3, noon, noon + 1h));  // of one GPU
  observe(node(1, "not_ready"), noon + 1h);
  charge(held(1, noon + 1h, noon + 2h));
  charge(held(1, noon, noon + 1h, "never-seen"));
  charge(held(1, noon, noon + 1h, ""));
  until(noon + 3h);
  const auto sum = kept.sum();
  EXPECT_EQ(sum.capacity_microusd, 350'000);
  EXPECT_EQ(sum.taken_microusd, 7 * 350'000);
  EXPECT_EQ(sum.idle_microusd, 0);
  EXPECT_EQ(sum.unreconciled_microusd, 6 * 350'000);
  EXPECT_EQ(sum.unreconciled_time, 6 * gpu_hour);
}

TEST_F(Counting, ACorrectionTakesBackWhereItWasCharged) {
  observe(node(2), noon);
  charge(held(1, noon, noon + 30s));
  charge(held(1, noon + 30s, noon + 60s));
  // It was seen late that the node had gone; the end of the attempt comes later still, and tells of then.
  observe(node(2, "not_ready"), noon + 20s);
  charge(held(1, noon + 60s, noon + 90s));
  restart();
  charge(taken_back(held(1, noon + 20s, noon + 90s)));
  until(noon + 1h);
  const auto sum = kept.sum();
  EXPECT_EQ(sum.taken_time, std::int64_t{20'000} * 1'000'000);
  EXPECT_EQ(sum.unreconciled_time, 0);
  EXPECT_EQ(sum.capacity_time, std::int64_t{2 * 60'000} * 1'000'000) << "until it was known";
}

TEST_F(Counting, WhatIsToldAgainOrComesStaleChangesNothing) {
  observe(node(2), noon);
  observe(node(4), noon + 1h);
  until(noon + 90min);
  restart();
  observe(node(2), noon);
  observe(node(4), noon + 1h);
  observe(node(2), noon + 30min);
  until(noon + 2h);
  EXPECT_EQ(kept.sum().capacity_time, (2 + 4) * gpu_hour);
  EXPECT_EQ(kept.size("nodes"), 2);
}

TEST_F(Counting, ANodeThatWasAwayIsAsItWasToldLast) {
  observe(node(1, "not_ready"), noon);
  until(noon + 1min);  // of which nothing is stored
  observe(node(1), noon + 20s);
  restart();
  observe(node(4), noon + 30s);
  restart();
  until(noon + 1h + 1min);
  EXPECT_EQ(kept.sum().capacity_time, 4 * gpu_hour);
  EXPECT_EQ(kept.size("nodes"), 2);
}

TEST_F(Counting, BeforeItBeganNothingIsCounted) {
  const auto late = held(1, noon - 30s, noon + 30s);
  const auto begin = [&] {
    restart();
    count.begin(noon);
  };
  begin();
  observe(node(2), noon - 24h);
  charge(held(1, noon - 1h, noon - 30min));
  charge(late);
  until(noon + 30min);
  EXPECT_EQ(kept.sum().capacity_time, gpu_hour);
  EXPECT_EQ(kept.sum().taken_time, gpu_hour / 120);
  EXPECT_EQ(kept.sum().unreconciled_time, 0);
  begin();
  charge(taken_back(late));
  until(noon + 1h);
  EXPECT_EQ(kept.sum().capacity_time, 2 * gpu_hour);
  EXPECT_EQ(kept.sum().taken_time, 0);
}

TEST_F(Counting, WhatIsAbsurdIsRefusedAndChangesNothing) {
  EXPECT_FALSE(count.observe(node(1'000'000), noon));
  EXPECT_FALSE(count.charge(held(1e300, noon, noon + 30s), noon));
  EXPECT_FALSE(count.charge(held(1, noon, noon + 1h), noon)) << "it is yet to come";
  EXPECT_FALSE(count.charge(held(1, noon, noon + 61min), noon + 61min)) << "at once";
  EXPECT_FALSE(count.charge(held(1, noon, noon + 1h), noon + 1h + IdleCount::keep + 1ms))
      << "nobody knows what was then";
  kept.store(count);
  EXPECT_TRUE(kept.rows().empty());
  auto outside = held(1, noon, noon + 30s);
  outside.job_id.clear();
  outside.run_id = "run";
  charge(outside);
  auto silent = held(1, noon, noon + 30s);
  silent.gpus.reset();
  charge(silent);
  EXPECT_TRUE(kept.rows().empty()) << "these tell of no node";
}

TEST_F(Counting, ChargesThatAreAbsurdInSumStayWithinWhatCanBeStored) {
  observe(node(8), noon);
  for (int i = 0; i < 3'000; ++i)
    EXPECT_TRUE(count.charge(held(1'000, noon, noon + 1h), noon + 1h));
  kept.store(count);
  EXPECT_GT(kept.sum().taken_time, 2'500'000 * gpu_hour);
  EXPECT_GT(kept.sum().unreconciled_microusd, 0);
}

TEST(IdleSum, OfAYearOfAThousandGpusIsNoMoreThanItIs) {
  constexpr int days = 366;
  IdleSums sums;
  const auto first = std::chrono::floor<std::chrono::days>(noon);
  for (int node = 0; node < 125; ++node) {
    for (int day = 0; day < days; ++day) {
      sums.add(
          {first + std::chrono::days(day), fmt::format("n{}", node), "A100", 350'000, 1'000'000},
          {8 * 24 * gpu_hour, 2 * 24 * gpu_hour, 24 * gpu_hour});
    }
  }
  constexpr std::int64_t gpu_days = std::int64_t{days} * 1'000;
  EXPECT_EQ(sums.total.capacity_time / (24 * gpu_hour), gpu_days);
  EXPECT_EQ(sums.total.taken_time / (24 * gpu_hour), gpu_days * 3 / 8);
  EXPECT_EQ(sums.total.idle_time / (24 * gpu_hour), gpu_days * 6 / 8);
  EXPECT_EQ(sums.total.unreconciled_time / (24 * gpu_hour), gpu_days / 8);
  EXPECT_EQ(sums.total.idle_microusd, gpu_days * 6 / 8 * 24 * 350'000);
}

TEST_F(Counting, ForgetsWhatNobodyNeeds) {
  observe(node(1), noon);
  count.take(1, a100_costs("0.10", noon));
  count.take(2, a100_costs("0.20", noon + 1h));
  observe(node(1, "ready", false, "A100", "n2"), noon);
  observe({"n2", 0, "", 0, 0, "gone"}, noon + 1h);
  until(noon + 2h);
  const auto later = noon + IdleCount::keep * 3;
  count.forget(later);
  kept.store(count);
  EXPECT_EQ(kept.size("nodes"), 1) << "n1 is still there";
  EXPECT_EQ(kept.size("policies"), 1);
  EXPECT_EQ(kept.size("node-until"), 1);
  restart();
  until(noon + 3h);
  EXPECT_EQ(kept.sum().capacity_microusd, 2 * 100'000 + 2 * 200'000) << "its rate still holds";
}

// Against a count by seconds, with restarts and repetitions wherever they fall.
TEST(IdleProperty, IsWhatACountBySecondsComesTo) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto draw = [&](int least, int most) {
      return std::uniform_int_distribution<int>(least, most)(random);
    };
    const Time start = clock_at("2026-03-10T23:50:00Z");
    constexpr int seconds = 1'800;
    struct Step {
      int at;
      int kind;  // 0 node, 1 rate, 2 charge
      NodeObserved node;
      PolicyChanged policy;
      std::vector<CostAccrued> charges;
    };
    std::vector<Step> steps;
    std::map<int, NodeObserved> was;      // by second
    std::map<int, std::int64_t> rate_at;  // by second
    for (int at = draw(0, 300); at < seconds; at += draw(1, 400)) {
      was[at] = node(draw(0, 4), draw(0, 3) == 0 ? "not_ready" : "ready", draw(0, 1) == 0);
      steps.push_back({at, 0, was[at], {}, {}});
    }
    for (int at = draw(0, 300); at < seconds; at += draw(100, 600)) {
      const auto cents = draw(1, 99);
      rate_at[at] = cents * 10'000;
      const auto usd = fmt::format("0.{:02}", cents);
      steps.push_back({at, 1, {}, a100_costs(usd, start + std::chrono::seconds(at)), {}});
    }
    // Attempts: [from, to) in the end, charged too far first and taken back.
    std::vector<std::array<int, 3>> attempts;  // from, to, quarters of a GPU
    for (int i = 0; i < 12; ++i) {
      const int from = draw(0, seconds - 2);
      const int to = draw(from + 1, seconds - 1);
      const int quarters = draw(1, 8);
      attempts.push_back({from, to, quarters});
      const auto time = [&](int second) { return start + std::chrono::seconds(second); };
      for (int at = from; at < to; at += 30)
        steps.push_back({std::min(at + 30, to) + 5,
                         2,
                         {},
                         {},
                         {held(quarters / 4.0, time(at), time(std::min(at + 30, to)))}});
      const int too_far = to + draw(1, 60);
      steps.push_back({too_far + 5, 2, {}, {}, {held(quarters / 4.0, time(to), time(too_far))}});
      steps.push_back(
          {too_far + 6, 2, {}, {}, {taken_back(held(quarters / 4.0, time(to), time(too_far)))}});
    }
    std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) {
      return std::tie(a.at, a.kind) < std::tie(b.at, b.kind);
    });
    Kept kept;
    IdleCount count;
    std::int64_t offset = 0;
    std::vector<std::pair<NodeObserved, Time>> told;
    for (const auto& step : steps) {
      const Time at = start + std::chrono::seconds(step.at);
      if (step.kind == 0) {
        told.emplace_back(step.node, at);
        EXPECT_TRUE(count.observe(step.node, at));
      }
      if (step.kind == 1) count.take(++offset, step.policy);
      for (const auto& charge : step.charges) EXPECT_TRUE(count.charge(charge, at));
      if (draw(0, 5) == 0) count.count(at - 10s, 100);
      kept.store(count);
      if (draw(0, 9) == 0) count = kept.load();
      if (!told.empty() && draw(0, 5) == 0) {
        const auto& [again, then] =
            told[static_cast<std::size_t>(draw(0, static_cast<int>(told.size()) - 1))];
        count.observe(again, then);
      }
    }
    const Time end = start + std::chrono::seconds(seconds + 60);
    while (!count.count(end, 100)) kept.store(count);
    kept.store(count);

    IdleRows expected;
    for (int second = 0; second < seconds + 60; ++second) {
      const auto then = was.upper_bound(second);
      const NodeObserved* const now = then == was.begin() ? nullptr : &std::prev(then)->second;
      const auto rate = rate_at.upper_bound(second);
      const auto list = rate == rate_at.begin() ? 350'000 : std::prev(rate)->second;
      const auto day = std::chrono::floor<std::chrono::days>(start + std::chrono::seconds(second));
      const bool up = now != nullptr && now->gpus > 0 && now->state == "ready";
      const IdleKey key{day, "n1", "A100", list, up && now->spot ? 300'000 : 1'000'000};
      constexpr std::int64_t quarter = std::int64_t{1'000} * 250'000;
      if (up) expected[key].capacity += now->gpus * 4 * quarter;
      for (const auto& [from, to, quarters] : attempts) {
        if (second < from || second >= to) continue;
        (up ? expected[key].taken : expected[key].unknown) += quarters * quarter;
      }
    }
    const auto rows = kept.rows();
    const auto is_nothing = [](const GpuTime& time) {
      return time.capacity == 0 && time.taken == 0 && time.unknown == 0;
    };
    for (const auto& [key, time] : expected) {
      const auto found = rows.find(key);
      ASSERT_NE(found, rows.end()) << "seed " << seed << " rate " << key.rate;
      EXPECT_EQ(found->second.capacity, time.capacity) << "seed " << seed;
      EXPECT_EQ(found->second.taken, time.taken) << "seed " << seed;
      EXPECT_EQ(found->second.unknown, time.unknown) << "seed " << seed;
      const auto sum = sum_of(key, time);
      EXPECT_EQ(sum.capacity_microusd + sum.unreconciled_microusd,
                sum.taken_microusd + sum.idle_microusd);
      EXPECT_EQ(time.capacity + sum.unreconciled_time, sum.taken_time + sum.idle_time);
      EXPECT_GE(sum.idle_microusd, 0);
    }
    for (const auto& [key, time] : rows) EXPECT_TRUE(expected.contains(key) || is_nothing(time));
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace oppen::cost
