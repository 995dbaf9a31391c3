#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "producers/access/console_api.hpp"
#include "producers/challenge/challenge.hpp"
#include "producers/challenge/published.hpp"
#include "producers/cli/challenge_text.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/context.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

struct ChallengeOptions {
  challenge::Workload workload;
  std::string measured_file;
  bool check = false;
};

std::int64_t amount(const json& rates, const char* name, std::int64_t fallback) {
  const auto found = rates.find(name);
  return found != rates.end() && found->is_number_integer() ? found->get<std::int64_t>() : fallback;
}

struct PriceList {
  challenge::Prices prices;
  std::string from;
};

// Those in force; where nobody tells them, the defaults.
PriceList price_list(const Context& context) {
  PriceList list;
  const auto rates = ConsoleApi(context.console_url).get("rates");
  if (!rates) {
    list.from = "Default prices, as the console can't be asked for those in force.";
    return list;
  }
  list.prices.gpu = amount(*rates, "gpu_hourly_microusd", list.prices.gpu);
  list.prices.core = amount(*rates, "cpu_core_hourly_microusd", list.prices.core);
  list.prices.gib = amount(*rates, "memory_gib_hourly_microusd", list.prices.gib);
  const auto types = rates->value("gpu_type_hourly_microusd", json::object());
  list.prices.gpu_type.clear();
  for (const auto& [type, price] : types.items()) {
    if (price.is_number_integer()) list.prices.gpu_type[type] = price.get<std::int64_t>();
  }
  list.from = "Prices of the cost model in force.";
  return list;
}

json published_json() {
  json results = json::array();
  for (const auto& one : challenge::published()) {
    results.push_back({{"gpu_type", one.gpu_type},
                       {"precision", challenge::to_string(one.precision)},
                       {"batch_size", one.batch_size},
                       {"runtime", one.runtime->name},
                       {"published_ms", one.batch_ms},
                       {"model_ms", challenge::model_ms(one)},
                       {"error_percent", challenge::error_percent(one)},
                       {"source", one.source}});
  }
  return {{"published", std::move(results)}};
}

int run_challenge(Context& context, ChallengeOptions& options) {
  if (options.check) {
    if (context.json()) {
      context.print(published_json());
    } else {
      context.out << published_text(context.width);
    }
    return done;
  }
  if (!options.measured_file.empty()) {
    const auto text = read_input(context, options.measured_file);
    if (!text) return context.fail_with(text.error());
    auto measured = challenge::parse_measured(*text);
    if (!measured) return context.fail_with("the list of measured runs", measured.error());
    options.workload.measured = *std::move(measured);
  }
  const auto list = price_list(context);
  const auto result = challenge::run(options.workload, list.prices);
  if (context.json()) {
    json body = challenge::to_json(result, options.workload, list.prices);
    body["prices"]["from"] = list.from;
    context.print(body);
  } else {
    context.out << challenge_text(result, options.workload, list.from, context.width);
  }
  return done;
}

}  // namespace

void add_challenge(CLI::App& app, Context& context) {
  const auto options = std::make_shared<ChallengeOptions>();
  CLI::App* const command = app.add_subcommand(
      "challenge",
      "Simulates what batching, precision, GPU type and sharing change in the cost, latency and "
      "accuracy of an inference service.");
  command
      ->add_option("--rate", options->workload.requests_per_second,
                   "Inferences that are asked for, a second")
      ->type_name("N")
      ->check(CLI::Range(0.001, 1e7).description(""))
      ->capture_default_str();
  command
      ->add_option("--max-p99", options->workload.max_p99_ms,
                   "A step that takes 1 of 100 longer is not kept, in milliseconds")
      ->type_name("MS")
      ->check(CLI::Range(0.001, 1e7).description(""))
      ->capture_default_str();
  command->add_option("--measured", options->measured_file,
                      "Runs that you have measured, in the place of the model (- for stdin)");
  command->add_flag("--check", options->check,
                    "Instead: the model beside results that NVIDIA has published");
  command->footer(
      "Examples:\n"
      "  oppen challenge\n"
      "  oppen challenge --rate 200 --max-p99 50\n"
      "  echo '[{\"gpu_type\":\"T4\",\"precision\":\"FP16\",\"batch_size\":8,\"batch_ms\":4.1}]' | "
      "oppen challenge --measured -\n"
      "  oppen challenge -o json | jq .sum.saving_percent\n"
      "docs/challenge.md has the formulas and their sources.\n");
  command->callback([&context, options] {
    context.run = [&context, options] { return run_challenge(context, *options); };
  });
}

}  // namespace oppen::cli
