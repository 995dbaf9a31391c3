#pragma once
// The console's dashboard as a person reads it. Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace oppen::access {

struct DashboardLook {
  int width = 0;        // columns; 0: no limit
  bool colour = false;  // with the codes of a terminal
};

// The console's answer to dashboard. No line is longer than the width, but for a single word or a table's first columns that are.
std::string dashboard_text(const nlohmann::json& dashboard, const DashboardLook& look);

// Words on lines of at most `width` columns (0: one line), all but the first of them indented.
std::string wrapped(const std::string& text, std::size_t indent, int width);

}  // namespace oppen::access
