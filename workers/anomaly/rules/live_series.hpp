#pragma once
// One number that is watched as it goes, a value each ten minutes, by the default detector. Unusual is what the detector has not seen, once it
// has seen three days, and what besides is clearly worse than the last day was: the detector alone tells also what nobody minds. It lasts
// until half of the way back or until there is no value, a day at most: then it is what is usual. Plain value; one thread.
#include <chrono>
#include <cstdint>
#include <string_view>

#include "workers/anomaly/detect/novelty.hpp"

namespace oppen::anomaly {

// What counts as worse than usual: in which direction, and by how much at least.
struct Worse {
  int direction = 1;  // 1: more is worse; -1: less
  double least = 0;   // in the unit of the value
  double part = 0;    // of what is usual
};

inline constexpr Worse worse_cost_rate{1, 2, 0.5};    // dollars an hour
inline constexpr Worse worse_utilization{-1, 20, 0};  // percent
inline constexpr Worse worse_queue_depth{1, 10, 1};   // jobs
inline constexpr Worse worse_failures{1, 5, 1};       // attempts in an interval

class LiveSeries {
 public:
  static constexpr std::string_view state_name = "live-series.2";
  static constexpr std::chrono::minutes interval{10};
  static constexpr std::uint32_t values_a_day = 144;
  static constexpr std::uint32_t history = 3 * values_a_day;
  // Of to_unit(score): the detector's own bar is 0.5.
  static constexpr double unusual_from = 0.5;

  // In order of time.
  void add(Time at, double value, const Worse& worse);
  // There was no value: what was unusual is over.
  void lapse() { since_ = 0; }

  bool is_unusual() const { return since_ != 0; }
  double value() const { return value_; }  // the last one
  // The mean of about a day: before what is unusual began, where it is.
  double usual() const { return is_unusual() ? double{usual_} : mean_; }
  Time last_seen() const { return from(seen_); }  // when it was not zero

  template <class Archive>
  void state(Archive& archive) {
    archive(detector_, mean_, value_, seen_, since_, usual_, until_);
  }

 private:
  static Time from(std::uint32_t seconds) { return Time(std::chrono::seconds(seconds)); }
  static std::uint32_t seconds(Time at) {
    return static_cast<std::uint32_t>(
        std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count());
  }

  Novelty detector_;
  double mean_ = 0;
  double value_ = 0;
  float usual_ = 0;  // when what is unusual began
  float until_ = 0;  // the value at which it is over
  // Seconds since 1970, which 32 bits hold until 2106.
  std::uint32_t seen_ = 0;
  std::uint32_t since_ = 0;  // 0: it is not unusual
};

}  // namespace oppen::anomaly
