#pragma once
// Events of jobs, of their cost, of what could be saved, and alerts, as a person or a script reads them. Pure functions, any thread.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "schemas/cloud_event.hpp"

namespace oppen::cli {

// "job.queued" of "dev.oppen.job.queued.v1".
std::string short_type(const std::string& type);

// The event's data with "event" (its short type) and "time" added: what -o json prints.
nlohmann::json event_json(const CloudEvent& event);

// What the event says, without time and id: "position 3, expected wait 4m 10s, run 4m 0s, cost
// $0.0205".
std::string event_details(const CloudEvent& event);

// The job, else the run from outside, that the event is about; "" where there is none.
std::string job_or_run_of(const nlohmann::json& data);
// Whose it is; "" where nobody's.
std::string team_of(const nlohmann::json& data);

// One line: time, job (or run, or batch), what happened, details.
std::string event_line(const CloudEvent& event);

// What is wrong with a batch, by {"index","field","reason"}: "jobs[3].epochs: ...", "the batch: ...".
std::string fault_text(const nlohmann::json& fault);

// A field of a JSON object, for data that was not checked: the fallback when it is absent or of
// another type.
std::string text_field(const nlohmann::json& object, const char* name,
                       const std::string& fallback = "");
double number_field(const nlohmann::json& object, const char* name, double fallback = 0);
std::string money_field(const nlohmann::json& object, const char* name);  // "$0.0205"
// Of what may be less than the four decimals of an amount show: two digits at least.
std::string small_money_field(const nlohmann::json& object, const char* name);

}  // namespace oppen::cli
