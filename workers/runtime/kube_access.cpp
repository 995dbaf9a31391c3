#include "workers/runtime/kube_access.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include "workers/runtime/kubeconfig.hpp"

namespace oppen::runtime {

struct KubeAccess::Impl {
  std::string server;
  std::shared_ptr<const HttpTls> tls;
  std::string token_file;  // "": the token is fixed

  mutable std::mutex mutex;
  mutable std::string token;  // under mutex
  mutable std::chrono::steady_clock::time_point read_at{};

  // A file that can't be read for a moment (it is being replaced) leaves the last token in force.
  std::string current_token() const {
    const std::lock_guard lock(mutex);
    const auto now = std::chrono::steady_clock::now();
    if (!token_file.empty() && (token.empty() || now - read_at >= std::chrono::minutes{1})) {
      if (auto read = read_secret_file(token_file)) token = std::move(*read);
      read_at = now;
    }
    return token;
  }
};

KubeAccess::KubeAccess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KubeAccess::~KubeAccess() = default;

Result<std::unique_ptr<KubeAccess>> KubeAccess::from_environment() {
  if (const char* list = std::getenv("KUBECONFIG"); list != nullptr && *list != '\0') {
    std::istringstream paths(list);
    for (std::string path; std::getline(paths, path, ':');) {
      std::error_code ignored;
      if (!path.empty() && std::filesystem::exists(path, ignored)) return from_kubeconfig(path);
    }
    return fail(ErrorKind::invalid,
                std::string("KUBECONFIG is \"") + list +
                    "\": expected a file that exists, or a colon-separated list with one");
  }
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr) {
    return fail(ErrorKind::invalid,
                "no way to the Kubernetes API server: set KUBECONFIG to a kubeconfig file, or run "
                "in a pod of the cluster");
  }
  InClusterFiles files;
  files.host = host;
  files.port = port;
  return in_cluster(files);
}

Result<std::unique_ptr<KubeAccess>> KubeAccess::from_kubeconfig(const std::string& path) {
  auto config = read_kubeconfig(path);
  if (!config) return fail(config.error());
  auto impl = std::make_unique<Impl>();
  impl->server = std::move(config->server);
  impl->tls = std::make_shared<const HttpTls>(std::move(config->tls));
  impl->token = std::move(config->token);
  impl->token_file = std::move(config->token_file);
  return std::unique_ptr<KubeAccess>(new KubeAccess(std::move(impl)));
}

Result<std::unique_ptr<KubeAccess>> KubeAccess::in_cluster(const InClusterFiles& files) {
  auto ca = read_secret_file(files.folder + "/ca.crt");
  if (!ca) return fail(ca.error());
  const std::string token_file = files.folder + "/token";
  auto token = read_secret_file(token_file);
  if (!token) return fail(token.error());

  auto impl = std::make_unique<Impl>();
  const bool is_ipv6 = files.host.find(':') != std::string::npos;
  impl->server = "https://" + (is_ipv6 ? "[" + files.host + "]" : files.host) + ":" + files.port;
  HttpTls tls;
  tls.ca = std::move(*ca);
  impl->tls = std::make_shared<const HttpTls>(std::move(tls));
  impl->token = std::move(*token);
  impl->token_file = token_file;
  impl->read_at = std::chrono::steady_clock::now();
  return std::unique_ptr<KubeAccess>(new KubeAccess(std::move(impl)));
}

HttpRequest KubeAccess::request(const std::string& method, const std::string& path) const {
  HttpRequest request;
  request.method = method;
  request.url = impl_->server + path;
  request.tls = impl_->tls;
  if (const std::string token = impl_->current_token(); !token.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + token);
  }
  return request;
}

void KubeAccess::unauthorized() const {
  const std::lock_guard lock(impl_->mutex);
  impl_->read_at = {};
}

const std::string& KubeAccess::server() const { return impl_->server; }

}  // namespace oppen::runtime
