// A batch is read job by job and yet judged as the schema judges the whole: the same faults at the same places.
#include "scheduler/core/batch_scan.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "schemas/commands.hpp"
#include "schemas/parse.hpp"

namespace oppen::core {
namespace {

using nlohmann::json;

json batch(json jobs) { return {{"batch_id", "sweep"}, {"jobs", std::move(jobs)}}; }
json job(const std::string& id) { return {{"job_id", id}, {"model_type", "mnist"}}; }

std::vector<std::string> told(const FieldErrors& errors) {
  std::vector<std::string> sentences;
  for (const auto& error : errors) sentences.push_back(error.sentence());
  std::sort(sentences.begin(), sentences.end());
  return sentences;
}

TEST(BatchScan, GivesEachJobInOrder) {
  auto data = batch({job("a"), job("b"), job("c")});
  data["part"] = 2;
  data["parts"] = 3;
  data["max_total_microusd"] = 5;
  std::vector<std::string> ids;
  const auto jobs =
      read_jobs(data.dump(), [&](int index, const tl::expected<JobSpec, FieldErrors>& job) {
        EXPECT_EQ(index, static_cast<int>(ids.size()));
        ids.push_back(job.value().job_id);
      });
  EXPECT_EQ(jobs, 3);
  const auto scan = scan_batch(data.dump());
  ASSERT_TRUE(scan);
  EXPECT_EQ(scan->errors.size(), 0U) << sentences(scan->errors);
  EXPECT_EQ(ids, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(scan->batch_id, "sweep");
  EXPECT_EQ(scan->part, 2);
  EXPECT_EQ(scan->parts, 3);
  EXPECT_EQ(scan->jobs, 3);
  EXPECT_EQ(scan->max_total->value, 5);
}

TEST(BatchScan, FindsWhatTheWholeSchemaFinds) {
  auto wrong_job = job("b");
  wrong_job["epochs"] = "two";
  wrong_job["resources"] = {{"gpus", -1}};
  for (const auto& data :
       {batch({job("a"), wrong_job, job("c")}), batch({job("a"), 5, json::array({1}), nullptr}),
        batch(json::array()), batch("none"), batch({{"job", 1}}), json{{"batch_id", "sweep"}},
        json{{"batch_id", "Sweep!"}, {"jobs", {job("a")}}, {"part", 3}, {"parts", 2}},
        json{{"jobs", {json{{"jobs", {1, 2}}}}}}, json{{"other", {{"jobs", {1, 2}}}}}, json(7),
        json::array({1}), json{{"batch_id", "s"}, {"jobs", {job("a")}}, {"part", "x"}}}) {
    const auto scan = scan_batch(data.dump());
    ASSERT_TRUE(scan);
    auto errors = scan->errors;
    const auto add = [&](int index, const tl::expected<JobSpec, FieldErrors>& job) {
      if (job) return;
      for (auto fault : job.error()) {
        fault.path =
            "jobs[" + std::to_string(index) + "]" + (fault.path.empty() ? "" : ".") + fault.path;
        errors.push_back(fault);
      }
    };
    ASSERT_TRUE(read_jobs(data.dump(), add));
    const auto whole = parse_data<BatchSubmit>(data);
    ASSERT_FALSE(whole) << data;
    EXPECT_EQ(told(errors), told(whole.error())) << data;
  }
}

TEST(BatchScan, CountsWhatIsTooMuch) {
  auto jobs = json::array();
  for (int i = 0; i <= 10'000; ++i) jobs.push_back(job("j" + std::to_string(i)));
  const auto scan = scan_batch(batch(jobs).dump());
  ASSERT_TRUE(scan);
  ASSERT_EQ(scan->errors.size(), 1U);
  EXPECT_EQ(scan->errors[0].path, "jobs");
}

TEST(BatchScan, TheDigestIsOfTheDataNotOfItsText) {
  const auto data = batch({job("a"), job("b")});
  EXPECT_EQ(scan_batch(data.dump())->digest, scan_batch(data.dump(4))->digest);
  EXPECT_NE(scan_batch(data.dump())->digest,
            scan_batch(batch({job("b"), job("a")}).dump())->digest);
  auto dearer = data;
  dearer["max_total_microusd"] = 9;
  EXPECT_NE(scan_batch(data.dump())->digest, scan_batch(dearer.dump())->digest);
}

TEST(BatchScan, RefusesWhatIsNotJson) {
  EXPECT_FALSE(scan_batch("{\"jobs\": [{]}"));
  EXPECT_FALSE(scan_batch("\xff"));
  EXPECT_FALSE(read_jobs("{\"jobs\": [{]}", [](int, auto&&) {}));
}

}  // namespace
}  // namespace oppen::core
