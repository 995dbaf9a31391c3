// The client's report_later of run.progress, against a bare producer of the same records.
#include "bench/client/against_bare.hpp"
#include "bench/support/must.hpp"
#include "schemas/topics.hpp"

namespace {

using namespace oppen;

constexpr std::size_t jobs = 1'000;

// As a training loop reports: what many epochs of many jobs say.
std::vector<RunProgress> reports() {
  std::vector<RunProgress> all;
  const Time now = SystemClock().now();
  for (int epoch = 1; epoch <= 10; ++epoch) {
    for (std::size_t job = 0; job < jobs; ++job) {
      RunProgress progress;
      progress.job_id = epoch == 1 ? make_job_id("resnet50") : all[job].job_id;
      progress.attempt = 1;
      progress.epoch = epoch;
      progress.epochs = 10;
      progress.at = now + std::chrono::milliseconds(job * 17);
      progress.epoch_seconds = 31.25 + static_cast<double>(job) / 7;
      progress.metrics = {{"loss", 2.5 / (epoch + static_cast<double>(job) / 1000)},
                          {"accuracy", 0.9 - 0.5 / (epoch + static_cast<double>(job) / 3000)},
                          {"learning_rate", 0.001}};
      all.push_back(std::move(progress));
    }
  }
  return all;
}

void measure(const bench::AgainstBare::Options& options, bench::Report& report) {
  const auto all = reports();
  bench::AgainstBare against(
      options, std::string(topics::runs),
      [&](client::Client& client, std::size_t number, client::Client::Done done) {
        bench::must(client.report_later(all[number % all.size()], std::move(done)), "reporting");
      });
  report.claim("client-report",
               "run.progress by the client's report_later, checked and acknowledged, and the same "
               "records by a bare librdkafka producer, in turn");
  const auto ratio = against.measure(report);
  report.bar_at_least("the client's rate to the bare producer's", ratio, 0.8, "");
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_client_bench(argc, argv, "Measures how fast the client publishes reports.",
                                 measure);
}
