#pragma once
// Costs as oppen-console knows them. One thread.
#include "producers/mlflow/cost_source.hpp"
#include "workers/runtime/http_client.hpp"

namespace oppen::mlflow {

class ConsoleCosts final : public CostSource {
 public:
  // `url`: "http[s]://host[:port][/path]". Borrows `http`. Errors: invalid, naming what was expected.
  static Result<ConsoleCosts> create(runtime::HttpClient& http, std::string url);

  Result<std::map<std::string, MicroUsd>> charged(
      const std::vector<std::string>& attempts) override;

 private:
  ConsoleCosts(runtime::HttpClient& http, std::string url) : http_(&http), url_(std::move(url)) {}

  runtime::HttpClient* http_;
  std::string url_;
};

}  // namespace oppen::mlflow
