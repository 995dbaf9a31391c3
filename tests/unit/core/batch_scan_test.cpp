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
  const auto scan = scan_batch(data.dump(), [&](int index, const JobSpec& spec) {
    EXPECT_EQ(index, static_cast<int>(ids.size()));
    ids.push_back(spec.job_id);
  });
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
    const auto whole = parse_data<BatchSubmit>(data);
    ASSERT_FALSE(whole) << data;
    EXPECT_EQ(told(scan->errors), told(whole.error())) << data;
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

TEST(BatchScan, ManyFaultsAreCountedNotKept) {
  auto jobs = json::array();
  for (int i = 0; i < 20'000; ++i) jobs.push_back(json::object());  // without job_id and model_type
  const auto scan = scan_batch(batch(jobs).dump());
  ASSERT_TRUE(scan);
  EXPECT_LE(scan->errors.size(), 1001U);
  EXPECT_EQ(scan->more_errors, 2 * 10'000 - 1000U);
  EXPECT_EQ(scan->errors.back().path, "jobs");
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
}

}  // namespace
}  // namespace oppen::core
