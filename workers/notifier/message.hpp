#pragma once
// What a person reads of an alert, and what they can do. Pure functions, any thread.
#include <string>
#include <vector>

#include "schemas/alerts.hpp"

namespace oppen::notifier {

// The kind of the messages that show that a route works.
inline constexpr const char* canary_kind = "canary";

// "[critical] Daily cost spike: ..."; of one that is over "[resolved] ...". One line.
std::string title(const Alert& alert);
// Of several in one message: "3 alerts: 1 critical, 2 warning"; with what is over apart.
std::string title(const std::vector<Alert>& alerts);

// Since when, what it costs, its causes and the commands that help; lines, each ended, without the title.
std::string details(const Alert& alert);

// Whole, in plain text.
std::string text(const std::vector<Alert>& alerts);

}  // namespace oppen::notifier
