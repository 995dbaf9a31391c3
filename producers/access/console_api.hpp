#pragma once
// Asks the console (oppen-console) over HTTP. One thread.
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <string_view>

#include "schemas/error.hpp"

namespace oppen::access {

// What can be asked.
class Questions {
 public:
  virtual ~Questions() = default;

  // GET /api/v1/<path>; `path` with its query, values escaped. Errors: the console's own sentence
  // as invalid (400), not_found (404), unavailable (503); unavailable too when it can't be reached,
  // naming the address and its setting.
  virtual Result<nlohmann::json> get(const std::string& path) const = 0;

  // POST of JSON. That the console refuses the content (400 and 422) is an answer, too: an object with "error". Other errors as above.
  virtual Result<nlohmann::json> post(const std::string& path, const std::string& body) const = 0;
};

class ConsoleApi final : public Questions {
 public:
  // "http://127.0.0.1:8088"
  explicit ConsoleApi(std::string url);

  // From now on what is asked ends with unavailable about a second after `stop` says so.
  void stop_on(std::stop_token stop) { stop_ = std::move(stop); }

  Result<nlohmann::json> get(const std::string& path) const override;
  Result<nlohmann::json> post(const std::string& path, const std::string& body) const override;
  // As get, for text that comes in pieces; `patience`: how long it may be silent, 0 for ever.
  Status stream(const std::string& path, long patience_seconds,
                const std::function<void(std::string_view)>& on_piece) const;

 private:
  struct Request;
  Status perform(Request& request) const;
  Result<nlohmann::json> ask(const std::string& path, const std::string* posted) const;

  std::string url_;
  std::stop_token stop_;
};

// A value for a path or a query: everything but letters, digits and -._~ as %XX.
std::string escaped(std::string_view text);

}  // namespace oppen::access
