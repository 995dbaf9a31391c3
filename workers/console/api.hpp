#pragma once
// The query API: from a request to its answer. Knows nothing of sockets. Any thread; borrows what
// it is given.
//
// Paths: see openapi.yaml, which is served at /api/v1/openapi.yaml.
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/time.hpp"
#include "workers/anomaly/episodes/view.hpp"
#include "workers/console/cost_answers.hpp"
#include "workers/console/dashboard.hpp"
#include "workers/console/health.hpp"
#include "workers/console/logs.hpp"
#include "workers/console/params.hpp"
#include "workers/console/queue_view.hpp"
#include "workers/console/scheduler_api.hpp"
#include "workers/cost/budgets/keeper/keeper_store.hpp"

namespace oppen::console {

// The file openapi.yaml, part of the program.
std::string_view openapi_document();

// Those that are asked by POST.
inline constexpr const char* simulate_path = "/api/v1/simulate";
inline constexpr const char* simulate_policy_path = "/api/v1/simulate/policy";
inline constexpr const char* compare_path = "/api/v1/compare";

// An answer, or a log to be sent as it comes.
struct Reply {
  runtime::HttpAnswer answer;
  std::shared_ptr<LogStream> log;
};

class Api {
 public:
  using ReadBudgets = std::function<Result<std::vector<budgets::BudgetView>>()>;

  Api(QueueView& queue, BooksView& books, LogSource& logs, SchedulerQuestions& scheduler,
      Dashboard::ReadParts parts, Dashboard::ReadNodes nodes, const Clock& clock,
      std::string pod_namespace, ReadBudgets read_budgets, Dashboard::ReadAlerts read_alerts)
      : queue_(queue),
        logs_(logs),
        scheduler_(scheduler),
        parts_(parts),
        clock_(clock),
        costs_(books, queue, clock),
        dashboard_(queue, books, costs_, std::move(parts), std::move(nodes), read_alerts, clock),
        namespace_(std::move(pod_namespace)),
        read_budgets_(std::move(read_budgets)),
        read_alerts_(std::move(read_alerts)) {}

  // A GET of a path below /api/, or the POST of one of the above.
  Reply handle(const runtime::HttpQuery& query);

 private:
  runtime::HttpAnswer queue(Params params);
  runtime::HttpAnswer jobs(Params params);
  runtime::HttpAnswer job(const std::string& job_id, Params params);
  runtime::HttpAnswer batch(const std::string& batch_id, Params params);
  Reply logs(const std::string& job_id, Params params);
  // Adds to the waiting jobs of a page when they are expected to start, or to the page why that is not known.
  void add_starts(nlohmann::json& page);
  runtime::HttpAnswer explain(const std::string& job_id, Params params);
  runtime::HttpAnswer simulate(std::string_view batch, Params params);
  runtime::HttpAnswer simulate_policy(std::string_view change, Params params);
  runtime::HttpAnswer health(Params params);
  runtime::HttpAnswer dashboard(Params params);
  runtime::HttpAnswer rates(Params params);
  runtime::HttpAnswer budgets(Params params);
  runtime::HttpAnswer alerts(Params params);
  Result<plan::Policy> policy();

  QueueView& queue_;
  LogSource& logs_;
  SchedulerQuestions& scheduler_;
  Dashboard::ReadParts parts_;
  const Clock& clock_;
  CostAnswers costs_;
  Dashboard dashboard_;
  std::string namespace_;
  ReadBudgets read_budgets_;
  Dashboard::ReadAlerts read_alerts_;
};

}  // namespace oppen::console
