#include "workers/console/books_view.hpp"

namespace oppen::console {

Result<std::vector<cost::DayRow>> PooledBooks::days(std::chrono::sys_days from,
                                                    std::chrono::sys_days to) {
  return pool_.with(
      [&](runtime::Redis& redis) { return cost::Books(redis, prefix_, &kept_).days(from, to); });
}

Result<std::optional<cost::RunRecord>> PooledBooks::run(const std::string& id_or_name) {
  return pool_.with(
      [&](runtime::Redis& redis) { return cost::Books(redis, prefix_).run(id_or_name); });
}

Result<std::optional<cost::RunRecord>> PooledBooks::job(const std::string& job_id) {
  return pool_.with([&](runtime::Redis& redis) { return cost::Books(redis, prefix_).job(job_id); });
}

Result<std::vector<cost::RunRecord>> PooledBooks::jobs(const std::vector<std::string>& job_ids) {
  return pool_.with(
      [&](runtime::Redis& redis) { return cost::Books(redis, prefix_).jobs(job_ids); });
}

Result<cost::RunList> PooledBooks::runs(Time from, Time to, const cost::RunFilter& filter,
                                        std::size_t limit) {
  return pool_.with([&](runtime::Redis& redis) {
    return cost::Books(redis, prefix_).runs(from, to, filter, limit);
  });
}

Result<bool> PooledBooks::surely_more_runs(Time from, Time to, std::size_t most) {
  return pool_.with([&](runtime::Redis& redis) {
    return cost::Books(redis, prefix_).surely_more_runs(from, to, most);
  });
}

Result<std::size_t> PooledBooks::runs_on(std::chrono::sys_days day) {
  return pool_.with(
      [&](runtime::Redis& redis) { return cost::Books(redis, prefix_).runs_on(day); });
}

Result<std::vector<cost::RunRecord>> PooledBooks::history(const std::string& model_type,
                                                          std::size_t limit) {
  return pool_.with([&](runtime::Redis& redis) {
    return cost::Books(redis, prefix_).history(model_type, limit);
  });
}

Result<std::vector<double>> PooledBooks::accuracies(const cost::RunRecord& run) {
  return pool_.with(
      [&](runtime::Redis& redis) { return cost::Books(redis, prefix_).accuracies(run); });
}

Result<cost::TrackRecords> PooledBooks::track_records(const std::string& model_type) {
  return pool_.with(
      [&](runtime::Redis& redis) { return cost::Books(redis, prefix_).track_records(model_type); });
}

Result<std::vector<std::optional<MicroUsd>>> PooledBooks::charged(
    const std::vector<cost::AttemptId>& ids) {
  return pool_.with([&](runtime::Redis& redis) { return cost::charged(redis, prefix_, ids); });
}

Result<cost::IdleSums> PooledBooks::idle(std::chrono::sys_days from, std::chrono::sys_days to) {
  return pool_.with(
      [&](runtime::Redis& redis) { return budgets::read_idle(redis, prefix_, from, to); });
}

}  // namespace oppen::console
