#include "bench/support/report.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>

namespace oppen::bench {
namespace {

// Three digits or more: 0.123, 4.56, 78.9, 12345.
std::string shown(double value) {
  if (value == 0) return "0";
  const double size = value < 0 ? -value : value;
  return fmt::format("{:.{}f}", value, size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0);
}

void print(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

}  // namespace

void Report::claim(const std::string& name, const std::string& what) {
  print(fmt::format("\n{}: {}", name, what));
  claims_.push_back({{"claim", name},
                     {"what", what},
                     {"measures", nlohmann::ordered_json::array()},
                     {"bars", nlohmann::ordered_json::array()}});
}

void Report::measured(const std::string& name, const Samples& of, const std::string& unit) {
  samples("measured", name, of, unit);
}
void Report::measured(const std::string& name, double value, const std::string& unit) {
  number("measured", name, value, unit);
}
void Report::limit(const std::string& name, const Samples& of, const std::string& unit) {
  samples("limit", name, of, unit);
}

void Report::ratio(const std::string& name, const Samples& of, const Samples& to) {
  if (of.count() == 0 || to.percentile(50) <= 0) return;
  const double p50 = of.percentile(50) / to.percentile(50);
  const double p99 = of.percentile(99) / to.percentile(99);
  print(fmt::format("  {:<9} {:<58} p50 {} times, p99 {} times", "ratio", name, shown(p50),
                    shown(p99)));
  last()["measures"].push_back({{"role", "ratio"}, {"name", name}, {"p50", p50}, {"p99", p99}});
}

void Report::bar(const std::string& name, double value, double below, const std::string& unit) {
  judge(name, value, "below", below, unit, value < below);
}
void Report::bar_at_most(const std::string& name, double value, double most,
                         const std::string& unit) {
  judge(name, value, "at most", most, unit, value <= most);
}
void Report::bar_at_least(const std::string& name, double value, double least,
                          const std::string& unit) {
  judge(name, value, "at least", least, unit, value >= least);
}

bool Report::write(const std::string& path) const {
  std::ofstream file(path);
  file << claims_.dump(1) << '\n';
  return file.good();
}

void Report::samples(const char* role, const std::string& name, const Samples& of,
                     const std::string& unit) {
  print(fmt::format("  {:<9} {:<58} n {:<5} p50 {}  p90 {}  p99 {}  max {} {}", role, name,
                    of.count(), shown(of.percentile(50)), shown(of.percentile(90)),
                    shown(of.percentile(99)), shown(of.max()), unit));
  last()["measures"].push_back({{"role", role},
                                {"name", name},
                                {"unit", unit},
                                {"count", of.count()},
                                {"p50", of.percentile(50)},
                                {"p90", of.percentile(90)},
                                {"p99", of.percentile(99)},
                                {"max", of.max()}});
}

void Report::number(const char* role, const std::string& name, double value,
                    const std::string& unit) {
  print(fmt::format("  {:<9} {:<58} {} {}", role, name, shown(value), unit));
  last()["measures"].push_back({{"role", role}, {"name", name}, {"unit", unit}, {"value", value}});
}

void Report::judge(const std::string& name, double value, const char* comparison, double bound,
                   const std::string& unit, bool holds) {
  print(fmt::format("  {:<9} {:<58} {} {}, expected {} {} {}", holds ? "HOLDS" : "MISSED", name,
                    shown(value), unit, comparison, shown(bound), unit));
  last()["bars"].push_back({{"name", name},
                            {"value", value},
                            {"comparison", comparison},
                            {"bound", bound},
                            {"unit", unit},
                            {"holds", holds}});
}

}  // namespace oppen::bench
