// The client's submit_later, against a bare producer of the same records. Nobody reads them.
#include "bench/client/against_bare.hpp"
#include "bench/support/must.hpp"
#include "schemas/topics.hpp"

namespace {

using namespace oppen;

// Jobs as people submit them: named, owned, with two environment variables.
std::vector<JobSpec> specs() {
  std::vector<JobSpec> all(10'000);
  for (auto& spec : all) {
    spec.model_type = "resnet50";
    spec.job_id = make_job_id(spec.model_type);
    spec.name = "nightly-resnet50";
    spec.team = "vision";
    spec.project = "autumn-release";
    spec.user = "kim";
    spec.priority = Priority::normal;
    spec.epochs = 10;
    spec.batch_size = 64;
    spec.image = "registry.example/resnet50:1";
    spec.resources.gpus = 1;
    spec.resources.cpu_millicores = 4000;
    spec.resources.memory_bytes = std::int64_t{16} << 30;
    spec.env = {{"DATASET", "s3://datasets/imagenet/2026-01"}, {"LEARNING_RATE", "0.001"}};
  }
  return all;
}

void measure(const bench::AgainstBare::Options& options, bench::Report& report) {
  const auto all = specs();
  bench::AgainstBare against(
      options, std::string(topics::jobs),
      [&](client::Client& client, std::size_t number, client::Client::Done done) {
        bench::must(client.submit_later(all[number % all.size()], std::move(done)), "submitting");
      });
  report.claim("client-submit",
               "job.submit by the client's submit_later, checked and acknowledged, and the same "
               "records by a bare librdkafka producer, in turn");
  report.measured("the client's rate to the bare producer's", against.measure(report), "");
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_client_bench(argc, argv, "Measures how fast the client submits.", measure);
}
