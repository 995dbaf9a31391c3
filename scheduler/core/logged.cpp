#include "scheduler/core/logged.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "scheduler/core/kafka_deadline.hpp"
#include "scheduler/core/readable.hpp"
#include "scheduler/queue/keys.hpp"
#include "scheduler/queue/store.hpp"
#include "schemas/job_events.hpp"
#include "schemas/topics.hpp"

namespace oppen::core {
namespace {

using namespace std::chrono_literals;
using Jobs = std::unordered_map<std::string, Logged>;

constexpr int quiet_polls = 60;  // of 500 ms
constexpr int page_size = 500;

bool is_step(const std::string& type) {
  return type.starts_with("dev.oppen.job.") && type != JobDuplicate::type &&
         type != JobCancelRefused::type;
}

Status read_partition(client::Consumer& consumer, int partition, client::Consumer::Watermarks marks,
                      Jobs& jobs, LogComparison& result) {
  if (auto status = consumer.assign({{{std::string(topics::job_events), partition}, marks.low}});
      !status) {
    return status;
  }
  for (int quiet = 0; quiet < quiet_polls;) {
    const auto record = consumer.poll(500ms);
    if (!record) return fail(ErrorKind::unavailable, record.error().message);
    if (!*record) {
      ++quiet;
      continue;
    }
    quiet = 0;
    ++result.events;
    fold(**record, jobs);
    if ((*record)->offset + 1 >= marks.high) return {};
  }
  return fail(ErrorKind::unavailable,
              fmt::format("the end of job-events/{} did not come within 30 s", partition));
}

// By hash: a million open jobs in 8 MB.
using OpenJobs = std::vector<std::size_t>;

Status check_partition(const Jobs& jobs, RedisLook& redis, Time now, OpenJobs& open,
                       std::vector<Drift>& drifts) {
  std::vector<std::string> ids;
  const auto check = [&]() -> Status {
    const auto headers = redis.headers(ids);
    if (!headers) return fail(headers.error());
    for (std::size_t i = 0; i < ids.size(); ++i)
      check_logged(ids[i], jobs.at(ids[i]), headers->at(i), now, drifts);
    ids.clear();
    keep_some(drifts);
    return {};
  };
  for (const auto& [job_id, logged] : jobs) {
    if (!is_terminal(logged.state)) open.push_back(std::hash<std::string>{}(job_id));
    ids.push_back(job_id);
    if (ids.size() < page_size) continue;
    if (auto status = check(); !status) return status;
  }
  return check();
}

template <class NextPage>
Status check_open(const OpenJobs& open, NextPage next_page, std::vector<Drift>& drifts) {
  std::int64_t after = -1;
  for (;;) {
    const auto page = next_page(after);
    if (!page) return fail(page.error());
    for (const auto& member : page->members) {
      after = member.place;
      if (std::binary_search(open.begin(), open.end(), std::hash<std::string>{}(member.job_id)))
        continue;
      drifts.push_back({"log",
                        "job " + member.job_id,
                        "open in the log, as in Redis",
                        "ended or unknown there",
                        {member.job_id},
                        false});
    }
    keep_some(drifts);
    if (page->members.size() < page_size) return {};
  }
}

}  // namespace

std::string fold(const client::ConsumedRecord& record, Jobs& jobs) {
  const auto event = decode(record.record);
  if (!event || !is_step(event->type)) return {};
  const auto job_id = readable_id(event->data, "job_id");
  const auto seq = event->data.find("seq");
  const auto state = event->data.find("state");
  if (job_id.empty() || seq == event->data.end() || !seq->is_number_integer() ||
      state == event->data.end() || !state->is_string()) {
    return {};
  }
  const auto known = parse_job_state(state->get<std::string>());
  if (!known) return {};
  auto& logged = jobs[job_id];
  if (seq->get<std::int64_t>() > logged.seq)
    logged = {seq->get<std::int64_t>(), *known, event->time};
  return job_id;
}

void check_logged(const std::string& job_id, const Logged& logged, const std::string& line,
                  Time now, std::vector<Drift>& drifts) {
  const auto header = queue::read_header(line);
  const auto drift = [&](std::string found) {
    drifts.push_back(
        {"log",
         "job " + job_id,
         fmt::format("step {}, state {}, as in the log", logged.seq, to_string(logged.state)),
         std::move(found),
         {job_id},
         false});
  };
  if (!header) {
    const bool forgotten = is_terminal(logged.state) && now - logged.at > queue::horizon - 1h;
    if (!forgotten) drift(line.empty() ? "no record" : "a record that can't be read");
    return;
  }
  const auto found =
      fmt::format("step {}, state {} in the record", header->seq, to_string(header->state));
  if (header->seq != logged.seq) return drift(found);
  const bool open = !is_terminal(logged.state);
  const bool same = header->state == logged.state;
  // Written before the event of it: the decision to launch, and a cancel that waits for the pod's end.
  const bool ahead = (logged.state == JobState::queued && header->state == JobState::launching) ||
                     (open && header->state == JobState::cancelling);
  if (!same && !ahead) drift(found);
}

Result<LogComparison> compare_log(client::Consumer& consumer, RedisLook& redis, Time now,
                                  std::vector<Drift>& drifts) {
  const auto count = consumer.partition_count(topics::job_events, kafka_deadline);
  if (!count) return fail(count.error());
  LogComparison result;
  OpenJobs open;
  for (int partition = 0; partition < *count; ++partition) {
    const auto marks =
        consumer.watermarks({std::string(topics::job_events), partition}, kafka_deadline);
    if (!marks) return fail(marks.error());
    result.whole = result.whole && marks->low == 0;
    if (marks->low == marks->high) continue;
    Jobs jobs;
    if (auto status = read_partition(consumer, partition, *marks, jobs, result); !status)
      return fail(status.error());
    result.jobs += static_cast<std::int64_t>(jobs.size());
    if (auto status = check_partition(jobs, redis, now, open, drifts); !status)
      return fail(status.error());
  }
  if (auto status = consumer.assign({}); !status) return fail(status.error());
  if (!result.whole) return result;
  std::sort(open.begin(), open.end());
  for (const auto priority : all_priorities) {
    for (const auto* set : queue::waiting_sets) {
      const auto queued = [&](std::int64_t after) {
        return redis.queued(priority, set, after, page_size);
      };
      if (auto status = check_open(open, queued, drifts); !status) return fail(status.error());
    }
  }
  const auto live = [&](std::int64_t after) { return redis.live(after, page_size); };
  if (auto status = check_open(open, live, drifts); !status) return fail(status.error());
  return result;
}

}  // namespace oppen::core
