// Proves that a job spec is read within its limits and no further, that every mistake is named
// where it stands, and that ids and hashes are what Kubernetes and the deduplication need.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "schemas/commands.hpp"
#include "schemas/parse.hpp"
#include "schemas/text.hpp"

namespace oppen {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json minimal() { return {{"job_id", "j-1"}, {"model_type", "resnet50"}}; }

JobSpec parsed(const json& data) {
  const auto event = parse_data<JobSubmit>(data);
  EXPECT_TRUE(event) << sentences(event ? FieldErrors{} : event.error());
  return event ? event->spec : JobSpec{};
}

// The paths of what is wrong when `pointer` is set to `value` in a minimal spec.
std::vector<std::string> wrong(const char* pointer, const json& value) {
  json data = minimal();
  data[json::json_pointer(pointer)] = value;
  const auto event = parse_data<JobSubmit>(data);
  std::vector<std::string> paths;
  if (!event) {
    for (const auto& error : event.error()) paths.push_back(error.path);
  }
  return paths;
}

const std::vector<std::string> nothing;

TEST(JobSpec, NeedsOnlyItsIdAndModelType) {
  const JobSpec spec = parsed(minimal());
  EXPECT_EQ(spec.job_id, "j-1");
  EXPECT_EQ(spec.workload_type, "training");
  EXPECT_EQ(spec.window, "any");
  EXPECT_FALSE(spec.priority);
  EXPECT_FALSE(spec.resources.gpus);
  EXPECT_EQ(to_data(JobSubmit{spec}), minimal());
}

TEST(JobSpec, ComesBackWholeAndIgnoresWhatItDoesNotKnow) {
  json data = json::parse(R"({
    "job_id": "j-1", "name": "Übung", "model_type": "ResNet_50.v1", "workload_type": "batch",
    "priority": "urgent", "epochs": 10, "batch_size": 64,
    "resources": {"gpus": 2, "gpu_type": "A100", "cpu": "1500m", "memory": "2Gi"},
    "image": "registry.example.com/train:1", "command": ["python"], "args": ["--lr", "0.1", ""],
    "env": {"A": "1", "_b": ""}, "secrets": ["hub.token"], "team": "vision", "project": "p",
    "user": "ann", "labels": {"example.com/tier": "gold"}, "spot": true, "window": "off_peak",
    "max_runtime_seconds": 3600, "max_retries": 0, "after": ["j-0"], "preemptible": false})");
  const JobSpec spec = parsed(data);
  EXPECT_EQ(spec.resources.cpu_millicores, 1500);
  EXPECT_EQ(spec.resources.memory_bytes, std::int64_t{2} << 30);
  EXPECT_EQ(spec.priority, Priority::urgent);
  EXPECT_EQ(to_data(JobSubmit{spec}), data);
  EXPECT_EQ(parsed(to_data(spec)), spec);
  data["made_up"] = {1, 2};
  EXPECT_EQ(parsed(data), spec);
}

TEST(JobSpec, TakesNumbersForQuantities) {
  json data = minimal();
  data["resources"] = {{"cpu", 0.5}, {"memory", 1048576}};
  EXPECT_EQ(parsed(data).resources.cpu_millicores, 500);
  EXPECT_EQ(parsed(data).resources.memory_bytes, 1048576);
}

TEST(JobSpec, ReportsEverythingAtOnceWithPathValueAndExpectation) {
  const auto event = parse_data<JobSubmit>(json::parse(
      R"({"job_id": "J", "resources": {"gpus": -1}, "env": {"OK": 1, "OPPEN_X": "v"},
          "args": ["a", 2]})"));
  ASSERT_FALSE(event);
  std::vector<std::string> paths;
  for (const auto& error : event.error()) paths.push_back(error.path);
  EXPECT_THAT(paths, testing::UnorderedElementsAre("job_id", "model_type", "resources.gpus",
                                                   "env.OK", "env.OPPEN_X", "args[1]"));
  const std::string all = sentences(event.error());
  EXPECT_THAT(all, HasSubstr("resources.gpus is -1: expected a whole number from 0 to 64"));
  EXPECT_THAT(all, HasSubstr("model_type is missing: expected a Kubernetes label value"));
  EXPECT_THAT(all, HasSubstr("job_id is \"J\": expected a DNS label"));
}

TEST(JobSpec, ShortensLongValuesAndKeepsSecretsOut) {
  json data = minimal();
  data["name"] = std::string(5000, 'n');
  data["env"] = {{"TOKEN", std::string("s3cret\0", 7)}};
  const auto event = parse_data<JobSubmit>(data);
  ASSERT_FALSE(event);
  ASSERT_EQ(event.error().size(), 2U);
  EXPECT_LE(event.error()[0].value.size(), 100U);
  EXPECT_THAT(sentences(event.error()), testing::Not(HasSubstr("s3cret")));
}

TEST(JobSpec, HoldsItsLimits) {
  const auto limit = [](const char* pointer, const json& good, const json& bad) {
    EXPECT_EQ(wrong(pointer, good), nothing) << pointer << " " << good.dump().substr(0, 80);
    EXPECT_EQ(wrong(pointer, bad).size(), 1U) << pointer << " " << bad.dump().substr(0, 80);
  };
  const auto text = [](std::size_t n) { return std::string(n, 'a'); };
  limit("/job_id", text(50), text(51));
  limit("/job_id", "0", "");
  limit("/job_id", "a-b", "-a");
  limit("/model_type", text(63), text(64));
  limit("/model_type", "A.b_c-9", "");
  limit("/model_type", "x", "x-");
  limit("/team", "", "a b");
  limit("/project", text(63), text(64));
  limit("/user", "ann", "ann@example.com");
  limit("/name", "ä" + text(199), text(201));
  limit("/name", "", std::string("a\0b", 3));
  limit("/workload_type", "inference", "serving");
  limit("/priority", "background", "high");
  limit("/epochs", 1, 0);
  limit("/epochs", 1'000'000, 1'000'001);
  limit("/batch_size", 1'000'000, 1'000'001);
  limit("/batch_size", 5, 5.0);
  limit("/batch_size", 1, true);
  limit("/batch_size", 1, "1");
  limit("/batch_size", 1, nullptr);
  limit("/batch_size", 1, 18446744073709551615ULL);
  limit("/resources/gpus", 0, -1);
  limit("/resources/gpus", 64, 65);
  limit("/resources/gpu_share", 1, 1.01);
  limit("/resources/gpu_share", 0.01, 0);
  limit("/resources/gpu_type", "A100-80GB", "A 100");
  limit("/resources/cpu", "1m", "0");
  limit("/resources/cpu", "1024", "1025");
  limit("/resources/cpu", 2, "two");
  limit("/resources/memory", "1Mi", "1023Ki");
  limit("/resources/memory", "64Ti", "65Ti");
  limit("/resources", json::object(), json::array());
  limit("/image", text(512), text(513));
  limit("/image", "a/b:c@sha256:0", "a b");
  limit("/command", std::vector<std::string>(256), std::vector<std::string>(257));
  limit("/args", json::array({text(4096)}), json::array({text(4097)}));
  limit("/args", json::array(), "a");
  limit("/env", {{"_A9", text(32768)}}, {{"_A9", text(32769)}});
  limit("/env", {{"a", ""}}, {{"9a", ""}});
  limit("/env", {{"OPPEN", ""}}, {{"OPPEN_JOB_ID", ""}});
  limit("/secrets", std::vector<std::string>(32, "a.b"), std::vector<std::string>(33, "a"));
  limit("/secrets", json::array({"a"}), json::array({"A"}));
  limit("/labels", {{"a.b/c", "v"}}, {{"oppen.dev/c", "v"}});
  limit("/labels", {{"myk8s.io/c", "v"}}, {{"x.k8s.io/c", "v"}});
  limit("/labels", {{"A", ""}}, {{"app.kubernetes.io/name", "v"}});
  limit("/labels", {{"A", "v"}}, {{"/A", "v"}});
  limit("/labels", {{"A", "v"}}, {{"A", "v v"}});
  limit("/spot", true, 1);
  limit("/window", "off_peak", "night");
  limit("/max_runtime_seconds", 31'536'000, 31'536'001);
  limit("/max_runtime_seconds", 1, 0);
  limit("/max_retries", 0, -1);
  limit("/max_retries", 100, 101);
  limit("/after", std::vector<std::string>(100, "a"), std::vector<std::string>(101, "a"));
  limit("/after", json::array({"a"}), json::array({"A"}));
  limit("/preemptible", false, "no");
}

TEST(JobSpec, RefusesAGpuShareTogetherWithGpus) {
  EXPECT_THAT(wrong("/resources", {{"gpus", 1}, {"gpu_share", 0.5}}),
              ElementsAre("resources.gpu_share"));
}

TEST(BatchSubmit, NamesTheJobAndTheFieldOfAMistake) {
  const json data = {
      {"batch_id", "b"},
      {"jobs", {minimal(), {{"job_id", "j-2"}, {"model_type", "m"}, {"epochs", 0}}, 7}}};
  const auto batch = parse_data<BatchSubmit>(data);
  ASSERT_FALSE(batch);
  ASSERT_EQ(batch.error().size(), 2U);
  EXPECT_EQ(batch.error()[0].path, "jobs[1].epochs");
  EXPECT_EQ(batch.error()[1].sentence(), "jobs[2] is 7: expected an object");
}

TEST(BatchSubmit, HoldsItsLimits) {
  const auto accepts = [](json changes) {
    json data = {{"batch_id", "b"}, {"jobs", {minimal()}}};
    data.update(changes);
    return parse_data<BatchSubmit>(data).has_value();
  };
  EXPECT_TRUE(accepts(json::object()));
  EXPECT_TRUE(accepts({{"part", 2}, {"parts", 2}, {"max_total_microusd", 0}}));
  EXPECT_FALSE(accepts({{"part", 2}}));
  EXPECT_FALSE(accepts({{"part", 0}}));
  EXPECT_FALSE(accepts({{"parts", 101}}));
  EXPECT_FALSE(accepts({{"max_total_microusd", -1}}));
  EXPECT_FALSE(accepts({{"jobs", json::array()}}));
  EXPECT_TRUE(accepts({{"jobs", std::vector<json>(10'000, minimal())}}));
  EXPECT_FALSE(accepts({{"jobs", std::vector<json>(10'001, minimal())}}));
}

TEST(JobCancel, NamesAJobOrABatchButNotBoth) {
  EXPECT_TRUE(parse_data<JobCancel>({{"job_id", "j"}}));
  EXPECT_TRUE(parse_data<JobCancel>({{"batch_id", "b"}}));
  EXPECT_FALSE(parse_data<JobCancel>(json::object()));
  EXPECT_FALSE(parse_data<JobCancel>({{"job_id", "j"}, {"batch_id", "b"}}));
}

TEST(JobAmend, ChangesSomething) {
  EXPECT_TRUE(parse_data<JobAmend>({{"job_id", "j"}, {"changes", {{"priority", "urgent"}}}}));
  EXPECT_FALSE(parse_data<JobAmend>({{"job_id", "j"}, {"changes", json::object()}}));
  EXPECT_FALSE(parse_data<JobAmend>({{"job_id", "j"}, {"changes", {{"image", "other"}}}}));
}

TEST(SpecHash, IsEqualForEqualSpecsOnly) {
  const JobSpec spec = parsed(minimal());
  EXPECT_EQ(spec_hash(spec), "52479632a6e5ab49");  // of {"job_id":"j-1","model_type":"resnet50"}
  EXPECT_EQ(spec_hash(spec), spec_hash(parsed(minimal())));
  JobSpec other = spec;
  other.env["A"] = "1";
  EXPECT_NE(spec_hash(spec), spec_hash(other));
}

TEST(JobId, IsALabelThatNamesTheModelAndIsFresh) {
  for (const char* model : {"resnet50", "BERT_large.v2", "---", "", "Ünïcode",
                            "a-very-long-model-type-name-that-goes-on-and-on-and-on"}) {
    const std::string id = make_job_id(model);
    EXPECT_TRUE(is_dns_label(id, max_id_length)) << id;
  }
  EXPECT_THAT(make_job_id("BERT_large.v2"),
              testing::MatchesRegex("bert-large-v2-[0-9]{8}-[0-9]{6}-[a-z2-7]{8}"));
  EXPECT_THAT(make_job_id("--"), testing::StartsWith("job-"));
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(make_job_id("m"));
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(Priorities, HaveTheValuesOfTheirClasses) {
  EXPECT_EQ(priority_value(Priority::urgent), 1000);
  EXPECT_EQ(priority_value(Priority::normal), 100);
  EXPECT_EQ(priority_value(Priority::background), 10);
  for (const Priority priority : all_priorities) {
    EXPECT_EQ(parse_priority(to_string(priority)), priority);
  }
  EXPECT_FALSE(parse_priority("Urgent"));
}

}  // namespace
}  // namespace oppen
