// Many jobs of equal shape in three priorities, submitted at random, drain through 50 slots: is the
// order kept, is the bound kept, how fast do they go, and what do our processes hold in memory
// before, with the queue full, and after.
#include <algorithm>
#include <random>
#include <thread>

#include "bench/support/bench.hpp"
#include "bench/support/console.hpp"
#include "bench/support/must.hpp"
#include "bench/support/process_memory.hpp"
#include "scheduler/queue/reader.hpp"
#include "schemas/job_events.hpp"

namespace {

using namespace oppen;
using namespace std::chrono_literals;

constexpr int slots = 50;

std::vector<JobSpec> random_jobs(const bench::Bench& bench, int count, std::mt19937& random) {
  std::vector<JobSpec> jobs;
  for (int i = 0; i < count; ++i) {
    jobs.push_back(bench.job("50ms"));
    jobs.back().priority = all_priorities[random() % 3];
  }
  return jobs;
}

struct Launch {
  Priority priority = Priority::normal;
  std::int64_t place = 0;  // the order of the commands in the topic `jobs`
  Time queued{}, decided{}, accepted{};
};

// Whether `a` goes before `b`, had they waited together.
bool goes_before(const Launch& a, const Launch& b) {
  return a.priority != b.priority ? a.priority < b.priority : a.place < b.place;
}

// For each job by how many it was overtaken: those that should have gone after it and went before
// it, although it waited already when they went. `when`: the moment of going. Every pair is looked
// at.
std::vector<int> overtaken(const std::vector<Launch>& launches, Time Launch::*when,
                           bool same_priority) {
  std::vector<int> counts;
  for (const auto& a : launches) {
    counts.push_back(
        static_cast<int>(std::count_if(launches.begin(), launches.end(), [&](const Launch& b) {
          return (a.priority == b.priority) == same_priority && goes_before(a, b) &&
                 b.*when < a.*when && a.queued < b.*when;
        })));
  }
  return counts;
}

double inversions(const std::vector<int>& counts) {
  double sum = 0;
  for (const int count : counts) sum += count;
  return sum;
}

std::vector<Launch> read_launches(bench::Bench& bench, const std::vector<std::string>& ids) {
  queue::QueueReader reader(bench.redis(), bench.options().common.topic_prefix);
  std::map<std::string, Time> accepted;
  for (const auto& event : bench.events().events(JobLaunched::type)) accepted[event.id] = event.at;
  std::vector<Launch> launches;
  for (const auto& id : ids) {
    const auto job = bench::must(reader.job(id), "reading a job");
    launches.push_back(
        {job.priority, job.place, job.submitted_at, job.launching_at, accepted.at(id)});
  }
  return launches;
}

void report_memory(bench::Bench& bench, bench::Report& report, double idle, double full) {
  const auto after = bench::process_memory(bench.options().scheduler_pid);
  report.claim("memory", "resident memory of our processes");
  report.measured("oppen-scheduler, idle after its start", idle, "MB");
  report.measured("oppen-scheduler, with the queue full", full, "MB");
  report.measured("oppen-scheduler, after the drain", after.resident_mb, "MB");
  report.measured("oppen-scheduler, at its peak", after.peak_mb, "MB");
  report.bar("oppen-scheduler, at its peak", after.peak_mb, 30, "MB");
  bench::report_console_memory(bench, report, 30);
}

void measure(bench::Bench& bench, bench::Report& report) {
  const auto pid = bench.options().scheduler_pid;
  const double idle = bench::process_memory(pid).resident_mb;
  std::mt19937 random(20260103);  // the same mixture in every run
  bench.hold_queue();
  const int waiting = bench.samples(10'000, 1'000);
  auto jobs = random_jobs(bench, waiting, random);
  const auto queued_before = bench.events().count(JobQueued::type);
  bench.submit_all(jobs);
  bench.events().wait_count(JobQueued::type, queued_before + jobs.size(), 120s);
  bench.wait_outbox_empty();
  const double full = bench::process_memory(pid).resident_mb;
  bench::ask_console(bench);

  bench.cluster().reset_most_live();
  const auto begin = bench::SteadyClock::now();
  bench.release_queue(slots);
  // More come in while it drains: they must find their place among those that wait.
  const auto late = random_jobs(bench, waiting / 10, random);
  for (const auto& job : late) {
    bench.submit_all({job});
    std::this_thread::sleep_for(50ms);
  }
  jobs.insert(jobs.end(), late.begin(), late.end());
  bench.events().wait_count(JobSucceeded::type, jobs.size(), 1800s);
  const double seconds = bench::milliseconds(bench::SteadyClock::now() - begin) / 1000;

  std::vector<std::string> ids;
  for (const auto& job : jobs) ids.push_back(job.job_id);
  const auto launches = read_launches(bench, ids);
  const auto inside = inversions(overtaken(launches, &Launch::decided, true));
  const auto between = inversions(overtaken(launches, &Launch::decided, false));
  bench::Samples accepted_late;
  for (const int count : overtaken(launches, &Launch::accepted, true)) accepted_late.add(count);

  report.claim("order",
               "the order in which jobs of equal shape in three priorities leave the queue, "
               "through 50 slots");
  report.measured("jobs: submitted before, and a tenth while draining",
                  static_cast<double>(jobs.size()), "jobs");
  report.measured("pairs launched in the wrong order inside a priority", inside, "pairs");
  report.measured("pairs launched in the wrong order between priorities", between, "pairs");
  report.measured("overtaken on the way to the API server, many at once", accepted_late, "jobs");
  report.bar_at_most("wrong order inside a priority", inside, 0, "pairs");
  report.bar_at_most("wrong order between priorities, waiting together", between, 0, "pairs");
  report.measured("jobs that ended, per second", static_cast<double>(jobs.size()) / seconds, "1/s");

  report.claim("bound",
               "pods that have not ended, at most at once, as a watch of the API server shows it");
  report.bar_at_most("pods at once", bench.cluster().most_live(), slots, "pods");
  report_memory(bench, report, idle, full);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_bench(argc, argv, "Measures order, drain and memory.", measure);
}
