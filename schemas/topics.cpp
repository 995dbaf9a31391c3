#include "schemas/topics.hpp"

#include <array>

namespace oppen::topics {
namespace {

using std::chrono::hours;

constexpr hours day{24};
constexpr std::int32_t usual = 1'048'588;  // the broker's own default
// job.queued repeats its command with the context and what was resolved, so it is larger than what
// `jobs` lets through.
constexpr std::int32_t twice = 2 * usual;
// The record as it was, with the headers that say what was wrong.
constexpr std::int32_t dead = 4 * 1024 * 1024;

constexpr std::array<Topic, 9> topics_of_the_contract = {{
    {jobs, 1, 30 * day, usual},
    {control, 1, 90 * day, usual},
    {job_events, 12, 30 * day, twice},
    {telemetry, 12, 1 * day, usual},
    {runs, 12, 30 * day, usual},
    {costs, 12, 90 * day, usual},
    {recommendations, 3, 90 * day, usual},
    {alerts, 1, 90 * day, usual},
    {dead_letter, 1, 30 * day, dead},
}};

}  // namespace

std::span<const Topic> all() { return topics_of_the_contract; }

}  // namespace oppen::topics
