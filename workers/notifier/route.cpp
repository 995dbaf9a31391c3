#include "workers/notifier/route.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "schemas/text.hpp"
#include "workers/runtime/kubeconfig.hpp"

namespace oppen::notifier {
namespace {

using nlohmann::json;

constexpr std::size_t most_routes = 32;
constexpr std::size_t most_values = 100;
constexpr std::size_t longest_text = 1'000;
constexpr std::int64_t longest_minutes = 7 * 24 * 60;
constexpr std::int64_t most_messages = 600;

// The members of one object, each asked for once; what nobody asked for is an error, as is what is not as it was asked for.
class Members {
 public:
  Members(const json& object, std::string path, FieldErrors& errors)
      : path_(std::move(path)), errors_(errors) {
    if (!object.is_object()) {
      wrong("", object, "an object");
      return;
    }
    for (const auto& [name, value] : object.items()) left_[name] = &value;
  }

  // What is still there at the end is unknown.
  void end() {
    // Nor is its value shown: it may be a secret whose key is misspelt.
    for (const auto& [name, value] : left_) errors_.push_back({at(name), "***", "no such key"});
    left_.clear();
  }

  const json* take(const std::string& name) {
    const auto found = left_.find(name);
    if (found == left_.end()) return nullptr;
    const auto* value = found->second;
    left_.erase(found);
    return value;
  }

  std::string text(const std::string& name, const std::string& expected, bool required) {
    const auto* value = take(name);
    if (value == nullptr) {
      if (required) missing(name, expected);
      return "";
    }
    if (!is_text(*value)) return wrong(name, *value, expected), "";
    return value->get<std::string>();
  }

  bool flag(const std::string& name, bool usual) {
    const auto* value = take(name);
    if (value == nullptr) return usual;
    if (!value->is_boolean()) return wrong(name, *value, "true or false"), usual;
    return value->get<bool>();
  }

  std::int64_t number(const std::string& name, std::int64_t usual, std::int64_t min,
                      std::int64_t max) {
    const auto* value = take(name);
    if (value == nullptr) return usual;
    const auto given = value->is_number_integer() ? value->get<std::int64_t>() : min - 1;
    if (given >= min && given <= max) return given;
    wrong(name, *value,
          "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    return usual;
  }

  std::vector<std::string> texts(const std::string& name, const std::string& expected) {
    const auto* value = take(name);
    std::vector<std::string> all;
    if (value == nullptr) return all;
    if (!value->is_array() || value->empty() || value->size() > most_values) {
      wrong(name, *value, "a list of up to " + std::to_string(most_values) + ": " + expected);
      return all;
    }
    for (std::size_t i = 0; i < value->size(); ++i) {
      const auto& one = (*value)[i];
      if (is_text(one)) {
        all.push_back(one.get<std::string>());
      } else {
        wrong(name + "[" + std::to_string(i) + "]", one, expected);
      }
    }
    return all;
  }

  // `plain`: it may stand in the file itself.
  Secret secret(const std::string& name, bool plain, bool required) {
    const std::string elsewhere = R"({"file": PATH} or {"env": NAME})";
    const auto expected = plain ? "a text, " + elsewhere : elsewhere + ", since it is secret";
    const auto* value = take(name);
    if (value == nullptr) {
      if (required) missing(name, expected);
      return {};
    }
    if (plain && is_text(*value)) return {Secret::From::here, value->get<std::string>()};
    const bool named = value->is_object() && value->size() == 1 && is_text(value->front());
    if (named && value->contains("file"))
      return {Secret::From::file, value->front().get<std::string>()};
    if (named && value->contains("env") && is_env_name(value->front().get<std::string>()))
      return {Secret::From::environment, value->front().get<std::string>()};
    errors_.push_back({at(name), "***", expected});  // its value may be the secret
    return {};
  }

  void wrong(const std::string& name, const json& value, const std::string& expected) {
    errors_.push_back({at(name),
                       shortened(value.dump(-1, ' ', false, json::error_handler_t::replace)),
                       expected});
  }
  void missing(const std::string& name, const std::string& expected) {
    errors_.push_back({at(name), "", expected});
  }
  std::string at(const std::string& name) const {
    return name.empty() ? path_ : path_ + "." + name;
  }

 private:
  static bool is_text(const json& value) {
    if (!value.is_string()) return false;
    const auto& text = value.get_ref<const std::string&>();
    // Line breaks would end a header of HTTP or of an e-mail.
    return !text.empty() && text.size() <= longest_text && utf8_length(text) &&
           text.find_first_of(std::string("\r\n\0", 3)) == std::string::npos;
  }

  std::string path_;
  FieldErrors& errors_;
  std::map<std::string, const json*> left_;
};

std::set<std::string> set_of(std::vector<std::string> values) {
  return {std::make_move_iterator(values.begin()), std::make_move_iterator(values.end())};
}

bool is_address(const std::string& text) {
  const auto at = text.find('@');
  return at != 0 && at != std::string::npos && at + 1 < text.size() &&
         text.find_first_of(" <>,;\"") == std::string::npos;
}

const std::map<std::string, ChannelType>& channel_types() {
  static const std::map<std::string, ChannelType> types{
      {"slack", ChannelType::slack},
      {"email", ChannelType::email},
      {"webhook", ChannelType::webhook},
      {"alertmanager", ChannelType::alertmanager}};
  return types;
}

void read_email(Members& members, ChannelSettings& channel) {
  const std::string address = "an e-mail address, without a name";
  channel.server = members.text("server", "smtp://host[:port] or smtps://host[:port]", true);
  if (!channel.server.empty() && !channel.server.starts_with("smtp://") &&
      !channel.server.starts_with("smtps://"))
    members.wrong("server", channel.server, "smtp://host[:port] or smtps://host[:port]");
  channel.start_tls = members.flag("start_tls", true);
  channel.username = members.text("username", "a text", false);
  channel.password = members.secret("password", false, !channel.username.empty());
  channel.from = members.text("from", address, true);
  if (!channel.from.empty() && !is_address(channel.from))
    members.wrong("from", channel.from, address);
  channel.to = members.texts("to", address);
  if (channel.to.empty()) members.missing("to", "a list of e-mail addresses");
  for (std::size_t i = 0; i < channel.to.size(); ++i) {
    if (!is_address(channel.to[i]))
      members.wrong("to[" + std::to_string(i) + "]", channel.to[i], address);
  }
}

ChannelSettings read_channel(Members& members) {
  ChannelSettings channel;
  const std::string expected = "slack, email, webhook or alertmanager";
  const auto type = members.text("type", expected, true);
  const auto found = channel_types().find(type);
  if (found == channel_types().end()) {
    if (!type.empty()) members.wrong("type", type, expected);
    return channel;
  }
  channel.type = found->second;
  if (channel.type == ChannelType::email) {
    read_email(members, channel);
  } else {
    channel.url = members.secret("url", channel.type != ChannelType::slack, true);
  }
  if (channel.type == ChannelType::webhook)
    channel.signing_secret = members.secret("signing_secret", false, false);
  if (channel.type == ChannelType::webhook || channel.type == ChannelType::alertmanager)
    channel.authorization = members.secret("authorization", false, false);
  channel.ca_file = members.text("ca_file", "a path", false);
  return channel;
}

Route read_route(const json& object, const std::string& path, FieldErrors& errors) {
  Members members(object, path, errors);
  Route route;
  route.name = members.text("name", "a DNS label", true);
  if (!route.name.empty() && !is_dns_label(route.name))
    members.wrong("name", route.name, "a DNS label: a-z, 0-9 and -");
  route.channel = read_channel(members);
  const std::vector<std::string> severities = {"info", "warning", "critical"};
  route.severities = set_of(members.texts("severities", "info, warning or critical"));
  for (const auto& one : route.severities) {
    if (std::find(severities.begin(), severities.end(), one) == severities.end())
      members.wrong("severities", one, "info, warning or critical");
  }
  route.teams = set_of(members.texts("teams", "a team"));
  route.kinds = set_of(members.texts("kinds", "a kind of alert"));
  route.resolved = members.flag("resolved", true);
  route.messages_per_minute = members.number("messages_per_minute", 20, 1, most_messages);
  // Alertmanager forgets what it is not told again.
  const bool forgets = route.channel.type == ChannelType::alertmanager;
  route.repeat = std::chrono::minutes(
      members.number("repeat_minutes", forgets ? 1 : 0, forgets ? 1 : 0, longest_minutes));
  route.canary = std::chrono::minutes(members.number("canary_minutes", 0, 0, longest_minutes));
  members.end();
  return route;
}

}  // namespace

Result<std::string> Secret::read() const {
  if (from == From::here || from == From::nowhere) return text;
  if (from == From::file) return runtime::read_secret_file(text);
  const char* value = std::getenv(text.c_str());
  if (value == nullptr || *value == '\0')
    return fail(ErrorKind::invalid, "the environment variable " + text + " is not set");
  return std::string(value);
}

bool Route::takes(const Alert& alert) const {
  return is_about(alert) && (severities.empty() || severities.contains(alert.severity));
}

bool Route::is_about(const Alert& alert) const {
  const auto has = [](const std::set<std::string>& set, const std::string& value) {
    return set.empty() || set.contains(value);
  };
  const auto team = alert.labels.find("team");
  return has(kinds, alert.kind) && has(teams, team == alert.labels.end() ? "" : team->second) &&
         (resolved || alert.state != "resolved");
}

Result<std::vector<Route>> parse_routes(const std::string& text, const std::string& name) {
  const auto whole = json::parse(text, nullptr, false);
  if (whole.is_discarded()) return fail(ErrorKind::invalid, name + " is not JSON");
  FieldErrors errors;
  Members members(whole, "routes file", errors);
  const auto* list = members.take("routes");
  members.end();
  std::vector<Route> routes;
  if (list == nullptr || !list->is_array() || list->empty() || list->size() > most_routes) {
    errors.push_back({"routes", list == nullptr ? "" : "***",
                      "a list of 1 to " + std::to_string(most_routes) + " routes"});
  } else {
    std::set<std::string> names;
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto path = "routes[" + std::to_string(i) + "]";
      routes.push_back(read_route((*list)[i], path, errors));
      const auto& given = routes.back().name;
      if (!given.empty() && !names.insert(given).second)
        errors.push_back({path + ".name", "\"" + given + "\"", "a name that no other route has"});
    }
  }
  if (!errors.empty()) return fail(ErrorKind::invalid, name + ": " + sentences(errors));
  return routes;
}

Result<std::vector<Route>> read_routes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorKind::invalid, "the routes file " + path + " can't be read");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return parse_routes(text, path);
}

}  // namespace oppen::notifier
