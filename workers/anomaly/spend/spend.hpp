#pragma once
// The rule of daily cost: what the whole, each team, project, model type, GPU type and namespace spends, against what it usually does, by the
// events' own times. Told is a cost_spike, with its causes and, where there is one, what would put it right.
//
// A series is told when all of these hold for what the day will come to, if it goes on as in the last minutes:
// - it is 20 % above the mean of the seven days before;
// - it is significant: ln(day / median of 28 days) is above 3 x 1.4826 x MAD of these days (Leys, Ley, Klein, Bernard and Licata 2013,
//   "Detecting outliers"), MAD at least 5 %; and the last minutes cost more than any as many in the 14 days before;
// - it is worth the floor, in dollars a day;
// - there are 10 days of history; with 3 to 10 it must be 1.3 times as significant, and the alert says that it is provisional;
// - a series that usually spends next to nothing has spent a part of the floor beyond that, or many more jobs run at once than by chance.
// Of series that tell the same thing one is told: see look().
//
// Sums are exact and depend on no order. Pure; one thread at a time. About 1.3 KB a series.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workers/anomaly/finding.hpp"
#include "workers/anomaly/spend/spending.hpp"

namespace oppen::anomaly {

struct SpendOptions {
  MicroUsd floor{10'000'000};          // a day: what is worth less is not told
  std::chrono::hours late{36};         // later charges than this are counted and dropped
  std::size_t most_series = 2'000;     // values of a dimension beyond it are summed as "(other)"
  std::size_t most_workloads = 4'000;  // combinations of values, for causes
};

class Spend {
 public:
  using Labels = std::map<std::string, std::string>;

  explicit Spend(SpendOptions options = {});
  ~Spend();
  Spend(Spend&&) noexcept;
  Spend& operator=(Spend&&) noexcept;

  // Each charge once, in any order.
  void add(const Spending& spending);
  void note(const Note& note);

  // What people said of an alert with these labels. Planned: what it tells of neither alerts nor counts for its baseline in that stretch; what
  // it explains of other series doesn't alert either. Noise: its bounds are a quarter higher, each time, to three times.
  void planned(const Labels& labels, Time from, Time until);
  void noise(const Labels& labels);

  // Every series that was told lately or is to be told, as it is at `at`, of which no charge before is expected any more; `holds` false: it is
  // well again. The labels are {"scope": "total"}, or {"team": ..}, {"project": ..}, {"model_type": ..}, {"gpu_type": ..}, {"namespace": ..}.
  // Times must not step back.
  //
  // Several series see the same jobs. They are told in this way: what is told already and still holds stays; of the others the one with the
  // greatest excess, or in its place the one that usually costs least of those that hold 60 % of that excess; what is then left of the
  // others' excess is judged anew.
  std::vector<Finding> look(Time at);

  // What has changed since the last call, to be stored under these keys; an empty value: to be deleted. Binary.
  std::vector<std::pair<std::string, std::string>> changed();
  // Refuses what changed() did not write; the rest stays as it is.
  Status load(const std::string& key, const std::string& value);

  std::uint64_t dropped_late() const;
  std::size_t series() const;
  std::size_t bytes() const;  // of what it holds, about

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace oppen::anomaly
