#include "producers/cli/end_options.hpp"

#include <CLI/CLI.hpp>
#include <map>

namespace oppen::cli {

void add_end(CLI::App& command, EndOptions& options, const std::string& what) {
  CLI::Option* const until =
      command
          .add_option("--until", options.until, "When " + what + ", such as 2026-01-03T18:15:00Z")
          ->type_name("TIME");
  const std::map<std::string, std::int64_t> units{{"s", 1}, {"m", 60}, {"h", 3'600}, {"d", 86'400}};
  command
      .add_option("--for", options.for_seconds,
                  "After how long " + what + ", such as 30m; s, m, h or d")
      ->transform(CLI::AsNumberWithUnit(
          units, CLI::AsNumberWithUnit::Options(CLI::AsNumberWithUnit::CASE_SENSITIVE |
                                                CLI::AsNumberWithUnit::UNIT_REQUIRED)))
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{31'536'000}).description(""))
      ->type_name("DURATION")
      ->excludes(until);
}

Result<std::optional<Time>> end_of(const EndOptions& options, Time now) {
  if (options.for_seconds > 0) return now + std::chrono::seconds(options.for_seconds);
  if (options.until.empty()) return std::nullopt;
  const auto until = parse_rfc3339(options.until);
  if (!until) return fail(until.error().in_context("reading --until"));
  if (*until <= now) {
    return fail(ErrorKind::invalid, "--until is " + options.until +
                                        ": expected a time to come, it is " + to_rfc3339(now));
  }
  return *until;
}

}  // namespace oppen::cli
