#pragma once
// What the console asks of the cost worker's books: the calls of cost::Books, safe from any thread. The real one is PooledBooks; the
// tests script their own. Errors: those of Books.
#include <optional>
#include <string>
#include <vector>

#include "workers/console/redis_pool.hpp"
#include "workers/cost/books/books.hpp"
#include "workers/cost/budgets/keeper/keeper_store.hpp"
#include "workers/cost/store/charged.hpp"

namespace oppen::console {

class BooksView {
 public:
  virtual ~BooksView() = default;

  virtual Result<std::vector<cost::DayRow>> days(std::chrono::sys_days from,
                                                 std::chrono::sys_days to) = 0;
  virtual Result<std::optional<cost::RunRecord>> run(const std::string& id_or_name) = 0;
  virtual Result<std::optional<cost::RunRecord>> job(const std::string& job_id) = 0;
  virtual Result<std::vector<cost::RunRecord>> jobs(const std::vector<std::string>& job_ids) = 0;
  virtual Result<cost::RunList> runs(Time from, Time to, const cost::RunFilter& filter,
                                     std::size_t limit) = 0;
  virtual Result<bool> surely_more_runs(Time from, Time to, std::size_t most) = 0;
  virtual Result<std::size_t> runs_on(std::chrono::sys_days day) = 0;
  virtual Result<std::vector<cost::RunRecord>> history(const std::string& model_type,
                                                       std::size_t limit) = 0;
  virtual Result<std::vector<double>> accuracies(const cost::RunRecord& run) = 0;
  virtual Result<cost::TrackRecords> track_records(const std::string& model_type) = 0;
  // As cost::charged.
  virtual Result<std::vector<std::optional<MicroUsd>>> charged(
      const std::vector<cost::AttemptId>& ids) = 0;
  // As budgets::read_idle.
  virtual Result<cost::IdleSums> idle(std::chrono::sys_days from, std::chrono::sys_days to) = 0;
};

class PooledBooks final : public BooksView {
 public:
  // The pool must outlive this.
  PooledBooks(RedisPool& pool, std::string topic_prefix)
      : pool_(pool), prefix_(std::move(topic_prefix)) {}

  Result<std::vector<cost::DayRow>> days(std::chrono::sys_days from,
                                         std::chrono::sys_days to) override;
  Result<std::optional<cost::RunRecord>> run(const std::string& id_or_name) override;
  Result<std::optional<cost::RunRecord>> job(const std::string& job_id) override;
  Result<std::vector<cost::RunRecord>> jobs(const std::vector<std::string>& job_ids) override;
  Result<cost::RunList> runs(Time from, Time to, const cost::RunFilter& filter,
                             std::size_t limit) override;
  Result<bool> surely_more_runs(Time from, Time to, std::size_t most) override;
  Result<std::size_t> runs_on(std::chrono::sys_days day) override;
  Result<std::vector<cost::RunRecord>> history(const std::string& model_type,
                                               std::size_t limit) override;
  Result<std::vector<double>> accuracies(const cost::RunRecord& run) override;
  Result<cost::TrackRecords> track_records(const std::string& model_type) override;
  Result<std::vector<std::optional<MicroUsd>>> charged(
      const std::vector<cost::AttemptId>& ids) override;
  Result<cost::IdleSums> idle(std::chrono::sys_days from, std::chrono::sys_days to) override;

 private:
  RedisPool& pool_;
  const std::string prefix_;
  cost::KeptDays kept_;
};

}  // namespace oppen::console
