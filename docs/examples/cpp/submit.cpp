// Submits one job and waits for its end: submit [MODEL_TYPE]. Its exit code says whether the job succeeded.
#include <iostream>
#include <producers/client/client.hpp>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  const auto kafka = oppen::client::settings_from_environment();
  if (!kafka) {
    std::cerr << kafka.error().message << '\n';
    return 2;
  }
  const auto client = oppen::client::Client::create({*kafka, "/examples/submit"});
  if (!client) {
    std::cerr << client.error().message << '\n';
    return 2;
  }

  oppen::JobSpec job;
  job.model_type = argc > 1 ? argv[1] : "mnist";
  job.epochs = 2;
  job.resources.gpus = 0;
  const auto id = (*client)->submit(job);
  if (!id) {
    std::cerr << id.error().message << '\n';
    return 2;
  }
  std::cout << "submitted " << *id << std::endl;

  const auto outcome = (*client)->wait(*id, 1h);
  if (!outcome) {
    std::cerr << outcome.error().message << '\n';
    return 3;
  }
  const auto& data = outcome->data;
  const auto state = data.value("state", "");
  std::cout << state;
  for (const char* told : {"reason", "message", "metrics"}) {
    if (data.contains(told)) std::cout << ' ' << data[told].dump();
  }
  std::cout << '\n';
  return state == "succeeded" ? 0 : 1;
}
