#include "producers/mlflow/console_costs.hpp"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "schemas/names.hpp"
#include "schemas/text.hpp"

namespace oppen::mlflow {
namespace {

using nlohmann::json;

constexpr auto answer_within = std::chrono::seconds{10};
constexpr std::size_t longest_answer = std::size_t{1} << 20;

// As a query's value has it: the ids of MLflow's runs are MLflow's to choose.
std::string escaped(const std::string& text) {
  std::string coded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '/';
    coded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return coded;
}

}  // namespace

Result<ConsoleCosts> ConsoleCosts::create(runtime::HttpClient& http, std::string url) {
  const bool is_web = url.starts_with("http://") || url.starts_with("https://");
  if (!is_web || url.find_first_of("?#@ \t\r\n") != std::string::npos) {
    return fail(ErrorKind::invalid,
                fmt::format("OPPEN_CONSOLE_URL is {}: expected http://HOST[:PORT][/PATH] or "
                            "https://..., of oppen-console, or none",
                            url.find('@') != std::string::npos ? "an address with '@' in it"
                                                               : fmt::format("\"{}\"", url)));
  }
  while (url.ends_with('/')) url.pop_back();
  return ConsoleCosts(http, std::move(url));
}

Result<std::map<std::string, MicroUsd>> ConsoleCosts::charged(
    const std::vector<std::string>& attempts) {
  std::string listed;
  for (const auto& attempt : attempts) listed += (listed.empty() ? "" : ",") + escaped(attempt);
  runtime::HttpRequest request;
  request.url = url_ + "/api/v1/costs?attempts=" + listed;
  request.timeout = answer_within;
  request.max_body = longest_answer;
  const auto response = http_->send(std::move(request));
  if (!response) return fail(response.error().in_context("asking the console what runs have cost"));
  const auto answer = json::parse(response->body, nullptr, false);
  if (!response->ok()) {
    const bool later = response->status >= 500 || response->status == 429;
    return fail(later ? ErrorKind::unavailable : ErrorKind::refused,
                fmt::format("the console at {} answers {}: {}", url_, response->status,
                            shortened(response->body, 300)));
  }
  std::map<std::string, MicroUsd> costs;
  try {
    for (const auto& one : answer.at("attempts")) {
      const auto attempt = one.at("attempt").get<int>();
      auto id = attempt > 0 ? fmt::format("{}/{}", one.at("job_id").get<std::string>(), attempt)
                            : one.at("run_id").get<std::string>();
      costs.emplace(std::move(id), MicroUsd{one.at("total_microusd").get<std::int64_t>()});
    }
  } catch (const json::exception&) {
    return fail(ErrorKind::refused,
                fmt::format("{} answers something that is not the cost of attempts: is it an "
                            "oppen-console of this version? It says: {}",
                            url_, shortened(response->body)));
  }
  return costs;
}

}  // namespace oppen::mlflow
