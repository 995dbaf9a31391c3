// Proves that runs become events as the table says, and that each field that can't be read is named with its value.
#include "producers/mlflow/mapping.hpp"

#include <gmock/gmock.h>

#include <limits>

namespace oppen::mlflow {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Run good_run() {
  Run run;
  run.id = "9f2c";
  run.status = "FINISHED";
  run.start_time_ms = 1'767'464'162'250;
  run.end_time_ms = 1'767'465'662'250;
  run.params = {{"epochs", "10"}, {"batch_size", "64"}, {"model", "resnet50"}};
  return run;
}

std::string faults(const Run& run, const Mapping& mapping = Mapping::usual()) {
  const auto event = mapping.completed(run);
  return event ? "" : sentences(event.error());
}

TEST(Mapping, WhatIsThereAndWhatIsNot) {
  auto run = good_run();
  const auto plain = Mapping::usual().completed(run);
  ASSERT_TRUE(plain) << sentences(plain.error());
  EXPECT_EQ(plain->run_id, "9f2c");
  EXPECT_EQ(plain->job_id, "");
  EXPECT_EQ(plain->model_type, "resnet50");
  EXPECT_EQ(plain->workload_type, "training");
  EXPECT_EQ(plain->status, "succeeded");
  EXPECT_EQ(plain->epochs, 10);
  EXPECT_EQ(plain->batch_size, 64);
  EXPECT_EQ(plain->gpus, 1);
  EXPECT_EQ(plain->priority, Priority::normal);
  EXPECT_FALSE(plain->spot);
  EXPECT_EQ(plain->team, "");
  EXPECT_EQ(to_rfc3339(plain->started_at), "2026-01-03T18:16:02.250Z");
  EXPECT_EQ(plain->duration_seconds, 1500);
  EXPECT_TRUE(plain->metrics.empty());

  run.params.merge(
      std::map<std::string, std::string>{{"precision", "fp16"}, {"gpus", "2.0"}, {"gpu_type", ""}});
  run.tags = {{"oppen.job_id", "a-job"},  {"oppen.attempt", "3"},
              {"model_type", "bert"},     {"spot", "True"},
              {"priority", "urgent"},     {"team", "vision"},
              {"project", "search"},      {"gpu_type", "A100"},
              {"baseline_metric", "0.9"}, {"workload_type", "inference"}};
  run.metrics = {{"val_accuracy", {0.91, 0}},
                 {"latency_p99_ms", {12.5, 0}},
                 {"unmapped", {1, 0}},
                 {"loss", {std::numeric_limits<double>::quiet_NaN(), 0}}};
  const auto full = Mapping::usual().completed(run);
  ASSERT_TRUE(full) << sentences(full.error());
  EXPECT_EQ(full->job_id, "a-job");
  EXPECT_EQ(full->attempt, 3);
  EXPECT_EQ(full->model_type, "bert") << "the first source that the run has";
  EXPECT_EQ(full->workload_type, "inference");
  EXPECT_EQ(full->precision, "fp16");
  EXPECT_EQ(full->gpus, 2);
  EXPECT_EQ(full->gpu_type, "A100");
  EXPECT_EQ(full->priority, Priority::urgent);
  EXPECT_TRUE(full->spot);
  EXPECT_EQ(full->team, "vision");
  EXPECT_EQ(full->project, "search");
  EXPECT_EQ(full->baseline_metric, 0.9);
  EXPECT_EQ(full->metrics.dump(), R"({"accuracy":0.91,"latency_p99_ms":12.5})")
      << "what is not finite is left out";
}

TEST(Mapping, AKilledRunHasFailed) {
  auto run = good_run();
  for (const auto* status : {"FAILED", "KILLED"}) {
    run.status = status;
    EXPECT_EQ(Mapping::usual().completed(run)->status, "failed");
  }
}

TEST(Mapping, EveryFaultIsNamedWithItsValue) {
  const struct {
    const char* kind;
    const char* key;
    const char* value;
    const char* named;
  } wrong[] = {
      {"param", "epochs", "many",
       "epochs (param:epochs) is \"many\": expected a whole number from 0"},
      {"param", "epochs", "1.5", "\"1.5\""},
      {"param", "epochs", "-1", "\"-1\""},
      {"param", "epochs", "1e99", "\"1e99\""},
      {"param", "epochs", " 3", "\" 3\""},
      {"param", "batch_size", "64, 128", "batch_size (param:batch_size) is \"64, 128\""},
      {"param", "model", "a model", "model_type (param:model) is \"a model\""},
      {"param", "gpus", "all", "gpus (param:gpus) is \"all\""},
      {"tag", "team", "R&D", "team (tag:team) is \"R&D\""},
      {"tag", "project", "two words", "project"},
      {"tag", "spot", "maybe", "spot (tag:spot) is \"maybe\": expected true or false"},
      {"tag", "priority", "high", "priority (tag:priority) is \"high\": expected urgent, normal"},
      {"tag", "workload_type", "game", "workload_type"},
      {"tag", "baseline_metric", "good", "baseline_metric"},
      {"tag", "oppen.job_id", "My_Job", "job_id (tag:oppen.job_id) is \"My_Job\""},
      {"tag", "oppen.job_id", "a-job", "attempt is missing"},
      {"tag", "oppen.attempt", "1", "job_id is missing"},
      {"tag", "oppen.attempt", "0", "attempt (tag:oppen.attempt) is \"0\""},
  };
  for (const auto& one : wrong) {
    auto run = good_run();
    (std::string(one.kind) == "tag" ? run.tags : run.params)[one.key] = one.value;
    EXPECT_THAT(faults(run), HasSubstr(one.named));
  }
  auto run = good_run();
  run.params.clear();
  EXPECT_THAT(faults(run),
              AllOf(HasSubstr("model_type is missing: expected a Kubernetes label value"),
                    HasSubstr("in tag:model_type or param:model_type or param:model"),
                    HasSubstr("epochs is missing"), HasSubstr("batch_size is missing")));
  run = good_run();
  run.params["epochs"] = std::string(6000, 'x');
  EXPECT_LT(faults(run).size(), 300U);
}

TEST(Mapping, TimesThatCannotBe) {
  auto run = good_run();
  run.end_time_ms = 0;
  EXPECT_THAT(faults(run), HasSubstr("end_time is missing"));
  run.end_time_ms = run.start_time_ms - 1;
  EXPECT_THAT(faults(run),
              HasSubstr("end_time is 1767464162249: expected no time before start_time"));
  run.end_time_ms = run.start_time_ms;
  EXPECT_EQ(faults(run), "");
  run.end_time_ms = std::int64_t{1} << 60;
  EXPECT_THAT(faults(run), HasSubstr("before the year 10000"));
  run.end_time_ms = -5;
  EXPECT_THAT(faults(run), HasSubstr("end_time is -5"));
}

TEST(Mapping, ProgressIsOfJobsAlone) {
  auto run = good_run();
  run.status = "RUNNING";
  run.end_time_ms = 0;
  run.params.erase("batch_size");  // what progress has no use for
  run.params.erase("model");
  const auto none = Mapping::usual().progress(run);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);

  run.tags = {{"oppen.job_id", "a-job"}, {"oppen.attempt", "2"}};
  const auto begun = Mapping::usual().progress(run);
  ASSERT_TRUE(begun && *begun);
  EXPECT_EQ((*begun)->epoch, 0);
  EXPECT_EQ((*begun)->epochs, 10);
  EXPECT_EQ((*begun)->at, Time(std::chrono::milliseconds(run.start_time_ms)));

  run.metrics = {{"epoch", {3.7, run.start_time_ms + 5}},
                 {"epoch_seconds", {61.5, 0}},
                 {"loss", {0.25, run.start_time_ms + 9}}};
  const auto further = Mapping::usual().progress(run);
  ASSERT_TRUE(further && *further);
  EXPECT_EQ((*further)->run_id, "9f2c");
  EXPECT_EQ((*further)->attempt, 2);
  EXPECT_EQ((*further)->epoch, 3) << "three are finished";
  EXPECT_EQ((*further)->epoch_seconds, 61.5);
  EXPECT_EQ((*further)->at, Time(std::chrono::milliseconds(run.start_time_ms + 9)));
  EXPECT_EQ((*further)->metrics.dump(), R"({"loss":0.25})");

  run.metrics["epoch"].value = std::numeric_limits<double>::quiet_NaN();
  const auto wrong = Mapping::usual().progress(run);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(sentences(wrong.error()), HasSubstr("epoch (metric:epoch) is \"nan\""));
  run.tags.erase("oppen.attempt");
  EXPECT_FALSE(Mapping::usual().progress(run)) << "of a job, but of which attempt?";
}

TEST(Mapping, AFileReplacesEntries) {
  const auto mapping = Mapping::parse(R"({
    "fields": {"epochs": ["param:n_epochs"], "batch_size": ["value:32"], "model_type": ["tag:net"], "precision": []},
    "metrics": {"accuracy": ["top1"], "recall": ["recall@5"]}})");
  ASSERT_TRUE(mapping) << mapping.error().message;
  auto run = good_run();
  run.params = {{"n_epochs", "3"}, {"epochs", "many"}, {"precision", "fp16"}};
  run.tags = {{"net", "vit"}};
  run.metrics = {{"top1", {0.5, 0}}, {"accuracy", {0.1, 0}}, {"recall@5", {0.75, 0}}};
  const auto event = mapping->completed(run);
  ASSERT_TRUE(event) << sentences(event.error());
  EXPECT_EQ(event->epochs, 3);
  EXPECT_EQ(event->batch_size, 32);
  EXPECT_EQ(event->model_type, "vit");
  EXPECT_EQ(event->precision, "");
  EXPECT_EQ(event->metrics.dump(), R"({"accuracy":0.5,"recall":0.75})");
}

TEST(Mapping, WhatIsWrongInAFile) {
  const struct {
    const char* text;
    const char* named;
  } wrong[] = {
      {"", "not a JSON object"},
      {"[]", "not a JSON object"},
      {R"({"field": {}})", "field is"},
      {R"({"fields": []})", "fields is"},
      {R"({"fields": {"epoch": "param:epoch"}})", "fields.epoch is"},
      {R"({"fields": {"epoch": [7]}})", "fields.epoch is \"7\": expected a text"},
      {R"({"fields": {"epoch": ["epoch"]}})", "fields.epoch is \"epoch\": expected param:NAME"},
      {R"({"fields": {"epoch": ["env:epoch"]}})", "env:epoch"},
      {R"({"fields": {"colour": ["param:x"]}})", "fields.colour"},
      {R"({"metrics": {"accuracy": "acc"}})", "metrics.accuracy"},
  };
  for (const auto& one : wrong) {
    const auto mapping = Mapping::parse(one.text);
    ASSERT_FALSE(mapping) << one.text;
    EXPECT_EQ(mapping.error().kind, ErrorKind::invalid);
    EXPECT_THAT(mapping.error().message, HasSubstr(one.named));
  }
  EXPECT_THAT(Mapping::from_file("/no/such/file").error().message, HasSubstr("/no/such/file"));
}

}  // namespace
}  // namespace oppen::mlflow
