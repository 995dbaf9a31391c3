#pragma once
// Answers what only the scheduler can say: why a job waits and when it will start, and what a batch would do. Outlives terms; while this
// scheduler does not lead, the answer is that. Any thread; one question is answered at a time, and only a few may wait.
//
// Nothing of it runs on the core's thread but a copy of what it knows (core/inquiry.hpp), for each question and each snapshot (snapshots.hpp).
// A core that does not answer within a second is busy: then the last snapshot has to do, and the answer says so ("outdated"); likewise where the
// queue can't be read. What has come or changed since is not told of then.
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "scheduler/answers/answer_text.hpp"
#include "scheduler/answers/batch_check.hpp"
#include "scheduler/answers/snapshots.hpp"
#include "scheduler/core/inquiry.hpp"
#include "scheduler/plan/played.hpp"
#include "workers/runtime/health_server.hpp"

namespace oppen::answers {

class Questions {
 public:
  // Errors: invalid, for a malformed URL. A Redis that is away is no error here.
  static Result<std::unique_ptr<Questions>> create(const std::string& redis_url,
                                                   const std::string& topic_prefix,
                                                   core::Inquiry& inquiry);

  // GET /api/v1/jobs/{id}/explain
  runtime::HttpAnswer explain(const std::string& job_id);
  // POST /api/v1/starts with {"jobs": [id, ...]}, at most so many: when those of them that wait are expected to start.
  static constexpr std::size_t most_starts = 1'000;
  runtime::HttpAnswer starts(std::string_view jobs);
  // POST /api/v1/simulate with the data of a batch.submit; with ?delays=false without what becomes of those that wait.
  runtime::HttpAnswer simulate(std::string_view batch, bool delays = true);
  // POST /api/v1/simulate/policy with {"key", "value", "until"}: the value as the ConfigMap would hold it, and when it ends, if it does.
  runtime::HttpAnswer simulate_policy(std::string_view change);

 private:
  // What a submission is judged by.
  struct Rules {
    core::AdmissionRules rules;
    Time at;
    Snapshots::Clock::time_point asked;
    std::string outdated;  // as of a snapshot
  };

  Questions(std::unique_ptr<runtime::Redis> for_snapshots, std::unique_ptr<runtime::Redis> redis,
            const std::string& topic_prefix, core::Inquiry& inquiry);

  template <class Answer>
  runtime::HttpAnswer one_at_a_time(Answer answer);
  // A snapshot's queue under the policies, prices, budgets and quotas of now: however old it is, what has been said of them before the
  // question counts. The queue itself may be as old as snapshots are. Errors: of the snapshot, and of the core, where there is no last one.
  Result<std::shared_ptr<const Snapshot>> current();
  // One that was read since, where this does not know what is asked about. Errors: of the snapshot; unavailable where this is outdated.
  Result<std::shared_ptr<const Snapshot>> newer(const Snapshot& than,
                                                Snapshots::Clock::time_point asked);
  // Where the core is silent as it said them last, at most as long ago as snapshots are kept. Errors: of the core.
  Result<Rules> rules();
  Result<Explanation> explained(const std::string& job_id);
  Result<std::string> starts_of(const std::vector<std::string>& job_ids);
  Result<Explanation> explained(const queue::JobRecord& record);
  Result<std::optional<core::Refusal>> refused_for_user(const CheckedBatch& batch,
                                                        std::int64_t most);

  core::Inquiry& inquiry_;
  const std::string topic_prefix_;
  std::atomic<int> inside_{0};
  std::mutex mutex_;  // held while one is answered
  const std::unique_ptr<runtime::Redis> redis_;
  std::optional<Rules> rules_;  // that the core said last
  plan::Played played_;
  Snapshots snapshots_;
};

}  // namespace oppen::answers
