#pragma once
// The routes: which alerts go where. Read once at start from a JSON file, which docs/notifications.md describes. Plain values; pure
// functions, any thread.
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "schemas/alerts.hpp"
#include "schemas/error.hpp"

namespace oppen::notifier {

// A text that may be secret: it stands in the routes file itself, or in a file or an environment variable that is named there. What
// stands elsewhere is read for every delivery, so that it may be replaced meanwhile.
struct Secret {
  enum class From { nowhere, here, file, environment };
  From from = From::nowhere;
  std::string text;  // itself, a path, a variable's name

  bool given() const { return from != From::nowhere; }
  // Without white space at its end. invalid: no such file or variable, or it is empty. The error shows where it was looked for alone.
  Result<std::string> read() const;
};

enum class ChannelType { slack, email, webhook, alertmanager };

// What a type of channel does not have stays as it is here.
struct ChannelSettings {
  ChannelType type = ChannelType::webhook;
  Secret url;  // slack, webhook: of the hook; alertmanager: of the server, without /api/v2
  Secret
      signing_secret;  // webhook: "whsec_" and base64, as the Standard Webhooks specification has it
  Secret authorization;         // webhook, alertmanager: the header of that name, "Bearer ..."
  std::string server;           // email: smtp://host[:port], or smtps://
  bool start_tls = true;        // email by smtp://: only over TLS
  std::string username;         // email
  Secret password;              // email
  std::string from;             // email: an address
  std::vector<std::string> to;  // email: addresses
  std::string
      ca_file;  // PEM of the authority that signed the server's certificate; "": the system's
};

struct Route {
  std::string name;
  ChannelSettings channel;
  // An alert goes by this route when it has one of each of these; an empty list says nothing.
  std::set<std::string> severities;
  std::set<std::string> teams;
  std::set<std::string> kinds;
  bool resolved = true;  // tells also that it is over
  std::int64_t messages_per_minute = 20;
  std::chrono::minutes repeat{0};  // what still fires is told again; 0: never
  std::chrono::minutes canary{0};  // how often it is shown to work; 0: never

  bool takes(const Alert& alert) const;
  // Apart from how grave it is, which may change while it fires.
  bool is_about(const Alert& alert) const;
};

// `text`: the file's; `name`: its name in errors. invalid: all that is wrong, each with its place, value and what was expected.
Result<std::vector<Route>> parse_routes(const std::string& text, const std::string& name);
Result<std::vector<Route>> read_routes(const std::string& path);

}  // namespace oppen::notifier
