#include "workers/runtime/settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <utility>
#include <variant>

#include "schemas/shown_url.hpp"
#include "workers/runtime/config_file.hpp"

namespace oppen::runtime {
namespace {

using Target = std::variant<std::string*, std::int64_t*, bool*>;

struct Entry {
  Setting setting;
  Target target;
  std::string flag_value;  // as given; CLI11 writes it
  CLI::Option* option = nullptr;
};

std::string default_env(const std::string& name) {
  std::string env = "OPPEN_";
  for (const char c : name)
    env += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return env;
}

std::string current_value(const Entry& entry) {
  if (entry.setting.secret) {
    const auto* text = std::get_if<std::string*>(&entry.target);
    return text != nullptr && (*text)->empty() ? "" : "***";
  }
  struct Printer {
    std::string operator()(const std::string* value) const { return shown_url(*value); }
    std::string operator()(const std::int64_t* value) const { return std::to_string(*value); }
    std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
  };
  return std::visit(Printer{}, entry.target);
}

std::string expected(const Entry& entry) {
  const auto& setting = entry.setting;
  if (std::holds_alternative<bool*>(entry.target)) return "true or false";
  if (std::holds_alternative<std::int64_t*>(entry.target)) {
    return fmt::format("a whole number{} from {} to {}",
                       setting.unit.empty() ? "" : " of " + setting.unit, setting.min, setting.max);
  }
  return setting.one_of.empty() ? "text"
                                : fmt::format("one of {}", fmt::join(setting.one_of, ", "));
}

// False when the text is not what the setting expects; the target is untouched then.
bool store(Entry& entry, const std::string& text) {
  if (auto* const* target = std::get_if<bool*>(&entry.target)) {
    if (text != "true" && text != "false") return false;
    **target = text == "true";
    return true;
  }
  if (auto* const* target = std::get_if<std::int64_t*>(&entry.target)) {
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{} || end != text.data() + text.size()) return false;
    if (value < entry.setting.min || value > entry.setting.max) return false;
    **target = value;
    return true;
  }
  const auto& allowed = entry.setting.one_of;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), text) == allowed.end())
    return false;
  *std::get<std::string*>(entry.target) = text;
  return true;
}

std::string help_text(const Entry& entry) {
  const auto value = current_value(entry);
  const bool is_text = std::holds_alternative<std::string*>(entry.target);
  return fmt::format("{}\n{}; default: {}; {}", entry.setting.help,
                     is_text && entry.setting.one_of.empty()
                         ? entry.setting.unit.empty() ? "text" : entry.setting.unit
                         : expected(entry),
                     value.empty() ? "none" : value, entry.setting.env);
}

}  // namespace

struct Settings::Impl {
  std::string program;
  std::string purpose;
  std::vector<std::unique_ptr<Entry>> entries;  // stable addresses: CLI11 keeps pointers

  void add(Target target, const Setting& setting) {
    const auto same = [&](const auto& entry) { return entry->setting.name == setting.name; };
    if (std::any_of(entries.begin(), entries.end(), same)) {
      throw std::logic_error("the setting " + setting.name + " is declared twice");
    }
    auto entry = std::make_unique<Entry>(Entry{setting, target, {}, nullptr});
    if (entry->setting.env.empty()) entry->setting.env = default_env(setting.name);
    entries.push_back(std::move(entry));
  }

  Status read(int argc, const char* const* argv, CLI::App& app) {
    std::string config_path;
    for (auto& entry : entries) {
      entry->option =
          app.add_option("--" + entry->setting.name, entry->flag_value, help_text(*entry))
              ->group(entry->setting.group)
              ->option_text("VALUE");
    }
    app.add_option("--config", config_path,
                   "File of \"key = value\" lines; a key is a flag's name without --")
        ->option_text("FILE");
    app.set_version_flag("--version", program + " " OPPEN_VERSION);
    app.parse(argc, argv);

    std::map<std::string, ConfigValue> file;
    if (!config_path.empty()) {
      auto values = read_config_file(config_path);
      if (!values) return fail(values.error());
      file = std::move(*values);
    }
    for (const auto& [key, value] : file) {
      const auto known = [&name = key](const auto& entry) { return entry->setting.name == name; };
      if (std::none_of(entries.begin(), entries.end(), known)) {
        return fail(ErrorKind::invalid, fmt::format("{}:{}: {} is not a setting of {}: see --help",
                                                    config_path, value.line, key, program));
      }
    }
    for (auto& entry : entries) {
      if (auto status = set(*entry, file, config_path); !status) return status;
    }
    return {};
  }

  // Flag over environment over file.
  static Status set(Entry& entry, const std::map<std::string, ConfigValue>& file,
                    const std::string& config_path) {
    const char* env = std::getenv(entry.setting.env.c_str());
    const auto in_file = file.find(entry.setting.name);
    std::string where;
    std::string text;
    if (entry.option->count() > 0) {
      where = "--" + entry.setting.name;
      text = entry.flag_value;
    } else if (env != nullptr && *env != '\0') {
      where = entry.setting.env;
      text = env;
    } else if (in_file != file.end()) {
      where = fmt::format("{}:{}: {}", config_path, in_file->second.line, entry.setting.name);
      text = in_file->second.value;
    } else {
      return {};
    }
    if (store(entry, text)) return {};
    return fail(ErrorKind::invalid,
                fmt::format("{} is \"{}\": expected {}", where, entry.setting.secret ? "***" : text,
                            expected(entry)));
  }
};

Settings::Settings(std::string program, std::string purpose) : impl_(std::make_unique<Impl>()) {
  impl_->program = std::move(program);
  impl_->purpose = std::move(purpose);
}
Settings::~Settings() = default;

void Settings::add(std::string& target, const Setting& setting) { impl_->add(&target, setting); }
void Settings::add(std::int64_t& target, const Setting& setting) { impl_->add(&target, setting); }
void Settings::add(bool& target, const Setting& setting) { impl_->add(&target, setting); }

std::optional<int> Settings::parse(int argc, const char* const* argv) {
  CLI::App app(
      impl_->purpose +
          "\nA flag goes over its environment variable, that over the file, that over the default.",
      impl_->program);
  std::string problem;
  try {
    const auto status = impl_->read(argc, argv, app);
    if (status) return std::nullopt;
    problem = status.error().message;
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    problem = error.what();
    if (!problem.empty() && problem.back() != '.') problem += ": see --help";
  }
  std::cerr << impl_->program << ": " << problem << '\n';
  return 2;
}

std::string Settings::describe() const {
  std::vector<std::string> parts;
  for (const auto& entry : impl_->entries) {
    parts.push_back(entry->setting.name + "=" + current_value(*entry));
  }
  return fmt::format("{}", fmt::join(parts, " "));
}

}  // namespace oppen::runtime
