#pragma once
// A scripted API server, and the access to it.
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/component/http/scripted_server.hpp"
#include "workers/runtime/kube_access.hpp"

namespace oppen::telemetry {

class ApiServer {
 public:
  explicit ApiServer(std::function<test::Answer(const test::Asked&)> handler)
      : server(std::move(handler)) {
    std::string pattern = (std::filesystem::temp_directory_path() / "oppen-kube-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    std::ofstream(folder / "config")
        << "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
           "clusters: [{name: k, cluster: {server: '"
        << server.url() << "'}}]\nusers: [{name: u, user: {token: secret}}]\n";
    auto made = runtime::KubeAccess::from_kubeconfig((folder / "config").string());
    if (!made) throw std::runtime_error(made.error().message);
    access = std::move(*made);
  }
  ~ApiServer() { std::filesystem::remove_all(folder); }

  test::ScriptedServer server;
  std::filesystem::path folder;
  std::unique_ptr<runtime::KubeAccess> access;
};

}  // namespace oppen::telemetry
