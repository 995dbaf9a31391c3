// Proves that is_valid and parse_data say the same of what to_text writes: of every example, and of each kind of fault that a C++ value
// can have.
#include "schemas/check.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "examples.hpp"
#include "schemas/commands.hpp"
#include "schemas/control.hpp"
#include "schemas/job_events.hpp"
#include "schemas/parse.hpp"
#include "schemas/runs.hpp"

namespace oppen {
namespace {

template <class Event>
bool survives(const Event& event) {
  return parse_data<Event>(nlohmann::json::parse(to_text(event))).has_value();
}

template <class Event>
int check_examples() {
  int checked = 0;
  for (const auto& example : test::examples("valid")) {
    if (example.type->type != Event::type) continue;
    const auto event = parse_data<Event>(example.data);
    EXPECT_TRUE(event && is_valid(*event)) << example.name;
    ++checked;
  }
  return checked;
}

TEST(Check, TakesEveryValidExample) {
  EXPECT_GT(check_examples<JobSubmit>(), 0);
  EXPECT_GT(check_examples<BatchSubmit>(), 0);
  EXPECT_GT(check_examples<JobCancel>(), 0);
  EXPECT_GT(check_examples<JobAmend>(), 0);
  EXPECT_GT(check_examples<PolicyOverride>(), 0);
  EXPECT_GT(check_examples<RunProgress>(), 0);
  EXPECT_GT(check_examples<RunCompleted>(), 0);
  EXPECT_GT(check_examples<JobQueued>(), 0);
}

// `changed` makes it wrong, and both say so.
template <class Event, class Change>
void expect_refused(Event event, const char* what, const Change& change) {
  ASSERT_TRUE(is_valid(event) && survives(event)) << what;
  change(event);
  EXPECT_FALSE(is_valid(event)) << what;
  EXPECT_FALSE(survives(event)) << what;
}

RunProgress progress() {
  RunProgress report;
  report.job_id = "a";
  report.attempt = 1;
  report.metrics = {{"loss", 0.5}, {"notes", {"ä", {{"k", true}, {"n", nullptr}}}}};
  return report;
}

TEST(Check, RefusesAReportThatIsWrong) {
  using E = RunProgress;
  const auto e = progress();
  expect_refused(e, "no job", [](E& r) { r.job_id = ""; });
  expect_refused(e, "NUL", [](E& r) { r.run_id = std::string("a\0b", 3); });
  expect_refused(e, "attempt 0", [](E& r) { r.attempt = 0; });
  expect_refused(e, "epoch below 0", [](E& r) { r.epoch = -1; });
  expect_refused(e, "a time before 1970", [](E& r) { r.at = Time{std::chrono::milliseconds{-1}}; });
  expect_refused(e, "a time after 9999",
                 [](E& r) { r.at = std::chrono::sys_days{std::chrono::year{10000} / 1 / 1}; });
  expect_refused(e, "seconds below 0", [](E& r) { r.epoch_seconds = -0.5; });
  expect_refused(e, "NaN", [](E& r) { r.epoch_seconds = std::nan(""); });
  expect_refused(e, "endless", [](E& r) { r.epoch_seconds = HUGE_VAL; });
  expect_refused(e, "metrics a list", [](E& r) { r.metrics = {1, 2}; });
  expect_refused(e, "NUL in metrics", [](E& r) { r.metrics["x"] = std::string("\0", 1); });
  expect_refused(e, "NUL in a metric's name", [](E& r) { r.metrics[std::string("\0", 1)] = 1; });
}

TEST(Check, RefusesARunThatIsWrong) {
  RunCompleted run;
  run.run_id = "r";
  run.status = "succeeded";
  expect_refused(run, "no id", [](RunCompleted& r) { r.run_id = ""; });
  expect_refused(run, "another word", [](RunCompleted& r) { r.status = "done"; });
  expect_refused(run, "an epoch below 0", [](RunCompleted& r) { r.epoch_seconds = {1, -1}; });
  expect_refused(run, "GPUs below 0", [](RunCompleted& r) { r.resources.emplace().gpus = -1; });
}

TEST(Check, RefusesAJobThatIsWrong) {
  JobSubmit submit;
  submit.spec.job_id = "a";
  submit.spec.model_type = "m";
  const auto refused = [&](const char* what, const std::function<void(JobSpec&)>& change) {
    expect_refused(submit, what, [&](JobSubmit& e) { change(e.spec); });
  };
  refused("an id that is no label", [](JobSpec& s) { s.job_id = "A"; });
  refused("an id that is too long", [](JobSpec& s) { s.job_id = std::string(51, 'a'); });
  refused("no model", [](JobSpec& s) { s.model_type = ""; });
  refused("a long name", [](JobSpec& s) { s.name = std::string(201, 'a'); });
  refused("no workload", [](JobSpec& s) { s.workload_type = "w"; });
  refused("no window", [](JobSpec& s) { s.window = "never"; });
  refused("no epochs", [](JobSpec& s) { s.epochs = 0; });
  refused("many GPUs", [](JobSpec& s) { s.resources.gpus = 65; });
  refused("a share of nothing", [](JobSpec& s) { s.resources.gpu_share = 0; });
  refused("a share and GPUs", [](JobSpec& s) {
    s.resources.gpu_share = 0.5;
    s.resources.gpus = 1;
  });
  refused("no CPU", [](JobSpec& s) { s.resources.cpu_millicores = 0; });
  refused("little memory", [](JobSpec& s) { s.resources.memory_bytes = 1; });
  refused("an image with a space", [](JobSpec& s) { s.image = "a b"; });
  refused("many arguments", [](JobSpec& s) { s.args.assign(257, "x"); });
  refused("a long argument", [](JobSpec& s) { s.args = {"x", std::string(4097, 'x')}; });
  refused("our variable", [](JobSpec& s) { s.env = {{"OPPEN_X", "1"}}; });
  refused("a long value", [](JobSpec& s) { s.env = {{"X", std::string(32769, 'x')}}; });
  refused("our label", [](JobSpec& s) { s.labels = {{"oppen.dev/x", "1"}}; });
  refused("a label's value", [](JobSpec& s) { s.labels = {{"x", "-"}}; });
  refused("a job after none", [](JobSpec& s) { s.after = {""}; });
}

TEST(Check, RefusesCommandsThatAreWrong) {
  expect_refused(JobCancel{"a", "", "", ""}, "both", [](JobCancel& e) { e.batch_id = "b"; });
  JobAmend amend;
  amend.job_id = "a";
  amend.changes.spot = true;
  expect_refused(amend, "no change", [](JobAmend& e) { e.changes.spot.reset(); });
  JobSpec job;
  job.job_id = "a";
  job.model_type = "m";
  const BatchSubmit batch{"b", {job}, MicroUsd{5}};
  expect_refused(batch, "no jobs", [](BatchSubmit& e) { e.jobs.clear(); });
  expect_refused(batch, "a wrong job", [](BatchSubmit& e) { e.jobs[0].epochs = -1; });
  expect_refused(batch, "a debt", [](BatchSubmit& e) { e.max_total = MicroUsd{-1}; });
  expect_refused(batch, "part 2 of 1", [](BatchSubmit& e) { e.part = 2; });
}

TEST(Check, TextThatIsNotUtf8IsNotValid) {
  auto report = progress();
  report.run_id = "\xff";
  EXPECT_FALSE(is_valid(report));
  report = progress();
  report.metrics["x"] = "\xc3";
  EXPECT_FALSE(is_valid(report));
}

TEST(Check, MetricsAreWrittenAsTheyAre) {
  auto report = progress();
  report.metrics = {{"a", 1},
                    {"b", std::numeric_limits<std::uint64_t>::max()},
                    {"c", -0.25},
                    {"d", {{"e", {1, 2.5, "x\"\n", true, nullptr, nlohmann::json::array()}}}},
                    {"f", nlohmann::json::object()},
                    {"g\\", 1e300}};
  EXPECT_EQ(to_data(report)["metrics"], report.metrics);
  report.metrics = {{"a", std::nan("")}, {"b", "\xff"}};
  EXPECT_EQ(to_data(report)["metrics"], (nlohmann::json{{"a", nullptr}, {"b", "\xef\xbf\xbd"}}));
}

}  // namespace
}  // namespace oppen
