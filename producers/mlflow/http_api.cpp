#include "producers/mlflow/http_api.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "schemas/text.hpp"
#include "workers/runtime/kubeconfig.hpp"

namespace oppen::mlflow {
namespace {

using nlohmann::json;

constexpr auto answer_deadline = std::chrono::seconds{20};
constexpr std::size_t max_answer_bytes = std::size_t{4} << 20;
constexpr std::int64_t longest_retry_after = 600;

constexpr auto how_to_authenticate =
    "set MLFLOW_TRACKING_TOKEN or --token-file, or MLFLOW_TRACKING_USERNAME and "
    "MLFLOW_TRACKING_PASSWORD";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool fits_a_header(const std::string& text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

std::string base64(const std::string& text) {
  std::string coded(4 * ((text.size() + 2) / 3) + 1, '\0');  // and the NUL that OpenSSL writes
  const auto length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(coded.data()),
                                      reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()));
  coded.resize(static_cast<std::size_t>(length));
  return coded;
}

std::chrono::seconds retry_after_of(const runtime::HttpResponse& response) {
  const auto text = response.header("retry-after");
  std::int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, longest_retry_after));
}

// What MLflow says of it, where it says something.
std::string reason_of(const std::string& body) {
  const auto answer = json::parse(body, nullptr, false);
  if (answer.is_object() && answer.contains("message") && answer["message"].is_string())
    return shortened(answer["message"].get<std::string>(), 300);
  return shortened(body, 100);
}

Error error_of(const runtime::HttpResponse& response, const std::string& server) {
  const auto said = [&](ErrorKind kind, const std::string& meaning) {
    return Error{kind, fmt::format("{} answers {}: {}", server, response.status, meaning)};
  };
  switch (response.status) {
    case 401:
      return said(ErrorKind::refused,
                  fmt::format("it wants other credentials: {}", how_to_authenticate));
    case 403:
      return said(ErrorKind::refused,
                  "the bridge may not do that there: give its user the permission READ, and EDIT "
                  "where it is to write what runs have cost");
    case 404:
      if (json::parse(response.body, nullptr, false).contains("error_code"))
        return said(ErrorKind::not_found, reason_of(response.body));
      return said(ErrorKind::refused, "there is no MLflow: check MLFLOW_TRACKING_URI");
    default:
      break;
  }
  const bool later = response.status == 429 || response.status >= 500;
  return said(later ? ErrorKind::unavailable : ErrorKind::refused, reason_of(response.body));
}

}  // namespace

Result<Credentials> Credentials::from_environment(const std::string& token_file) {
  Credentials read{environment("MLFLOW_TRACKING_TOKEN"), environment("MLFLOW_TRACKING_USERNAME"),
                   environment("MLFLOW_TRACKING_PASSWORD"), token_file};
  if (read.username.empty() != read.password.empty()) {
    return fail(ErrorKind::invalid,
                fmt::format("{} is missing: expected both MLFLOW_TRACKING_USERNAME and "
                            "MLFLOW_TRACKING_PASSWORD, or neither",
                            read.username.empty() ? "MLFLOW_TRACKING_USERNAME"
                                                  : "MLFLOW_TRACKING_PASSWORD"));
  }
  if (!read.token.empty() + !read.username.empty() + !read.token_file.empty() > 1) {
    return fail(ErrorKind::invalid,
                "there are several ways to authenticate: expected one of MLFLOW_TRACKING_TOKEN, "
                "--token-file, MLFLOW_TRACKING_USERNAME with MLFLOW_TRACKING_PASSWORD");
  }
  if (!fits_a_header(read.token)) {
    return fail(ErrorKind::invalid,
                "MLFLOW_TRACKING_TOKEN has characters that no HTTP header has: expected one line");
  }
  return read;
}

Result<HttpApi> HttpApi::create(runtime::HttpClient& http, std::string uri, Credentials credentials,
                                const std::string& ca_file) {
  const auto scheme_end = uri.find("://");
  const bool is_web = uri.starts_with("http://") || uri.starts_with("https://");
  if (!is_web || uri.size() == scheme_end + 3 || uri.find('@') != std::string::npos ||
      uri.find_first_of("?# \t\r\n") != std::string::npos) {
    return fail(ErrorKind::invalid,
                fmt::format("MLFLOW_TRACKING_URI is {}: expected http://HOST[:PORT][/PATH] or "
                            "https://..., of an MLflow server, without user and password ({})",
                            uri.find('@') != std::string::npos ? "an address with '@' in it"
                                                               : fmt::format("\"{}\"", uri),
                            how_to_authenticate));
  }
  while (uri.ends_with('/')) uri.pop_back();
  HttpApi api(http, std::move(uri), std::move(credentials));
  if (!ca_file.empty()) {
    auto ca = runtime::read_secret_file(ca_file);
    if (!ca) return fail(ca.error().in_context("reading --ca-file"));
    api.tls_ = std::make_shared<runtime::HttpTls>(runtime::HttpTls{*ca + "\n", {}, {}, false});
  }
  if (const auto can = api.authorization(); !can) return fail(can.error());
  return api;
}

// The value of the header; "": none.
Result<std::string> HttpApi::authorization() const {
  if (!credentials_.username.empty())
    return "Basic " + base64(credentials_.username + ":" + credentials_.password);
  if (!credentials_.token.empty()) return "Bearer " + credentials_.token;
  if (credentials_.token_file.empty()) return "";
  const auto token = runtime::read_secret_file(credentials_.token_file);
  if (!token) return fail(Error{ErrorKind::refused, "the token file " + token.error().message});
  if (!fits_a_header(*token)) {
    return fail(ErrorKind::refused, "the token file " + credentials_.token_file +
                                        " has more than one line: expected the token");
  }
  return "Bearer " + *token;
}

Result<json> HttpApi::post(const std::string& endpoint, const json& request) {
  retry_after_ = std::chrono::seconds{0};
  const auto authorized_by = authorization();
  if (!authorized_by) return fail(authorized_by.error());
  runtime::HttpRequest http_request;
  http_request.method = "POST";
  http_request.url = uri_ + "/api/2.0/mlflow/" + endpoint;
  http_request.headers = {{"content-type", "application/json"}};
  if (!authorized_by->empty()) http_request.headers.emplace_back("authorization", *authorized_by);
  http_request.body = request.dump();
  http_request.timeout = answer_deadline;
  http_request.max_body = max_answer_bytes;
  http_request.tls = tls_;
  const auto response = http_->send(std::move(http_request));
  if (!response) return fail(response.error().in_context("asking MLflow"));
  if (!response->ok()) {
    retry_after_ = retry_after_of(*response);
    return fail(error_of(*response, uri_));
  }
  auto answer = json::parse(response->body, nullptr, false);
  if (!answer.is_object()) {
    return fail(
        ErrorKind::refused,
        fmt::format("{} answers with something that is not a JSON object: is it an MLflow "
                    "server, with nothing before it that asks people to log in? It says: {}",
                    uri_, shortened(response->body)));
  }
  return answer;
}

}  // namespace oppen::mlflow
