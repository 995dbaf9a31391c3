#pragma once
// What a kubeconfig file's current-context says. Used by kube_access.cpp.
#include <string>

#include "schemas/error.hpp"
#include "workers/runtime/http_client.hpp"

namespace oppen::runtime {

struct Kubeconfig {
  std::string server;  // without a slash at the end
  HttpTls tls;
  std::string token;
  std::string token_file;  // read again from time to time; `token` is empty then
};

// Paths in the file are relative to its folder. Errors: invalid, naming the file, the key and what
// was expected.
Result<Kubeconfig> read_kubeconfig(const std::string& path);

// The whole file without white space at its end. Errors: invalid, naming the path and why.
Result<std::string> read_secret_file(const std::string& path);

}  // namespace oppen::runtime
