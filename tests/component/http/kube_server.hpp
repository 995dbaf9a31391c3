#pragma once
// A scripted API server with a KubeClient connected to it, for the tests of what the client makes
// of answers.
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "scheduler/kube/kube_client.hpp"
#include "tests/component/http/scripted_server.hpp"

namespace oppen::test {

inline constexpr const char* pods_path = "/api/v1/namespaces/ml-training/pods";

// A metav1.Status.
inline Answer refusal(int status, const std::string& reason, const std::string& message) {
  return {
      status,
      nlohmann::json{{"kind", "Status"}, {"reason", reason}, {"message", message}, {"code", status}}
          .dump()};
}

class KubeServer {
 public:
  explicit KubeServer(std::function<Answer(const Asked&)> handler) : server(std::move(handler)) {
    std::string pattern = (std::filesystem::temp_directory_path() / "oppen-kube-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    write("token", "first");
    write("config",
          "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
          "clusters: [{name: k, cluster: {server: '" +
              server.url() + "'}}]\nusers: [{name: u, user: {tokenFile: token}}]\n");
    auto access = runtime::KubeAccess::from_kubeconfig((folder / "config").string());
    if (!access) throw std::runtime_error(access.error().message);
    client = std::make_unique<kube::KubeClient>(std::move(*access), "ml-training");
  }
  ~KubeServer() {
    client.reset();
    std::filesystem::remove_all(folder);
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
  }

  ScriptedServer server;
  std::filesystem::path folder;
  std::unique_ptr<kube::KubeClient> client;
};

}  // namespace oppen::test
