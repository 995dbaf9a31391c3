// digits-trainer: parse, load, train, report.
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "deploy/images/digits-trainer/dataset.hpp"
#include "deploy/images/digits-trainer/options.hpp"
#include "deploy/images/digits-trainer/report.hpp"
#include "deploy/images/digits-trainer/trainer.hpp"

namespace {

using namespace oppen::digits_trainer;

constexpr const char* default_termination_log = "/dev/termination-log";
constexpr int failed = 1, bad_input = 2, signal_base = 128;

std::atomic<bool> stop = false;
std::atomic<int> stop_signal = 0;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void on_signal(int signal) {
  stop_signal = signal;
  stop = true;
}

int fail(int code, const std::string& message) {
  std::fprintf(stderr, "digits-trainer: %s\n", message.c_str());
  return code;
}

std::optional<Split> load(const Options& options, std::string& error) {
  std::string file_text;
  if (!options.data.empty()) {
    std::ifstream file(options.data, std::ios::binary);
    file_text.assign(std::istreambuf_iterator<char>(file), {});
    if (!file) {
      error = "it cannot be read";
      return {};
    }
  }
  Split data = split(parse_digits(options.data.empty() ? embedded_digits() : file_text, error));
  if (error.empty() && data.test.empty()) error = "it has fewer than 5 samples";
  if (!error.empty()) return {};
  return data;
}

void print_start(const Options& options, const Split& data) {
  const Settings& settings = options.settings;
  if (!options.job.empty())
    std::printf("job %s attempt %s model %s\n", options.job.c_str(), options.attempt.c_str(),
                options.model_type.c_str());
  std::printf(
      "%zu samples to learn, %zu to test; batch %llu, hidden %llu, %s, learning rate %g, seed "
      "%llu\n",
      data.train.size(), data.test.size(), static_cast<unsigned long long>(settings.batch_size),
      static_cast<unsigned long long>(settings.hidden), to_string(settings.precision),
      settings.learning_rate, static_cast<unsigned long long>(settings.seed));
}

// Opens the log before the work begins, so that a wrong path is not found out at its end.
std::FILE* open_termination_log(const Options& options, std::string& error) {
  const std::string path = options.termination_log.value_or(default_termination_log);
  // Outside a pod the default is absent, and is not made: /dev is no place for a file.
  std::FILE* file = std::fopen(path.c_str(), options.termination_log ? "w" : "r+");
  if (file == nullptr && options.termination_log)
    error = "--termination-log is '" + path + "': expected a file that can be written";
  return file;
}

void add_usage(Outcome& outcome) {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  outcome.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
  outcome.memory_peak_mb = static_cast<double>(used.ru_maxrss) / 1024;
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed =
      parse_options(std::span(argv + 1, static_cast<std::size_t>(argc - 1)),
                    [](const char* name) -> const char* { return std::getenv(name); });
  if (std::holds_alternative<HelpWanted>(parsed)) {
    std::fputs(help_text().c_str(), stdout);
    return 0;
  }
  if (const auto* bad = std::get_if<BadUsage>(&parsed)) return fail(bad_input, bad->message);
  const Options& options = *std::get_if<Options>(&parsed);

  std::string error;
  const std::optional<Split> data = load(options, error);
  if (!data) return fail(bad_input, "--data is '" + options.data + "': " + error);
  std::FILE* termination_log = open_termination_log(options, error);
  if (!error.empty()) return fail(bad_input, error);

  std::signal(SIGTERM, on_signal);
  std::signal(SIGINT, on_signal);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a line is in the pod's log as soon as it is printed
  print_start(options, *data);
  std::uint64_t number = 0;
  Outcome outcome = train(*data, options.settings, stop, [&](const Epoch& epoch) {
    std::printf("epoch %llu/%llu loss %.4f accuracy %.4f seconds %.3f\n",
                static_cast<unsigned long long>(++number),
                static_cast<unsigned long long>(options.settings.epochs), epoch.loss,
                epoch.accuracy, epoch.seconds);
  });

  add_usage(outcome);
  const std::string metrics = metrics_json(outcome);
  std::fputs(metrics.c_str(), stdout);
  if (termination_log != nullptr &&
      (std::fputs(metrics.c_str(), termination_log) < 0 || std::fclose(termination_log) != 0))
    return fail(failed, "the metrics could not be written to the termination log");
  if (outcome.end == End::early)
    std::printf("stopped early: no better accuracy in %llu epochs\n",
                static_cast<unsigned long long>(options.settings.patience));
  return outcome.end == End::stopped ? signal_base + stop_signal : 0;
}
