// A usage as a short JSON list of numbers, and back.
#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <span>

#include "workers/cost/usage/usage.hpp"

namespace oppen::cost {
namespace {

using nlohmann::json;

std::int64_t millis_of(Time time) { return time.time_since_epoch().count(); }
Time time_of_millis(std::int64_t millis) { return Time(std::chrono::milliseconds(millis)); }

Seen seen_of(const json& list) {
  Seen seen(list.at(0).get<std::uint64_t>());
  Time time{};
  for (std::size_t i = 1; i < std::min(list.size(), Seen::most + 1); ++i) {
    const auto millis = list[i].get<std::int64_t>();
    time = i == 1 ? time_of_millis(millis) : time - std::chrono::milliseconds(millis);
    seen.see(time);
  }
  return seen;
}

}  // namespace

std::string Usage::encode() const {
  const auto& m = measured_;
  std::string text = fmt::format("[{},{},{},{},", m.gpu_ms, m.gpu_busy, m.sm_ms, m.gpu_highest);
  const auto into = std::back_inserter(text);
  if (m.gpu_memory_max_mb) {
    fmt::format_to(into, "{}", *m.gpu_memory_max_mb);
  } else {
    text += "null";
  }
  for (const auto number : {m.pod_ms, m.cpu_used, m.cpu_highest, m.memory_max_bytes,
                            millis_of(latest_), settled_ms_, settled_busy_, measured_nanousd_,
                            effective_nanousd_, told_.measured_microusd, told_.effective_microusd})
    fmt::format_to(into, ",{}", number);
  // Of each device its key, the time of its latest sample, and how much earlier each other one was than the one after it.
  const char* between = ",[[";
  for (const auto& seen : seen_) {
    fmt::format_to(into, "{}{}", between, seen.device());
    Time later{};
    for (const Time time : seen.times()) {
      const bool latest = later == Time{};
      fmt::format_to(into, ",{}", latest ? millis_of(time) : (later - time).count());
      later = time;
    }
    between = "],[";
  }
  text += seen_.empty() ? ",[]]" : "]]]";
  return text;
}

Result<Usage> Usage::decode(std::string_view text) try {
  const json list = json::parse(text);
  Usage usage;
  auto& m = usage.measured_;
  std::size_t next = 0;
  const auto take = [&](std::int64_t& into) { list.at(next++).get_to(into); };
  for (auto* into : {&m.gpu_ms, &m.gpu_busy, &m.sm_ms, &m.gpu_highest}) take(*into);
  if (const auto& memory = list.at(next++); !memory.is_null())
    m.gpu_memory_max_mb = memory.get<double>();
  std::int64_t latest = 0;
  for (auto* into :
       {&m.pod_ms, &m.cpu_used, &m.cpu_highest, &m.memory_max_bytes, &latest, &usage.settled_ms_,
        &usage.settled_busy_, &usage.measured_nanousd_, &usage.effective_nanousd_,
        &usage.told_.measured_microusd, &usage.told_.effective_microusd})
    take(*into);
  usage.latest_ = time_of_millis(latest);
  for (const auto& device : list.at(next)) usage.seen_.push_back(seen_of(device));
  return usage;
} catch (const json::exception& error) {
  return fail(ErrorKind::fatal,
              "the stored usage of an attempt is malformed: " + std::string(error.what()));
}

}  // namespace oppen::cost
