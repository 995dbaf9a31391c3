#pragma once
// How fast the client publishes, beside a bare librdkafka producer of the very records that it published: both in turn, in one process.
#include <functional>
#include <string>

#include "bench/support/report.hpp"
#include "producers/client/client.hpp"

namespace oppen::bench {

class AgainstBare {
 public:
  struct Options {
    client::KafkaSettings kafka;
    bool quick = false;  // fewer rounds
  };
  // Hands the client one record, the `number`-th, for any thread.
  using Publish =
      std::function<void(client::Client&, std::size_t number, client::Client::Done done)>;

  // `topic` (without prefix) is where `publish` puts its records; nobody else does.
  AgainstBare(const Options& options, std::string topic, Publish publish);
  ~AgainstBare();

  // Measures, and adds to the report's last claim. Returns the ratio of the rates, client to bare.
  double measure(Report& report);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// main() of each program: reads the settings, measures, writes the results.
int run_client_bench(int argc, const char* const* argv, const std::string& purpose,
                     const std::function<void(const AgainstBare::Options&, Report&)>& measure);

}  // namespace oppen::bench
