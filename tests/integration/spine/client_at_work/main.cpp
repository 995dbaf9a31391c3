// A program that works with the installed client while a test takes Kafka away:
//
//   client_at_work report PREFIX   four threads report the progress of a job each, PREFIX-0 to PREFIX-3, epoch after epoch, until
//                                  standard input ends. To each line there it answers "HANDED KEPT LOST": how many so far.
//                                  Last come lines "kept JOB EPOCH", "lost JOB EPOCH" and "full JOB EPOCH" (there was no room).
//   client_at_work wait ID...      waits for all of them; lines "ID STATE"
#include <atomic>
#include <iostream>
#include <mutex>
#include <producers/client/client.hpp>
#include <thread>

namespace {

using namespace std::chrono_literals;
using oppen::client::Client;

constexpr int threads = 4;
constexpr auto pace = 1ms;

int give_up(const oppen::Error& error) {
  std::cerr << error.message << '\n';
  return 3;
}

class Reporting {
 public:
  Reporting(Client& client, std::string prefix) : client_(client), prefix_(std::move(prefix)) {}

  void run(int thread) {
    oppen::RunProgress progress;
    progress.job_id = prefix_ + "-" + std::to_string(thread);
    progress.attempt = 1;
    progress.metrics = {{"loss", 0.25}};
    for (; !stop_; ++progress.epoch) {
      progress.at = oppen::SystemClock().now();
      const auto name = progress.job_id + " " + std::to_string(progress.epoch);
      const auto handed = client_.report_later(progress, [this, name](const auto& acknowledged) {
        note(acknowledged ? kept_ : lost_, acknowledged ? "kept " : "lost ", name);
      });
      if (handed) {
        ++handed_;
      } else {
        note(full_, "full ", name);
      }
      std::this_thread::sleep_for(pace);
    }
  }

  void stop() { stop_ = true; }
  void tell_state() { std::cout << handed_ << ' ' << kept_ << ' ' << lost_ << std::endl; }
  void tell_all() { std::cout << told_ << std::flush; }

 private:
  void note(std::atomic<int>& count, const char* what, const std::string& name) {
    const std::lock_guard lock(mutex_);
    told_ += what + name + '\n';
    ++count;
  }

  Client& client_;
  const std::string prefix_;
  std::atomic<bool> stop_{false};
  std::atomic<int> handed_{0}, kept_{0}, lost_{0}, full_{0};
  std::mutex mutex_;
  std::string told_;
};

int report(Client& client, const std::string& prefix) {
  Reporting reporting(client, prefix);
  {
    std::vector<std::jthread> running;
    for (int thread = 0; thread < threads; ++thread)
      running.emplace_back(&Reporting::run, &reporting, thread);
    for (std::string line; std::getline(std::cin, line);) reporting.tell_state();
    reporting.stop();
  }
  if (const auto flushed = client.flush(90s); !flushed) return give_up(flushed.error());
  reporting.tell_all();
  return 0;
}

int wait(Client& client, const std::vector<std::string>& ids) {
  const auto outcomes = client.wait_all(ids, 5min);
  if (!outcomes) return give_up(outcomes.error());
  for (const auto& [id, event] : *outcomes)
    std::cout << id << ' ' << event.data.value("state", "") << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto kafka = oppen::client::settings_from_environment();
  if (!kafka) return give_up(kafka.error());
  const auto client = Client::create({*kafka, "/oppen/tests", 60s});
  if (!client) return give_up(client.error());
  if (arguments.size() == 2 && arguments[0] == "report") return report(**client, arguments[1]);
  if (arguments.size() > 1 && arguments[0] == "wait")
    return wait(**client, {arguments.begin() + 1, arguments.end()});
  std::cerr << "expected report PREFIX or wait ID...\n";
  return 2;
}
