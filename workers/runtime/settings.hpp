#pragma once
// Settings, each declared once with its name, help, unit, default and bounds; flags, environment,
// --config FILE, --help and the checks all derive from the declaration. Used while starting, on the
// main thread.
//
//   Settings settings("oppen-scheduler", "Keeps the queue and launches the jobs' pods.");
//   settings.add(brokers, {.name = "kafka-brokers", .env = "OPPEN_KAFKA_BROKERS", .help = "Kafka
//   bootstrap servers"}); settings.add(ttl, {.name = "finished-pod-ttl", .help = "...", .unit =
//   "seconds", .min = 0, .max = 604800}); if (auto exit_code = settings.parse(argc, argv)) return
//   *exit_code;
//
// A flag is "--" + name; the environment variable is `env`, or OPPEN_ + NAME in capitals with _
// when empty; the key in the config file is the name ("key = value" lines, # comments). Flag over
// environment over file over the variable's value. An environment variable that is empty counts as
// not set.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oppen::runtime {

struct Setting {
  std::string name;
  std::string env = {};
  std::string help;
  std::string unit = {};  // shown in help, e.g. "seconds"
  std::int64_t min = 0;
  std::int64_t max = 2'147'483'647;
  std::vector<std::string> one_of = {};  // allowed texts; empty: any
  bool secret = false;                   // printed as *** everywhere
  std::string group = "Settings";        // the heading in --help under which it stands
};

class Settings {
 public:
  Settings(std::string program, std::string purpose);
  ~Settings();

  // The variable holds the default now and the setting after parse(); it must outlive this object.
  void add(std::string& target, const Setting& setting);
  void add(std::int64_t& target, const Setting& setting);
  void add(bool& target, const Setting& setting);

  // nullopt: go on. Otherwise the exit code: 0 after --help or --version, 2 after a sentence on
  // stderr that names the flag, variable or file line, the value, and what was expected. An unknown
  // flag or key is an error.
  std::optional<int> parse(int argc, const char* const* argv);

  // "name=value" of all, secrets as ***, URLs without a user and password, for the log at start.
  std::string describe() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::runtime
