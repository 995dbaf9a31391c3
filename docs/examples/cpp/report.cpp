// Training that tells how it goes: report [EPOCHS]. In a job's container OPPEN_JOB_ID and the others are set.
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <producers/client/client.hpp>
#include <string>

namespace {

std::string variable(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  const auto kafka = oppen::client::settings_from_environment();
  if (!kafka) {
    std::cerr << kafka.error().message << '\n';
    return 2;
  }
  const auto client = oppen::client::Client::create({*kafka, "/examples/report"});
  if (!client) {
    std::cerr << client.error().message << '\n';
    return 2;
  }
  const auto now = [] { return oppen::SystemClock().now(); };
  std::atomic<int> lost{0};
  const auto told = [&lost](const auto& acknowledged) {
    if (acknowledged) return;
    ++lost;
    std::cerr << acknowledged.error().message << '\n';
  };

  oppen::RunCompleted run;
  run.job_id = variable("OPPEN_JOB_ID", "by-hand-2");
  run.attempt = std::atoi(variable("OPPEN_ATTEMPT", "1").c_str());
  run.run_id = run.job_id + "-" + std::to_string(*run.attempt);
  run.model_type = variable("OPPEN_MODEL_TYPE", "mnist");
  run.status = "succeeded";
  run.epochs = argc > 1 ? std::atoi(argv[1]) : 2;
  run.batch_size = 64;
  run.team = "vision";
  run.project = "search";
  run.started_at = now();
  for (int epoch = 1; epoch <= run.epochs; ++epoch) {
    const double loss = std::exp(-epoch);  // here the model would learn

    oppen::RunProgress progress;
    progress.job_id = run.job_id;
    progress.attempt = *run.attempt;
    progress.epoch = epoch;
    progress.epochs = run.epochs;
    progress.at = now();
    progress.metrics = {{"loss", loss}};
    if (const auto handed = (*client)->report_later(progress, told); !handed) told(handed);
    run.metrics = progress.metrics;
  }
  run.ended_at = now();
  run.duration_seconds = oppen::Seconds(run.ended_at - run.started_at).count();
  if (const auto handed = (*client)->report_later(run, told); !handed) told(handed);

  if (const auto flushed = (*client)->flush(20s); !flushed) {
    std::cerr << flushed.error().message << '\n';
    return 3;
  }
  std::cout << "reported " << run.run_id << '\n';
  return lost == 0 ? 0 : 1;
}
