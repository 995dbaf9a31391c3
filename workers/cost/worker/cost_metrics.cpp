#include "workers/cost/worker/cost_metrics.hpp"

#include <algorithm>
#include <utility>

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

constexpr auto shown_after_end = 5min;
constexpr double million = 1e6;

double usd(MicroUsd amount) { return static_cast<double>(amount.value) / million; }

}  // namespace

CostMetrics::CostMetrics(runtime::Metrics& metrics)
    : metrics_(metrics),
      charges_without_series_(metrics.counter(
          "oppen_cost_charges_without_series_total",
          "Charges of a team, project and model that there was no room for: they are in other")),
      pods_without_series_(metrics.gauge(
          "oppen_cost_pods_without_series",
          "Running pods that there was no room for: what they cost an hour is in other")) {}

void CostMetrics::count(const CostAccrued& charge) {
  Key key{charge.team, charge.project, charge.model_type};
  if (!owed_.contains(key) && owed_.size() >= most_series) {
    key = {"other", "other", "other"};
    charges_without_series_.add();
  }
  auto& owed = owed_[key];
  owed += charge.total.value;
  if (owed <= 0) return;
  const auto& [team, project, model] = key;
  metrics_
      .counter("oppen_cost_usd_total", "What has been charged, in dollars",
               {{"team", team}, {"project", project}, {"model", model}})
      .add(usd({std::exchange(owed, 0)}));
}

void CostMetrics::ended(PodCost pod, Time now) {
  ended_.push_back({now, std::move(pod)});
  if (ended_.size() > most_pods) ended_.pop_front();
}

void CostMetrics::running(const std::vector<PodCost>& pods, Time now) {
  while (!ended_.empty() && ended_.front().at < now - shown_after_end) ended_.pop_front();
  runtime::Metrics page;
  std::size_t room = most_pods;
  std::map<std::pair<std::string, std::string>, MicroUsd> shown;
  const auto labels_of = [](const PodCost& pod) {
    return runtime::Labels{{"pod_name", pod.pod},
                           {"pod_namespace", pod.pod_namespace},
                           {"model", pod.model},
                           {"workload_type", pod.workload_type}};
  };
  const auto show_hourly = [&](const PodCost& pod) {
    page.gauge("pod_hourly_cost_usd", "What a running pod costs an hour now, in dollars",
               labels_of(pod))
        .set(usd(pod.hourly));
  };
  const auto show_total = [&](const PodCost& pod) {
    const auto last = shown_[{pod.pod_namespace, pod.pod}];
    auto& highest = shown[{pod.pod_namespace, pod.pod}];
    highest = std::max({highest, last, pod.total});
    auto& total = page.counter("pod_cost_usd_total", "What a pod has been charged, in dollars",
                               labels_of(pod));
    if (const double more = usd(highest) - total.value(); more > 0) total.add(more);
  };
  PodCost others{"other", "other", "other", "other", {}, {}};  // those that there is no room for
  int without_series = 0;
  for (const auto& pod : pods) {
    if (room == 0) {
      if (!pod.runs) continue;
      others.hourly += pod.hourly;
      ++without_series;
      continue;
    }
    --room;
    if (pod.runs) show_hourly(pod);
    show_total(pod);
  }
  if (others.hourly.value > 0) show_hourly(others);
  for (auto one = ended_.rbegin(); one != ended_.rend() && room > 0; ++one, --room)
    show_total(one->pod);
  pods_without_series_.set(without_series);
  shown_ = std::move(shown);
  auto text = page.render();
  const std::lock_guard lock(mutex_);
  page_ = std::move(text);
}

std::string CostMetrics::pods_page() const {
  const std::lock_guard lock(mutex_);
  return page_;
}

}  // namespace oppen::cost
