#include "producers/access/describe_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "producers/access/event_text.hpp"
#include "producers/access/forecast_text.hpp"
#include "producers/access/job_table.hpp"
#include "producers/access/render.hpp"

namespace oppen::access {
namespace {

using nlohmann::json;

// Text as it is, everything else as JSON: "3", "[\"a\",\"b\"]".
std::string shown(const json& value) {
  return printable(value.is_string() ? value.get<std::string>()
                                     : value.dump(-1, ' ', false, json::error_handler_t::replace));
}

class Page {
 public:
  // A title, once there is something below it.
  void section(const std::string& title) { title_ = title; }
  void line(const std::string& label, const std::string& text) {
    if (text.empty()) return;
    if (!title_.empty()) out_ += "\n" + title_ + "\n";
    title_.clear();
    out_ += fmt::format("  {:<13} {}\n", label, text);
  }
  void field(const std::string& label, const json& object, const char* name) {
    const auto found = object.find(name);
    if (found != object.end() && !found->empty()) line(label, shown(*found));
  }
  void head(const std::string& text) { out_ += text + "\n"; }
  std::string text() && { return std::move(out_); }

 private:
  std::string title_;
  std::string out_;
};

// "2026-01-03T18:15:00.000Z (4m 10s ago)"
std::string moment(const json& object, const char* name, Time now) {
  const std::string time = text_field(object, name);
  return time.empty() ? "" : time + " (" + age_text(time, now) + " ago)";
}

std::string resources_text(const json& resources) {
  std::string gpus = resources.contains("gpu_share")
                         ? fmt::format("{:g} of a GPU", number_field(resources, "gpu_share"))
                         : fmt::format("{:.0f} GPU", number_field(resources, "gpus"));
  const std::string type = text_field(resources, "gpu_type");
  if (!type.empty()) gpus += " (" + type + ")";
  return gpus + ", " + text_field(resources, "cpu") + " CPU, " + text_field(resources, "memory") +
         " memory";
}

void describe_owner(Page& page, const json& job) {
  page.section("Belongs to");
  page.field("Team", job, "team");
  page.field("Project", job, "project");
  page.field("User", job, "user");
  page.field("Batch", job, "batch_id");
  page.field("Labels", job.value("spec", json::object()), "labels");
}

void describe_work(Page& page, const json& job) {
  const json spec = job.value("spec", json::object());
  page.section("Work");
  page.field("Name", job, "name");
  page.field("Model", job, "model_type");
  page.field("Type", job, "workload_type");
  page.field("Epochs", job, "epochs");
  page.field("Batch size", job, "batch_size");
  page.line("Resources", resources_text(job.value("resources", json::object())));
  if (job.value("spot", false)) page.line("Spot", "yes");
  page.field("Image", spec, "image");
  page.field("Command", spec, "command");
  page.field("Arguments", spec, "args");
  page.field("Environment", spec, "env");
  page.field("Secrets", spec, "secrets");
  page.field("Window", spec, "window");
  page.field("After", spec, "after");
  if (spec.contains("max_runtime_seconds"))
    page.line("Max runtime", duration_text(number_field(spec, "max_runtime_seconds")));
  page.field("Max retries", spec, "max_retries");
}

void describe_attempt(Page& page, const json& job, Time now) {
  const auto attempt = static_cast<int>(number_field(job, "attempt"));
  // Without one it has ended in the queue.
  if (attempt > 0) page.section("Attempt " + std::to_string(attempt));
  const std::string pod = text_field(job, "pod");
  page.line("Pod", pod.empty() ? "" : text_field(job, "namespace") + "/" + pod);
  page.field("Node", job, "node");
  page.field("GPU", job, "gpu_type");
  page.line("Decided", moment(job, "launching_at", now));
  page.line("Started", moment(job, "started_at", now));
  page.line("Ended", moment(job, "ended_at", now));
  page.line("Ran", job.contains("duration_seconds")
                       ? duration_text(number_field(job, "duration_seconds"))
                       : "");
  page.field("Given up", job, "give_up");
}

}  // namespace

std::string describe_job(const json& job, Time now) {
  Page page;
  std::string head = text_field(job, "job_id") + "  " + text_field(job, "state");
  if (job.contains("position"))
    head += fmt::format(", position {:.0f} in the queue", number_field(job, "position"));
  page.head(printable(head));
  const json failure = job.value("failure", json::object());
  page.section("Failure");
  page.field("Class", failure, "class");
  page.field("Exit code", failure, "exit_code");
  page.field("Message", failure, "message");
  const bool rejected = text_field(job, "state") == "rejected";
  page.section(rejected ? "Rejected" : "Cancel");
  page.field("Requested by", job, "requested_by");
  page.field("Reason", job, "reason");
  page.field("It was", job, "was");
  page.section("Queue");
  page.field("Priority", job, "priority");
  page.line("Submitted", moment(job, "submitted_at", now));
  // Nothing was estimated of what was rejected, nor was its spec completed.
  if (!rejected) {
    page.line("Estimated", duration_text(number_field(job, "estimated_duration_seconds")) + ", " +
                               money_field(job, "estimated_cost_microusd"));
  }
  if (const auto explanation = job.find("explain"); explanation != job.end()) {
    for (const auto& [label, text] : outlook_of(*explanation)) page.line(label, text);
  }
  describe_attempt(page, job, now);
  if (!rejected) describe_work(page, job);
  describe_owner(page, job);
  page.section("Metrics");
  const json metrics = job.value("metrics", json::object());
  for (const auto& [name, value] : metrics.items()) page.line(printable(name), shown(value));
  return std::move(page).text();
}

std::string describe_batch(const json& batch, Time now, int width) {
  const json jobs = batch.value("jobs", json::array());
  std::string out = fmt::format("{}  batch of {:.0f} jobs, {}, first seen {}\n",
                                text_field(batch, "batch_id"), number_field(batch, "job_count"),
                                text_field(batch, "state"), moment(batch, "first_seen", now));
  if (!jobs.empty()) out += "\n" + job_table(jobs, now, width);
  const auto more = static_cast<long long>(number_field(batch, "job_count")) -
                    static_cast<long long>(jobs.size());
  if (more > 0) out += fmt::format("... and {} more\n", more);
  return out;
}

}  // namespace oppen::access
