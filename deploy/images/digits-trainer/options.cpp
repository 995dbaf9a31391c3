#include "deploy/images/digits-trainer/options.hpp"

#include <charconv>
#include <vector>

namespace oppen::digits_trainer {
namespace {

// One setting: declared once, and flag, variable, check and help follow from it.
struct Option {
  std::string_view flag;      // empty: only from the environment
  std::string_view variable;  // empty: only by the flag
  std::string_view argument;
  std::string_view help;
  // Stores `value`; returns what was expected instead, or nothing.
  std::string (*set)(Options& options, std::string_view value);
};

template <std::uint64_t Settings::*field, std::uint64_t least, std::uint64_t most>
std::string whole(Options& options, std::string_view value) {
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (code != std::errc{} || end != value.data() + value.size() || number < least || number > most)
    return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  options.settings.*field = number;
  return {};
}

std::string learning_rate(Options& options, std::string_view value) {
  double number = 0;
  const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (code != std::errc{} || end != value.data() + value.size() || !(number > 0 && number <= 10))
    return "a number above 0, at most 10";
  options.settings.learning_rate = number;
  return {};
}

std::string precision(Options& options, std::string_view value) {
  std::string names;
  for (const Precision one : {Precision::fp64, Precision::fp32, Precision::bf16}) {
    names += (names.empty() ? "" : ", ") + std::string(to_string(one));
    if (value != to_string(one)) continue;
    options.settings.precision = one;
    return {};
  }
  return "one of " + names;
}

template <std::string Options::*field>
std::string text(Options& options, std::string_view value) {
  options.*field = value;
  return {};
}

std::string termination_log(Options& options, std::string_view value) {
  options.termination_log = value;
  return {};
}

constexpr Option all_options[] = {
    {"--epochs", "OPPEN_EPOCHS", "N", "passes over the training samples (10)",
     whole<&Settings::epochs, 1, 1'000'000>},
    {"--batch-size", "OPPEN_BATCH_SIZE", "N", "samples a step of the optimiser learns from (64)",
     whole<&Settings::batch_size, 1, 65'536>},
    {"--learning-rate", "", "X", "length of a step, above 0 (0.05)", learning_rate},
    {"--hidden", "", "N", "units of the hidden layer: more is slower and learns more (256)",
     whole<&Settings::hidden, 1, 8'192>},
    {"--seed", "", "N", "first weights and order of samples; the same seed, the same run (1)",
     whole<&Settings::seed, 0, std::uint64_t{1} << 62>},
    {"--patience", "", "N", "stop early after N epochs without a better accuracy; 0 never does (0)",
     whole<&Settings::patience, 0, 1'000'000>},
    {"--precision", "PRECISION", "NAME", "fp64, fp32 or bf16: what it computes with (fp64)",
     precision},
    {"--requests", "", "N", "requests that it answers when it has learned (0)",
     whole<&Settings::requests, 0, 10'000'000>},
    {"--requests-per-second", "", "N", "how fast they come; 0: all are there at once (0)",
     whole<&Settings::requests_per_second, 0, 1'000'000>},
    {"--data", "", "FILE", "CSV: 64 pixels of 0 to 16, then the digit (the built-in 1,797 images)",
     text<&Options::data>},
    {"--termination-log", "", "FILE",
     "where the metrics go at the end, as JSON (/dev/termination-log, if it is there)",
     termination_log},
    {"", "OPPEN_JOB_ID", "ID", "", text<&Options::job>},
    {"", "OPPEN_ATTEMPT", "N", "", text<&Options::attempt>},
    {"", "OPPEN_MODEL_TYPE", "NAME", "", text<&Options::model_type>},
};

const Option* find_flag(std::string_view flag) {
  for (const Option& option : all_options)
    if (!option.flag.empty() && option.flag == flag) return &option;
  return nullptr;
}

std::string store(Options& options, const Option& option, std::string_view name,
                  std::string_view value) {
  const std::string expected = option.set(options, value);
  if (expected.empty()) return {};
  return std::string(name) + " is '" + std::string(value) + "': expected " + expected;
}

std::string from_environment(Options& options, Environment environment) {
  for (const Option& option : all_options) {
    if (option.variable.empty()) continue;
    const char* value = environment(std::string(option.variable).c_str());
    if (value == nullptr || *value == '\0') continue;
    if (std::string message = store(options, option, option.variable, value); !message.empty())
      return message;
  }
  return {};
}

}  // namespace

const char* to_string(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return "fp32";
    case Precision::bf16:
      return "bf16";
    case Precision::fp64:
      break;
  }
  return "fp64";
}

std::variant<Options, HelpWanted, BadUsage> parse_options(std::span<const char* const> arguments,
                                                          Environment environment) {
  for (const std::string_view argument : arguments)
    if (argument == "--help" || argument == "-h") return HelpWanted{};

  Options options;
  if (std::string message = from_environment(options, environment); !message.empty())
    return BadUsage{message};

  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const std::size_t equals = argument.find('=');
    const std::string_view flag = argument.substr(0, equals);
    const Option* option = find_flag(flag);
    if (option == nullptr)
      return BadUsage{"'" + std::string(argument) + "' is not a flag: --help lists them"};
    std::string_view value;
    if (equals != std::string_view::npos)
      value = argument.substr(equals + 1);
    else if (++i < arguments.size())
      value = arguments[i];
    else
      return BadUsage{std::string(flag) + " needs a value: " + std::string(option->help)};
    if (std::string message = store(options, *option, flag, value); !message.empty())
      return BadUsage{message};
  }
  return options;
}

std::string help_text() {
  std::string text =
      "digits-trainer: trains a neural network with one hidden layer to read handwritten digits.\n"
      "\n"
      "  digits-trainer                                  ten epochs on the built-in images\n"
      "  digits-trainer --epochs 100 --patience 5        until it no longer gets better\n"
      "  digits-trainer --hidden 2048                    the same work, eight times as long\n"
      "  digits-trainer --requests 300 --requests-per-second 10   then answers requests for 30 s\n"
      "\n";
  for (const Option& option : all_options) {
    if (option.flag.empty()) continue;
    std::string line = "  " + std::string(option.flag) + " " + std::string(option.argument);
    line.resize(26, ' ');
    text += line + std::string(option.help);
    if (!option.variable.empty()) text += "; or " + std::string(option.variable);
    text += "\n";
  }
  return text +
         "\n"
         "Prints a line after each epoch. At the end it writes the metrics as one JSON object to "
         "the\n"
         "termination log, which is how a training pod reports them to Oppen.\n"
         "OPPEN_JOB_ID, OPPEN_ATTEMPT and OPPEN_MODEL_TYPE are printed at the start.\n"
         "\n"
         "SIGTERM or SIGINT: stops after the current step and reports the epochs that are "
         "complete.\n"
         "Exit code: 0 trained, 1 the metrics could not be written, 2 a flag, a variable or the "
         "data\n"
         "is wrong, 143 after SIGTERM, 130 after SIGINT.\n";
}

}  // namespace oppen::digits_trainer
