#pragma once
// What the console says of cost, as a person reads it. Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace oppen::cli {

// The console's answer to report: what it is about, a table, how it compares with the days before.
std::string report_text(const nlohmann::json& report, int width);

// The console's answer to forecast.
std::string cost_forecast_text(const nlohmann::json& forecast);

// The same of a month or a quarter.
std::string period_forecast_text(const nlohmann::json& forecast);

// The console's answer to compare.
std::string comparison_text(const nlohmann::json& comparison, int width);

}  // namespace oppen::cli
