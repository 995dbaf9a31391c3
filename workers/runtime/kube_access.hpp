#pragma once
// Where the Kubernetes API server is and how to prove who we are: from KUBECONFIG, else from the
// pod that we run in.
//
// Gives requests for an HttpClient. Any thread. A token that comes from a file is read again each
// minute, and at once after unauthorized(). Certificates are read once: a program that outlives its
// client certificate must be restarted.
#include <memory>
#include <string>

#include "schemas/error.hpp"
#include "workers/runtime/http_client.hpp"

namespace oppen::runtime {

// A service account's files inside a pod, and the API server's address there.
struct InClusterFiles {
  std::string folder = "/var/run/secrets/kubernetes.io/serviceaccount";
  std::string host;  // KUBERNETES_SERVICE_HOST
  std::string port;  // KUBERNETES_SERVICE_PORT
};

class KubeAccess {
 public:
  // KUBECONFIG (the first of its colon-separated files that exists, its current-context), else
  // in-cluster. Errors: invalid, naming the file, the key and what was expected there.
  static Result<std::unique_ptr<KubeAccess>> from_environment();
  static Result<std::unique_ptr<KubeAccess>> from_kubeconfig(const std::string& path);
  static Result<std::unique_ptr<KubeAccess>> in_cluster(const InClusterFiles& files);

  ~KubeAccess();

  // A request with URL, TLS and authorization set. `path` begins with '/' and may carry a query.
  HttpRequest request(const std::string& method, const std::string& path) const;

  // The API server answered 401: the next request reads the token file again.
  void unauthorized() const;

  // "https://host:port", for messages.
  const std::string& server() const;

 private:
  struct Impl;
  explicit KubeAccess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace oppen::runtime
