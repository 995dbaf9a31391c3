#pragma once
// What a program measured: printed as it comes, and kept as JSON. A claim names what is measured;
// below it stand measures, the limits that they are held against, and bars. One thread at a time.
#include <nlohmann/json.hpp>
#include <string>

#include "bench/support/samples.hpp"

namespace oppen::bench {

class Report {
 public:
  // Begins a claim: `name` as in "batch-100", `what` a sentence of what is measured and how.
  void claim(const std::string& name, const std::string& what);

  // All of these belong to the last claim. A limit is what the same machine could do at best,
  // measured in the same run.
  void measured(const std::string& name, const Samples& samples, const std::string& unit = "ms");
  void measured(const std::string& name, double value, const std::string& unit);
  void limit(const std::string& name, const Samples& samples, const std::string& unit = "ms");
  // How many times the limit the measured is, at p50 and p99.
  void ratio(const std::string& name, const Samples& of, const Samples& to);
  // Holds when `value` is below `below` (at_most: or equal to it; at_least: equal or above).
  void bar(const std::string& name, double value, double below, const std::string& unit);
  void bar_at_most(const std::string& name, double value, double most, const std::string& unit);
  void bar_at_least(const std::string& name, double value, double least, const std::string& unit);

  // The claims as a JSON array. False when the file can't be written.
  bool write(const std::string& path) const;

 private:
  void samples(const char* role, const std::string& name, const Samples& samples,
               const std::string& unit);
  void number(const char* role, const std::string& name, double value, const std::string& unit);
  void judge(const std::string& name, double value, const char* comparison, double bound,
             const std::string& unit, bool holds);
  nlohmann::ordered_json& last() { return claims_.back(); }

  nlohmann::ordered_json claims_ = nlohmann::ordered_json::array();
};

}  // namespace oppen::bench
