// Proves that the FOCUS file has the columns that version 1.2 demands and adds up to what was charged to the micro-dollar, corrections
// included.
#include "workers/cost/report/focus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

namespace oppen::cost {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

using Line = std::map<std::string, std::string>;

// As RFC 4180 says it; written without the writer's code.
std::vector<std::vector<std::string>> cells_of(const std::string& text) {
  std::vector<std::vector<std::string>> lines(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      lines.back().back() += '"';
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      lines.back().emplace_back();
    } else if (c == '\r' && !quoted) {
      EXPECT_EQ(text[++i], '\n');
      lines.push_back({""});
    } else {
      lines.back().back() += c;
    }
  }
  lines.pop_back();
  return lines;
}

std::vector<Line> lines_of(const std::string& text) {
  const auto cells = cells_of(text);
  std::vector<Line> lines;
  for (std::size_t i = 1; i < cells.size(); ++i) {
    EXPECT_EQ(cells[i].size(), cells[0].size());
    Line line;
    for (std::size_t j = 0; j < cells[0].size(); ++j) line[cells[0][j]] = cells[i][j];
    lines.push_back(line);
  }
  return lines;
}

DayRow january_31() {
  DayRow row;
  row.key = {std::chrono::sys_days(std::chrono::year{2026} / 1 / 31),
             "vision",
             "digits",
             "mnist",
             "training",
             "T4",
             "ml-training"};
  row.spent.gpu_microusd = 17'083;
  row.spent.cpu_microusd = 3'417;
  row.spent.total_microusd = 20'500;
  row.spent.run_ms = row.spent.gpu_ms = 246'000;
  row.spent.core_ms = 4 * 246'000;
  return row;
}

TEST(Focus, HasEveryMandatoryColumn) {
  EXPECT_THAT(cells_of(to_focus({}, {}))[0],
              IsSupersetOf({"BilledCost",      "BillingAccountId",  "BillingAccountName",
                            "BillingCurrency", "BillingPeriodEnd",  "BillingPeriodStart",
                            "ChargeCategory",  "ChargeClass",       "ChargeDescription",
                            "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost",
                            "EffectiveCost",   "InvoiceIssuerName", "ListCost",
                            "PricingQuantity", "PricingUnit",       "ProviderName",
                            "PublisherName",   "ServiceCategory",   "ServiceName"}));
}

TEST(Focus, OfADay) {
  const DayRow rows[] = {january_31()};
  const auto lines = lines_of(to_focus(rows, {}));
  ASSERT_EQ(lines.size(), 2U);  // memory costs nothing
  EXPECT_EQ(lines[0].at("BilledCost"), "0.017083");
  EXPECT_EQ(lines[1].at("BilledCost"), "0.003417");
  for (const Line& line : lines) {
    for (const char* cost : {"EffectiveCost", "ListCost", "ContractedCost"})
      EXPECT_EQ(line.at(cost), line.at("BilledCost"));
    EXPECT_EQ(line.at("BillingPeriodStart"), "2026-01-01T00:00:00Z");
    EXPECT_EQ(line.at("BillingPeriodEnd"), "2026-02-01T00:00:00Z");
    EXPECT_EQ(line.at("ChargePeriodStart"), "2026-01-31T00:00:00Z");
    EXPECT_EQ(line.at("ChargePeriodEnd"), "2026-02-01T00:00:00Z");
    EXPECT_EQ(line.at("ChargeCategory"), "Usage");
    EXPECT_EQ(line.at("ChargeClass"), "");  // null
    EXPECT_EQ(line.at("PricingQuantity"), line.at("ConsumedQuantity"));
    EXPECT_EQ(line.at("SubAccountId"), "vision");
    EXPECT_THAT(line.at("Tags"), HasSubstr(R"("project":"digits")"));
  }
  EXPECT_EQ(lines[0].at("PricingUnit"), "GPU-Hours");
  EXPECT_EQ(lines[0].at("PricingQuantity"), "0.068333");  // 246 s
  EXPECT_EQ(lines[1].at("PricingUnit"), "Core-Hours");
  EXPECT_EQ(lines[1].at("PricingQuantity"), "0.273333");  // of four cores
  EXPECT_EQ(lines[0].at("x_GpuType"), "T4");
}

TEST(Focus, AQuantityThatWasNotToldIsLeftOut) {
  DayRow row = january_31();
  row.spent.memory_microusd = 1'000;
  row.spent.gib_ms = 2 * 246'000;
  row.spent.core_ms = 0;
  const DayRow rows[] = {row};
  const auto lines = lines_of(to_focus(rows, {}));
  EXPECT_EQ(lines[1].at("ConsumedQuantity"), "");
  EXPECT_EQ(lines[1].at("ConsumedUnit"), "");
  EXPECT_EQ(lines[2].at("ConsumedQuantity"), "0.136667");
  EXPECT_EQ(lines[2].at("ConsumedUnit"), "GiB-Hours");
}

TEST(Focus, AddsUpToWhatWasCharged) {
  std::mt19937 draw(7);
  std::uniform_int_distribution<std::int64_t> amount(-900'000, 3'000'000);
  std::vector<DayRow> rows;
  std::int64_t charged = 0;
  for (int i = 0; i < 500; ++i) {
    DayRow row = january_31();
    row.spent.gpu_microusd = amount(draw);
    row.spent.cpu_microusd = amount(draw);
    row.spent.memory_microusd = i % 3 == 0 ? 0 : amount(draw);
    row.spent.total_microusd =
        row.spent.gpu_microusd + row.spent.cpu_microusd + row.spent.memory_microusd;
    charged += row.spent.total_microusd;
    rows.push_back(row);
  }
  std::int64_t billed = 0;
  for (const Line& line : lines_of(to_focus(rows, {})))
    billed += std::llround(std::stod(line.at("BilledCost")) * 1e6);
  EXPECT_EQ(billed, charged);
}

TEST(Focus, OfARunWithoutAGpu) {
  DayRow row = january_31();
  row.spent.gpu_ms = 0;
  const DayRow rows[] = {row};
  const auto lines = lines_of(to_focus(rows, {}));
  EXPECT_EQ(lines[0].at("x_Resource"), "CPU-only rate");
  EXPECT_EQ(lines[0].at("PricingUnit"), "Hours");
  EXPECT_TRUE(lines_of(to_focus(rows, {.team = "speech"})).empty());
}

TEST(Focus, IdleGpusAreALineOfEachDayAndType) {
  constexpr std::int64_t hour = std::int64_t{1'000'000} * 3'600'000;
  const std::chrono::sys_days third(std::chrono::year{2026} / 1 / 3);
  IdleSums idle;
  idle.add({third, "n1", "A100", 350'000, 1'000'000}, {8 * hour, 2 * hour, 0});
  idle.add({third, "n2", "A100", 350'000, 1'000'000}, {hour, 0, 0});
  idle.add({third, "n3", "T4", 150'000, 1'000'000}, {hour, hour, 0});
  const auto lines = lines_of(to_focus({}, {}, idle));
  ASSERT_EQ(lines.size(), 1U) << "of T4 all was taken";
  EXPECT_EQ(lines[0].at("BilledCost"), "2.450000");
  EXPECT_EQ(lines[0].at("ConsumedQuantity"), "7.000000");
  EXPECT_EQ(lines[0].at("x_Resource"), "Idle GPU");
  EXPECT_EQ(lines[0].at("x_GpuType"), "A100");
  EXPECT_EQ(lines[0].at("ChargeDescription"), "Idle GPU");
  EXPECT_EQ(lines[0].at("SubAccountId"), "");
}

}  // namespace
}  // namespace oppen::cost
