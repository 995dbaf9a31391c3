#pragma once
// Reads a request's query parameters. A parameter that nobody reads is a fault, as a typing error
// would otherwise pass in silence. Lives for one request, one thread.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "workers/runtime/health_server.hpp"

namespace oppen::console {

struct Paging {
  std::string cursor;
  int limit = 100;
};
inline constexpr int max_page = 1'000;

class Params {
 public:
  explicit Params(const std::map<std::string, std::string>& params) : params_(params) {}

  // "" when absent.
  std::string text(const std::string& name);
  std::string one_of(const std::string& name,
                     const std::vector<std::string>& allowed);  // the first is the default
  int whole(const std::string& name, int fallback, int min, int max);
  Paging paging();

  // The answer (400) to the first fault, once everything has been read.
  std::optional<runtime::HttpAnswer> fault() const;

 private:
  void wrong(const std::string& name, const std::string& expected);

  const std::map<std::string, std::string>& params_;
  std::set<std::string> known_;
  std::string faulty_;
  std::string message_;
};

}  // namespace oppen::console
