#include "scheduler/core/batch_scan.hpp"

#include <fmt/format.h>

#include "scheduler/core/readable.hpp"
#include "schemas/cloud_event.hpp"
#include "schemas/commands.hpp"
#include "schemas/job.hpp"
#include "schemas/parse.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;

constexpr int max_jobs = 10'000;  // of one part, as the schema has it
constexpr std::size_t max_errors = 1000;
constexpr int max_kept = 500;  // jobs; some 1 KB each

std::string text_of(const json& data) {
  return data.dump(-1, ' ', false, json::error_handler_t::replace);
}

// The number of a part that is otherwise wrong; 1 when that can't be read either.
int readable_part(const json& data) {
  const auto part = data.find("part");
  return part != data.end() && part->is_number_integer() && *part > 0 && *part <= 100
             ? part->get<int>()
             : 1;
}

}  // namespace

Result<BatchScan> scan_batch(std::string_view data,
                             const std::function<void(int index, JobSpec job)>& take) {
  BatchScan scan;
  const auto take_job = [&](const json& job) {
    if (scan.jobs >= max_jobs) {
      ++scan.jobs;
      return;
    }
    if (auto spec = parse_data<JobSpec>(job)) {
      if (take) {
        take(scan.jobs, std::move(*spec));
      } else {
        scan.digest = short_digest(scan.digest + to_text(*spec));
        if (scan.jobs < max_kept) scan.kept.push_back(std::move(*spec));
      }
    } else {
      for (auto& fault : spec.error()) {
        fault.path =
            fmt::format("jobs[{}]{}{}", scan.jobs, fault.path.empty() ? "" : ".", fault.path);
        if (scan.errors.size() < max_errors) {
          scan.errors.push_back(std::move(fault));
        } else {
          ++scan.more_errors;
        }
      }
    }
    ++scan.jobs;
  };

  // Elements of the top level's "jobs" are taken when they end, and left out of what is returned.
  bool is_jobs = false;
  const auto on_element = [&](int depth, json::parse_event_t event, json& element) {
    using Event = json::parse_event_t;
    if (depth == 1 && event == Event::key) is_jobs = element == "jobs";
    if (depth == 1 && (event == Event::object_start || event == Event::value)) is_jobs = false;
    const bool ended =
        event == Event::object_end || event == Event::array_end || event == Event::value;
    if (!is_jobs || depth != 2 || !ended) return true;
    take_job(element);
    return false;
  };
  auto rest = parse_event_data(data, on_element);
  if (!rest) return fail(rest.error());

  // One stands for all of them, whose number is looked at here.
  if (scan.jobs > 0) (*rest)["jobs"] = json::array({{{"job_id", "any"}, {"model_type", "any"}}});
  const auto head = parse_data<BatchSubmit>(*rest);
  if (!head) scan.errors.insert(scan.errors.begin(), head.error().begin(), head.error().end());
  if (scan.jobs > max_jobs) {
    scan.errors.push_back({"jobs", fmt::format("a list of {}", scan.jobs),
                           fmt::format("a list of 1 to {} jobs", max_jobs)});
  }
  if (rest->is_object()) {
    if (!take) scan.digest = short_digest(scan.digest + text_of(*rest));
    scan.batch_id = readable_id(*rest, "batch_id");
    scan.part = readable_part(*rest);
  }
  if (head) {
    scan.parts = head->parts;
    scan.max_total = head->max_total;
  }
  if (!scan.errors.empty() || scan.parts != 1 || scan.jobs > max_kept) scan.kept = {};
  return scan;
}

}  // namespace oppen::core
