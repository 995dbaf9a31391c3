#pragma once
// The questions about cost: report, costs, forecast, compare, recommendations. From the cost worker's books, and from the queue where a job has cost
// nothing yet. Any thread; borrows what it is given.
//
// The rates in force are those of the last policy.changed, which the scheduler keeps beside the queue and the console reads for
// its policies anyway: asking the scheduler would add a service that may be away, and the history that oppen-cost keeps of all rates is not needed, as only
// time to come is priced here.
#include <string>
#include <string_view>

#include "workers/console/books_view.hpp"
#include "workers/console/params.hpp"
#include "workers/console/queue_view.hpp"
#include "workers/cost/pricing/rate_history.hpp"
#include "workers/cost/report/forecast.hpp"
#include "workers/cost/report/period.hpp"
#include "workers/cost/report/report.hpp"

namespace oppen::console {

class CostAnswers {
 public:
  CostAnswers(BooksView& books, QueueView& queue, const Clock& clock)
      : books_(books), queue_(queue), clock_(clock) {}

  // JSON; with the parameter `format` also CSV.
  runtime::HttpAnswer report(Params params);
  // Several reports of the same days, from one reading of the books.
  runtime::HttpAnswer analysis(Params params);
  // The runs of some days, without what they cost in them alone: so no day is read.
  runtime::HttpAnswer runs(Params params);
  // Day rows, or with the parameter `job` what one has cost, or with `attempts` those of them that are charged to their end.
  runtime::HttpAnswer costs(Params params);
  runtime::HttpAnswer forecast(const std::string& id_or_name, Params params);
  // Of the month or quarter that the parameter `period` names.
  runtime::HttpAnswer forecast_period(Params params);
  // `body`: the data of a batch.submit.
  runtime::HttpAnswer compare(std::string_view body, Params params);
  // What could have been saved on the run that the parameter `run` names.
  //
  // Computed when it is asked for, from what the books hold by now: so it is there of every run whose record is kept, with what later
  // runs have shown, and at the rates at which it would run next; and nothing has to be kept of answers that nobody asks for.
  runtime::HttpAnswer recommendations(Params params);

  struct InForce {
    plan::Policy policy;
    pricing::RateHistory rates;  // hold since ever
  };
  Result<InForce> in_force();

 private:
  // Of more runs than these it isn't told how many they are, and by run only the latest are listed.
  static constexpr std::size_t most_runs = 2'000;
  // `runs`: they are wanted also where not all of them can be had.
  Result<cost::ReportInput> report_input(const cost::DayRange& range, cost::ReportFilter filter,
                                         bool runs, Time now);
  runtime::HttpAnswer attempts(std::string_view listed);
  // nullopt: the queue has no job of this id. It is asked before the books are: they may know another job by this as its name.
  Result<std::optional<queue::JobRecord>> job_of_id(const std::string& id);

  // What there is to know of a run, or of a job, as far as it is there; at least one.
  static cost::ForecastInput input_of(const std::optional<cost::RunRecord>& run,
                                      const std::optional<queue::JobRecord>& job);
  // nullopt: there are too many runs to look at.
  Result<std::optional<cost::RunsAhead>> runs_ahead(const cost::PeriodInput& input,
                                                    const InForce& rules, Time now);

  BooksView& books_;
  QueueView& queue_;
  const Clock& clock_;
};

}  // namespace oppen::console
