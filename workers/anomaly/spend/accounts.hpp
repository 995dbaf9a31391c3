#pragma once
// What was spent, by series and by workload, what the bus said of them, and what people planned; and how it is stored. Exact sums that depend on no
// order. One thread.
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "schemas/error.hpp"
#include "workers/anomaly/spend/keys.hpp"
#include "workers/anomaly/spend/note_book.hpp"
#include "workers/anomaly/spend/series.hpp"
#include "workers/anomaly/spend/spend.hpp"
#include "workers/anomaly/spend/workloads.hpp"

namespace oppen::anomaly {

struct Planned {
  std::string series;
  Time from, until;
  auto operator<=>(const Planned&) const = default;
};

struct Meta {
  static constexpr std::string_view state_name = "spend.1";
  Slot first = 0;  // of the first charge; 0: there was none
  Slot newest = 0;
  std::uint64_t dropped = 0;

  template <class Archive>
  void state(Archive& archive) {
    archive(first, newest, dropped);
  }
};

class Accounts {
 public:
  explicit Accounts(SpendOptions given) : options(given) {}

  void add(const Spending& spending);
  void note(const Note& note);
  void planned(const std::string& key, Time from, Time until);
  void noise(const std::string& key);
  // Slots up to `now` have begun; what is forgotten by then is dropped.
  void advance(Slot now);

  double floor() const { return static_cast<double>(options.floor.value) / 1e6; }
  // The first day that is known whole.
  std::int64_t first_day() const {
    return day_of(meta.first) + (meta.first % slots_a_day == 0 ? 0 : 1);
  }
  bool is_planned(const std::string& key, Time from, Time until) const;
  bool is_planned_day(const std::string& key, std::int64_t day) const;

  // Whoever changes one of these says so.
  void changed_series(const std::string& key) { dirty_.insert("s:" + key); }
  void changed_workload(const WorkloadKey& key) { dirty_.insert("w:" + text_of(key)); }
  // As of Spend.
  std::vector<std::pair<std::string, std::string>> changed();
  Status load(const std::string& key, const std::string& value);

  const SpendOptions options;
  Meta meta;
  std::map<std::string, Series> series;
  std::map<WorkloadKey, Workload> workloads;
  std::map<std::string, NoteBook> notes;  // by series key; "": of everything
  std::set<Planned> plans;

 private:
  Series& series_of(const std::string& key);
  std::string known(std::size_t dimension, const std::string& value);
  void put(const std::string& key, Slot slot, std::int64_t microusd);
  void put(const WorkloadKey& key, Slot slot, const Used& used);

  std::array<std::size_t, spend_dimensions.size()> values_{};  // series of each dimension
  std::set<std::string> dirty_;
};

}  // namespace oppen::anomaly
