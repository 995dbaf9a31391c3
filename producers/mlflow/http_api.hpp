#pragma once
// MLflow's REST API over HTTP. One thread.
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "producers/mlflow/api.hpp"
#include "workers/runtime/http_client.hpp"

namespace oppen::mlflow {

// Names as MLflow's own clients have them in the environment.
struct Credentials {
  std::string token = {};     // MLFLOW_TRACKING_TOKEN
  std::string username = {};  // MLFLOW_TRACKING_USERNAME
  std::string password = {};  // MLFLOW_TRACKING_PASSWORD
  // Holds the token; read before every request, so that it may be replaced while the bridge runs.
  std::string token_file = {};

  // Invalid: two ways at once, a name without a password or the other way round, characters that no header has. No error shows a secret.
  static Result<Credentials> from_environment(const std::string& token_file);
};

class HttpApi final : public Api {
 public:
  // `uri`: "http[s]://host[:port][/path]", as MLFLOW_TRACKING_URI has it. `ca_file`: PEM, "" for the system's authorities. Borrows `http`.
  // Errors: invalid, naming what was expected.
  static Result<HttpApi> create(runtime::HttpClient& http, std::string uri, Credentials credentials,
                                const std::string& ca_file);

  Result<nlohmann::json> post(const std::string& endpoint, const nlohmann::json& request) override;

  // What the last answer asked for (Retry-After in seconds, at most 10 minutes); 0: nothing.
  std::chrono::seconds retry_after() const { return retry_after_; }

 private:
  HttpApi(runtime::HttpClient& http, std::string uri, Credentials credentials)
      : http_(&http), uri_(std::move(uri)), credentials_(std::move(credentials)) {}
  Result<std::string> authorization() const;

  runtime::HttpClient* http_;
  std::string uri_;
  Credentials credentials_;
  std::shared_ptr<const runtime::HttpTls> tls_;
  std::chrono::seconds retry_after_{0};
};

}  // namespace oppen::mlflow
