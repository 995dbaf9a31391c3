#include "scheduler/plan/reason.hpp"

#include <fmt/format.h>

#include "schemas/units.hpp"

namespace oppen::plan {
namespace {

std::string jobs(std::int64_t count) {
  return fmt::format("{} job{}", count, count == 1 ? "" : "s");
}

std::string at(const std::optional<Time>& time, std::string_view before) {
  return time ? std::string(before) + to_rfc3339(*time) : std::string();
}

}  // namespace

std::string paused_text(const std::optional<Time>& until) {
  return "the queue is paused" + at(until, " until ");
}

std::string readable(const std::string& resource, std::int64_t amount) {
  if (resource == "cpu_millicores") return format_millicores(amount) + " cpu";
  if (resource == "memory_bytes") return format_bytes(amount) + " memory";
  return fmt::format("{} {}", amount,
                     amount == 1 ? resource.substr(0, resource.size() - 1) : resource);
}

std::string_view to_string(Reason::Kind kind) {
  switch (kind) {
    case Reason::Kind::waiting_for_slot:
      return "waiting_for_slot";
    case Reason::Kind::quota:
      return "quota";
    case Reason::Kind::behind:
      return "behind";
    case Reason::Kind::reserved_for:
      return "reserved_for";
    case Reason::Kind::depends_on:
      return "depends_on";
    case Reason::Kind::window:
      return "window";
    case Reason::Kind::retry_hold:
      return "retry_hold";
    case Reason::Kind::budget_hold:
      return "budget_hold";
    case Reason::Kind::paused:
      return "paused";
    case Reason::Kind::never_fits:
      break;
  }
  return "never_fits";
}

std::string Reason::sentence() const {
  switch (kind) {
    case Kind::waiting_for_slot:
      return fmt::format("waits for a free slot ({} of {} taken)", taken, slots);
    case Kind::quota:
      if (need > allowed) {
        return fmt::format("waits until quota {} is raised: needs {}, it allows {} in all", quota,
                           readable(resource, need), readable(resource, allowed));
      }
      return fmt::format("waits for quota {}: needs {}, {} free", quota, readable(resource, need),
                         readable(resource, free));
    case Kind::behind:
      return fmt::format("waits behind {}; the next one, {}, {}", jobs(count), job, because);
    case Kind::reserved_for:
      return fmt::format("would fit now, but what is free is reserved for {}, which {}{}", job,
                         because, at(until, "; it can start by "));
    case Kind::depends_on:
      return fmt::format("waits for {}{} to succeed", job,
                         count > 1 ? " and " + jobs(count - 1) + " more" : "");
    case Kind::window:
      return "waits for the off-peak window" + at(until, ", which opens at ");
    case Kind::retry_hold:
      return "failed and is tried again" + at(until, " at ");
    case Kind::budget_hold:
      if (budget.empty()) return "is held by a budget that is spent";
      if (because.empty()) return fmt::format("is held by budget {}, which is spent", budget);
      return fmt::format("is held by budget {}: {}", budget, because);
    case Kind::paused:
      return "waits because " + paused_text(until);
    case Kind::never_fits:
      break;
  }
  return "can never run here: " + because;
}

}  // namespace oppen::plan
