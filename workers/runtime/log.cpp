#include "workers/runtime/log.hpp"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "schemas/time.hpp"

namespace oppen::runtime {
namespace {

const char* level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
      return "trace";
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warn";
    default:
      return "error";
  }
}

// What comes from outside (ids, other programs' messages) must not forge a line of its own, nor
// break the JSON.
std::string as_json_text(std::string text) {
  return nlohmann::json(std::move(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool has_control_characters(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

class LineFormatter final : public spdlog::formatter {
 public:
  LineFormatter(std::string program, bool json) : program_(std::move(program)), json_(json) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override {
    const auto time = to_rfc3339(std::chrono::floor<std::chrono::milliseconds>(message.time));
    std::string text(message.payload.data(), message.payload.size());
    if (json_) {
      fmt::format_to(std::back_inserter(line),
                     R"({{"time":"{}","level":"{}","program":"{}","message":{}}})"
                     "\n",
                     time, level_name(message.level), program_, as_json_text(std::move(text)));
      return;
    }
    if (has_control_characters(text)) {
      text = as_json_text(std::move(text));
      text = text.substr(1, text.size() - 2);
    }
    fmt::format_to(std::back_inserter(line), "{} {:<5} {}: {}\n", time, level_name(message.level),
                   program_, text);
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(program_, json_);
  }

 private:
  std::string program_;
  bool json_;
};

long long now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

void start_logging(const std::string& program, const std::string& level,
                   const std::string& format) {
  auto logger =
      std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::make_unique<LineFormatter>(program, format == "json"));
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
}

bool Recurring::begin_or_due() {
  const auto now = now_ms();
  if (active_ && now - last_ms_ < 60'000) return false;
  active_ = true;
  last_ms_ = now;
  return true;
}

bool Recurring::end() { return std::exchange(active_, false); }

}  // namespace oppen::runtime
