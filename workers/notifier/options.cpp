#include "workers/notifier/options.hpp"

#include <string_view>
#include <vector>

namespace oppen::notifier {
namespace {

constexpr auto purpose =
    "Delivers the alerts of the topic oppen.alerts: to Slack, by e-mail, to webhooks and to an "
    "Alertmanager.\n"
    "Which alerts go where, the routes file says:\n\n"
    "  {\"routes\": [\n"
    "    {\"name\": \"vision\", \"type\": \"slack\", \"url\": {\"file\": "
    "\"/run/secrets/slack-url\"},\n"
    "     \"teams\": [\"vision\"], \"severities\": [\"warning\", \"critical\"]},\n"
    "    {\"name\": \"operators\", \"type\": \"email\", \"server\": \"smtp://mail.example.com\",\n"
    "     \"from\": \"oppen@example.com\", \"to\": [\"gpu-operators@example.com\"]}\n"
    "  ]}\n\n"
    "Several instances: one delivers, the others stand by.\n\n"
    "  --check    says whether the routes file is right, and ends\n"
    "  --canary   sends a message by each route that shows that it works, says what became of it, "
    "and ends;\n"
    "             exit code 3 when one did not arrive\n";

}  // namespace

std::optional<int> Options::parse(int argc, const char* const* argv) {
  std::vector<const char*> arguments(argv, argv + argc);
  const auto take_flag = [&](std::string_view flag) {
    return std::erase_if(arguments, [&](const char* argument) { return argument == flag; }) > 0;
  };
  check = take_flag("--check");
  canary = take_flag("--canary");

  runtime::Settings settings("oppen-notifier", purpose);
  worker.declare(settings, "127.0.0.1:8086");
  settings.add(routes_file, {.name = "routes",
                             .env = "OPPEN_NOTIFIER_ROUTES",
                             .help = "Which alerts go where; needed",
                             .unit = "JSON file",
                             .group = "Notifier"});
  if (const auto code = settings.parse(static_cast<int>(arguments.size()), arguments.data()))
    return code;
  described = settings.describe();
  return std::nullopt;
}

}  // namespace oppen::notifier
