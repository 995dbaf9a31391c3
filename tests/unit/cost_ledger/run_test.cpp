// The record of a run: whatever comes twice, late or in another order.
#include "tests/unit/cost_ledger/ledger_fixture.hpp"
#include "workers/cost/books/charge_rows.hpp"

namespace oppen::cost {
namespace {

using namespace std::chrono_literals;

const Time run_noon = at("2026-01-03T12:00:00Z");

Fact told(Fact fact, const std::string& state, bool over = false) {
  fact.told = Told{"digits", "kim", state, over, 3, 64};
  return fact;
}

CloudEvent report_event(const auto& data) {
  CloudEvent event;
  event.type = std::decay_t<decltype(data)>::type;
  event.data = to_data(data);
  return event;
}

Report progress(int epoch, double seconds, int attempt = 1) {
  RunProgress told;
  told.job_id = "a";
  told.attempt = attempt;
  told.run_id = "mlflow-1";
  told.epoch = epoch;
  told.epochs = 3;
  told.at = run_noon;
  told.epoch_seconds = seconds;
  told.metrics = {{"loss", 1.0 / epoch}};
  return read_report(report_event(told), run_noon).value().value();
}

RunCompleted completed(const std::string& job_id) {
  RunCompleted told;
  told.run_id = "mlflow-1";
  told.job_id = job_id;
  if (!job_id.empty()) told.attempt = 1;
  told.model_type = "mnist";
  told.status = "succeeded";
  told.epochs = 3;
  told.batch_size = 64;
  told.precision = "fp16";
  told.gpus = 2;
  told.gpu_type = "T4";
  told.started_at = run_noon;
  told.ended_at = run_noon + 36h;
  told.metrics = {{"accuracy", 0.9}, {"confusion", {1, 2}}};
  told.baseline_metric = 0.8;
  told.team = "vision";
  return told;
}

class RunTest : public testing::Test {
 protected:
  const RunRecord& record() { return ledger.job("a").run.record; }

  pricing::RateHistory rates;
  Ledger ledger{rates};
};

TEST_F(RunTest, TellsWhatItsEventsTell) {
  ledger.apply(told(began(run_noon, 1), "running"));
  EXPECT_EQ(record().state, "running");
  ledger.apply(told(ended(run_noon, run_noon + 40s, 1), "queued"));
  ledger.apply(told(began(run_noon + 50s, 2), "running"));
  ledger.apply(told(ended(run_noon + 50s, run_noon + 60s, 2), "succeeded", true));
  ledger.apply(told(began(run_noon + 50s, 2), "running"));  // again
  for (const auto& charge : ledger.charge(run_noon + 2min, 100)) EXPECT_EQ(charge.event.gpus, 1);
  EXPECT_EQ(record().name, "digits");
  EXPECT_EQ(record().state, "succeeded");
  EXPECT_EQ(record().attempts, 2);
  EXPECT_EQ(record().started_at, run_noon);
  EXPECT_EQ(record().ended_at, run_noon + 60s);
  EXPECT_EQ(record().spent.run_ms, 50'000);
  EXPECT_EQ(record().spent.gpu_ms, 50'000);
  EXPECT_EQ(record().charged_until, run_noon + 60s);
  EXPECT_EQ(record().spent.total_microusd,
            rates.price(bearer().usage, run_noon, run_noon + 40s).total.value +
                rates.price(bearer().usage, run_noon + 50s, run_noon + 60s).total.value);
}

TEST_F(RunTest, KnowsUpToWhenItIsChargedAndOnWhatItWas) {
  auto first = told(began(run_noon, 1), "running");
  first.bearer.usage.gpu_type = "T4";
  ledger.apply(first);
  ledger.charge(run_noon + 100s, 100);
  EXPECT_EQ(record().charged_until, run_noon + 90s);  // as the grid closes it
  // What was charged too far is taken back.
  auto end = told(ended(run_noon, run_noon + 40s, 1), "queued");
  end.bearer.usage.gpu_type = "T4";
  ledger.apply(end);
  ledger.charge(run_noon + 110s, 100);
  EXPECT_EQ(record().charged_until, run_noon + 40s);
  auto second = told(began(run_noon + 120s, 2), "running");
  second.bearer.usage.gpu_type = "A100";
  ledger.apply(second);
  EXPECT_EQ(record().gpu_type, "A100");
  EXPECT_EQ(record().other_gpu_types, std::vector<std::string>{"T4"});
  const auto again = decode_run("a", encode_run(ledger.job("a").run)).value();
  EXPECT_EQ(again.record.other_gpu_types, record().other_gpu_types);
  EXPECT_EQ(again.record.charged_until, record().charged_until);
}

TEST_F(RunTest, ReportsCountOnceAndBeforeTheJobsEvents) {
  ledger.apply(progress(1, 10));
  ledger.apply(progress(2, 11));
  ledger.apply(progress(2, 11));
  ledger.apply(progress(1, 10));
  EXPECT_EQ(ledger.job("a").run.new_epoch_seconds, (std::vector<double>{10, 11}));
  ledger.stored("a");
  EXPECT_FALSE(ledger.knows("a")) << "nothing of it runs";

  ledger.apply(progress(1, 5, 2));
  ledger.apply(progress(3, 12));  // of the attempt before
  EXPECT_EQ(record().epochs_done, 1);
  auto whole = completed("a");
  whole.attempt = 2;
  whole.epoch_seconds = {5, 6, 7};
  ledger.apply(read_report(report_event(whole), run_noon + 48h).value().value());
  whole.precision = "fp32";  // another reporter of the same attempt
  ledger.apply(read_report(report_event(whole), run_noon + 48h).value().value());
  EXPECT_EQ(record().epochs_done, 3);
  EXPECT_EQ(record().precision, "fp16");
  EXPECT_EQ(record().run_id, "mlflow-1");
  EXPECT_EQ(record().baseline_metric, 0.8);
  EXPECT_EQ(record().metrics, (nlohmann::json{{"loss", 1.0}, {"accuracy", 0.9}}))
      << "an array is nothing to compare";
  EXPECT_EQ(ledger.job("a").run.new_epoch_seconds, (std::vector<double>{5, 6, 7}));
  EXPECT_TRUE(ledger.job("a").run.epochs_anew);
  ledger.apply(told(began(run_noon, 2), "running"));
  EXPECT_EQ(record().team, "vision");
  EXPECT_EQ(record().metrics["accuracy"], 0.9);
}

TEST_F(RunTest, ALaterAttemptHasDoneNoEpochYet) {
  ledger.apply(told(began(run_noon, 1), "running"));
  ledger.apply(progress(1, 10));
  EXPECT_EQ(record().epochs_done, 1);
  ledger.apply(told(began(run_noon + 50s, 2), "running"));
  EXPECT_EQ(record().epochs_done, 0);
  EXPECT_TRUE(ledger.job("a").run.new_epoch_seconds.empty());
  ledger.apply(progress(2, 11));  // of the first, late
  EXPECT_EQ(record().epochs_done, 0);
}

// By which it is seen after which epoch nothing got better.
TEST_F(RunTest, TheAccuracyOfEachEpochOfTheLastAttempt) {
  const auto with_accuracy = [](int epoch, double accuracy, int attempt) {
    auto report = progress(epoch, 10, attempt);
    std::get<RunProgress>(report.told).metrics["accuracy"] = accuracy;
    return report;
  };
  const auto run = [&]() -> const cost::Run& { return ledger.job("a").run; };
  ledger.apply(told(began(run_noon, 1), "running"));
  ledger.apply(with_accuracy(1, 0.5, 1));
  ledger.apply(with_accuracy(2, 0.75, 1));
  ledger.apply(with_accuracy(2, 0.75, 1));  // again
  EXPECT_EQ(run().new_accuracies, (std::vector<double>{0.5, 0.75}));
  EXPECT_FALSE(run().accuracies_anew);
  ledger.stored("a");
  EXPECT_TRUE(run().new_accuracies.empty());

  auto whole = completed("a");
  whole.epoch_seconds = {10, 11, 12};
  ledger.apply(read_report(report_event(whole), run_noon + 48h).value().value());
  EXPECT_FALSE(run().accuracies_anew)
      << "the end tells what epochs took, and not what they reached";

  ledger.apply(with_accuracy(1, 0.25, 2));
  EXPECT_TRUE(run().accuracies_anew) << "in the place of those of the first attempt";
  EXPECT_EQ(run().new_accuracies, std::vector<double>{0.25});
}

// 36 hours from noon on: cut at midnight, each day by itself.
TEST_F(RunTest, ARunFromOutsideIsChargedOnce) {
  const auto report = read_report(report_event(completed("")), run_noon + 37h).value().value();
  EXPECT_EQ(report.job_id, ":mlflow-1");
  ledger.apply(report);
  Consumer consumer;
  std::vector<std::string> days;
  for (const auto& [id, event] : ledger.charge(run_noon + 48h, 100)) {
    EXPECT_EQ(event.run_id, "mlflow-1");
    EXPECT_EQ(event.job_id, "");
    EXPECT_EQ(event.attempt, 0);
    EXPECT_TRUE(id.starts_with("mlflow-1/0/")) << id;
    EXPECT_TRUE(parse_data<CostAccrued>(to_data(event)));
    days.push_back(day_text(day_key_of(event).day));
  }
  EXPECT_EQ(days.front(), "2026-01-03");
  EXPECT_EQ(days.back(), "2026-01-04");
  const auto& run = ledger.job(":mlflow-1").run.record;
  pricing::Usage usage;
  usage.resources = {2, std::nullopt, "", 0, 0};
  usage.gpu_type = "T4";
  EXPECT_EQ(run.spent.total_microusd, rates.price(usage, run_noon, run_noon + 36h).total.value);
  EXPECT_EQ(run.spent.gpu_ms, 2 * std::chrono::milliseconds(36h).count());
  EXPECT_EQ(run.state, "succeeded");
  ledger.apply(report);
  EXPECT_TRUE(ledger.charge(run_noon + 48h, 100).empty());
  EXPECT_TRUE(ledger.job(":mlflow-1").settled());
}

TEST_F(RunTest, ARunFromOutsideOfAnImpossibleTimeIsRefused) {
  const auto refused = read_report(report_event(completed("")), run_noon);
  EXPECT_NE(refused.error().message.find("ended_at"), std::string::npos);
  EXPECT_TRUE(read_report(report_event(completed("a")), run_noon)) << "a job's is not priced by it";
}

TEST_F(RunTest, ARunFromOutsideIsBounded) {
  const auto refusal = [](const RunCompleted& told) {
    const auto read = read_report(report_event(told), run_noon + 37h);
    return read ? std::string() : read.error().message;
  };
  auto huge = completed("");
  huge.gpus = 10'001;
  EXPECT_NE(refusal(huge).find("gpus is 10001"), std::string::npos) << refusal(huge);
  auto wordy = completed("");
  wordy.team = std::string(64, 't');
  EXPECT_NE(refusal(wordy).find("team is \"ttt"), std::string::npos) << refusal(wordy);
  wordy.team.pop_back();
  EXPECT_EQ(refusal(wordy), "");
}

// ":mlflow-1" is the key of the run from outside "mlflow-1".
TEST_F(RunTest, AReportOfWhatIsNoJobIsRefused) {
  const auto refused = read_report(report_event(completed(":mlflow-1")), run_noon + 37h);
  EXPECT_NE(refused.error().message.find("job_id is \":mlflow-1\""), std::string::npos);
  RunProgress told;
  told.job_id = ":mlflow-1";
  told.attempt = 1;
  EXPECT_FALSE(read_report(report_event(told), run_noon));
}

// The log may not hold what stood before.
TEST_F(RunTest, OneOfWhichACorrectionIsLeftHasBegun) {
  CostAccrued correction;
  correction.job_id = "a";
  correction.attempt = 1;
  correction.correction = true;
  correction.interval_start = run_noon;
  correction.interval_end = run_noon + 30s;
  ASSERT_TRUE(ledger.recall("a/1/0-1/c1", correction));
  EXPECT_EQ(record().started_at, run_noon);
}

TEST_F(RunTest, IsReadBackAsItWas) {
  ledger.apply(told(began(run_noon), "running"));
  ledger.apply(progress(2, 11));
  ledger.charge(run_noon + 1h, 1'000);
  const auto text = encode_run(ledger.job("a").run);
  const auto run = decode_run("a", text).value();
  EXPECT_EQ(encode_run(run), text);
  EXPECT_EQ(run.record.name, "digits");
  EXPECT_EQ(run.record.resources, bearer().usage.resources);
  EXPECT_EQ(run.record.run_seconds, 3'600);
  EXPECT_EQ(run.record.spent.total_microusd, record().spent.total_microusd);
  EXPECT_EQ(decode_run("a", "\x90").error().kind, ErrorKind::fatal);
  EXPECT_EQ(decode_run("a", "{").error().kind, ErrorKind::fatal);
}

TEST(RunText, HasNothingThatIsNoUtf8) {
  cost::Run run;
  run.record.name =
      "gr\xc3\xb6\xc3\x9f"
      "er";
  run.record.team = "a\xff\xc3";
  const auto again = decode_run("a", encode_run(run)).value().record;
  EXPECT_EQ(again.name, run.record.name);
  EXPECT_EQ(again.team, "a\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(DayRow, RowsComeByDayAndKey) {
  DayRows rows;
  const std::chrono::sys_days first{std::chrono::year{2026} / 1 / 2};
  const auto add = [&rows](std::chrono::sys_days day, const char* team, std::int64_t microusd) {
    EXPECT_TRUE(
        rows.add(day, std::string("g[\"") + team + R"(","","mnist","","","ns"])", microusd));
  };
  add(first + std::chrono::days(1), "vision", 1);
  add(first, "vision", 2);
  add(first, "speech", 3);
  add(first, "vision", 4);
  const auto made = rows.take();
  ASSERT_EQ(made.size(), 3U);
  EXPECT_EQ(made[0].key.team, "speech");
  EXPECT_EQ(made[1].key.team, "vision");
  EXPECT_EQ(made[1].key.pod_namespace, "ns");
  EXPECT_EQ(made[1].spent.total_microusd, 6);
  EXPECT_EQ(made[2].key.day, first + std::chrono::days(1));
  EXPECT_TRUE(rows.take().empty());
}

TEST(DayRow, IsReadBackAsItWas) {
  CostAccrued event;
  event.team = "a \"team\"";
  event.model_type = "mnist";
  event.gpu_type = "T4";
  event.interval_start = run_noon;
  event.interval_end = run_noon + 20s;
  event.gpu = {7};
  event.cpu = {-3};
  event.total = {4};
  event.gpus = 0.25;
  DayRows rows;
  for (const auto& [field, amount] : day_fields({day_key_of(event), spent_of(event)}))
    EXPECT_TRUE(rows.add(day_key_of(event).day, field, amount));
  const auto made = rows.take();
  ASSERT_EQ(made.size(), 1U);
  EXPECT_EQ(made[0].key.team, event.team);
  EXPECT_EQ(made[0].spent.total_microusd, 4);
  EXPECT_EQ(made[0].spent.run_ms, 20'000);
  EXPECT_EQ(made[0].spent.gpu_ms, 5'000);
  for (const auto* broken : {"", "g", "g[1]", "g[1,2,3,4,5,6]", "x[\"\",\"\",\"\",\"\",\"\",\"\"]"})
    EXPECT_FALSE(rows.add({}, broken, 1)) << broken;
}

}  // namespace
}  // namespace oppen::cost
